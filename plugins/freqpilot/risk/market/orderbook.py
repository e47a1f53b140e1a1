"""What an order book costs an order of a stated size."""

import math
from collections.abc import Sequence

from freqpilot.risk.soundness import is_number

Levels = Sequence[Sequence[float]]


def fill_price(levels: Levels, base: float) -> float:
    """Return the mean price at which ``base`` coins fill against ``levels`` (price, amount), the
    best first; NaN when a figure is missing or the levels do not hold so much."""
    left, paid = base, 0.0
    if not is_number(base, above=0):
        return math.nan
    for price, amount, *_ in levels:
        if not (is_number(price, above=0) and is_number(amount, above=0)):
            return math.nan
        taken = min(left, amount)
        paid += taken * price
        left -= taken
        if left <= base * 1e-12:
            return paid / base
    return math.nan


def round_trip_cost(bids: Levels, asks: Levels, size: float) -> float:
    """Return what buying and selling again at once costs, as a share of the size, fees apart; NaN
    when the book is crossed, lacks a figure or does not hold so much.

    :param size: in quote currency, at the middle of the book.
    """
    if not bids or not asks:
        return math.nan
    bid, ask = bids[0][0], asks[0][0]
    if not (is_number(bid, above=0) and is_number(ask, above=0)) or bid > ask:
        return math.nan
    mid = (bid + ask) / 2
    base = size / mid
    return (fill_price(asks, base) - fill_price(bids, base)) / mid
