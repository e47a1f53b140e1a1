"""Numba kernel of the volume profile: at which prices a window's volume was traded."""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats

SHARE = 0.7
"""Share of the volume inside the value area."""


@njit(cache=True, nogil=True)
def _value_area(traded: Floats, most: int) -> tuple[int, int]:
    """Return the first and the last bin of the value area, grown from its fullest bin by the fuller
    neighbour, the upper one of equals, until it holds its share."""
    whole = 0.0
    for k in range(traded.shape[0]):
        whole += traded[k]
    low, high, inside = most, most, traded[most]
    while inside < SHARE * whole:
        below = traded[low - 1] if low > 0 else -1.0
        above = traded[high + 1] if high + 1 < traded.shape[0] else -1.0
        if below < 0.0 and above < 0.0:
            break
        if above >= below:
            high += 1
            inside += above
        else:
            low -= 1
            inside += below
    return low, high


@njit(cache=True, nogil=True)
def volume_profile(
    high: Floats, low: Floats, price: Floats, volume: Floats, window: int, bins: int
) -> Floats:
    """Three rows: the point of control and the lower and upper end of the value area of the last
    ``window`` candles, in price (Steidlmayer 1984).

    The range from the lowest low to the highest high is cut into ``bins``; a candle's volume counts
    at its ``price``. The point of control is the middle of the fullest bin, the lowest of equals.
    All three are the newest price where there is no range or no volume.
    """
    n = price.shape[0]
    out = np.full((3, n), np.nan)
    traded = np.zeros(bins)
    count = 0
    for i in range(n):
        known = np.isfinite(high[i] + low[i] + price[i] + volume[i])
        count = count + 1 if known else 0
        if count < window:
            continue
        begin = i - window + 1
        top, bottom = high[i], low[i]
        for j in range(begin, i):
            top, bottom = max(top, high[j]), min(bottom, low[j])
        out[0, i] = out[1, i] = out[2, i] = price[i]
        width = (top - bottom) / bins
        if not width > 0.0:
            continue
        traded[:] = 0.0
        for j in range(begin, i + 1):
            place = int((price[j] - bottom) / width)
            traded[min(max(place, 0), bins - 1)] += max(volume[j], 0.0)
        most = 0
        for k in range(1, bins):
            if traded[k] > traded[most]:
                most = k
        if traded[most] > 0.0:
            first, last = _value_area(traded, most)
            out[0, i] = bottom + (most + 0.5) * width
            out[1, i], out[2, i] = bottom + first * width, bottom + (last + 1) * width
    return out
