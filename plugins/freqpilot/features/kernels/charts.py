"""Numba kernels of chart patterns: five alternating swings, and flags. Scores are 0…1.

All depend on the last ``lookback`` candles alone, bit by bit; a NaN starts them anew behind it.
"""

import numpy as np
from numba import njit

from freqpilot.features.kernels.swings import is_swing
from freqpilot.shapes import Floats, Ints

EXTREMA = 5
POLE, POLE_REACH = 3.0, 10
"""Least height of a flag's pole in units, and the candles that it rises in at most."""
FLAG_LEAST, FLAG_MOST = 5, 20
"""Candles that a flag has behind its pole."""
RETRACED = 0.5
"""Share of the pole that a flag gives back at most."""


@njit(cache=True, nogil=True)
def _alternating(
    rows: Ints, prices: Floats, sides: Floats, count: int, oldest: int, found: Floats
) -> int:
    """Write the last five extremes, highs and lows in turn, oldest first, to ``found``; return the
    oldest row read, −1 where there are not five. Of swings of one side behind one another the most
    extreme counts."""
    k, row = count - 1, -1
    for place in range(EXTREMA - 1, -1, -1):
        if k < 0 or rows[k] < oldest:
            return -1
        side, extreme = sides[k], prices[k]
        while k >= 0 and rows[k] >= oldest and sides[k] == side:
            extreme = max(extreme * side, prices[k] * side) * side
            row = rows[k]
            k -= 1
        found[place] = extreme
    return row


@njit(cache=True, nogil=True)
def _alike(a: float, b: float, unit: float) -> float:
    return max(1.0 - abs(a - b) / unit, 0.0)


@njit(cache=True, nogil=True)
def _apart(step: float, unit: float) -> float:
    return min(max(step / unit, 0.0), 1.0)


@njit(cache=True, nogil=True)
def _head_and_shoulders(e: Floats, unit: float) -> float:
    """Score of five extremes that begin with a high."""
    head = _apart(e[2] - max(e[0], e[4]), unit)
    if min(e[0], e[4]) <= max(e[1], e[3]):
        return 0.0
    return head * _alike(e[0], e[4], unit) * _alike(e[1], e[3], unit)


@njit(cache=True, nogil=True)
def _lines(e: Floats, first: float, unit: float) -> tuple[float, float, float, float]:
    """How flat and how falling the line of the highs is, and how flat and how rising that of the
    lows, each 0…1; ``first`` is the side of the first extreme. All 0 where the lines have met."""
    # Three extremes on the side of the first, two on the other.
    outer = max(e[0], e[2], e[4]) - min(e[0], e[2], e[4])
    flat3, flat2 = max(1.0 - outer / unit, 0.0), _alike(e[1], e[3], unit)
    step3 = min((e[0] - e[2]) * first, (e[2] - e[4]) * first)
    closing3, closing2 = _apart(step3, unit), _apart((e[3] - e[1]) * first, unit)
    if min(e[0] * first, e[2] * first, e[4] * first) <= max(e[1] * first, e[3] * first):
        return 0.0, 0.0, 0.0, 0.0
    if first > 0.0:
        return flat3, closing3, flat2, closing2
    return flat2, closing2, flat3, closing3


@njit(cache=True, nogil=True)
def _scores(e: Floats, first: float, unit: float, out: Floats) -> None:
    out[:] = 0.0
    if not unit > 0.0:
        return
    if first > 0.0:
        out[0] = _head_and_shoulders(e, unit)
    else:
        out[1] = _head_and_shoulders(-e, unit)
    flat_top, falling, flat_bottom, rising = _lines(e, first, unit)
    out[2], out[3], out[4] = flat_top * rising, flat_bottom * falling, falling * rising


