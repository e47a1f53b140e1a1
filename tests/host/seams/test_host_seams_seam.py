"""A seam that does not fit refuses with one clear line, and never half-works."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from children import child_environment
from freqpilot.host.boot import start
from freqpilot.host.seams import activation
from freqpilot.host.seams.seam import Place, Seam, SeamError, expect, is_wrapped, uses, wrap

HERE = f"{__name__}:Stock"


class Stock:
    """Freqtrade, for these tests."""

    setting = 3

    def method(self, pair: str) -> str:
        return pair

    @classmethod
    def build(cls, config: dict[str, str]) -> list[str]:
        return [*config]

    @staticmethod
    def plain(pair: str) -> str:
        return pair


@pytest.fixture(autouse=True)
def stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock as it is shipped, and again after each test."""
    for name in ("method", "build", "plain"):
        monkeypatch.setattr(Stock, name, Stock.__dict__[name])


def loud(original: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*arguments: Any, **named: Any) -> Any:
        return [original(*arguments, **named), "added"]

    return answer


def test_expect_names_what_is_missing() -> None:
    with pytest.raises(SeamError, match=r"Stock.gone does not exist"):
        expect(Stock, "gone")
    with pytest.raises(SeamError, match=r"Stock.method has no parameter stake"):
        expect(Stock, "method", ["pair", "stake"])


def test_wrap_happens_once_and_keeps_a_class_method() -> None:
    wrap(Stock, "build", loud)
    wrap(Stock, "build", loud)
    assert Stock.build({"own": ""}) == [["own"], "added"]
    assert Stock().build({"own": ""}) == [["own"], "added"]
    assert is_wrapped(Stock, "build")
    assert not is_wrapped(Stock, "method")


def test_what_makes_no_replacement_leaves_the_place_as_it_is() -> None:
    before = Stock.__dict__["plain"]
    wrap(Stock, "plain", lambda original: original)
    assert Stock.__dict__["plain"] is before
    assert not is_wrapped(Stock, "plain")


def test_a_seam_covers_several_places_and_is_applied_once() -> None:
    seam = Seam(
        "stock",
        "test",
        "never",
        places=(
            Place(f"{HERE}.method", ["pair"], loud),
            Place(f"{HERE}.plain", ["pair"], loud),
            *uses(HERE, "setting", "build"),
        ),
    )
    seam.check()
    assert not seam.is_applied()
    seam.apply()
    seam.apply()
    seam.check()  # by what Freqtrade has, not by what stands in its place
    assert seam.is_applied()
    assert Stock().method("BTC") == ["BTC", "added"]
    assert Stock.plain("BTC") == ["BTC", "added"]
    assert Stock.build({}) == []


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (f"{HERE}.gone", "Stock.gone does not exist in this Freqtrade"),
        (f"{__name__}:Gone.method", "Gone does not exist in this Freqtrade"),
        ("freqtrade.gone:Stock.method", "freqtrade.gone does not exist in this Freqtrade"),
    ],
)
def test_a_place_that_is_gone_is_named(at: str, words: str) -> None:
    fault = activation.fault_of(Seam("stock", "test", "never", (Place(at),)))
    assert fault is not None
    assert fault.startswith("seam stock: ")
    assert fault.endswith(words)


def test_what_freqtrade_itself_misses_is_named_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_more.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    fault = activation.fault_of(Seam("stock", "test", "never", (Place("needs_more:A.b"),)))
    assert fault == "seam stock: ModuleNotFoundError: No module named 'nowhere_to_be_found'"


def test_a_seam_that_raises_anything_is_a_fault() -> None:
    def check() -> None:
        raise ImportError("no module named freqtrade.gone")

    fault = activation.fault_of(Seam("gone", "nothing", "never", also=check))
    assert fault == "seam gone: ImportError: no module named freqtrade.gone"


def test_every_seam_fits_the_installed_freqtrade() -> None:
    seams = start.all_seams()
    assert {seam.name for seam in seams} >= {"config", "gate.live", "gate.backtest", "loop.live"}
    assert [fault for seam in seams if (fault := activation.fault_of(seam))] == []


def test_every_seam_is_described_and_no_two_replace_the_same_place() -> None:
    seams = start.all_seams()
    assert all(seam.places and seam.purpose and seam.until for seam in seams)
    assert not any(text.endswith(".") for s in seams for text in (s.purpose, s.until))
    names = Counter(seam.name for seam in seams)
    assert set(names.values()) == {1}
    replaced = Counter(
        (str(owner), name)
        for seam in seams
        for place in seam.places
        if place.make is not None
        for owner, name in [place.owner()]
    )
    assert set(replaced.values()) == {1}


BREAK = """
import sys
from freqtrade.exchange.exchange import Exchange
del Exchange.create_order
from freqtrade.main import main
main(sys.argv[1:])
"""


def run_broken(tmp_path: Path, command: str) -> tuple[int, str]:
    """Run a command of a Freqtrade whose exchange creates no orders; return what it says."""
    from freqpilot.host.commands.init import init

    folder = init(tmp_path / "user_data").folder
    done = subprocess.run(
        [
            *(sys.executable, "-c", BREAK, command, "--userdir", str(tmp_path / "user_data")),
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
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.slow
def test_a_broken_seam_stops_freqtrade_with_one_line(tmp_path: Path) -> None:
    code, said = run_broken(tmp_path, "trade")
    assert code == 2
    assert "Freqpilot stops the start: seam gate.live" in said
    assert "create_order does not exist in this Freqtrade" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_command_that_does_not_need_the_broken_seam_runs(tmp_path: Path) -> None:
    code, said = run_broken(tmp_path, "show-config")
    assert code == 0
    assert "gate.live" not in said
