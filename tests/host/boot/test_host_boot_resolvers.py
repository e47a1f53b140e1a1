"""Plug-ins from the pack, from another pack and from the user's own folders are found."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.host.boot import resolvers
from freqpilot.host.boot.doors import KINDS, door_dir
from freqpilot.host.commands.init import init

Run = Callable[..., subprocess.CompletedProcess[str]]

PAIRLIST = """
from freqtrade.plugins.pairlist.IPairList import IPairList, SupportsBacktesting


class FirstTwo(IPairList):
    supports_backtesting = SupportsBacktesting.YES

    @property
    def needstickers(self) -> bool:
        return False

    def short_desc(self) -> str:
        return f"{self.name} - the first two pairs"

    @staticmethod
    def description() -> str:
        return "Keep the first two pairs."

    def filter_pairlist(self, pairlist, tickers):
        return pairlist[:2]
"""


@pytest.fixture
def other_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a stranger's pack: a package with plug-ins and its entry points."""
    site = tmp_path / "site"
    package = site / "otherpack" / "lists"
    package.mkdir(parents=True)
    (site / "otherpack" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "FirstTwo.py").write_text(PAIRLIST)
    info = site / "otherpack-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: otherpack\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[freqtrade.plugins]\npairlists = otherpack.lists\n")
    monkeypatch.syspath_prepend(str(site))
    resolvers.foreign_dirs.cache_clear()
    yield site
    resolvers.foreign_dirs.cache_clear()


def test_the_pack_has_a_folder_of_each_kind() -> None:
    for kind in KINDS:
        assert resolvers.class_names(door_dir(kind)), kind


def test_another_pack_is_found_by_its_entry_point(other_pack: Path) -> None:
    folders = resolvers.plugin_dirs("pairlists", {})
    assert other_pack / "otherpack" / "lists" in folders
    assert door_dir("pairlists") in folders
    assert resolvers.plugin_dirs("protections", {}) == [door_dir("protections")]


def test_an_unknown_kind_of_entry_point_is_refused(other_pack: Path) -> None:
    points = other_pack / "otherpack-1.0.dist-info" / "entry_points.txt"
    points.write_text("[freqtrade.plugins]\npairlist = otherpack.lists\n")
    with pytest.raises(RefuseToStart, match=r"'pairlist' of otherpack .* is not one of strategies"):
        resolvers.foreign_dirs("pairlists")


def test_a_missing_package_behind_an_entry_point_is_refused(other_pack: Path) -> None:
    points = other_pack / "otherpack-1.0.dist-info" / "entry_points.txt"
    points.write_text("[freqtrade.plugins]\npairlists = otherpack.gone\n")
    with pytest.raises(RefuseToStart, match="not an installed package"):
        resolvers.foreign_dirs("pairlists")


def test_a_users_own_folder_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "pairlists"
    own.mkdir()
    assert resolvers.plugin_dirs("pairlists", {"user_data_dir": tmp_path})[0] == own


def test_a_file_that_is_no_python_is_named(tmp_path: Path) -> None:
    (tmp_path / "Broken.py").write_text("class Broken(:")
    with pytest.raises(RefuseToStart, match=r"Broken.py is not valid Python"):
        resolvers.class_names(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("list-strategies", "Autopilot"),
        ("list-freqaimodels", "FreqpilotClassifier"),
        ("list-hyperoptloss", "DeflatedSharpeLoss"),
    ],
)
def test_plain_freqtrade_lists_the_pack(
    command: str, name: str, started_freqtrade: Run, tmp_path: Path
) -> None:
    folder = init(tmp_path / "user_data").folder
    layers = [str(folder / name) for name in ("exchange-binance.json", "freqpilot.json")]
    done = started_freqtrade(
        command, "-c", layers[0], "-c", layers[1], "-1", "--userdir", "user_data"
    )
    assert name in done.stdout.split(), done.stderr


OLD_STRATEGY = """
from freqtrade.strategy import IStrategy

class Autopilot(IStrategy):
    ticker_interval = "1h"
    def populate_indicators(self, dataframe, metadata):
        return dataframe
    def populate_buy_trend(self, dataframe, metadata):
        dataframe["buy"] = 0
        return dataframe
    def populate_sell_trend(self, dataframe, metadata):
        dataframe["sell"] = 0
        return dataframe
"""


@pytest.mark.slow
def test_what_writes_to_strategies_finds_the_users_alone(
    started_freqtrade: Run, tmp_path: Path
) -> None:
    folder = init(tmp_path / "user_data").folder
    own = tmp_path / "user_data" / "strategies" / "Autopilot.py"
    own.parent.mkdir(exist_ok=True)
    own.write_text(OLD_STRATEGY, encoding="utf-8")
    packs = sorted(door_dir("strategies").glob("*.py"))
    before = [file.read_bytes() for file in packs]
    files = ("-c", str(folder / "exchange-binance.json"), "-c", str(folder / "freqpilot.json"))
    done = started_freqtrade("strategy-updater", *files, "--userdir", "user_data")
    assert done.returncode == 0, done.stderr
    assert "populate_entry_trend" in own.read_text(encoding="utf-8")
    kept = tmp_path / "user_data" / "strategies_orig_updater" / "Autopilot.py"
    assert kept.read_text(encoding="utf-8") == OLD_STRATEGY
    assert done.stdout.count("Conversion of") == 2, done.stdout  # it begins, and what it took
    assert [file.read_bytes() for file in packs] == before
