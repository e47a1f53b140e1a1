"""How much longer a pair rests after a loss when its market is fast."""

import math

import numpy as np

from freqpilot.risk.book.correlation import log_returns
from freqpilot.shapes import Floats, Ints

DAY_SECONDS = 86_400


def volatility_ratio(opened: Ints, close: Floats, step: int, now: float) -> float:
    """Return the volatility of the last day over that of the last week: the deviations of the log
    returns of candles that are closed at ``now``.

    NaN when it cannot be told: a figure is missing, the newest candle is older than two steps, or
    a third of the candles of the day or week is.

    :param opened: when each candle opened, in seconds since the epoch, oldest first.
    :param step: length of a candle in seconds, a quarter of a day at most.
    """
    known = opened + step <= now
    opened, close = opened[known], close[known]
    if not len(opened) or now - (opened[-1] + step) > 2 * step or 4 * step > DAY_SECONDS:
        return math.nan
    times, returns = log_returns(opened, close, step)
    found = []
    for days in (1, 7):
        part = returns[times > opened[-1] - days * DAY_SECONDS]
        if len(part) * 3 < 2 * days * DAY_SECONDS // step:
            return math.nan
        found.append(float(np.std(part)))
    day, week = found
    if not (math.isfinite(day) and math.isfinite(week)):
        return math.nan
    return day / week if week > 0 else 1.0  # nothing moved at all


def cooldown_factor(
    ratio: float, high: float, extreme: float, high_factor: float, extreme_factor: float
) -> float:
    """Return what a cooldown is multiplied by: 1, or more above the ``high`` ratio, or most above
    the ``extreme`` one and when the ratio is not known."""
    if not ratio <= extreme:
        return extreme_factor
    return high_factor if ratio > high else 1.0
