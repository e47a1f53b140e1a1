"""Which exits hold for a trade: those of its pair's class, as the market's regime adjusts them.

The class decides at the entry and with the size; a regime moves targets and may add a trailing
stop, so it can only bring a stop nearer. All that is off by default is off here: without
``targets`` there are no regimes, and memes have a plan of their own where ``meme`` has one.
"""

import math
from collections.abc import Iterable

from freqpilot.risk.exits import stops as exits
from freqpilot.risk.taxonomy import asset_of
from freqpilot.settings import ExitSettings, RiskSettings
from freqpilot.shapes import Side

AGAINST: dict[str, Side] = {"trending_bullish": "short", "trending_bearish": "long"}
"""A trend adjusts the trades in its direction only."""


def scales_memes(chosen: ExitSettings) -> bool:
    """Tell whether memes have exits of their own: with ``targets``, unless ``meme.enabled`` says
    otherwise."""
    return chosen.targets if chosen.meme.enabled is None else chosen.meme.enabled


def plans(chosen: ExitSettings) -> tuple[ExitSettings, ...]:
    """Return the exits of all classes that are in use, those of no class first."""
    return (chosen, _meme(chosen)) if scales_memes(chosen) else (chosen,)


def sells_parts(chosen: ExitSettings) -> bool:
    """Tell whether any trade may be sold in parts, for which Freqtrade has to be told to ask."""
    return any(each.targets for each in plans(chosen))


def may_move(chosen: ExitSettings) -> bool:
    """Tell whether a stop of these exits, of one class, may move after the entry."""
    lent = chosen.targets and any(row.trailing for row in chosen.regimes.values())
    return lent or exits.moves(chosen, sold=True)


def exits_of(pair: str, side: Side, risk: RiskSettings) -> ExitSettings:
    """Return the exits of a trade's class: a meme's scale-out for a long of a memecoin, whose
    targets are multiples of the price that no short can reach."""
    chosen = risk.exits
    if side != "long" or not scales_memes(chosen) or asset_of(pair, risk).kind != "meme":
        return chosen
    return _meme(chosen)


def risk_of(
    pair: str, side: Side, risk: RiskSettings, stoploss: float | None, leverage: float = 1.0
) -> RiskSettings:
    """Return the settings that size and first stop of an entry come from.

    A meme in its own plan has no stop but the hard one, ``meme.hard_stop`` from the entry. It is
    that wide only where the strategy's own ``stoploss`` is: Freqtrade sets that one first, and a
    narrower one holds. The size is to be told by the same settings, so that it counts with the
    wider stop (:func:`freqpilot.risk.exits.stops.risk_distance`).

    :param stoploss: the strategy's, a share of own money (below zero as Freqtrade has it, or
        above); None for a strategy that does not sell in parts: nothing changes.
    """
    chosen = exits_of(pair, side, risk)
    if chosen is risk.exits or stoploss is None:
        return risk
    own = abs(stoploss) / max(leverage, 1.0)
    widest = max(own, risk.hard_stop) if math.isfinite(own) else risk.hard_stop
    hard = min(chosen.meme.hard_stop, widest)
    return risk.model_copy(update={"exits": chosen, "hard_stop": hard})


def widest_stop(pair: str, side: Side, risk: RiskSettings) -> float:
    """Return the farthest that a trade's stop may be from its entry, as a share of the price."""
    chosen = exits_of(pair, side, risk)
    return risk.hard_stop if chosen is risk.exits else max(risk.hard_stop, chosen.meme.hard_stop)


def acting(seen: Iterable[tuple[object, float]], least: float) -> str:
    """Return the first regime that is probable enough to act, empty without one.

    :param seen: names and probabilities: those of the last closed candle, then those that the
        entry was decided on, which hold while no regime acts.
    """
    for name, probability in seen:
        if isinstance(name, str) and name and probability >= least:
            return name
    return ""


def in_regime(side: Side, regime: str, chosen: ExitSettings) -> ExitSettings:
    """Return the exits of a class as the regime adjusts them. What was sold stays sold: what is due
    is told from that (:mod:`freqpilot.risk.exits.takings`), not from where targets were before."""
    rows = {str(name): row for name, row in chosen.regimes.items()}
    row = rows.get(regime)
    if not chosen.targets or row is None or AGAINST.get(regime) == side:
        return chosen
    tiers = tuple(
        tier.model_copy(update={"gain": tier.gain * row.target_factor}) for tier in chosen.tiers
    )
    trails = row.trailing and "trailing" not in chosen.stops
    stops = (*chosen.stops, "trailing") if trails else chosen.stops
    return chosen.model_copy(update={"tiers": tiers, "stops": stops})


def first_gain(chosen: ExitSettings) -> float:
    """Return the least gain at which any regime asks to sell."""
    factors = (row.target_factor for row in chosen.regimes.values())
    return chosen.tiers[0].gain * min([1.0, *factors])


def moving_stop(
    side: Side, seen: exits.Seen, chosen: ExitSettings, adjusted: ExitSettings, *, sold: bool
) -> float:
    """Return the nearest of the stops that move, NaN without any.

    A trailing stop that a regime adds does not count where the close has passed it already: that a
    trend begins is no reason to leave.

    :param chosen: the exits of the class; ``adjusted``: the same in the regime.
    """
    level = exits.moving_stop(side, seen, adjusted, sold=sold)
    if adjusted.stops != chosen.stops and exits.passed(side, level, seen.close):
        return exits.moving_stop(side, seen, chosen, sold=sold)
    return level


def _meme(chosen: ExitSettings) -> ExitSettings:
    meme = chosen.meme
    return chosen.model_copy(
        update={
            "stops": ("time",),
            "targets": True,
            "tiers": meme.tiers,
            "trail_rest": False,
            "unprofitable_hours": None,
            "flat_hours": meme.flat_hours,
            "flat_move": meme.flat_move,
            "regimes": {},
        }
    )
