"""Every rule-based strategy through plain ``freqtrade``: no look-ahead, no long memory, and trades
inside the limits."""

import csv
import json
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freqpilot.host.commands.init import init
from freqpilot.rehearsal.clock import FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]
Layers = Callable[..., list[str]]
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT")
START = datetime(2025, 6, 1, tzinfo=UTC)
DAYS = 310
RANGE = "20251225-20260401"
LONGER = "20250925-20260401"
STRATEGIES = (
    "TrendFollowing",
    "MeanReversion",
    "Breakout",
    "MomentumRotation",
    "DcaGrid",
    "Rebalancer",
)
ENDED = {"minimal_roi": {"0": 0.01}}
"""Freqtrade's analysis needs trades that end; Rebalancer's are held to the end but for this."""
QUICK = ("TrendFollowing", "MomentumRotation", "DcaGrid")
"""Played by default: one that reads its own pair, one that ranks all, one that buys more. The rest
go the same way; test_door_rules_frames.py has the frames of all."""
quick = pytest.mark.parametrize(
    "strategy",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.proof) for name in STRATEGIES],
)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    SyntheticMarket(PAIRS, 60, START, 24 * DAYS, 7).write_candles(folder)
    return folder


@pytest.fixture
def layers(market: Path, tmp_path: Path) -> Iterator[Layers]:
    """Return a function that gives the arguments of a command for a strategy, with an overlay."""
    folder = init(tmp_path / "user_data").folder
    tape = Tape.from_folder(market, "1h", PAIRS)
    with RehearsalServer(tape, FixedClock(START + timedelta(days=200))) as server:

        def arguments(strategy: str, timerange: str = RANGE, **overlay: Any) -> list[str]:
            over = exchange_overlay(server.url, PAIRS)
            over |= {"pairlists": [{"method": "StaticPairList"}], "max_open_trades": 5}
            over |= {"dry_run_wallet": 10_000, **overlay}
            file = tmp_path / "overlay.json"
            file.write_text(json.dumps(over))
            files = (folder / "base.json", folder / "freqpilot.json", file)
            given = [part for each in files for part in ("-c", str(each))]
            named = ("--strategy", strategy, "--timerange", timerange)
            return [*given, *named, "--userdir", "user_data", "--datadir", str(market)]

        yield arguments


def backtest(freqtrade: Run, arguments: list[str], folder: Path) -> dict[str, Any]:
    """Run a backtest and return its statistics."""
    done = freqtrade("backtesting", *arguments, "--fee", "0.001", "--cache", "none")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    latest = max((folder / "user_data" / "backtest_results").glob("*.zip"))
    with zipfile.ZipFile(latest) as archive:
        statistics = json.loads(archive.read(f"{latest.stem}.json"))["strategy"]
    (strategy,) = statistics.values()
    return dict(strategy)


@quick
def test_a_short_backtest_trades_inside_the_limits(
    strategy: str, freqtrade: Run, layers: Layers, tmp_path: Path
) -> None:
    found = backtest(freqtrade, layers(strategy), tmp_path)
    trades = found["trades"]
    assert trades, "nothing was traded, so nothing was tested"
    most = 10_000 * 2.0
    assert max(trade["max_stake_amount"] for trade in trades) <= 0.10 * most
    for trade in trades:
        assert trade["enter_tag"] in ("trend", "reversion", "breakout", "rotation", "dip", "weight")
        assert not trade["is_short"]


@pytest.mark.parametrize(
    "strategy",
    [pytest.param(name, marks=pytest.mark.proof) for name in STRATEGIES],
)
def test_lookahead_analysis_finds_no_bias(
    strategy: str, freqtrade: Run, layers: Layers, tmp_path: Path
) -> None:
    """By default test_door_rules_frames.py, and Autopilot's analysis, stand for these."""
    if strategy == "MomentumRotation":  # one of five changes oftener than four of five
        file = tmp_path / "user_data" / "strategies" / f"{strategy}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        named = {"strategy_name": strategy, "params": {"buy": {"top": 1}}, "ft_stratparam_v": 1}
        file.write_text(json.dumps(named))
    time = LONGER if strategy == "MomentumRotation" else RANGE
    ended = ENDED if strategy == "Rebalancer" else {}
    no_bias(freqtrade, layers(strategy, time, **ended), tmp_path)


def no_bias(freqtrade: Run, arguments: list[str], tmp_path: Path) -> None:
    done = freqtrade(
        "lookahead-analysis",
        *arguments,
        *("--minimum-trade-amount", "5", "--targeted-trade-amount", "12"),
        *("--lookahead-analysis-exportfilename", "bias.csv"),
    )
    assert (tmp_path / "bias.csv").is_file(), done.stdout[-3000:] + done.stderr[-3000:]
    rows = list(csv.DictReader((tmp_path / "bias.csv").read_text().splitlines()))
    assert len(rows) == 1, done.stdout[-3000:] + done.stderr[-3000:]
    row = rows[0]
    assert row["has_bias"] == "False", row
    assert int(row["total_signals"]) >= 5


@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param(name, marks=() if name == "TrendFollowing" else pytest.mark.proof)
        for name in STRATEGIES
    ],
)
def test_recursive_analysis_stays_under_a_tenth_of_a_percent(
    strategy: str, freqtrade: Run, layers: Layers
) -> None:
    no_long_memory(freqtrade, layers(strategy))


def no_long_memory(freqtrade: Run, arguments: list[str]) -> None:
    done = freqtrade("recursive-analysis", *arguments, "-p", "BTC/USDT")
    said = " ".join((done.stdout + done.stderr).split())
    assert "No lookahead bias on indicators found" in said, said[-3000:]
    own = [
        figure for line in done.stdout.splitlines() for figure in re.findall(r"(-?\d+\.\d+)%", line)
    ]
    assert all(abs(float(figure)) < 0.1 for figure in own), done.stdout
