"""Numba kernels for swings: local extremes, known only once the candles behind them have closed.

All look at the last ``lookback`` candles and at nothing before, so they forget any origin exactly.
A NaN gives NaN (``UNSETTLED`` for a row number) and starts the kernel anew behind it.
"""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats, Ints

NONE = -1
"""Row number where the lookback holds no swing."""
UNSETTLED = -2
"""Row number until there are ``lookback`` candles without a gap."""


@njit(cache=True, nogil=True)
def is_swing(x: Floats, row: int, order: int, sign: float) -> bool:
    """Tell whether ``x[row]`` is no lower than the ``order`` values before it and higher than the
    ``order`` values after it (``sign`` −1: the mirror image). Of a plateau only its last value is;
    all of these values have to be there."""
    value = x[row] * sign
    for j in range(1, order + 1):
        if x[row - j] * sign > value or x[row + j] * sign >= value:
            return False
    return True


@njit(cache=True, nogil=True)
def last_swings(x: Floats, order: int, lookback: int, sign: float) -> tuple[Ints, Ints]:
    """Rows of the last and the last but one swing high (``sign`` 1) or low (``sign`` −1).

    A swing (the fractal of B. Williams, Trading Chaos, 1995, for ``order`` 2) is the extreme of
    ``order`` values on both sides, hence confirmed only ``order`` rows later: row ``i`` names none
    after ``i − order``. All values that it is judged by lie in the ``lookback`` rows up to ``i``.
    """
    n = x.shape[0]
    last, before = np.full(n, UNSETTLED), np.full(n, UNSETTLED)
    count, newest, older = 0, NONE, NONE
    for i in range(n):
        if not np.isfinite(x[i]):
            count, newest, older = 0, NONE, NONE
            continue
        count += 1
        if count > 2 * order and is_swing(x, i - order, order, sign):
            newest, older = i - order, newest
        if count < lookback:
            continue
        oldest = i - lookback + 1 + order
        last[i] = newest if newest >= oldest else NONE
        before[i] = older if older >= oldest else NONE
    return last, before


@njit(cache=True, nogil=True)
def value_at(x: Floats, row: Ints, otherwise: Floats) -> Floats:
    """``x[row[i]]``; ``otherwise[i]`` where the row is ``NONE``, NaN where it is ``UNSETTLED``."""
    out = np.full(row.shape[0], np.nan)
    for i in range(row.shape[0]):
        if row[i] >= 0:
            out[i] = x[row[i]]
        elif row[i] == NONE:
            out[i] = otherwise[i]
    return out


@njit(cache=True, nogil=True)
def swing_age(row: Ints, lookback: int) -> Floats:
    """Candles since ``row`` as a share of ``lookback``; 1 where there is none."""
    out = np.full(row.shape[0], np.nan)
    for i in range(row.shape[0]):
        if row[i] >= 0:
            out[i] = (i - row[i]) / lookback
        elif row[i] == NONE:
            out[i] = 1.0
    return out


@njit(cache=True, nogil=True)
def retracement(close: Floats, bottom: Floats, top: Floats, flat: float) -> Floats:
    """Place of the close between ``bottom`` (0) and ``top`` (1), kept within −1…2; 0.5 where the
    top does not lie above the bottom by more than ``flat`` of the close.

    The levels of Fibonacci retracement are places on this scale: 0.236, 0.382, 0.5, 0.618, 0.786
    (R. Fischer, Fibonacci Applications and Strategies for Traders, 1993)."""
    out = np.full(close.shape[0], np.nan)
    for i in range(close.shape[0]):
        if not (np.isfinite(close[i]) and np.isfinite(bottom[i]) and np.isfinite(top[i])):
            continue
        width = top[i] - bottom[i]
        if width > flat * abs(close[i]):
            out[i] = min(max((close[i] - bottom[i]) / width, -1.0), 2.0)
        else:
            out[i] = 0.5
    return out


