"""Rolling rank, exact, in blocks: a block's values get cells, small whole numbers in their order,
which are cheap to compare.

NaN and results, bit by bit, as in :mod:`freqpilot.features.kernels.windows`.
"""

from typing import Any

import numpy as np
from numba import njit

from freqpilot.features.kernels.ordering import (
    DIGITS,
    HALF,
    LINEAR,
    block_rows,
    finite_run,
    least_rows,
    place_in_cells,
    sort,
)
from freqpilot.shapes import Floats

_CELLS = 32768  # as many as an int16 can tell apart, without a sign


@njit(cache=True, nogil=True)
def _chain(cell: Any, size: int, window: int, last: Any, base: int, before: Any) -> int:
    """For each value, the one before it in its cell (−1: none in the window); how many have one.
    ``last`` holds, by cell, the newest place so far plus ``base``, which outdates older ones."""
    shared = 0
    for i in range(size):
        j = last[cell[i]] - base
        last[cell[i]] = base + i
        inside = j >= 0 and i - j < window
        before[i] = j if inside else -1
        shared += inside
    return shared


@njit(cache=True, nogil=True)
def _add_below(cell: Any, begin: int, size: int, lags: int, below: Any) -> None:
    """Count the ``lags`` cells before each of ``size`` ones that are smaller."""
    below[:size] = 0
    own, count = cell[begin : begin + size], below[:size]
    lag = 1
    while lag + 7 <= lags:
        a, b = cell[begin - lag :], cell[begin - lag - 1 :]
        c, d = cell[begin - lag - 2 :], cell[begin - lag - 3 :]
        e, f = cell[begin - lag - 4 :], cell[begin - lag - 5 :]
        g, h = cell[begin - lag - 6 :], cell[begin - lag - 7 :]
        for i in range(size):
            count[i] += (
                np.int16(a[i] < own[i])
                + np.int16(b[i] < own[i])
                + np.int16(c[i] < own[i])
                + np.int16(d[i] < own[i])
                + np.int16(e[i] < own[i])
                + np.int16(f[i] < own[i])
                + np.int16(g[i] < own[i])
                + np.int16(h[i] < own[i])
            )
        lag += 8
    while lag + 3 <= lags:
        a, b = cell[begin - lag :], cell[begin - lag - 1 :]
        c, d = cell[begin - lag - 2 :], cell[begin - lag - 3 :]
        for i in range(size):
            count[i] += (
                np.int16(a[i] < own[i])
                + np.int16(b[i] < own[i])
                + np.int16(c[i] < own[i])
                + np.int16(d[i] < own[i])
            )
        lag += 4
    while lag <= lags:
        a = cell[begin - lag :]
        for i in range(size):
            count[i] += np.int16(a[i] < own[i])
        lag += 1


@njit(cache=True, nogil=True)
def _classes(part: Floats, size: int, order: Any, cell: Any) -> None:
    """Number the different values in their order."""
    own = 0
    for k in range(size):
        if k > 0 and part[order[k]] != part[order[k - 1]]:
            own += 1
        cell[order[k]] = own


@njit(cache=True, nogil=True)
def _add_equal(cell: Any, size: int, window: int, counts: Any, twice: Any) -> None:
    """Add, from the first whole window on, the equal ones among the others."""
    counts[:size] = 0
    for i in range(size):
        if i >= window:
            counts[cell[i - window]] -= 1
        if i >= window - 1:
            twice[i - window + 1] += counts[cell[i]]
        counts[cell[i]] += 1


@njit(cache=True, nogil=True)
def _add_shared(part: Floats, size: int, window: int, before: Any, twice: Any) -> None:
    """Add what the values in the same cells count."""
    for i in range(window - 1, size):
        j = before[i]
        while j >= 0 and i - j < window:
            twice[i - window + 1] += 2 * (part[j] < part[i]) + (part[j] == part[i])
            j = before[j]


@njit(nogil=True)
def rolling_rank(x: Floats, window: int) -> Floats:
    """:func:`freqpilot.features.kernels.windows.rolling_rank` for a window of 2…4096: cells of the
    values are counted, values that share a cell compared; a block where many do is sorted."""
    n = x.shape[0]
    out = np.full(n, np.nan)
    if n < window:
        return out
    room = min(2 * least_rows(window) + window - 1, n)
    part, keys, cell = np.empty(room), np.empty(room, np.int64), np.empty(room, np.int16)
    before, fine = np.empty(room, np.int32), np.empty(room, np.uint32)
    order, other = np.empty(room, np.uint32), np.empty(room, np.uint32)
    below, twice = np.empty(room, np.int16), np.empty(room, np.int32)
    counts, last = np.empty((2, 1 << HALF), np.uint32), np.full(_CELLS, -1, np.int32)
    kind, way_sorted, base, block, end = LINEAR, LINEAR, 0, 0, 0
    while end < n:
        begin, end = finite_run(x, end)
        step = block_rows(end - begin - window + 1, window)
        for first in range(begin + window - 1, end, step):
            outs = min(step, end - first)
            size = outs + window - 1
            part[:size] = x[first - window + 1 : first + outs]
            few, block = False, block + 1
            for attempt in range(2):
                way = (kind ^ attempt) & 1
                if kind == DIGITS and block % 8:
                    break
                if place_in_cells(part, size, _CELLS, way, keys, cell):
                    few = 16 * _chain(cell, size, window, last, base, before) < size
                    base += size
                if few:
                    kind = way
                    break
            if not few:
                kind = DIGITS
                way_sorted = sort(part, size, way_sorted, keys, fine, counts, order, other)
                _classes(part, size, order, cell)
            _add_below(cell, window - 1, outs, window - 1, below)
            for i in range(outs):
                twice[i] = 2 * below[i]
            if few:
                _add_shared(part, size, window, before, twice)
            else:
                _add_equal(cell, size, window, order, twice)
            for i in range(outs):
                out[first + i] = 0.5 * twice[i] / (window - 1)
    return out
