"""The zoo: strategies with the traits of those that people run, their configs and candles, and one
backtest of one of them with what it cost."""

import json
import os
import resource
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from benchmarks.support.candles import file_of, frame_in
from freqpilot.host.boot.doors import config_dir
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest

STRATEGIES = Path(__file__).parents[1] / "strategies" / "zoo"
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "DOGE/USDT", "LINK/USDT", "PEPE/USDT")
PROFILES = ("alone", "watch", "guard", "full")
WALLET = 10_000
BEFORE = timedelta(days=30)
"""Candles before a backtest, for indicators of a day."""
FUNDING = 0.0001
"""Rate of each eight hours, the exchange's usual one: spot candles stand in for perpetuals."""
Crash = Literal["one", "all", "delisted"]
FALL, FALL_CANDLES = 0.5, 12
"""An injected crash: half of the price within an hour of 5m candles."""
JOIN = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


@dataclass(frozen=True)
class Animal:
    """A strategy of the zoo: its traits in words and what is its own in the config."""

    name: str
    traits: str
    config: Mapping[str, Any] = field(default_factory=dict)
    pairs: Sequence[str] = PAIRS

    @property
    def futures(self) -> bool:
        """Whether it trades perpetuals."""
        return self.config.get("trading_mode") == "futures"

    @property
    def traded(self) -> tuple[str, ...]:
        """Its pairs as Freqtrade names them."""
        return tuple(f"{pair}:USDT" if self.futures else pair for pair in self.pairs)


def _freqai() -> dict[str, Any]:
    return {
        "freqaimodel": "LightGBMRegressor",
        "freqai": {
            "enabled": True,
            "identifier": "zoo",
            "train_period_days": 10,
            "backtest_period_days": 10,
            "purge_old_models": 2,
            "feature_parameters": {
                "include_timeframes": ["5m", "1h"],
                "include_corr_pairlist": ["BTC/USDT"],
                "label_period_candles": 24,
                "include_shifted_candles": 1,
                "indicator_periods_candles": [10, 30],
                "DI_threshold": 0,
                "weight_factor": 0,
            },
            "data_split_parameters": {"test_size": 0.2, "shuffle": False},
            "model_training_parameters": {"n_estimators": 50, "verbosity": -1},
        },
    }


ZOO = (
    Animal(
        "UnlimitedDip",
        "unlimited stake, stop −99 %",
        {"stake_amount": "unlimited", "max_open_trades": 5},
    ),
    Animal(
        "EightSteps",
        "eight growing additions, stop −99 %",
        {"stake_amount": 150, "max_open_trades": 5},
    ),
    Animal(
        "Grinder",
        "sells and buys parts, stop −99 %",
        {"stake_amount": 1_000, "max_open_trades": 5},
    ),
    Animal(
        "TripleShort",
        "3× isolated futures, long and short",
        {
            **{"stake_amount": 600, "max_open_trades": 6},
            **{"trading_mode": "futures", "margin_mode": "isolated"},
        },
        pairs=PAIRS[:6],  # no perpetual bears the seventh's name
    ),
    Animal(
        "DailyTrend",
        "informative day and hour, unlimited stake",
        {"stake_amount": "unlimited", "max_open_trades": 6},
    ),
    Animal(
        "CustomEverything",
        "every callback, its own stake, prices and stop",
        {"stake_amount": "unlimited", "max_open_trades": 5},
    ),
    Animal(
        "ForecastDip",
        "FreqAI with a stock model",
        {"stake_amount": 2_000, "max_open_trades": 3, **_freqai()},
        pairs=PAIRS[:3],
    ),
)
STOPLESS = ("UnlimitedDip", "EightSteps", "Grinder")
"""Those whose stop bounds nothing."""


class Cost(NamedTuple):
    """What a child process took: CPU seconds (user and system), largest memory in MiB."""

    cpu: float
    memory: float


class Played(NamedTuple):
    """A backtest and its cost."""

    run: BacktestRun
    cost: Cost


class Blow(NamedTuple):
    """Where a crash is put into the candles: its kind, the pair that it strikes, and when."""

    crash: Crash
    pair: str
    at: datetime


def write_candles(
    source: Path, target: Path, period: tuple[datetime, datetime], blow: Blow | None = None
) -> None:
    """Write what the zoo needs of the 5m candles of ``source``: 5m, 1h and 1d of spot, and of
    perpetuals whose prices are those of spot, with mark prices and funding.

    :param blow: the crash that is put into them.
    """
    for pair in PAIRS:
        frame = frame_in(source, pair, "5m")
        frame = frame[(frame["date"] >= period[0] - BEFORE) & (frame["date"] < period[1])]
        if blow is not None and (blow.crash == "all" or pair == blow.pair):
            frame = fallen(frame, blow.at, ends=blow.crash == "delisted")
        write_pair(target, pair, frame.reset_index(drop=True))


