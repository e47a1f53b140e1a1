"""Numba kernels of single indicators that are no sum, mean or extreme: moves and Supertrend.

All give NaN until they have settled. A NaN in the input gives NaN and starts the kernel anew
behind it, so one bad candle never poisons what comes later.
"""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


@njit(cache=True, nogil=True)
def directional_moves(high: Floats, low: Floats, up: bool) -> Floats:
    """Wilder's +DM (``up``) or −DM."""
    out = np.full(high.shape[0], np.nan)
    for i in range(1, high.shape[0]):
        rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
        if not (np.isfinite(rise) and np.isfinite(fall)):
            continue
        if up:
            out[i] = rise if rise > fall and rise > 0 else 0.0
        else:
            out[i] = fall if fall > rise and fall > 0 else 0.0
    return out


@njit(cache=True, nogil=True)
def _supertrend_at(
    middle: Floats, close: Floats, offset: Floats, begin: int, end: int
) -> tuple[float, int]:
    """Close − Supertrend at ``end`` with bands begun at ``begin``, and the trend (0: none)."""
    upper, lower = middle[begin] + offset[begin], middle[begin] - offset[begin]
    trend = 0
    for j in range(begin + 1, end + 1):
        above, below = middle[j] + offset[j], middle[j] - offset[j]
        if above < upper or close[j - 1] > upper:
            upper = above
        if below > lower or close[j - 1] < lower:
            lower = below
        if close[j] > upper:
            trend = 1
        elif close[j] < lower:
            trend = -1
    if trend == 0:
        return 0.0, 0
    return close[end] - (lower if trend > 0 else upper), trend


@njit(cache=True, nogil=True)
def supertrend_distance(
    high: Floats, low: Floats, close: Floats, offset: Floats, window: int
) -> Floats:
    """Close − Supertrend (Seban 2009) with its bands begun anew ``window`` candles ago, at
    ``offset`` from the middle of the candle; 0 where no band was broken in that window. Seban's
    own recurrence may remember its first candle for ever; this one cannot."""
    out = np.full(close.shape[0], np.nan)
    middle = 0.5 * (high + low)
    count = 0
    for i in range(close.shape[0]):
        known = np.isfinite(middle[i]) and np.isfinite(close[i]) and np.isfinite(offset[i])
        count = count + 1 if known else 0
        if count >= window:
            out[i] = _supertrend_at(middle, close, offset, i - window + 1, i)[0]
    return out
