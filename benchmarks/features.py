"""Cost of the feature bank and the labels: ``python -m benchmarks.features``.

Parity with TA-Lib and pandas is checked before anything is timed. Candles are SYNTHETIC: speed does
not depend on what they say. Prints one JSON object last and exits non-zero when parity fails.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import talib

from freqpilot.features import windows
from freqpilot.features.bank import CORE, FEATURES, FeatureBank
from freqpilot.features.candles import candles_from_frame
from freqpilot.features.labels import triple_barrier, uniqueness
from freqpilot.features.workspace import Workspace
from freqpilot.rehearsal.market import SyntheticMarket
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Candles

CANDLES = 60_000
REPEATS = 7
SETTLED = 700


def parity(candles: Candles) -> dict[str, float]:
    """Return the largest relative error of each indicator, past the warm-up."""
    work = Workspace(candles)
    high, low, close = candles.high, candles.low, candles.close
    series = pd.Series(close)
    pairs = {
        "ema 21": (work.ema(21), talib.EMA(close, 21)),
        "rsi 14": (50 * work.rsi() + 50, talib.RSI(close, 14)),
        "atr 14": (work.atr(), talib.ATR(high, low, close, 14)),
        "adx 14": (100 * work.adx(), talib.ADX(high, low, close, 14)),
        "rank 96": (windows.rolling_rank(close, 96) * 95 + 1, series.rolling(96).rank().to_numpy()),
    }
    return {
        name: float(np.max(np.abs(ours[SETTLED:] - theirs[SETTLED:]) / np.abs(theirs[SETTLED:])))
        for name, (ours, theirs) in pairs.items()
    }


def best(work: Callable[[], Any]) -> float:
    """Return the least of several wall times, in seconds; the first call compiles."""
    work()
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    """Check parity, time, print."""
    market = SyntheticMarket(("BTC/USDT",), 60, candles=CANDLES, seed=7)
    candles = candles_from_frame(market.frames["BTC/USDT"])
    errors = parity(candles)
    holds = all(error <= 1e-9 for error in errors.values())
    series = pd.Series(candles.close)
    nanoseconds = 1e9 / CANDLES
    bank, core, labels = FeatureBank(), FeatureBank(CORE), LabelSettings()
    ends = triple_barrier(candles, labels).end
    figures = {
        "bank of all features, ns a candle": best(lambda: bank.compute(candles)) * nanoseconds,
        "features in the bank": len(FEATURES),
        "features in the core": len(CORE),
        "triple barrier, ns a candle": best(lambda: triple_barrier(candles, labels)) * nanoseconds,
        "uniqueness, ns a candle": best(lambda: uniqueness(ends)) * nanoseconds,
        "core features, ns a candle": best(lambda: core.compute(candles)) * nanoseconds,
    }
    for window in (96, 480):
        ours = best(partial(windows.rolling_rank, candles.close, window))
        theirs = best(series.rolling(window).rank)
        figures |= {
            f"rolling rank {window}, ns a candle": ours * nanoseconds,
            f"pandas rolling rank {window}, ns a candle": theirs * nanoseconds,
            f"rolling rank {window}, times pandas": theirs / ours,
        }
    document = {
        "name": "features",
        "synthetic": True,
        "parity": holds,
        "targets": {
            f"{name} relative error": {"value": error, "target": 1e-9, "ok": error <= 1e-9}
            for name, error in errors.items()
        },
        "figures": {name: round(value, 1) for name, value in figures.items()},
    }
    print(json.dumps(document))
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
