"""One ``freqtrade backtesting`` with FreqAI, measured as a whole."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.support.candles import file_of, frame_of
from freqpilot.host.boot.doors import config_dir
from freqpilot.rehearsal.clock import FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay

STRATEGIES = Path(__file__).parents[1] / "strategies"
LABEL = "&-s_close"
AHEAD = 20
"""``label_period_candles`` of Freqtrade's example."""
TRAIN_DAYS, STEP_DAYS = 111, 7
FREQAI: Mapping[str, Any] = {
    "enabled": True,
    "identifier": "benchmark",
    "train_period_days": TRAIN_DAYS,
    "backtest_period_days": STEP_DAYS,
    "live_retrain_hours": 0,
    "purge_old_models": 2,
    "save_backtest_models": False,
    "activate_tensorboard": False,
    "feature_parameters": {
        "include_timeframes": ["1h", "4h"],
        "include_corr_pairlist": ["BTC/USDT", "ETH/USDT"],
        "label_period_candles": AHEAD,
        "include_shifted_candles": 2,
        "weight_factor": 0.9,
        "indicator_periods_candles": [10, 20],
        "plot_feature_importances": 0,
    },
    "data_split_parameters": {"test_size": 0.33, "shuffle": False},
    "model_training_parameters": {"n_estimators": 100},
}
"""Freqtrade's example, without the outlier models that it switches on beside the default pipeline
(they would only slow stock FreqAI), with LightGBM's 100 trees."""


@dataclass(frozen=True)
class Variant:
    """A model by its name, with the pack switched on or plain Freqtrade."""

    name: str
    model: str
    pack: bool


@dataclass(frozen=True)
class Run:
    """What one run took, its predictions by pair and window (``date``, label), and how many
    features each was trained on."""

    seconds: float
    cpu: float
    peak: int
    predictions: Mapping[tuple[str, int], pd.DataFrame] = field(repr=False)
    features: Mapping[tuple[str, int], int] = field(repr=False)


def prepare(source: Path, target: Path, pairs: Sequence[str]) -> None:
    """Put the 1h candles of ``pairs`` into ``target``, and those of 4h that are made of them."""
    target.mkdir(parents=True, exist_ok=True)
    rule = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    for pair in pairs:
        frame = frame_of(source, pair)
        frame.to_feather(file_of(target, pair))
        longer = frame.set_index("date").resample("4h").agg(rule).dropna().reset_index()
        longer.to_feather(file_of(target, pair, "4h"))


def backtest(
    variant: Variant,
    datadir: Path,
    work: Path,
    pairs: Sequence[str],
    start: datetime,
    windows: int,
    *,
    synthetic: bool,
    days: int = STEP_DAYS,
) -> Run:
    """Run one variant in a process of its own, over ``windows`` of so many ``days``.

    :raises RuntimeError: when Freqtrade fails, with the end of its log.
    """
    folder = work / variant.name
    folder.mkdir(parents=True)
    end = start + timedelta(days=days * windows)
    tape = Tape.from_folder(datadir, "1h", pairs)
    with RehearsalServer(tape, FixedClock(start)) as server:
        overlay = exchange_overlay(server.url, pairs) | {
            "strategy_path": str(STRATEGIES),
            "freqaimodel": variant.model,
            "freqai": {**FREQAI, "backtest_period_days": days},
            "pairlists": [{"method": "StaticPairList"}],
        }
        if variant.pack:
            overlay["freqpilot"] = {"synthetic": synthetic}
        file = folder / "overlay.json"
        file.write_text(json.dumps(overlay), encoding="utf-8")
        layers = ("base", "freqpilot") if variant.pack else ("base",)
        files = [*(config_dir() / f"{layer}.json" for layer in layers), file]
        arguments = [
            *(sys.executable, "-m", "freqtrade", "backtesting"),
            *(part for each in files for part in ("-c", str(each))),
            *("--userdir", str(folder), "--datadir", str(datadir), "--strategy", "FreqaiBench"),
            *("--timerange", f"{int(start.timestamp())}-{int(end.timestamp())}"),
            *("--fee", "0.001", "--cache", "none", "--export", "none"),
        ]
        found = measured(arguments, folder / "log")
    if found.status:
        text = (folder / "log").read_text(encoding="utf-8")
        raise RuntimeError(f"{variant.name} failed ({found.status}):\n{text[-3000:]}")
    return Run(
        found.seconds, found.cpu, found.peak, predictions(folder, pairs), features(folder, pairs)
    )


