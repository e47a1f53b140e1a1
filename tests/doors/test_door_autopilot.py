"""Autopilot through plain ``freqtrade`` commands, in a folder outside the repository."""

import csv
import hashlib
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
from freqpilot.store import open_store

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT")
START = datetime(2026, 1, 1, tzinfo=UTC)
RANGE = "20260210-20260410"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    SyntheticMarket(PAIRS, 60, START, 24 * 100, 7).write_candles(folder)
    return folder


@pytest.fixture
def layers(market: Path, tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """Return a function that gives the arguments of a command: layers, folders, an overlay."""
    folder = init(tmp_path / "user_data").folder
    tape = Tape.from_folder(market, "1h", PAIRS)
    with RehearsalServer(tape, FixedClock(START + timedelta(days=40))) as server:

        def arguments(*names: str, **overlay: Any) -> list[str]:
            over = exchange_overlay(server.url, PAIRS)
            over |= {"pairlists": [{"method": "StaticPairList"}], **overlay}
            file = tmp_path / "overlay.json"
            file.write_text(json.dumps(over))
            files = [folder / f"{name}.json" for name in ("base", *names, "autopilot", "freqpilot")]
            given = [part for f in (*files, file) for part in ("-c", str(f))]
            return [*given, "--userdir", "user_data", "--datadir", str(market)]

        yield arguments


def backtest(freqtrade: Run, arguments: list[str], folder: Path) -> dict[str, Any]:
    """Run a backtest and return its statistics."""
    done = freqtrade("backtesting", *arguments, "--timerange", RANGE, "--fee", "0.001")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    latest = max((folder / "user_data" / "backtest_results").glob("*.zip"))
    with zipfile.ZipFile(latest) as archive:
        statistics = json.loads(archive.read(f"{latest.stem}.json"))["strategy"]
    (strategy,) = statistics.values()
    return dict(strategy)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return all output as one line: Freqtrade breaks lines to fit a terminal."""
    return " ".join((done.stdout + done.stderr).split())


FREQAI = {"train_period_days": 20, "backtest_period_days": 10, "identifier": "test"}


@pytest.mark.parametrize("model", [False, pytest.param(True, marks=pytest.mark.proof)])
def test_lookahead_analysis_finds_no_bias(
    model: bool, freqtrade: Run, layers: Callable[..., list[str]], tmp_path: Path
) -> None:
    names = ("freqai",) if model else ()
    # An easy threshold, for signals enough to find a bias in.
    easy = {"signals": {"threshold": 0.3, "min_confidence": 0.5}}
    more = {"freqpilot": easy} | ({"freqai": FREQAI} if model else {})
    done = freqtrade(
        "lookahead-analysis",
        *layers(*names, **more),
        *("--timerange", RANGE),
        *("--minimum-trade-amount", "20", "--targeted-trade-amount", "22"),
        *("--lookahead-analysis-exportfilename", "bias.csv"),
    )
    assert (tmp_path / "bias.csv").is_file(), done.stdout[-3000:] + done.stderr[-3000:]
    (row,) = csv.DictReader((tmp_path / "bias.csv").read_text().splitlines())
    assert row["has_bias"] == "False", row
    assert int(row["total_signals"]) >= 20


def test_recursive_analysis_stays_under_a_tenth_of_a_percent(
    freqtrade: Run, layers: Callable[..., list[str]]
) -> None:
    done = freqtrade(
        *("recursive-analysis", *layers(), "-p", "BTC/USDT", "--timerange", RANGE),
        *("--startup-candle", "450", "600"),
    )
    assert "(from strategy)" in done.stdout, done.stdout + done.stderr[-2000:]
    assert "No lookahead bias on indicators found" in said(done)
    figures = [float(text) for text in re.findall(r"(-?\d+\.\d+)%", done.stdout)]
    assert all(abs(figure) < 0.1 for figure in figures), done.stdout


@pytest.mark.proof
def test_hyperopt_workers_know_the_pack_and_live_data_is_untouched(
    started_freqtrade: Run, freqtrade: Run, layers: Callable[..., list[str]], tmp_path: Path
) -> None:
    """By default test_host_boot_needs.py has a worker, and the cache's test live data."""
    arguments = layers()
    before = live_data(tmp_path / "user_data")
    done = started_freqtrade(
        *("hyperopt", *arguments, "--timerange", "20260210-20260301", "--fee", "0.001"),
        *("--hyperopt-loss", "DeflatedSharpeLoss", "--spaces", "buy"),
        *("-e", "4", "-j", "2", "--min-trades", "1", "--random-state", "1"),
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "Best result" in done.stdout
    assert (tmp_path / "user_data" / "strategies" / "Autopilot.json").is_file()
    backtest(freqtrade, arguments, tmp_path)
    assert digests(tmp_path / "user_data") == before


def live_data(user_data: Path) -> dict[str, str]:
    """Write a live bot's state; returns its files' digests."""
    store = open_store(f"sqlite:///{user_data / 'freqpilot.sqlite'}")
    store.save_state("ledger live", {"peak": 123.0}, START)
    store.close()
    return digests(user_data)


def digests(user_data: Path) -> dict[str, str]:
    files = user_data.glob("freqpilot.sqlite*")
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


RECKLESS = """
from freqtrade.strategy import IStrategy


class Reckless(IStrategy):
    timeframe = "1h"
    stoploss = -0.5
    minimal_roi = {"0": 0.02}
    position_adjustment_enable = True
    startup_candle_count = 10

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = 0
        return dataframe

    def custom_stake_amount(self, pair, max_stake, **kwargs):
        return max_stake if pair == "SOL/USDT" else 100.0

    def confirm_trade_entry(self, **kwargs):
        raise ValueError("counts as consent")

    def custom_entry_price(self, proposed_rate, **kwargs):
        return proposed_rate * 0.999

    def adjust_entry_price(self, current_order_rate, **kwargs):
        return current_order_rate * 0.999

    def adjust_trade_position(self, **kwargs):
        return 400.0
"""


def test_a_reckless_strategy_stays_inside_the_limits_in_a_backtest(
    freqtrade: Run, layers: Callable[..., list[str]], tmp_path: Path
) -> None:
    arguments = layers(max_open_trades=10, stake_amount=100)
    (tmp_path / "user_data" / "strategies" / "Reckless.py").write_text(RECKLESS)
    supervised = backtest(freqtrade, [*arguments, "--strategy", "Reckless"], tmp_path)
    assert supervised["total_trades"] > 0
    equity = 1_000 * 1.5  # more than this account ever had
    assert max(trade["max_stake_amount"] for trade in supervised["trades"]) <= 0.15 * equity
    greedy = [trade for trade in supervised["trades"] if trade["pair"] == "SOL/USDT"]
    assert greedy, "an entry with all the money is cut, not refused"
    firsts = [next(o for o in trade["orders"] if o["ft_is_entry"]) for trade in greedy]
    assert max(o["amount"] * o["safe_price"] for o in firsts) <= 0.15 * equity / 5

    free = layers(max_open_trades=10, stake_amount=100, freqpilot={"supervisor": False})
    alone = backtest(freqtrade, [*free, "--strategy", "Reckless"], tmp_path)
    assert max(trade["max_stake_amount"] for trade in alone["trades"]) > 400, "the test is blunt"


def test_the_backtest_cache_notices_changed_candles_and_live_data_is_untouched(
    freqtrade: Run, layers: Callable[..., list[str]], market: Path, tmp_path: Path
) -> None:
    arguments = layers()
    before = live_data(tmp_path / "user_data")
    backtest(freqtrade, arguments, tmp_path)
    assert digests(tmp_path / "user_data") == before
    done = freqtrade("backtesting", *arguments, "--timerange", RANGE, "--fee", "0.001")
    assert "Reusing result of previous backtest" in said(done)
    file = market / "BTC_USDT-1h.feather"
    file.write_bytes(file.read_bytes())  # a download that rewrites the file
    done = freqtrade("backtesting", *arguments, "--timerange", RANGE, "--fee", "0.001")
    assert "Reusing result of previous backtest" not in said(done)


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"freqpilot": {"risk": {"max_exposur": 1}}}, "did you mean 'max_exposure'"),
        pytest.param(
            {"freqpilot": {"signals": {"weights": {"technical_trend": 1.5}}}},
            "technical_trend: Input",
            marks=pytest.mark.proof,
        ),
        ({"use_exit_signal": False}, "use_exit_signal is false"),
        pytest.param(
            {"exit_profit_only": True}, "exit_profit_only is set", marks=pytest.mark.proof
        ),
    ],
)
def test_a_bad_config_stops_with_one_line(
    overlay: dict[str, Any], words: str, freqtrade: Run, layers: Callable[..., list[str]]
) -> None:
    done = freqtrade("backtesting", *layers(**overlay), "--timerange", RANGE)
    assert done.returncode == 2
    assert "Freqpilot stops the start" in said(done)
    assert words in said(done)
    assert "Traceback" not in said(done)


def test_without_the_host_autopilot_refuses_to_trade(
    freqtrade: Run, layers: Callable[..., list[str]], tmp_path: Path
) -> None:
    from freqpilot.host.boot.doors import door_dir

    arguments = layers()
    switch = str(tmp_path / "user_data" / "freqpilot" / "freqpilot.json")
    place = arguments.index(switch)
    without = arguments[: place - 1] + arguments[place + 1 :]
    found = ["--strategy-path", str(door_dir("strategies"))]
    done = freqtrade("backtesting", *without, *found, "--timerange", RANGE)
    assert done.returncode != 0
    assert "Autopilot refuses to trade without Freqpilot's host" in said(done)


def test_an_empty_data_folder_is_named(
    freqtrade: Run, layers: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    done = freqtrade("backtesting", *layers(), "--datadir", "empty", "--timerange", RANGE)
    assert done.returncode == 2
    assert "No data found" in said(done)
