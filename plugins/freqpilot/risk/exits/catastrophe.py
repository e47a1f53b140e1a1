"""Where the catastrophe stop of a position is, and what it may cost."""

import math

from freqpilot.risk.exits.stops import never_loosened
from freqpilot.settings import CatastropheStop
from freqpilot.shapes import Side


def distance(atr_share: float, settings: CatastropheStop) -> float:
    """Return how far the stop is from the price that was paid, as a share of it.

    :param atr_share: the mean range of a day as a share of the price; NaN where it is not known.
    """
    if not (math.isfinite(atr_share) and atr_share > 0):
        return settings.without_candles
    return min(settings.at_most, max(settings.at_least, settings.atr_multiple * atr_share))


BEHIND = 1.1
"""How far behind a strategy's own stop the catastrophe stop is, as a multiple of its distance: the
strategy has the first turn where it watches its stop itself."""


def behind(distance: float, own: float, settings: CatastropheStop) -> float:
    """Return the distance of a catastrophe stop beside a stop that the strategy watches itself:
    behind it, where that bounds the loss by as much as a catastrophe stop may.

    :param own: the distance of the strategy's stop as a share of the price.
    """
    return max(distance, own * BEHIND) if 0 < own <= settings.at_most else distance


def level(side: Side, open_rate: float, share: float) -> float:
    """Return the stop's price, ``share`` of the mean price that was paid away from it."""
    return open_rate * (1 - share) if side == "long" else open_rate * (1 + share)


def nearest(side: Side, first: float, second: float) -> float:
    """Return the nearer of two stop prices; one that is no positive number does not count.

    :raises ValueError: when neither is one.
    """
    one, other = (price if price > 0 else math.nan for price in (first, second))
    return never_loosened(side, one, other)


def is_hit(side: Side, stop: float, low: float, high: float) -> bool:
    """Tell whether a candle's price came to the stop."""
    return low <= stop if side == "long" else high >= stop


def fill_rate(side: Side, stop: float, candle_open: float) -> float:
    """Return the price at which a candle that comes to the stop closes the position: the stop's, or
    the candle's open where that lies beyond it already."""
    return min(stop, candle_open) if side == "long" else max(stop, candle_open)


def loss_share(share: float, leverage: float) -> float:
    """Return what of its stake a position loses on the way to a stop ``share`` of the price away;
    at most all of it, as isolated margin has it."""
    return min(1.0, share * leverage)
