"""What an open trade can still lose: the way from the price now to the nearest of its stops."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from freqpilot.risk.exits.stops import nearer
from freqpilot.shapes import Side

SAME = 1e-3
"""Two stops whose prices differ by less, as a share, are one: the first that is named counts."""


class Bound(NamedTuple):
    """A price at which a position ends, and what ends it there."""

    name: str
    price: float


@dataclass(frozen=True)
class Held:
    """An open position: ``amount`` in base currency, ``rate`` the price at which it could be closed
    now, ``open_rate`` what was paid, ``margin`` the own money that may be lost at most (infinite in
    cross margin), in stake currency."""

    side: Side
    amount: float
    open_rate: float
    rate: float
    margin: float


class AtRisk(NamedTuple):
    """What ends a position first, at which price (NaN where nothing does), and how much it loses
    from now until then, in stake currency; infinite where nothing bounds it."""

    name: str
    price: float
    loss: float


def at_risk(held: Held, bounds: Iterable[Bound]) -> AtRisk:
    """Return what a position can still lose. A bound that the price has passed already does not
    count: it did not hold."""
    found = Bound("nothing", math.nan)
    for bound in bounds:
        if not (bound.price > 0 and _is_ahead(held, bound.price)):
            continue
        same = abs(bound.price - found.price) <= SAME * bound.price
        if math.isnan(found.price) or (not same and nearer(held.side, bound.price, found.price)):
            found = bound
    most = _most(held)
    if math.isnan(found.price):
        return AtRisk(found.name, found.price, most)
    return AtRisk(found.name, found.price, min(most, held.amount * abs(held.rate - found.price)))


def _is_ahead(held: Held, price: float) -> bool:
    return price < held.rate if held.side == "long" else price > held.rate


def _most(held: Held) -> float:
    """Return the most that a position can lose: a long its worth, and what bears a position's loss
    at most its margin with the open profit."""
    sign = 1.0 if held.side == "long" else -1.0
    profit = sign * held.amount * (held.rate - held.open_rate)
    worth = held.amount * held.rate if held.side == "long" else math.inf
    return min(worth, max(0.0, held.margin + profit))
