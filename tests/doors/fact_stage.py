"""Backtests of strategies on tables of candles with planted facts; all of it is SYNTHETIC.

Every pair is one table behind candles that are alike. Hours are counted from ``ENTRY``.
"""

import json
import subprocess
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from freqpilot.facts.store import FactStore
from freqpilot.host.commands.init import init
from freqpilot.rehearsal.clock import FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay
from freqpilot.settings import Settings
from freqpilot.shapes import Fact
from freqpilot.store.urls import facts_url

Row = tuple[float, float, float, float, float]
Child = Callable[..., subprocess.CompletedProcess[str]]
START = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE = 700
ENTRY = START + timedelta(hours=BEFORE)
LATER = ENTRY + timedelta(days=30)
CALM: Row = (100.0, 101.0, 99.0, 100.0, 1000.0)


Told = Mapping[str, list[tuple[float, float]]]
"""Hours from ``ENTRY`` and values, by metric."""
PRICE = 103.0
BREAK: list[Row] = [(100.0, 104.0, 99.9, PRICE, 10_000.0)]
USUAL = [(-12.0 * n, 10.0 + n % 2) for n in range(30, 0, -1)]
GOOD: Told = {
    "mentions": [*USUAL, (-2, 100)],
    "market_cap": [(-3, 50e6)],
    "contract_verified": [(-3, 1)],
    "liquidity_locked": [(-3, 1)],
    "top10_share": [(-3, 0.3)],
    "developer_moves": [(-3, 0)],
    "honeypot": [(-3, 0)],
}


def hours(count: float) -> datetime:
    return ENTRY + timedelta(hours=count)


def flat(*closes: float, volume: float = 1000.0) -> list[Row]:
    return [(price, price * 1.001, price * 0.999, price, volume) for price in closes]


@dataclass
class Stage:
    """A folder with candles, facts and configs, and Freqtrade beside it."""

    folder: Path
    child: Child
    futures: bool = False

    def __post_init__(self) -> None:
        self.configs = init(self.folder / "user_data").folder
        self.data = self.folder / "candles"
        (self.data / "futures").mkdir(parents=True)
        self.pairs: list[str] = []
        self.timeframe = "1h"

    def candles(self, tables: Mapping[str, list[Row]], length: int) -> None:
        """Write tables by coin, each carried on for ``length`` candles in all."""
        for coin, table in tables.items():
            last = table[-1][3]
            rest = flat(*[last] * (length - len(table)))
            rows = [CALM] * (BEFORE - 1) + table + rest
            frame = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume"])
            dates = pd.date_range(START, periods=len(rows), freq="1h")
            frame.insert(0, "date", dates.astype("datetime64[ms, UTC]"))
            self.write(coin, frame)

    def write(self, coin: str, frame: pd.DataFrame, timeframe: str = "1h") -> None:
        """Write a coin's candles; for futures with marks at the same price and a funding of 0."""
        self.timeframe = timeframe
        self.pairs.append(f"{coin}/USDT:USDT" if self.futures else f"{coin}/USDT")
        frame.to_feather(self.data / f"{coin}_USDT-{timeframe}.feather")
        if self.futures:
            name = self.data / "futures" / f"{coin}_USDT_USDT-{timeframe}"
            frame.to_feather(f"{name}-futures.feather")
            frame.to_feather(f"{name}-mark.feather")
            funding = frame.assign(open=0.0, high=0.0, low=0.0, close=0.0, volume=0.0)
            funding.to_feather(f"{name}-funding_rate.feather")

    def know(self, facts: Iterable[Fact]) -> None:
        """Keep facts."""
        store = FactStore.open(facts_url(Settings(), self.folder / "user_data"))
        store.append(facts, LATER, scheduled=True)
        store.close()

    def run(
        self, command: str, strategies: list[str], *given: str, **config: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of Freqtrade and return what it says."""
        tape = Tape.from_folder(
            self.data, self.timeframe, [p.partition(":")[0] for p in self.pairs]
        )
        with RehearsalServer(tape, FixedClock(ENTRY), futures=self.futures) as server:
            overlay = exchange_overlay(server.url, self.pairs, futures=self.futures) | {
                "pairlists": [{"method": "StaticPairList"}],
                "max_open_trades": len(self.pairs),
                "dry_run_wallet": 100_000,
                "timeframe": self.timeframe,
                **config,
            }
            file = self.folder / "overlay.json"
            file.write_text(json.dumps(overlay))
            files = (self.configs / "base.json", self.configs / "freqpilot.json", file)
            layers = [part for each in files for part in ("-c", str(each))]
            named = (
                ("--strategy-list", *strategies)
                if command != "recursive-analysis"
                else (
                    "--strategy",
                    *strategies,
                )
            )
            done = self.child(
                *(command, *layers, *named, "--userdir", "user_data", "--datadir", str(self.data)),
                *given,
            )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        assert "Traceback" not in done.stderr, done.stderr[-4000:]
        return done

    def backtest(
        self, *strategies: str, since: datetime = ENTRY, **config: Any
    ) -> dict[str, list[dict[str, Any]]]:
        """Return the trades of each strategy from ``since`` on."""
        time = f"{int((since - timedelta(hours=24)).timestamp())}-"
        given = ("--timerange", time, "--fee", "0.001", "--cache", "none")
        done = self.run("backtesting", list(strategies), *given, **config)
        results = [*(self.folder / "user_data" / "backtest_results").glob("*.zip")]
        assert results, done.stdout[-2000:] + done.stderr[-4000:]
        latest = max(results)
        with zipfile.ZipFile(latest) as archive:
            found = json.loads(archive.read(f"{latest.stem}.json"))["strategy"]
        return {name: list(each["trades"]) for name, each in found.items()}


def by_coin(trades: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the trades by coin; there must be one of each at most."""
    found = {trade["pair"].partition("/")[0]: trade for trade in trades}
    assert len(found) == len(trades), [(t["pair"], t["open_date"]) for t in trades]
    return found


def ended(trade: dict[str, Any]) -> tuple[str, float]:
    """Return why a trade ended and how many hours after ``ENTRY``."""
    closed = datetime.fromtimestamp(trade["close_timestamp"] / 1000, UTC)
    return trade["exit_reason"], (closed - ENTRY) / timedelta(hours=1)


def taxonomy(*coins: str) -> dict[str, Any]:
    return {"taxonomy": {coin: {"class": "meme", "sector": "meme"} for coin in coins}}


def settings(*coins: str, **more: Any) -> dict[str, Any]:
    meme = {"exits": {"meme": {"enabled": True}}}
    return {"freqpilot": {"risk": {**taxonomy(*coins), **meme}, **more}, "stake_amount": 100}