def fallen(frame: pd.DataFrame, at: datetime, *, ends: bool = False) -> pd.DataFrame:
    """Return candles that lose half of their price within an hour from ``at`` on and stay there.

    :param ends: whether the pair is delisted then, so that its candles end.
    """
    frame = frame.reset_index(drop=True).copy()
    decimals = _decimals(frame["close"])
    into = (frame["date"] - pd.Timestamp(at)) // pd.Timedelta("5min")
    close = 1 - FALL * (into + 1).clip(0, FALL_CANDLES) / FALL_CANDLES
    opened = 1 - FALL * into.clip(0, FALL_CANDLES) / FALL_CANDLES
    frame["open"] *= opened
    frame["close"] *= close
    frame["high"] = (frame["high"] * opened).combine(frame[["open", "close"]].max(axis=1), max)
    frame["low"] = (frame["low"] * close).combine(frame[["open", "close"]].min(axis=1), min)
    for name in ("open", "high", "low", "close"):
        frame[name] = frame[name].round(decimals)  # to the exchange's step, as all prices are
    return frame[into < FALL_CANDLES] if ends else frame


def _decimals(prices: pd.Series) -> int:
    return max(len(f"{price:.10f}".rstrip("0").partition(".")[2]) for price in prices[:200])


def write_pair(target: Path, pair: str, frame: pd.DataFrame) -> None:
    """Write a pair's 5m candles and all that is made of them."""
    (target / "futures").mkdir(parents=True, exist_ok=True)
    name = pair.replace("/", "_")
    perpetual = f"{name}_{pair.partition('/')[2]}"
    frame.to_feather(target / f"{name}-5m.feather")
    frame.to_feather(target / "futures" / f"{perpetual}-5m-futures.feather")
    for timeframe, rule in (("1h", "1h"), ("1d", "1D")):
        joined = frame.set_index("date").resample(rule).agg(JOIN).dropna().reset_index()
        joined.to_feather(target / f"{name}-{timeframe}.feather")
        if timeframe == "1h":
            joined.to_feather(target / "futures" / f"{perpetual}-1h-mark.feather")
            funding = joined.assign(**dict.fromkeys(JOIN, 0.0))
            funding["open"] = FUNDING
            funding = funding[funding["date"].dt.hour % 8 == 0].reset_index(drop=True)
            funding.to_feather(target / "futures" / f"{perpetual}-1h-funding_rate.feather")


def play(
    animal: Animal,
    profile: str,
    datadir: Path,
    period: tuple[datetime, datetime],
    work: Path,
    layer: Mapping[str, Any] | None = None,
) -> Played:
    """Return the backtest of an animal under a profile, and what its process took.

    :param profile: one of ``PROFILES``; ``alone`` is plain Freqtrade.
    :param work: an empty folder for its files.
    """
    work.mkdir(parents=True)
    config = work / "config.json"
    config.write_text(json.dumps(config_of(animal)), encoding="utf-8")
    layers = [] if profile == "alone" else [config_dir() / "freqpilot.json"]
    layers += [config_dir() / f"{profile}.json"] if profile in ("watch", "guard") else []
    overlay: dict[str, Any] = {"dry_run_wallet": WALLET, **(layer or {})}
    if animal.futures:
        overlay["trading_mode"] = "futures"
    options = BacktestOptions(
        datadir,
        animal.traded,
        *period,
        work / "user_data",
        strategy=animal.name,
        strategy_path=STRATEGIES,
        timeframe="5m",
        configs=[config, *layers],
        overlay=overlay,
    )
    # A fork of its own, so that what is counted of its children is this backtest alone.
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        file, cost = pool.submit(_played, options).result()
    return Played(load_run(file, animal.name), cost)


def config_of(animal: Animal) -> dict[str, Any]:
    """Return an animal's whole config, as its owner would have it."""
    return {
        "stake_currency": "USDT",
        "dry_run": True,
        "dry_run_wallet": WALLET,
        "timeframe": "5m",
        "exchange": {"name": "binance", "pair_whitelist": list(animal.traded)},
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
        "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
        "unfilledtimeout": {"entry": 60, "exit": 60, "unit": "minutes"},
        **animal.config,
    }


def _played(options: BacktestOptions) -> tuple[Path, Cost]:
    # Idle threads of OpenMP spin, which counts as CPU time where the machine has other work.
    os.environ["OMP_NUM_THREADS"] = "1"
    file = run_backtest(options)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return file, Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def has_candles(datadir: Path) -> bool:
    """Tell whether a folder has the 5m candles of the zoo."""
    return all(file_of(datadir, pair, "5m").is_file() for pair in PAIRS)
