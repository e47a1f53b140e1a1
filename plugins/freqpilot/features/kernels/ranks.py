"""Rolling rank and rolling quantiles, exact, in blocks: a block's values get small whole numbers
in their own order, which are cheap to compare and to keep as a set of bits.

NaN and results, bit by bit, as in :mod:`freqpilot.features.kernels.windows`.
"""

from typing import Any

import numpy as np
from numba import njit
from numba.cpython.unsafe.numbers import leading_zeros, trailing_zeros

from freqpilot.shapes import Floats

_CELLS = 32768  # as many as an int16 can tell apart, without a sign
# Their stubs miss that Numba fills in the first argument.
_trailing: Any = trailing_zeros
_leading: Any = leading_zeros
_LINEAR, _BITS = 0, 1
_ONE, _SIX, _LAST, _ALL = np.uint64(1), np.uint64(6), np.uint64(63), np.uint64(2**64 - 1)
_DIGIT, _DIGITS = 11, 6  # radix sort: 6 digits of 11 bits hold a float
_MASK = (1 << _DIGIT) - 1
_HALF = 9  # sort by cells: 2 halves of 9 bits
_FINE, _HALF_MASK = 1 << 2 * _HALF, (1 << _HALF) - 1


@njit(cache=True, nogil=True)
def _run(x: Floats, begin: int) -> tuple[int, int]:
    """Begin and end of the first finite values from ``begin`` on."""
    n = x.shape[0]
    while begin < n and not np.isfinite(x[begin]):
        begin += 1
    end = begin
    while end < n and np.isfinite(x[end]):
        end += 1
    return begin, end


@njit(cache=True, nogil=True)
def _keys(part: Floats, size: int, keys: Any) -> None:
    """Whole numbers in the order of ``part``; −0.0 and 0.0 get the same."""
    bits = part.view(np.int64)
    for i in range(size):
        part[i] += 0.0
    for i in range(size):
        keys[i] = bits[i] ^ ((bits[i] >> 63) & 0x7FFFFFFFFFFFFFFF)


@njit(cache=True, nogil=True)
def _place(part: Floats, size: int, cells: int, kind: int, keys: Any, out: Any) -> bool:
    """Write a cell 0…``cells`` − 1 (a power of two) for each value, never against their order,
    evenly over the values or over their bits (nearly their logarithm). False: cannot."""
    if kind == _BITS:
        _keys(part, size, keys)
        low, high = keys[0], keys[0]
        for i in range(size):
            low, high = min(low, keys[i]), max(high, keys[i])
        # The difference of two keys may need 64 bits without a sign.
        span, shift = np.uint64(high) - np.uint64(low), np.uint64(0)
        while (span >> shift) >= np.uint64(cells):
            shift += _ONE
        for i in range(size):
            out[i] = (np.uint64(keys[i]) - np.uint64(low)) >> shift
        return True
    least, most = part[0], part[0]
    for i in range(size):
        least, most = min(least, part[i]), max(most, part[i])
    if least == most:
        out[:size] = 0
        return True
    scale = (cells - 1) / (most - least)
    if not 0.0 < scale < np.inf:
        return False
    for i in range(size):
        out[i] = np.int32((part[i] - least) * scale)
    return True


@njit(cache=True, nogil=True)
def _insertion(part: Floats, size: int, order: Any) -> bool:
    """Finish ``order``; False where it is too far from sorted."""
    left, most = 4 * size, part[order[0]]
    for i in range(1, size):
        own = order[i]
        value, j = part[own], i
        if value >= most:
            most = value
            continue
        while j > 0 and part[order[j - 1]] > value:
            order[j] = order[j - 1]
            j -= 1
        order[j] = own
        left -= i - j
        if left < 0:
            return False
    return True


@njit(cache=True, nogil=True)
def _radix(part: Floats, size: int, keys: Any, order: Any, other: Any) -> None:
    """Stable sort of any values, a digit at a time."""
    _keys(part, size, keys)
    low = keys[0]
    for i in range(size):
        low = min(low, keys[i])
    mask = np.uint64(_MASK)
    counts = np.zeros((_DIGITS, 1 << _DIGIT), np.int32)
    for i in range(size):
        key = np.uint64(keys[i]) - np.uint64(low)
        keys[i] = np.int64(key)
        for d in range(_DIGITS):
            counts[d, (key >> np.uint64(d * _DIGIT)) & mask] += 1
        order[i] = i
    source, target = order, other
    for d in range(_DIGITS):
        shift = np.uint64(d * _DIGIT)
        count = counts[d]
        if count[(np.uint64(keys[0]) >> shift) & mask] == size:
            continue
        total = 0
        for c in range(count.shape[0]):
            following = total + count[c]
            count[c] = total
            total = following
        for i in range(size):
            own = source[i]
            cell = (np.uint64(keys[own]) >> shift) & mask
            target[count[cell]] = own
            count[cell] += 1
        source, target = target, source
    for i in range(size):
        other[i] = source[i]
    order[:size] = other[:size]


