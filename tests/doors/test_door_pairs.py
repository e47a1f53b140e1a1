"""``PairsReversion`` through plain ``freqtrade`` on perpetuals: two legs or none, no look-ahead, no
long memory."""

import csv
import json
import re
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from candle_files import write_candles
from freqpilot.host.commands.init import init
from freqpilot.rehearsal.clock import FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]
Layers = Callable[..., list[str]]
SPOT = ("BTC/USDT", "ETH/USDT")
PAIRS = tuple(f"{pair}:USDT" for pair in SPOT)
START = datetime(2025, 6, 1, tzinfo=UTC)
DAYS = 150
RANGE = "20250901-20251020"
SHORT = {"window_days": 15, "max_half_life_days": 2, "holds": 2}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which ETH follows BTC but for a gap that closes again."""
    folder = tmp_path_factory.mktemp("market")
    made = SyntheticMarket(SPOT, 60, START, 24 * DAYS, 7)
    made.write_candles(folder)
    btc = made.frames["BTC/USDT"]
    rng, gap = np.random.default_rng(3), np.zeros(len(btc))
    for i in range(1, len(gap)):
        gap[i] = 0.93 * gap[i - 1] + 0.004 * rng.standard_normal()
    close = 40.0 * btc["close"].to_numpy() ** 0.5 * np.exp(gap)
    opened = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) / 1.001
    eth = btc.assign(open=opened, high=high, low=low, close=close)
    write_candles(folder, "ETH/USDT", eth)
    perpetuals = folder / "futures"
    perpetuals.mkdir()
    for coin, frame in (("BTC", btc), ("ETH", eth)):
        for kind in ("futures", "mark"):
            frame.to_feather(perpetuals / f"{coin}_USDT_USDT-1h-{kind}.feather")
        funding = frame.loc[frame["date"].dt.hour % 8 == 0].reset_index(drop=True)
        funding = funding.assign(open=0.0001, high=0.0, low=0.0, close=0.0, volume=0.0)
        funding.to_feather(perpetuals / f"{coin}_USDT_USDT-1h-funding_rate.feather")
    return folder


@pytest.fixture
def layers(market: Path, tmp_path: Path) -> Iterator[Layers]:
    """Return a function that gives the arguments of a command for a strategy."""
    folder = init(tmp_path / "user_data").folder
    tape = Tape.from_folder(market, "1h", SPOT)
    clock = FixedClock(START + timedelta(days=DAYS))
    with ExitStack() as stack:

        def arguments(strategy: str = "PairsReversion", *, futures: bool = True) -> list[str]:
            server = stack.enter_context(RehearsalServer(tape, clock, futures=futures))
            over = exchange_overlay(server.url, PAIRS if futures else SPOT, futures=futures)
            over |= {"pairlists": [{"method": "StaticPairList"}], "max_open_trades": 2}
            over |= {"dry_run_wallet": 20_000, "freqpilot": {"signals": {"pairs": SHORT}}}
            file = tmp_path / "overlay.json"
            file.write_text(json.dumps(over))
            files = (folder / "base.json", folder / "freqpilot.json", file)
            given = [part for each in files for part in ("-c", str(each))]
            named = ("--strategy", strategy, "--timerange", RANGE)
            return [*given, *named, "--userdir", "user_data", "--datadir", str(market)]

        yield arguments


def backtest(freqtrade: Run, arguments: list[str], folder: Path) -> dict[str, list[Any]]:
    """Run a backtest and return its trades by couple."""
    done = freqtrade("backtesting", *arguments, "--fee", "0.0005", "--cache", "none")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    latest = max((folder / "user_data" / "backtest_results").glob("*.zip"))
    with zipfile.ZipFile(latest) as archive:
        statistics = json.loads(archive.read(f"{latest.stem}.json"))["strategy"]
    (strategy,) = statistics.values()
    couples = defaultdict(list)
    for trade in strategy["trades"]:
        couples[trade["enter_tag"]].append(trade)
    return couples


def test_both_legs_enter_and_leave_together(freqtrade: Run, layers: Layers, tmp_path: Path) -> None:
    couples = backtest(freqtrade, layers(), tmp_path)
    assert len(couples) >= 3, "nothing was traded, so nothing was tested"
    reasons = set()
    for tag, legs in couples.items():
        assert len(legs) == 2, tag
        first, second = sorted(legs, key=lambda leg: leg["pair"])
        hedge = float(tag.split(" hedge ")[1].split()[0])
        assert first["open_timestamp"] == second["open_timestamp"]
        assert first["is_short"] != second["is_short"]
        assert second["stake_amount"] / first["stake_amount"] == pytest.approx(hedge, rel=0.1)
        assert max(leg["stake_amount"] for leg in legs) <= 0.05 * 25_000, "1 % at a stop of 20 %"
        apart = abs(first["close_timestamp"] - second["close_timestamp"]) / 3.6e6
        assert apart <= 1, "an orphan is out at the next candle"
        reasons |= {leg["exit_reason"] for leg in legs}
    assert "spread_closed" in reasons
    assert reasons <= {"spread_closed", "spread_stop", "spread_time", "stop_loss", "force_exit"}


def test_an_orphan_of_a_backtest_is_out_at_the_next_candle(
    freqtrade: Run, layers: Layers, tmp_path: Path
) -> None:
    """The legs' own stop is so near that one of them is hit."""
    source = Path(__file__).resolve().parents[2] / "strategies" / "PairsReversion.py"
    text = source.read_text().replace("class PairsReversion(", "class NearStop(")
    near = tmp_path / "user_data" / "strategies" / "NearStop.py"
    arguments = layers("NearStop")
    near.parent.mkdir(parents=True, exist_ok=True)
    near.write_text(text.replace("    plot_config:", "    stoploss = -0.01\n    plot_config:"))
    orphans = 0
    for legs in backtest(freqtrade, arguments, tmp_path).values():
        by_reason = {leg["exit_reason"]: leg["close_timestamp"] for leg in legs}
        if len(legs) == 1:  # out in the candle of its entry, before it was the other leg's turn
            assert by_reason == {"stop_loss": legs[0]["open_timestamp"]}
        if "orphan_leg" in by_reason:
            orphans += 1
            assert by_reason["orphan_leg"] - by_reason["stop_loss"] == 3_600_000
    assert orphans