@dataclass(frozen=True)
class Measured:
    """A process that has ended: wall and CPU seconds, its largest resident set in bytes."""

    seconds: float
    cpu: float
    peak: int
    status: int


def measured(arguments: Sequence[str], log: Path) -> Measured:
    """Run a process to its end; what it says goes into ``log``."""
    # Freqtrade leaves out its logging set-up, and so Freqpilot, under pytest.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    with log.open("w") as stream:
        begun = time.perf_counter()
        child = subprocess.Popen(
            arguments,
            env={**kept, "PYTHONWARNINGS": "ignore"},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
    cpu = used.ru_utime + used.ru_stime
    return Measured(seconds, cpu, used.ru_maxrss * 1024, child.returncode)


def predictions(folder: Path, pairs: Sequence[str]) -> dict[tuple[str, int], pd.DataFrame]:
    """Return what FreqAI kept of each pair and window (by the end of its training, in seconds)."""
    coins = {pair.split("/")[0].lower(): pair for pair in pairs}
    found = {}
    for file in sorted(folder.glob("models/**/backtesting_predictions/cb_*_prediction.feather")):
        _, coin, *_, stop, _ = file.name.split("_")
        found[coins[coin], int(stop)] = pd.read_feather(file)
    return found


def features(folder: Path, pairs: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return the number of features of each pair and window, as FreqAI kept their names."""
    coins = {pair.split("/")[0].lower(): pair for pair in pairs}
    found = {}
    for file in sorted(folder.glob("models/**/sub-train-*/cb_*_metadata.json")):
        _, coin, *_, stop, _ = file.name.split("_")
        names = json.loads(file.read_text(encoding="utf-8"))["training_features_list"]
        found[coins[coin], int(stop)] = len(names)
    return found


def outcomes(datadir: Path, pair: str) -> pd.Series:
    """Return the label of each candle by its time, NaN where it is not over."""
    frame = frame_of(datadir, pair)
    close = frame["close"]
    label = close.shift(-AHEAD).rolling(AHEAD).mean() / close - 1
    return pd.Series(label.to_numpy(), index=pd.to_datetime(frame["date"], utc=True))


def planted(folder: Path, pairs: Sequence[str], start: datetime, hours: int, seed: int) -> None:
    """Write SYNTHETIC candles whose volume tells a part of what comes next.

    A hidden state (persistence .9 an hour) moves the next return by .8 of its deviation and the
    logarithm of the volume, each with noise; every pair has its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for place, pair in enumerate(sorted(pairs)):
        rng = np.random.default_rng([seed, place])
        state = np.empty(hours)
        state[0] = rng.standard_normal()
        kicks = rng.standard_normal(hours) * np.sqrt(1 - 0.9**2)
        for i in range(1, hours):
            state[i] = 0.9 * state[i - 1] + kicks[i]
        step = 0.006 * rng.standard_normal(hours)
        step[1:] += 0.006 * 0.8 * state[:-1]
        close = 100 * np.exp(np.cumsum(step))
        opened = np.concatenate([[100.0], close[:-1]])
        wick = np.abs(rng.standard_normal((2, hours))) * 0.002 * close
        volume = np.exp(3 + 0.7 * state + 0.5 * rng.standard_normal(hours))
        dates = pd.date_range(start, periods=hours, freq="h").as_unit("ms")
        frame = pd.DataFrame(
            {
                "date": dates,
                "open": opened,
                "high": np.maximum(opened, close) + wick[0],
                "low": np.minimum(opened, close) - wick[1],
                "close": close,
                "volume": volume,
            }
        )
        frame.to_feather(file_of(folder, pair))
    (folder / "SYNTHETIC.md").write_text("# SYNTHETIC\n\nInvented candles.\n", encoding="utf-8")
