"""Numba kernel of the session's VWAP."""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


@njit(cache=True, nogil=True)
def session_vwap(
    day: Floats, price: Floats, volume: Floats, otherwise: Floats, lookback: int
) -> Floats:
    """Volume-weighted mean of ``price`` since the first candle of the day (``day``: its number).

    ``otherwise`` where the day has no volume yet, or its first candle and one before it, which
    shows that it is the first, do not lie in the last ``lookback`` candles. Distances from the
    day's first price are summed: nothing is lost to the price's level.
    """
    n = price.shape[0]
    out = np.full(n, np.nan)
    count, begin = 0, -1
    weights = moved = 0.0
    for i in range(n):
        if not np.isfinite(price[i] + volume[i] + otherwise[i]):
            count = 0
            continue
        count += 1
        if count == 1:
            begin = -1
        elif day[i] != day[i - 1]:
            begin, weights, moved = i, 0.0, 0.0
        if begin >= 0:
            weight = max(volume[i], 0.0)
            weights += weight
            moved += weight * (price[i] - price[begin])
        if count < lookback:
            continue
        known = begin > i - lookback + 1 and begin >= 0 and weights > 0.0
        out[i] = price[begin] + moved / weights if known else otherwise[i]
    return out
