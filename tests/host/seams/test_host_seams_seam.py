"""A seam that does not fit refuses with one clear line, and never half-works."""

import subprocess
import sys
from pathlib import Path

import pytest

from children import child_environment
from freqpilot.host.boot import start
from freqpilot.host.seams import activation
from freqpilot.host.seams.seam import Seam, SeamError, expect, is_wrapped, wrap


class Place:
    def method(self, pair: str) -> str:
        return pair

    @classmethod
    def build(cls, config: dict[str, str]) -> list[str]:
        return [*config]


def test_expect_names_what_is_missing() -> None:
    with pytest.raises(SeamError, match=r"Place.gone does not exist"):
        expect(Place, "gone")
    with pytest.raises(SeamError, match=r"Place.method has no parameter stake"):
        expect(Place, "method", ["pair", "stake"])


def test_wrap_happens_once_and_keeps_a_class_method() -> None:
    class Fresh(Place):
        @classmethod
        def build(cls, config: dict[str, str]) -> list[str]:
            return [*config]

    def make(original):  # type: ignore[no-untyped-def]
        return lambda cls, config: [*original(cls, config), "added"]

    wrap(Fresh, "build", make)
    wrap(Fresh, "build", make)
    assert Fresh.build({"own": ""}) == ["own", "added"]
    assert is_wrapped(Fresh, "build")
    assert not is_wrapped(Place, "build")


def test_every_seam_fits_the_installed_freqtrade() -> None:
    seams = start.all_seams()
    assert {seam.name for seam in seams} >= {"setup", "gate.live", "gate.backtest", "ledger.live"}
    assert [fault for seam in seams if (fault := activation.fault_of(seam))] == []


def test_a_seam_that_raises_anything_is_a_fault() -> None:
    def check() -> None:
        raise ImportError("no module named freqtrade.gone")

    fault = activation.fault_of(Seam("gone", "nothing", check, check))
    assert fault == "seam gone: ImportError: no module named freqtrade.gone"


BREAK = """
import sys
from freqtrade.exchange.exchange import Exchange
del Exchange.create_order
from freqtrade.main import main
main(["list-strategies", *sys.argv[1:]])
"""


@pytest.mark.slow
def test_a_broken_seam_stops_freqtrade_with_one_line(tmp_path: Path) -> None:
    from freqpilot.host.commands.init import init

    folder = init(tmp_path / "user_data").folder
    done = subprocess.run(
        [
            *(sys.executable, "-c", BREAK, "--userdir", str(tmp_path / "user_data")),
            *("-c", str(folder / "exchange-binance.json")),
            *("-c", str(folder / "freqpilot.json")),
        ],
        env=child_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2
    assert "Freqpilot stops the start: seam gate.live" in said
    assert "create_order does not exist in this Freqtrade" in said
    assert "Traceback" not in said
