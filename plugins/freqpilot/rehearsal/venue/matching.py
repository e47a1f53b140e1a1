"""What an order meets: the levels of the book, and the path of the price.

Times are milliseconds since the epoch; amounts and prices are exact decimals.
"""

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise

from freqpilot.rehearsal.market import quotes
from freqpilot.rehearsal.market.tape import PairTape

ZERO = Decimal(0)
STEP = Decimal(str(quotes.LOT))
"""What amounts are multiples of."""


def cost_of(ladder: Iterator[tuple[Decimal, Decimal]], amount: Decimal) -> Decimal:
    """Return what ``amount`` costs from the best level on."""
    cost = ZERO
    for level, size in ladder:
        taken = min(size, amount)
        cost, amount = cost + taken * level, amount - taken
        if not amount:
            break
    return cost


def ladder(
    pair: PairTape, now: int, sign: int, price: float | None
) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield price and size of the levels that an order of ``sign`` meets; the book moved to
    ``price`` where that is given."""
    for level, size in quotes.levels(pair, now, sign, price):
        yield (
            Decimal(f"{level:.{pair.decimals}f}"),
            Decimal(f"{size:.8f}").quantize(STEP, ROUND_DOWN),
        )


def _legs(pair: PairTape, begin: int, end: int) -> Iterator[tuple[float, float, float, float]]:
    corners = pair.corners(begin, end)
    for (t0, p0), (t1, p1) in pairwise(corners):
        yield t0, p0, t1, p1


def first_beyond(
    pair: PairTape, begin: int, end: int, level: float, sign: int
) -> tuple[int, float] | None:
    """Return when the path first is at ``level`` or beyond it (above for ``sign`` 1, below for −1)
    and its price then; None when it is not."""
    for t0, p0, t1, p1 in _legs(pair, begin, end):
        if (p0 - level) * sign >= 0:
            return int(t0), p0
        if (p1 - level) * sign >= 0 and p1 != p0:
            if t1 == t0:  # a gap: the next price there is lies beyond the level
                return int(t0) + 1, p1
            share = (level - p0) / (p1 - p0)
            return int(t0 + share * (t1 - t0)), level
    return None


def time_beyond(pair: PairTape, begin: int, end: int, level: float, sign: int) -> float:
    """Return for how many milliseconds the path is at ``level`` or beyond it."""
    total = 0.0
    for t0, p0, t1, p1 in _legs(pair, begin, end):
        first, last = (p0 - level) * sign, (p1 - level) * sign
        if first >= 0 and last >= 0:
            total += t1 - t0
        elif first >= 0 or last >= 0:
            total += (t1 - t0) * max(first, last) / (abs(first) + abs(last))
    return total
