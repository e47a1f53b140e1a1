"""Attention to a coin: how unusual the newest count of mentions is (pure)."""

import numpy as np

from freqpilot.facts.join import HOUR
from freqpilot.shapes import Floats, Ints


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


def day_growth(event: Ints, value: Floats) -> float:
    """Return the growth of the newest value over the last one a day or more before it, which may be
    two days before it at most; NaN without one.

    :param event: when each value happened, in microseconds, rising.
    """
    if not value.size:
        return float("nan")
    before = int(event[-1]) - 24 * HOUR
    place = int(np.searchsorted(event, before, side="right")) - 1
    if place < 0 or event[place] < before - 24 * HOUR:
        return float("nan")
    return growth(float(value[-1]), float(value[place]))