@njit(cache=True, nogil=True)
def _sort(
    part: Floats, size: int, kind: int, keys: Any, cell: Any, counts: Any, order: Any, other: Any
) -> int:
    """Stable sort: ``order`` becomes the places of the values in their order. Returns the kind
    of cells to try first with the next block."""
    for attempt in range(2):
        way = kind ^ attempt
        if kind == _DIGITS or not _place(part, size, _FINE, way, keys, cell):
            continue
        counts[:] = 0
        for i in range(size):
            counts[0, cell[i] & _HALF_MASK] += 1
            counts[1, cell[i] >> _HALF] += 1
        for d in range(2):
            total = 0
            for c in range(counts.shape[1]):
                total, counts[d, c] = total + counts[d, c], total
        for i in range(size):
            c = cell[i] & _HALF_MASK
            other[counts[0, c]] = i
            counts[0, c] += 1
        for i in range(size):
            c = cell[other[i]] >> _HALF
            order[counts[1, c]] = other[i]
            counts[1, c] += 1
        if _insertion(part, size, order):
            return way
    _radix(part, size, keys, order, other)
    return _DIGITS


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


@njit(cache=True, nogil=True)
def _least(window: int) -> int:
    return max(1024, 4 * window)


@njit(cache=True, nogil=True)
def _step(count: int, window: int) -> int:
    """Length of the blocks that ``count`` results are computed in: about alike, as a short last one
    would be sorted with as many values before it as a long one."""
    blocks = max(count // _least(window), 1)
    return max((count + blocks - 1) // blocks, 1)


@njit(cache=True, nogil=True)
def rolling_rank(x: Floats, window: int) -> Floats:
    """:func:`freqpilot.features.kernels.windows.rolling_rank` for a window of 2…4096: cells of the
    values are counted, values that share a cell compared; a block where many do is sorted."""
    n = x.shape[0]
    out = np.full(n, np.nan)
    if n < window:
        return out
    room = min(2 * _least(window) + window - 1, n)
    part, keys, cell = np.empty(room), np.empty(room, np.int64), np.empty(room, np.int16)
    before, fine = np.empty(room, np.int32), np.empty(room, np.uint32)
    order, other = np.empty(room, np.uint32), np.empty(room, np.uint32)
    below, twice = np.empty(room, np.int16), np.empty(room, np.int32)
    counts, last = np.empty((2, 1 << _HALF), np.uint32), np.full(_CELLS, -1, np.int32)
    kind, way_sorted, base, block, end = _LINEAR, _LINEAR, 0, 0, 0
    while end < n:
        begin, end = _run(x, end)
        step = _step(end - begin - window + 1, window)
        for first in range(begin + window - 1, end, step):
            outs = min(step, end - first)
            size = outs + window - 1
            part[:size] = x[first - window + 1 : first + outs]
            few, block = False, block + 1
            for attempt in range(2):
                way = (kind ^ attempt) & 1
                if kind == _DIGITS and block % 8:
                    break
                if _place(part, size, _CELLS, way, keys, cell):
                    few = 16 * _chain(cell, size, window, last, base, before) < size
                    base += size
                if few:
                    kind = way
                    break
            if not few:
                kind = _DIGITS
                way_sorted = _sort(part, size, way_sorted, keys, fine, counts, order, other)
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


@njit(cache=True, nogil=True)
def rolling_quantiles(x: Floats, window: int, shares: Floats) -> Floats:
    """:func:`freqpilot.features.kernels.windows.rolling_quantiles` for a window of 2…4096: a block
    is sorted once, the window is a set of bits in its order, and a quantile moves by at most one
    member a step (Suomela 2014, "Median filtering is equivalent to sorting")."""
    n, many = x.shape[0], shares.shape[0]
    out = np.full((many, n), np.nan)
    if n < window:
        return out
    room = min(2 * _least(window) + window - 1, n)
    part, ordered, keys = np.empty(room), np.empty(room + 65), np.empty(room, np.int64)
    places = np.empty(room + 1, np.uint64)
    # Without a sign: Numba would ask of each whether it counts from the end.
    cell, order, other = (
        np.empty(room, np.uint32),
        np.empty(room, np.uint32),
        np.empty(room, np.uint32),
    )
    counts = np.empty((2, 1 << _HALF), np.uint32)
    words = np.zeros((2, (room >> 6) + 3), np.uint64)
    lows, rests = np.empty(many, np.int64), np.empty(many)
    for k in range(many):
        lows[k] = int(shares[k] * (window - 1))
        rests[k] = shares[k] * (window - 1) - lows[k]
    kind, end = _LINEAR, 0
    while end < n:
        begin, end = _run(x, end)
        step = _step(end - begin - window + 1, window)
        for first in range(begin + window - 1, end, step):
            outs = min(step, end - first)
            size = outs + window - 1
            part[:size] = x[first - window + 1 : first + outs]
            kind = _sort(part, size, kind, keys, cell, counts, order, other)
            for i in range(size):
                places[order[i]] = i + 64
                ordered[i + 64] = part[order[i]]
            ordered[size + 64] = ordered[size + 63]
            places[size] = places[size - 1]
            for k in range(many):
                row = out[k, first : first + outs]
                _follow(words, places, size, window, ordered, lows[k], rests[k], row)
    return out
