"""FreqAI's feature stage with and without the seam: ``python -m benchmarks feature_stage``.

Freqtrade's own example strategy on SYNTHETIC candles; the columns are compared bit by bit before
anything is timed. Prints one JSON object last and exits non-zero when they differ.
"""

import copy
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.templates.FreqaiExampleStrategy import FreqaiExampleStrategy

from benchmarks.support.options import parser
from benchmarks.support.result import Result, at_least, finish
from freqpilot.host.freqai.features import stage as featurestage
from freqpilot.rehearsal.market.synthetic import SyntheticMarket

PAIRS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LTC", "BCH")
TIMEFRAMES = {"5m": 1, "15m": 3, "1h": 12}
CANDLES = 12_000
"""Of 5 minutes: 42 days, FreqAI's usual 30 of training with what the indicators need before."""
REPEATS = 5
TARGET = 5.0
WRAPPED = ("populate_features", "use_strategy_to_populate_indicators")

Frames = dict[tuple[str, str], pd.DataFrame]


def candle_frames(candles: int = CANDLES) -> Frames:
    """Return synthetic candles of all pairs and timeframes; the longer are made of the shorter."""
    pairs = tuple(f"{coin}/USDT" for coin in PAIRS)
    market = SyntheticMarket(pairs, 5, candles=candles, seed=11)
    rule = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    frames: Frames = {}
    for pair in pairs:
        base = market.frames[pair].reset_index(drop=True)
        for timeframe, step in TIMEFRAMES.items():
            if step == 1:
                frames[pair, timeframe] = base
                continue
            whole = base.set_index("date").resample(f"{5 * step}min").agg(rule)
            frames[pair, timeframe] = whole.dropna().reset_index()
    return frames


def configuration() -> dict[str, Any]:
    """Return the part of a config that the feature stage reads."""
    return {
        "timeframe": "5m",
        "exchange": {"pair_whitelist": [f"{coin}/USDT" for coin in PAIRS]},
        "user_data_dir": Path(),
        "freqai": {
            "enabled": True,
            "identifier": "benchmark",
            "feature_parameters": {
                "include_timeframes": [*TIMEFRAMES],
                "include_corr_pairlist": ["BTC/USDT", "ETH/USDT"],
                "include_shifted_candles": 2,
                "indicator_periods_candles": [10, 20],
                "label_period_candles": 24,
            },
        },
    }


def prepare(frames: Frames) -> Callable[[], Iterator[pd.DataFrame]]:
    """Return a function that runs the feature stage pair by pair, as a backtest does: the main
    candles are given, the others come from the data provider."""
    config = configuration()
    strategy = FreqaiExampleStrategy(copy.deepcopy(config))
    strategy.dp = SimpleNamespace(
        get_pair_dataframe=lambda pair, timeframe: frames[pair, timeframe].copy()
    )

    def run() -> Iterator[pd.DataFrame]:
        for pair in config["exchange"]["pair_whitelist"]:
            kitchen = FreqaiDataKitchen(config, live=True, pair=pair)
            kitchen.live = False
            yield kitchen.use_strategy_to_populate_indicators(
                strategy, prediction_dataframe=frames[pair, "5m"].copy(), pair=pair
            )

    return run


def same(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    """Tell whether two frames are the same bit by bit (any NaN equals any)."""
    if not ours.columns.equals(theirs.columns) or not ours.index.equals(theirs.index):
        return False
    if not (ours.dtypes == theirs.dtypes).all():
        return False
    for name in ours.columns:
        a, b = ours[name].to_numpy(), theirs[name].to_numpy()
        if a.dtype.kind != "f":
            if not ours[name].equals(theirs[name]):
                return False
            continue
        whole = f"i{a.dtype.itemsize}"
        if not ((a.view(whole) == b.view(whole)) | (np.isnan(a) & np.isnan(b))).all():
            return False
    return True


def seconds(run: Callable[[], Iterator[pd.DataFrame]]) -> float:
    """Return the wall time of all pairs; a pair's frame is let go before the next, as FreqAI does
    once its model is trained."""
    begun = time.perf_counter()
    for frame in run():
        del frame
    return time.perf_counter() - begun


def switch(methods: dict[str, Any]) -> None:
    """Put methods into Freqtrade's class."""
    for name, method in methods.items():
        setattr(FreqaiDataKitchen, name, method)


def measure() -> Result:
    """Compare, then time in turn: Freqtrade's path, the seam's first pass and its repeated one."""
    before = {name: getattr(FreqaiDataKitchen, name) for name in WRAPPED}
    stock = {name: getattr(method, "__wrapped__", method) for name, method in before.items()}
    run = prepare(candle_frames())
    store, times = featurestage.store, []
    try:
        switch(stock)
        for seam in featurestage.SEAMS:
            seam.check()
            seam.apply()
        ours = {name: getattr(FreqaiDataKitchen, name) for name in WRAPPED}
        parity = True
        switch(stock)
        theirs = [*run()]
        switch(ours)
        for _ in range(2):
            parity &= all(same(a, b) for a, b in zip(run(), theirs, strict=True))
        columns = max(frame.shape[1] for frame in theirs)
        features = max(sum(name.startswith("%") for name in f.columns) for f in theirs)
        del theirs
        for _ in range(REPEATS):
            switch(stock)
            theirs_time = seconds(run)
            switch(ours)
            store.clear()
            times.append((theirs_time, seconds(run), seconds(run)))
        kept = store.size
    finally:
        switch(before)
    stock_time, first, repeated = (min(column) for column in zip(*times, strict=True))
    speed = stock_time / first
    return Result(
        "feature_stage",
        parity=parity,
        targets={"times Freqtrade, first pass": at_least(speed, TARGET)},
        figures={
            "pairs": len(PAIRS),
            "candles of 5m": CANDLES,
            "columns": columns,
            "features": features,
            "Freqtrade, s": round(stock_time, 3),
            "first pass, s": round(first, 3),
            "repeated pass, s": round(repeated, 3),
            "times Freqtrade, repeated pass": round(stock_time / repeated, 2),
            "kept, MiB": round(kept / 1024**2, 1),
        },
        about={"synthetic": True},
    )


def main() -> int:
    """Measure and print; returns the exit status."""
    given = parser("feature_stage", __doc__).parse_args()
    return finish(measure(), given)


if __name__ == "__main__":
    sys.exit(main())