@njit(nogil=True)
def extrema_patterns(high: Floats, low: Floats, unit: Floats, order: int, lookback: int) -> Floats:
    """Five rows: scores of head and shoulders, its inverse, and the ascending, the descending and
    the symmetrical triangle in the last five alternating swings.

    The definitions are those of A. Lo, H. Mamaysky and J. Wang, Foundations of Technical Analysis,
    2000, section II.A, with tolerances in units instead of per cent: extremes that should be alike
    lose 1 a unit of difference, those that should rise or fall gain 1 a unit, and a score is the
    product of its parts. Head and shoulders: shoulders alike, lows alike, the head above. Triangles
    close on one side or both (the flat ones: T. Bulkowski, Encyclopedia of Chart Patterns, 2005).
    The unit is that of the candle which confirmed the last swing, ``order`` candles behind it. A
    candle that is a swing on both sides counts as none.
    """
    n = high.shape[0]
    out = np.full((EXTREMA, n), np.nan)
    rows, prices, sides = np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    found, scores = np.zeros(EXTREMA), np.zeros(EXTREMA)
    swings, count, read = 0, 0, -1
    for i in range(n):
        if not np.isfinite(high[i] + low[i] + unit[i]):
            swings, count, read = 0, 0, -1
            scores[:] = 0.0
            continue
        count += 1
        fresh = False
        if count > 2 * order:
            row = i - order
            top, bottom = is_swing(high, row, order, 1.0), is_swing(low, row, order, -1.0)
            fresh = top != bottom
            if fresh:
                rows[swings], sides[swings] = row, 1.0 if top else -1.0
                prices[swings] = high[row] if top else low[row]
                swings += 1
        if count < lookback:
            continue
        oldest = i - lookback + 1 + order
        if fresh or count == lookback or 0 <= read < oldest:
            scores[:] = 0.0
            read = _alternating(rows, prices, sides, swings, oldest, found)
            if read >= 0:
                _scores(found, sides[swings - 1], unit[rows[swings - 1] + order], scores)
        out[:, i] = scores
    return out


@njit(cache=True, nogil=True)
def _top(high: Floats, begin: int, end: int, sign: float) -> int:
    """Row of the highest high from ``begin`` to ``end``, the last of equals."""
    row = begin
    for j in range(begin, end + 1):
        if high[j] * sign >= high[row] * sign:
            row = j
    return row


@njit(cache=True, nogil=True)
def flag(high: Floats, low: Floats, unit: Floats, sign: float) -> Floats:
    """Score of a bull flag (``sign`` 1), or a bear flag with lows as ``high`` and highs as ``low``.

    The pole rises to the highest high of the last ``FLAG_MOST`` + 1 candles, which the
    ``POLE_REACH`` before it do not exceed, from the lowest low of these; the flag is what came
    since, at least ``FLAG_LEAST`` candles. The score is how far the pole is above ``POLE`` units,
    in as many again, times 1 less the share that the flag gave back over ``RETRACED``, each within
    0…1. The unit is that of the pole's first candle. After T. Bulkowski, Encyclopedia of Chart
    Patterns, 2005; the measure is ours.
    """
    n = high.shape[0]
    out = np.full(n, np.nan)
    count, top, known = 0, -1, -1
    foot = bottom = height = 0.0
    for i in range(n):
        if not np.isfinite(high[i] + low[i] + unit[i]):
            count, top, known = 0, -1, -1
            continue
        count += 1
        if count <= FLAG_MOST + POLE_REACH:
            continue
        if top >= i - FLAG_MOST and high[i] * sign < high[top] * sign:
            bottom = min(bottom, low[i] * sign)
        else:
            top = _top(high, i - FLAG_MOST, i, sign)
            bottom = np.inf
            for j in range(top + 1, i + 1):
                bottom = min(bottom, low[j] * sign)
        out[i] = 0.0
        if i - top < FLAG_LEAST:
            continue
        if top != known:
            known = top
            base = _top(low, top - POLE_REACH, top - 1, -sign)
            foot = high[top] * sign - low[base] * sign
            # A candle that only slid into the lookback's top lies below those before it.
            highest = _top(high, top - POLE_REACH, top, sign) == top
            height = foot / unit[base] if highest and unit[base] > 0.0 else 0.0
        if height > POLE:
            given = (high[top] * sign - bottom) / (RETRACED * foot)
            out[i] = min(height / POLE - 1.0, 1.0) * max(1.0 - given, 0.0)
    return out
