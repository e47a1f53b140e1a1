"""Rolling quantiles, exact, in blocks: a window is a set of bits in the order of its block.

NaN and results, bit by bit, as in :mod:`freqpilot.features.kernels.windows`.
"""

from typing import Any

import numpy as np
from numba import njit
from numba.cpython.unsafe.numbers import leading_zeros, trailing_zeros

from freqpilot.features.kernels.ordering import (
    HALF,
    LINEAR,
    block_rows,
    finite_run,
    least_rows,
    sort,
)
from freqpilot.shapes import Floats

# Their stubs miss that Numba fills in the first argument.
_trailing: Any = trailing_zeros
_leading: Any = leading_zeros
_ONE, _SIX, _LAST, _ALL = np.uint64(1), np.uint64(6), np.uint64(63), np.uint64(2**64 - 1)


@njit(cache=True, nogil=True)
def _after(words: Any, place: Any) -> Any:
    """The member after ``place``; there must be one."""
    w = (place + _ONE) >> _SIX
    word = words[w] & (_ALL << ((place + _ONE) & _LAST))
    while word == 0:
        w += _ONE
        word = words[w]
    return (w << _SIX) + _trailing(word)


@njit(cache=True, nogil=True)
def _ahead(words: Any, place: Any) -> Any:
    """The member ahead of ``place``; there must be one."""
    w = place >> _SIX
    word = words[w] & ~(_ALL << (place & _LAST))
    while word == 0:
        w -= _ONE
        word = words[w]
    return (w << _SIX) + (_LAST - _leading(word))


@njit(cache=True, nogil=True)
def _move(words: Any, low: Any, up: Any, down: Any, old: Any, new: Any) -> Any:
    """Take ``new`` in and ``old`` out; return the member that has as many below it as ``low`` had,
    which is between ``down`` and ``up``. Without a branch: the moves of a quantile of noise cannot
    be foretold."""
    words[new >> _SIX] |= _ONE << (new & _LAST)
    words[old >> _SIX] &= ~(_ONE << (old & _LAST))
    up = new if (new > low) & (new < up) else up
    down = new if (new < low) & (new > down) else down
    rises = np.uint64(old <= low) & np.uint64(new > low)
    falls = np.uint64(old >= low) & np.uint64(new < low)
    return low + rises * (up - low) - falls * (low - down)


@njit(cache=True, nogil=True)
def _begin(words: Any, places: Any, window: int, size: int, below: int) -> Any:
    """Make ``words`` the first window of ``places``; return its member with ``below`` below it."""
    # A member below all and one above all: both searches always find one.
    words[:] = 0
    words[0] = _ONE
    words[(size + 64) >> 6] = _ONE << np.uint64(size & 63)
    for i in range(window):
        words[places[i] >> _SIX] |= _ONE << (places[i] & _LAST)
    low = np.uint64(0)
    for _ in range(below + 1):
        low = _after(words, low)
    return low


@njit(cache=True, nogil=True)
def _follow(
    words: Any,
    places: Any,
    size: int,
    window: int,
    ordered: Floats,
    below: int,
    rest: float,
    out: Floats,
) -> None:
    """Write a quantile of each window of ``places``: it is ``rest`` of the way from the member with
    ``below`` members below it to the next. Both halves of the windows at once, each with a set of
    its own: a step waits for the one before, and the halves do not wait for each other."""
    half = (out.shape[0] + 1) // 2
    other = out.shape[0] - half
    a, b, last = words[0], words[1], below >= window - 1
    low = _begin(a, places, window, size, below)
    far = _begin(b, places[other:], window, size, below)
    olds, news, row = places[:half], places[window : window + half], out[:half]
    olds_b, news_b = places[other : other + half], places[other + window :]
    row_b = out[other:]
    for i in range(half):
        up, up_b = _after(a, low), _after(b, far)
        down, down_b = _ahead(a, low), _ahead(b, far)
        value, value_b = ordered[low], ordered[far]
        row[i] = value + ((value if last else ordered[up]) - value) * rest
        row_b[i] = value_b + ((value_b if last else ordered[up_b]) - value_b) * rest
        low = _move(a, low, up, down, olds[i], news[i])
        far = _move(b, far, up_b, down_b, olds_b[i], news_b[i])


@njit(nogil=True)
def rolling_quantiles(x: Floats, window: int, shares: Floats) -> Floats:
    """:func:`freqpilot.features.kernels.windows.rolling_quantiles` for a window of 2…4096: a block
    is sorted once, the window is a set of bits in its order, and a quantile moves by at most one
    member a step (Suomela 2014, "Median filtering is equivalent to sorting")."""
    n, many = x.shape[0], shares.shape[0]
    out = np.full((many, n), np.nan)
    if n < window:
        return out
    room = min(2 * least_rows(window) + window - 1, n)
    part, ordered, keys = np.empty(room), np.empty(room + 65), np.empty(room, np.int64)
    places = np.empty(room + 1, np.uint64)
    # Without a sign: Numba would ask of each whether it counts from the end.
    cell, order, other = (
        np.empty(room, np.uint32),
        np.empty(room, np.uint32),
        np.empty(room, np.uint32),
    )
    counts = np.empty((2, 1 << HALF), np.uint32)
    words = np.zeros((2, (room >> 6) + 3), np.uint64)
    lows, rests = np.empty(many, np.int64), np.empty(many)
    for k in range(many):
        lows[k] = int(shares[k] * (window - 1))
        rests[k] = shares[k] * (window - 1) - lows[k]
    kind, end = LINEAR, 0
    while end < n:
        begin, end = finite_run(x, end)
        step = block_rows(end - begin - window + 1, window)
        for first in range(begin + window - 1, end, step):
            outs = min(step, end - first)
            size = outs + window - 1
            part[:size] = x[first - window + 1 : first + outs]
            kind = sort(part, size, kind, keys, cell, counts, order, other)
            for i in range(size):
                places[order[i]] = i + 64
                ordered[i + 64] = part[order[i]]
            ordered[size + 64] = ordered[size + 63]
            places[size] = places[size - 1]
            for k in range(many):
                row = out[k, first : first + outs]
                _follow(words, places, size, window, ordered, lows[k], rests[k], row)
    return out
