"""What each rule wants to hold at each candle, as a sleeve of an account that several rules share.

A rule that follows a target wants that target as it was at its last moment to act; a rule with
entries and stops has a *virtual* position, tracked over closed candles: entered at the open behind
its signal, left on its own exit, at its stop or after ``max_candles``. A stop that is touched
within a candle is known when that candle closes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit

from freqpilot.features.bank.atr import atr
from freqpilot.features.candles.resample import HOUR, resample
from freqpilot.settings import RiskSettings, Sleeve
from freqpilot.shapes import Bools, Candles, Floats
from freqpilot.signals import breakout, reversion
from freqpilot.signals.rotation import DAY, MONDAY, WEEK, RotationRule, chosen, momentum
from freqpilot.signals.trend import TrendRule, sized, trend

BAR = 4 * HOUR
TREND = TrendRule()
ROTATION = RotationRule()
REBALANCING = RotationRule(days=(30,))
RANKED = "MomentumRotation"
"""The rule that compares pairs."""


@dataclass(frozen=True)
class Wants:
    """For each candle: ``want``, the share of its slot (−1…1) that the sleeve holds from then on;
    ``due``, whether it may be traded on; ``side``, 1 or −1 where the rule would enter there."""

    want: Floats
    due: Bools
    side: Floats


@dataclass(frozen=True)
class PairCandles:
    """The candles of a pair, their length in nanoseconds, and for the rule that compares pairs the
    pair's score and place at the last close of a week."""

    candles: Candles
    step: int
    score: Floats | None = None
    place: Floats | None = None


Parameters = Mapping[str, float | str]


def wants(sleeve: Sleeve, seen: PairCandles, risk: RiskSettings, max_days: float) -> Wants:
    """Return what a sleeve wants of one pair.

    :param risk: ``stop_atr_multiple``, ``hard_stop`` and ``atr_period`` of virtual stops.
    :param max_days: the longest that a virtual position is held.
    """
    named = sleeve.named()
    if sleeve.strategy in TARGETS:
        return TARGETS[sleeve.strategy](seen, named)
    if not sleeve.timeframe:
        return _virtual(sleeve, seen, risk, max_days)
    bars = resample(seen.candles, sleeve.nanoseconds)
    longer = _virtual(sleeve, PairCandles(bars.candles, sleeve.nanoseconds), risk, max_days)
    closes = np.zeros(len(seen.candles), dtype=np.bool_)
    closes[bars.closes()] = True
    want, due, side = (
        np.nan_to_num(bars.spread(np.asarray(values, dtype=np.float64)))
        for values in (longer.want, longer.due, longer.side)
    )
    return Wants(want, (due > 0) & closes, side * closes)


