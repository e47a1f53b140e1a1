"""When a futures position is on its way to be liquidated."""

import math

from freqpilot.shapes import Side


def price_at(side: Side, open_rate: float, liquidation: float, share: float) -> float:
    """Return the price ``share`` of the way from what was paid to where the exchange liquidates;
    NaN where there is no such way.

    :param liquidation: the liquidation price in the pair's quote currency; 0 or NaN where it is not
        known.
    """
    way = open_rate - liquidation if side == "long" else liquidation - open_rate
    if not (liquidation > 0 and open_rate > 0 and way > 0):
        return math.nan
    return open_rate + (liquidation - open_rate) * share


def used(side: Side, open_rate: float, liquidation: float, rate: float) -> float:
    """Return the share of the way to the liquidation that a price has gone: 0 where it is no nearer
    than what was paid, 1 at the liquidation; NaN where there is no such way."""
    way = open_rate - liquidation if side == "long" else liquidation - open_rate
    if not (liquidation > 0 and open_rate > 0 and way > 0):
        return math.nan
    gone = open_rate - rate if side == "long" else rate - open_rate
    return max(0.0, gone / way)
