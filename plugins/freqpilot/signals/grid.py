"""A ladder of safety orders below the first entry, and which rung a trade is on.

Dollar-cost averaging with growing orders at growing distances: it wins often and little, and loses
seldom and much, so the whole ladder is sized before its first order is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fill:
    """A filled order of a trade, oldest first: its ``price``, ``amount`` and whether it bought into
    the position."""

    price: float
    amount: float
    entry: bool


@dataclass(frozen=True)
class Ladder:
    """``orders`` safety orders: the first ``spacing`` (share of the price) from the entry, each
    next gap ``widening`` times the one before, each next order ``growth`` times the one before. A
    rung is sold again at ``gain`` above its own price."""

    orders: int = 3
    spacing: float = 0.03
    widening: float = 1.3
    growth: float = 1.4
    gain: float = 0.02

    def drop(self, rung: int) -> float:
        """Return how far from the first price rung ``rung`` (1 the first safety order) is."""
        return self.spacing * sum(self.widening**k for k in range(rung))

    @property
    def units(self) -> float:
        """The stake of all orders, in first orders."""
        return sum(self.growth**k for k in range(self.orders + 1))

    def share(self, rung: int) -> float:
        """Return the part of the whole stake that rung ``rung`` takes (0 the first order)."""
        return self.growth**rung / self.units


def open_rungs(fills: Sequence[Fill]) -> list[Fill]:
    """Return the buys that have not been sold again: a partial sale closes the newest one."""
    rungs: list[Fill] = []
    for fill in fills:
        if fill.entry:
            rungs.append(fill)
        elif len(rungs) > 1:
            rungs.pop()
    return rungs


@dataclass(frozen=True)
class Step:
    """What to do: add rung ``rung``, or sell ``amount`` of it."""

    rung: int
    amount: float = 0.0


def due(fills: Sequence[Fill], close: float, ladder: Ladder) -> Step | None:
    """Return the step that a closed candle asks for, None for none or without a usable price.

    :param close: the last closed candle's.
    """
    rungs = open_rungs(fills)
    if not rungs or not close > 0:
        return None
    newest = rungs[-1]
    if len(rungs) > 1 and close >= newest.price * (1 + ladder.gain):
        return Step(len(rungs) - 1, newest.amount)
    if len(rungs) <= ladder.orders and close <= rungs[0].price * (1 - ladder.drop(len(rungs))):
        return Step(len(rungs))
    return None