@njit(cache=True, nogil=True)
def divergence(
    price: Floats, oscillator: Floats, last: Ints, before: Ints, lookback: int, sign: float
) -> Floats:
    """Strength of the regular divergence between the last two swings, 0 where there is none.

    Swing highs (``sign`` 1): the price rose from one to the other and the oscillator fell, by this
    much. Swing lows (``sign`` −1): the price fell and the oscillator rose (Wilder 1978). Greater
    than 0 is the flag; a bare flag would flip on the oscillator's last digit. NaN until the
    oscillator has been there for ``lookback`` rows.
    """
    n = price.shape[0]
    out = np.full(n, np.nan)
    count = 0
    for i in range(n):
        count = count + 1 if np.isfinite(oscillator[i]) else 0
        if count < lookback or last[i] == UNSETTLED:
            continue
        out[i] = 0.0
        a, b = before[i], last[i]
        if a >= 0 and price[b] * sign > price[a] * sign:
            out[i] = max((oscillator[a] - oscillator[b]) * sign, 0.0)
    return out


@njit(cache=True, nogil=True)
def valley_depth(peak: Floats, valley: Floats, first: int, second: int, sign: float) -> float:
    """How far ``valley`` went below the lower of two peaks (``sign`` −1: above the higher)."""
    level = min(peak[first] * sign, peak[second] * sign)
    deepest = valley[first] * sign
    for j in range(first + 1, second + 1):
        deepest = min(deepest, valley[j] * sign)
    return float(level - deepest)


@njit(cache=True, nogil=True)
def double_extreme(
    peak: Floats, valley: Floats, last: Ints, before: Ints, unit: Floats, sign: float
) -> Floats:
    """Score 0…1 of a double top (``sign`` 1: peaks in the highs, valley in the lows) or bottom.

    1 less the peaks' difference in units, times the valley's depth over three units, each within
    0…1: two equal peaks with a valley of three ATRs score 1 (after the pattern of R. Edwards and
    J. Magee, Technical Analysis of Stock Trends, 1948; the measure is ours).
    """
    n = peak.shape[0]
    out = np.full(n, np.nan)
    depth, known_last, known_before = 0.0, NONE, NONE
    for i in range(n):
        a, b = before[i], last[i]
        if b == UNSETTLED or not np.isfinite(unit[i]):
            continue
        out[i] = 0.0
        if a < 0 or unit[i] <= 0.0:
            continue
        if b != known_last or a != known_before:
            depth, known_last, known_before = valley_depth(peak, valley, a, b, sign), b, a
        alike = max(1.0 - abs(peak[b] - peak[a]) / unit[i], 0.0)
        out[i] = alike * min(depth / (3.0 * unit[i]), 1.0)
    return out


@njit(cache=True, nogil=True)
def steps(x: Floats, last: Ints, before: Ints) -> Floats:
    """1 where the last swing lies above the one before it, −1 below, 0 level or not both there."""
    n = x.shape[0]
    out = np.full(n, np.nan)
    for i in range(n):
        if last[i] == UNSETTLED:
            continue
        out[i] = np.sign(x[last[i]] - x[before[i]]) if before[i] >= 0 else 0.0
    return out


@njit(cache=True, nogil=True)
def previous_day(
    day: Floats, high: Floats, low: Floats, close: Floats, lookback: int
) -> tuple[Floats, Floats, Floats]:
    """High, low and close of the last traded day before each candle's own (``day``: its number).

    The candle's own close three times where that day, and a candle before it to show that it is
    whole, do not fit into the last ``lookback`` candles. NaN before there are that many.
    """
    n = close.shape[0]
    top, bottom, end = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    count, begin, old_begin = 0, 0, 0
    highest = lowest = old_highest = old_lowest = old_close = 0.0
    for i in range(n):
        if not (np.isfinite(high[i]) and np.isfinite(low[i]) and np.isfinite(close[i])):
            count = 0
            continue
        count += 1
        if count == 1:
            begin, old_begin, highest, lowest = i, -1, high[i], low[i]
        elif day[i] != day[i - 1]:
            old_begin, old_highest, old_lowest, old_close = begin, highest, lowest, close[i - 1]
            begin, highest, lowest = i, high[i], low[i]
        else:
            highest, lowest = max(highest, high[i]), min(lowest, low[i])
        if count < lookback:
            continue
        if old_begin - 1 > i - lookback:
            top[i], bottom[i], end[i] = old_highest, old_lowest, old_close
        else:
            top[i] = bottom[i] = end[i] = close[i]
    return top, bottom, end