def startup(sleeve: Sleeve, step: int, max_days: float) -> int:
    """Return the candles of ``step`` nanoseconds before what a sleeve wants can be trusted: its
    rule's own and, where it has virtual positions, the longest of them."""
    if sleeve.strategy == "TrendFollowing":
        return TREND.startup(step) + BAR // step
    if sleeve.strategy in TARGETS:
        rule = ROTATION if sleeve.strategy == RANKED else REBALANCING
        return rule.startup(step)
    own = sleeve.nanoseconds or step
    rule_needs = breakout.STARTUP if sleeve.strategy == "Breakout" else reversion.STARTUP
    return (rule_needs + 1) * max(own // step, 1) + int(max_days * DAY) // step + 1


def _trend(seen: PairCandles, named: Parameters) -> Wants:
    bars = resample(seen.candles, BAR)
    found = trend(bars.candles, BAR, TREND)
    strength, volatility = bars.spread(found.strength), bars.spread(found.volatility)
    due = np.zeros(len(seen.candles), dtype=np.bool_)
    due[bars.closes()] = True
    target = sized(strength, volatility, float(named["target_volatility"]))
    leave = np.where(target == 0, 2.0, -np.sign(target))
    enters = np.abs(target) >= float(named["rebalance_band"])
    known = np.isfinite(strength) & np.isfinite(volatility)
    return _followed(seen, target, known, due, leave, np.where(enters, np.sign(target), 0.0))


def _rotation(seen: PairCandles, named: Parameters) -> Wants:
    missing = np.full(len(seen.candles), np.nan)
    score = missing if seen.score is None else seen.score
    place = missing if seen.place is None else seen.place
    volatility = momentum(seen.candles, seen.step, ROTATION).volatility
    held = chosen(place, score, int(named["top"]))
    target = sized(held, volatility, float(named["target_volatility"]))
    due = (seen.candles.date + seen.step - MONDAY) % WEEK == 0
    leave = np.where(held == 0, 1.0, 0.0)
    known = np.isfinite(held) & (np.isfinite(volatility) | (held == 0))
    return _followed(seen, target, known, due, leave, np.sign(target))


def _rebalancing(seen: PairCandles, named: Parameters) -> Wants:
    volatility = momentum(seen.candles, seen.step, REBALANCING).volatility
    whole = np.where(np.isfinite(volatility), 1.0, np.nan)
    equal = named["weights"] == "equal"
    scaled = sized(whole, volatility, float(named["target_volatility"]))
    target = np.nan_to_num(whole) if equal else scaled
    due = (seen.candles.date + seen.step) % DAY == 0
    leave = np.zeros(len(due))
    return _followed(seen, target, np.isfinite(whole), due, leave, np.sign(target))


TARGETS: dict[str, Callable[[PairCandles, Parameters], Wants]] = {
    "TrendFollowing": _trend,
    "MomentumRotation": _rotation,
    "Rebalancer": _rebalancing,
}


def _followed(
    seen: PairCandles, target: Floats, known: Bools, due: Bools, leave: Floats, side: Floats
) -> Wants:
    want = followed(target, known, due, leave, WEEK // seen.step)
    changed = np.diff(want, prepend=0.0) != 0
    return Wants(want, due | changed, np.where(due & known, side, 0.0))


def _virtual(sleeve: Sleeve, seen: PairCandles, risk: RiskSettings, max_days: float) -> Wants:
    named, candles = sleeve.named(), seen.candles
    if sleeve.strategy == "Breakout":
        ranges = breakout.ranges(candles)
        breaks = breakout.BreakoutRule(
            float(named["squeeze"]), float(named["margin"]), float(named["volume"])
        )
        side, leave = breaks.side(ranges), breaks.leave(ranges)
    else:
        stretched = reversion.stretch(candles)
        reverts = reversion.ReversionRule(
            float(named["far"]),
            float(named["strength"]),
            float(named["direction"]),
            float(named["near"]),
        )
        side, leave = reverts.side(stretched), reverts.leave(stretched)
    distance = risk.stop_atr_multiple * atr(candles, risk.atr_period)
    longest = max(1, int(max_days * DAY) // seen.step)
    want = virtual(
        side, leave, candles.open, candles.high, candles.low, distance, risk.hard_stop, longest
    )
    entered = (want != 0) & (want != np.concatenate([[0.0], want[:-1]])[: len(want)])
    return Wants(want, np.diff(want, prepend=0.0) != 0, np.where(entered, want, 0.0))


@njit(cache=True, nogil=True)
def followed(target: Floats, known: Bools, due: Bools, leave: Floats, patience: int) -> Floats:
    """Return the target of the last candle on which it was due, 0 from a candle on that the
    position is to be left (``leave`` 1 long, −1 short, 2 both). What is not known changes nothing
    for ``patience`` candles, then the position is given up."""
    out = np.zeros(target.shape[0])
    held, silent = 0.0, 0
    for i in range(target.shape[0]):
        if not known[i]:
            silent += 1
            if silent > patience:
                held = 0.0
        else:
            silent = 0
            if due[i]:
                held = target[i]
            elif leave[i] == 2.0 or leave[i] * held > 0:
                held = 0.0
        out[i] = held
    return out


@njit(cache=True, nogil=True)
def virtual(
    side: Floats,
    leave: Floats,
    opens: Floats,
    high: Floats,
    low: Floats,
    distance: Floats,
    hard_stop: float,
    longest: int,
) -> Floats:
    """Return the virtual position (−1, 0, 1) that is held from each candle's close on.

    Entered at the next open; its stop is ``distance`` (price, as it was at the signal) from there,
    or the share ``hard_stop`` where that is nearer or there is no distance. A candle without prices
    ends it, and so does the ``longest`` candle; a signal of the side that is left does not count.
    """
    out = np.zeros(side.shape[0])
    held, age, stop, away = 0.0, 0, 0.0, 0.0
    for i in range(side.shape[0]):
        if held != 0.0:
            age += 1
            if age == 1:
                far = hard_stop * opens[i]
                stop = opens[i] - held * (min(far, away) if away > 0 else far)
            touched = low[i] <= stop if held > 0 else high[i] >= stop
            sound = np.isfinite(high[i]) and np.isfinite(low[i]) and np.isfinite(stop)
            left = leave[i] == 2.0 or leave[i] * held > 0
            if touched or left or not sound or age >= longest:
                held = 0.0
        if held == 0.0 and side[i] != 0.0 and np.isfinite(side[i]):
            blocked = leave[i] == 2.0 or leave[i] * side[i] > 0
            if not blocked and np.isfinite(low[i]):
                held, age, away = side[i], 0, distance[i]
        out[i] = held
    return out