@pytest.mark.proof
def test_lookahead_analysis_finds_no_bias(freqtrade: Run, layers: Layers, tmp_path: Path) -> None:
    done = freqtrade(
        "lookahead-analysis",
        *layers(),
        *("--minimum-trade-amount", "5", "--targeted-trade-amount", "12"),
        *("--lookahead-analysis-exportfilename", "bias.csv"),
    )
    assert (tmp_path / "bias.csv").is_file(), done.stdout[-3000:] + done.stderr[-3000:]
    (row,) = csv.DictReader((tmp_path / "bias.csv").read_text().splitlines())
    assert row["has_bias"] == "False", row
    assert int(row["total_signals"]) >= 5


def test_recursive_analysis_stays_under_a_tenth_of_a_percent(
    freqtrade: Run, layers: Layers
) -> None:
    done = freqtrade("recursive-analysis", *layers(), "-p", PAIRS[0])
    said = " ".join((done.stdout + done.stderr).split())
    assert "No lookahead bias on indicators found" in said, said[-3000:]
    own = [
        figure for line in done.stdout.splitlines() for figure in re.findall(r"(-?\d+\.\d+)%", line)
    ]
    assert all(abs(float(figure)) < 0.1 for figure in own), done.stdout


def test_spot_is_refused_with_the_line_to_change(freqtrade: Run, layers: Layers) -> None:
    done = freqtrade("backtesting", *layers(futures=False), "--cache", "none")
    said = " ".join((done.stdout + done.stderr).split())
    assert '"trading_mode": "futures"' in said, said[-3000:]
    assert "Result for strategy" not in said
