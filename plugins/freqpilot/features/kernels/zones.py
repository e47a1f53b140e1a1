"""Numba kernel of supply and demand zones: the quiet candles that impulsive moves left from."""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats

REACH = 3
"""Candles within which the move has to leave its base."""
IMPULSE = 2.0
"""Units between the base and the close that confirms the move."""
BASE = 1.0
"""Units that the range of a base has at most."""


@njit(cache=True, nogil=True)
def _leaves(high: Floats, low: Floats, close: Floats, unit: Floats, base: int, row: int) -> int:
    """1 or −1 where ``row`` is the first to close an impulse above or below ``base``, else 0."""
    side = 0
    for j in range(base + 1, row + 1):
        if side != 0:
            return 0
        if close[j] - high[base] >= IMPULSE * unit[base]:
            side = 1
        elif low[base] - close[j] >= IMPULSE * unit[base]:
            side = -1
    return side


@njit(cache=True, nogil=True)
def supply_demand(
    high: Floats, low: Floats, close: Floats, unit: Floats, lookback: int, far: float
) -> Floats:
    """Three rows: distance of the close from the nearest demand zone in units, 0…``far``; from the
    nearest supply zone, −``far``…0; whether it lies in one of demand (1), of supply (−1), else 0.

    A zone is the range of a base: a candle of at most ``BASE`` units (that of the candle), from
    which one of the next ``REACH`` candles closed at least ``IMPULSE`` units above its high
    (demand) or below its low (supply). It counts from that close on, until a close beyond its far
    side, and as long as the base is in the last ``lookback`` candles. ± ``far`` where there is
    none. After S. Seiden's supply and demand trading; the measures are ours.
    """
    n = close.shape[0]
    out = np.full((3, n), np.nan)
    bases, sides = np.zeros(lookback + REACH, np.int64), np.zeros(lookback + REACH)
    alive, count = 0, 0
    for i in range(n):
        if not np.isfinite(high[i] + low[i] + close[i] + unit[i]):
            alive = count = 0
            continue
        count += 1
        kept = 0
        for k in range(alive):
            base, side = bases[k], sides[k]
            held = close[i] >= low[base] if side > 0 else close[i] <= high[base]
            if held and base > i - lookback:
                bases[kept], sides[kept] = base, side
                kept += 1
        alive = kept
        for base in range(max(i - REACH, i - count + 1), i):
            if 0.0 < high[base] - low[base] <= BASE * unit[base]:
                side = _leaves(high, low, close, unit, base, i)
                if side != 0:
                    bases[alive], sides[alive] = base, side
                    alive += 1
        if count < lookback:
            continue
        below = above = np.inf
        for k in range(alive):
            base = bases[k]
            if sides[k] > 0:
                below = min(below, close[i] - high[base])
            else:
                above = min(above, low[base] - close[i])
        up, down = 1.0 if below <= 0.0 else 0.0, 1.0 if above <= 0.0 else 0.0
        scale = unit[i]
        out[0, i] = min(max(below, 0.0) / scale, far) if scale > 0.0 else far
        out[1, i] = -min(max(above, 0.0) / scale, far) if scale > 0.0 else -far
        out[2, i] = up - down
    return out
