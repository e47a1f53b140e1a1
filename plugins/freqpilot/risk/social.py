"""Attention to a coin: how unusual the newest count of mentions is (pure)."""

import numpy as np

from freqpilot.shapes import Floats


def spike(counts: Floats, min_history: int) -> float:
    """Return the z-score of the last count against those before it.

    NaN with fewer than ``min_history`` before it, or when those never changed: what is unusual
    cannot be told then. The last count is not part of its own measure.
    """
    if counts.size <= min_history or not np.isfinite(counts).all():
        return float("nan")
    past = counts[:-1]
    spread = float(past.std(ddof=1)) if past.size > 1 else 0.0
    return (float(counts[-1]) - float(past.mean())) / spread if spread > 0 else float("nan")


def growth(now: float, before: float) -> float:
    """Return by which share a count has grown (5.0 is +500 %), NaN without a count before."""
    return now / before - 1.0 if before > 0 else float("nan")
