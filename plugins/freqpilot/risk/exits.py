"""Stop prices."""

import math

from freqpilot.settings import RiskSettings
from freqpilot.shapes import Side


def atr_stop(side: Side, open_rate: float, atr: float, settings: RiskSettings) -> float:
    """Return the stop price: ``stop_atr_multiple`` × ATR from the open rate, or ``hard_stop`` when
    that is nearer.

    Without a usable ATR (NaN, infinite, not positive) it is the hard stop: a trade always has one.

    :param atr: average true range in the pair's quote currency, as ``open_rate``.
    :raises ValueError: when the open rate is not a positive number.
    """
    if not (math.isfinite(open_rate) and open_rate > 0):
        raise ValueError(f"the open rate is {open_rate}, a stop needs a positive number")
    distance = settings.hard_stop * open_rate
    if math.isfinite(atr) and atr > 0:
        distance = min(distance, settings.stop_atr_multiple * atr)
    return open_rate - distance if side == "long" else open_rate + distance


def never_loosened(side: Side, stored: float, proposed: float) -> float:
    """Return the nearer of two stop prices: the higher one of a long, the lower one of a short.
    One that is NaN or infinite does not count.

    :raises ValueError: when neither is a number.
    """
    stops = [stop for stop in (stored, proposed) if math.isfinite(stop)]
    if not stops:
        raise ValueError(f"neither the stored stop {stored} nor the proposed {proposed} is a price")
    return max(stops) if side == "long" else min(stops)
