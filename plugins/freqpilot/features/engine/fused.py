"""Numba steps that join what would be several: each saves the cache a few columns to and fro.

The arithmetic and its order are those of the plain steps, and a NaN comes through as in them.
"""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


@njit(cache=True, nogil=True)
def total3(a: Floats, b: Floats, c: Floats, out: Floats) -> None:
    """Sum of three."""
    for i in range(out.shape[0]):
        out[i] = (a[i] + b[i]) + c[i]


@njit(cache=True, nogil=True)
def total4(a: Floats, b: Floats, c: Floats, d: Floats, out: Floats) -> None:
    """Sum of four."""
    for i in range(out.shape[0]):
        out[i] = (a[i] + b[i]) + (c[i] + d[i])


@njit(cache=True, nogil=True)
def highest4(a: Floats, b: Floats, c: Floats, d: Floats, out: Floats) -> None:
    """The highest of four; NaN where one is."""
    for i in range(out.shape[0]):
        p, q, r, s = a[i], b[i], c[i], d[i]
        one, two = p if p > q else q, r if r > s else s
        best = one if one > two else two
        # Without a branch, and all four at once: half the time of a question at each comparison.
        missing = np.isnan(p) | np.isnan(q) | np.isnan(r) | np.isnan(s)
        out[i] = np.nan if missing else best


@njit(cache=True, nogil=True)
def lowest4(a: Floats, b: Floats, c: Floats, d: Floats, out: Floats) -> None:
    """The lowest of four; NaN where one is."""
    for i in range(out.shape[0]):
        p, q, r, s = a[i], b[i], c[i], d[i]
        one, two = p if p < q else q, r if r < s else s
        best = one if one < two else two
        # Without a branch, and all four at once: half the time of a question at each comparison.
        missing = np.isnan(p) | np.isnan(q) | np.isnan(r) | np.isnan(s)
        out[i] = np.nan if missing else best


@njit(cache=True, nogil=True)
def mean3(a: Floats, b: Floats, c: Floats, out: Floats) -> None:
    """Mean of three, exact where they are the same."""
    half, third = 1.0 / 2.0, 1.0 / 3.0
    for i in range(out.shape[0]):
        pair = a[i] + (b[i] - a[i]) * half
        out[i] = pair + (c[i] - pair) * third


@njit(cache=True, nogil=True)
def typical(high: Floats, low: Floats, close: Floats, out: Floats) -> None:
    """Typical price."""
    third = 1.0 / 3.0
    for i in range(out.shape[0]):
        out[i] = third * (high[i] + low[i] + close[i])


@njit(cache=True, nogil=True)
def place(close: Floats, top: Floats, bottom: Floats, out: Floats) -> None:
    """Place between ``bottom`` and ``top``, −1…1; 0 where there is no room between them."""
    for i in range(out.shape[0]):
        above, room = 2.0 * close[i] - top[i] - bottom[i], top[i] - bottom[i]
        out[i] = above / room if room != 0.0 else above * 0.0


@njit(cache=True, nogil=True)
def flow(
    p: Floats, price: Floats, before: Floats, volume: Floats, out: Floats, size: Floats
) -> None:
    """Money flow with the sign of the price's change, and without; no change is no flow.

    ``p`` is the share of the price up to which a change is rounding.
    """
    rounding = p[0]
    for i in range(out.shape[0]):
        change, money = price[i] - before[i], price[i] * volume[i]
        moved = 1.0 if change > rounding * price[i] else change * 0.0
        moved = -1.0 if change < -(rounding * price[i]) else moved
        out[i] = money * moved
        size[i] = abs(money * moved)
