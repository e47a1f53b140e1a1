"""Partial exits at targets.

What is to be sold follows from what was sold already, not from a memory of tiers: whatever the
tier was sold by, and after any restart, it is not sold again.
"""

from dataclasses import dataclass

from freqpilot.risk.soundness import ROUNDING
from freqpilot.settings import ExitSettings
from freqpilot.shapes import Side

DUST = 0.1
"""A sale of less than this share of its tier is left out: rounding, or fees taken in coins."""
MARGIN = 1.5
"""A remainder has to be worth so many least stakes: an exchange asks for a reserve, at most half,
that the price may fall by before the remainder is sold."""


@dataclass(frozen=True)
class Holding:
    """An open position. ``bought`` and ``sold`` are the filled amounts of all its orders and
    ``held`` what is left, in coins or contracts; ``min_stake`` is the exchange's, in own money."""

    side: Side
    open_rate: float
    bought: float
    sold: float
    held: float
    leverage: float
    min_stake: float


@dataclass(frozen=True)
class Sale:
    """An amount to sell and the tier that asks for it, from 1."""

    amount: float
    tier: int


def gain_of(side: Side, open_rate: float, rate: float) -> float:
    """Return how far the price went for the position, as a share of the open rate."""
    move = rate / open_rate - 1.0
    return move if side == "long" else -move


def due(holding: Holding, rate: float, exits: ExitSettings) -> Sale | None:
    """Return what the targets that ``rate`` has reached still ask to sell, None for nothing.

    Several tiers at once are one sale. One below the exchange's minimum waits for the next tier;
    where the rest would be below it, all is sold.
    """
    gain = gain_of(holding.side, holding.open_rate, rate)
    reached = [tier for tier in exits.tiers if gain >= tier.gain]
    if not exits.targets or not reached:
        return None
    goal = sum(tier.share for tier in reached) * holding.bought
    amount = min(goal - holding.sold, holding.held)
    if not amount > DUST * reached[-1].share * holding.bought:
        return None
    worth = rate / max(holding.leverage, 1.0)
    rest = holding.held - amount
    if rest < ROUNDING * holding.bought or rest * worth < MARGIN * holding.min_stake:
        amount = holding.held
    if amount * worth < holding.min_stake:
        return None
    return Sale(amount, len(reached))
