"""Stop prices and times, from what closed candles tell.

Prices are in the pair's quote currency, shares are of the open rate. A level that cannot be told
is NaN and does not count.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from freqpilot.settings import ExitSettings, RiskSettings
from freqpilot.shapes import Side


@dataclass(frozen=True)
class Seen:
    """What the candles that have closed tell about a trade.

    ``best`` and ``worst`` are the extremes of the price since the entry for and against the trade,
    the open rate included; ``recent`` is the best of the chandelier's candles; ``swing`` the last
    confirmed swing low of a long, swing high of a short; ``close`` the last close.
    """

    open_rate: float
    close: float
    atr: float
    swing: float
    best: float
    recent: float
    worst: float


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


def initial_stop(side: Side, open_rate: float, atr: float, swing: float, s: RiskSettings) -> float:
    """Return the nearest stop of all methods in use at the fill; ``hard_stop`` without any."""
    seen = Seen(open_rate, open_rate, atr, swing, open_rate, open_rate, open_rate)
    levels = [_beyond(side, open_rate, s.hard_stop * open_rate), moving_stop(side, seen, s.exits)]
    if "atr" in s.exits.stops:
        levels.append(atr_stop(side, open_rate, atr, s))
    if "percentage" in s.exits.stops:
        levels.append(_beyond(side, open_rate, s.exits.percentage * open_rate))
    return _nearest(side, levels)


def moves(exits: ExitSettings, *, sold: bool) -> bool:
    """Tell whether :func:`moving_stop` can give anything at all."""
    methods = {"structure", "chandelier", "trailing"}
    return not methods.isdisjoint(exits.stops) or _rest_trails(exits, sold)


def moving_stop(side: Side, seen: Seen, exits: ExitSettings, *, sold: bool = False) -> float:
    """Return the nearest stop of the methods that move, NaN without any.

    ``structure``: beyond the last confirmed swing by a share of the ATR, where the close has not
    passed it already. ``chandelier``: some ATRs from the extreme since the entry of the last
    candles (C. Le Beau; A. Elder, Come into My Trading Room, 2002). ``trailing``: a share from the
    extreme since the entry. The last two may lie beyond the close: the price came back too far.

    :param sold: a target was sold, so that the rest trails unless ``trail_rest`` is off.
    """
    levels = []
    atr = seen.atr if seen.atr > 0 else math.nan
    if "structure" in exits.stops:
        level = _beyond(side, seen.swing, exits.structure_atr_buffer * atr)
        levels.append(math.nan if passed(side, level, seen.close) else level)
    if "chandelier" in exits.stops:
        levels.append(_beyond(side, seen.recent, exits.chandelier_atr_multiple * atr))
    if "trailing" in exits.stops or _rest_trails(exits, sold):
        levels.append(_beyond(side, seen.best, exits.trailing * seen.best))
    return _nearest(side, levels)


def risk_distance(rate: float, atr: float, settings: RiskSettings) -> float:
    """Return the distance that a size has to count with: that of the ATR stop, or of a wider first
    stop where the ATR stop is not in use. A swing's is not known, so it counts as ``hard_stop``."""
    distance = settings.stop_atr_multiple * atr
    if "atr" in settings.exits.stops:
        return distance
    return max(distance, rate - initial_stop("long", rate, atr, math.nan, settings))


def passed(side: Side, stop: float, rate: float) -> bool:
    """Tell whether the price is at a stop or beyond it; False for a stop that is NaN."""
    return rate <= stop if side == "long" else rate >= stop


def nearer(side: Side, stop: float, stored: float) -> bool:
    """Tell whether ``stop`` is strictly nearer to the price than ``stored``."""
    return stop > stored if side == "long" else stop < stored


def overdue(hours: float, profit: float, seen: Seen, exits: ExitSettings) -> str | None:
    """Return why a trade has had its time, None while it has not: ``time_unprofitable`` or
    ``time_flat`` (the price went less than ``flat_move`` either way).

    :param profit: open profit after fees.
    """
    if "time" not in exits.stops:
        return None
    if exits.unprofitable_hours and hours >= exits.unprofitable_hours and profit <= 0:
        return "time_unprofitable"
    if exits.flat_hours and hours >= exits.flat_hours:
        move = max(abs(seen.best - seen.open_rate), abs(seen.worst - seen.open_rate))
        if move < exits.flat_move * seen.open_rate:
            return "time_flat"
    return None


def _rest_trails(exits: ExitSettings, sold: bool) -> bool:
    return exits.targets and exits.trail_rest and sold


def _beyond(side: Side, rate: float, distance: float) -> float:
    return rate - distance if side == "long" else rate + distance


def _nearest(side: Side, levels: Iterable[float]) -> float:
    sound = [level for level in levels if math.isfinite(level) and level > 0]
    if not sound:
        return math.nan
    return max(sound) if side == "long" else min(sound)


def never_loosened(side: Side, stored: float, proposed: float) -> float:
    """Return the nearer of two stop prices: the higher one of a long, the lower one of a short.
    One that is NaN or infinite does not count.

    :raises ValueError: when neither is a number.
    """
    stops = [stop for stop in (stored, proposed) if math.isfinite(stop)]
    if not stops:
        raise ValueError(f"neither the stored stop {stored} nor the proposed {proposed} is a price")
    return max(stops) if side == "long" else min(stops)
