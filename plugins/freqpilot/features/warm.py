"""Compiles every kernel once, so that a cold bot answers its first candle in seconds.

Numba keeps what it compiled in ``NUMBA_CACHE_DIR``, else beside the source when that is writable,
else in the user's cache folder. Importing the library compiles nothing.
"""

import inspect
from types import ModuleType
from typing import Any

import numpy as np

from freqpilot.features.bank.library import FeatureBank
from freqpilot.features.bank.registry import evaluate
from freqpilot.features.candles import orderflow
from freqpilot.features.engine import machine
from freqpilot.features.engine.graph import CLOSE
from freqpilot.features.labels import sampling, targets
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Candles

CANDLES = 800


def dispatchers() -> dict[str, Any]:
    """Return every compiled function of the room's modules, by qualified name."""
    modules: list[ModuleType] = [machine, targets, orderflow, sampling]
    found: dict[str, Any] = {}
    for module in modules:
        for _, member in inspect.getmembers(module, lambda m: hasattr(m, "nopython_signatures")):
            found[f"{member.__module__}.{member.__name__}"] = member
        for _, used in inspect.getmembers(module, inspect.ismodule):
            if used.__name__.startswith("freqpilot.features") and used not in modules:
                modules.append(used)
    return found


def warm() -> int:
    """Compile all kernels; return how many entry points are ready, those that nothing else calls.

    What only other kernels call is compiled into them.
    """
    steps = np.arange(CANDLES, dtype=np.int64)
    close = 100 * np.exp(0.01 * np.sin(steps / 7.0))
    hour = 3_600_000_000_000
    candles = Candles(steps * hour, close, close * 1.01, close * 0.99, close.copy(), close + 1)
    FeatureBank().compute(candles)
    evaluate([CLOSE], candles)
    barriers = targets.triple_barrier(candles, LabelSettings())
    targets.uniqueness(barriers.end)
    sampling.trend_scan(close, 5, 20)
    density = sampling.gaussian_log_likelihood(close, np.array([99.0, 101.0]), np.ones(2))
    sampling.forward_filter(density, np.full((2, 2), 0.5), np.full(2, 0.5))
    share = orderflow.bulk_buy_share(close, 20)
    orderflow.vpin(candles.volume, share, 100.0)
    orderflow.order_flow_imbalance(close, close, candles.high, close, 20)
    return sum(bool(d.signatures) for d in dispatchers().values())
