"""The values of a block in their order: in cells that are whole numbers, or sorted.

A block has a few windows' values. Their cells are cheap to compare, and nearly sort them.
"""

from typing import Any

import numpy as np
from numba import njit

from freqpilot.shapes import Floats

LINEAR, _BITS = 0, 1
"""Kinds of cells: even over the values, or over their bits."""
DIGITS = 6
"""Digits of the radix sort, which hold a float; as a kind it says that cells are of no use."""
_DIGIT = 11  # bits of a digit
_MASK = (1 << _DIGIT) - 1
HALF = 9
"""The sort by cells takes 2 halves of so many bits."""
_FINE, _HALF_MASK = 1 << 2 * HALF, (1 << HALF) - 1
_ONE = np.uint64(1)


@njit(cache=True, nogil=True)
def finite_run(x: Floats, begin: int) -> tuple[int, int]:
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
def place_in_cells(part: Floats, size: int, cells: int, kind: int, keys: Any, out: Any) -> bool:
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
    counts = np.zeros((DIGITS, 1 << _DIGIT), np.int32)
    for i in range(size):
        key = np.uint64(keys[i]) - np.uint64(low)
        keys[i] = np.int64(key)
        for d in range(DIGITS):
            counts[d, (key >> np.uint64(d * _DIGIT)) & mask] += 1
        order[i] = i
    source, target = order, other
    for d in range(DIGITS):
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
def sort(
    part: Floats, size: int, kind: int, keys: Any, cell: Any, counts: Any, order: Any, other: Any
) -> int:
    """Stable sort: ``order`` becomes the places of the values in their order. Returns the kind
    of cells to try first with the next block."""
    for attempt in range(2):
        way = kind ^ attempt
        if kind == DIGITS or not place_in_cells(part, size, _FINE, way, keys, cell):
            continue
        counts[:] = 0
        for i in range(size):
            counts[0, cell[i] & _HALF_MASK] += 1
            counts[1, cell[i] >> HALF] += 1
        for d in range(2):
            total = 0
            for c in range(counts.shape[1]):
                total, counts[d, c] = total + counts[d, c], total
        for i in range(size):
            c = cell[i] & _HALF_MASK
            other[counts[0, c]] = i
            counts[0, c] += 1
        for i in range(size):
            c = cell[other[i]] >> HALF
            order[counts[1, c]] = other[i]
            counts[1, c] += 1
        if _insertion(part, size, order):
            return way
    _radix(part, size, keys, order, other)
    return DIGITS


@njit(cache=True, nogil=True)
def least_rows(window: int) -> int:
    return max(1024, 4 * window)


@njit(cache=True, nogil=True)
def block_rows(count: int, window: int) -> int:
    """Length of the blocks that ``count`` results are computed in: about alike, as a short last one
    would be sorted with as many values before it as a long one."""
    blocks = max(count // least_rows(window), 1)
    return max((count + blocks - 1) // blocks, 1)
