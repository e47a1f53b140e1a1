"""How far a pair's price goes in a day: the average true range of its closed daily candles."""

import math
from typing import NamedTuple

import numpy as np

from freqpilot.shapes import Floats, Ints

DAY = 86_400
LEAST = 7
"""Days whose range is known that an average needs; with fewer it says nothing."""
STALE = 3
"""Days after which the newest candle says nothing of a pair's range any more."""


class Bars(NamedTuple):
    """Closed candles of one pair: open times in seconds since the epoch, ascending; prices in its
    quote currency."""

    date: Ints
    high: Floats
    low: Floats
    close: Floats


NONE = Bars(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0), np.empty(0))


def daily(bars: Bars) -> Bars:
    """Return candles as those of the days (UTC) in which they open."""
    if not len(bars.date):
        return NONE
    days = bars.date // DAY
    first = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    last = np.append(first[1:], len(days)) - 1
    return Bars(
        days[first] * DAY,
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
    )


def atr_share(days: Bars, end: int, period: int) -> float:
    """Return the mean true range of the last ``period`` days before ``end`` as a share of the last
    close; NaN where fewer than :data:`LEAST` are known, or the newest is :data:`STALE` days old.

    The true range is that of J. W. Wilder, New Concepts in Technical Trading Systems (1978); the
    mean is a plain one, so that it does not depend on where the history begins.

    :param end: in seconds since the epoch; what opens at it or later is not looked at.
    """
    count = int(np.searchsorted(days.date, end))
    first = max(0, count - period - 1)
    high, low, close = (each[first:count] for each in days[1:])
    if len(close) <= LEAST or days.date[count - 1] < end - STALE * DAY:
        return math.nan
    ranges = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    last = float(close[-1])
    share = float(ranges.mean()) / last if last > 0 else math.nan
    return share if math.isfinite(share) and share > 0 else math.nan
