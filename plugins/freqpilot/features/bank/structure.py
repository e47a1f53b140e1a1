"""Features of market structure: swings, retracements, divergences, double tops, daily pivots.

A swing is the extreme of five candles on both sides, so it counts only from five candles later on.
"""

import numpy as np

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.registry import feature
from freqpilot.features.engine.graph import (
    CLOSE,
    DAY,
    HIGH,
    LOW,
    Node,
    Op,
    clip,
    pick,
    scale,
    windowed,
)
from freqpilot.features.kernels.swings import last_swings, value_at
from freqpilot.shapes import Candles, Floats

ORDER = 5
LOOKBACK = 240
"""Candles in which swings are looked for."""
DAYS = 577
"""Candles in which the previous day is looked for: two days of 5-minute candles and one more. On
a shorter timeframe the pivot features are 0."""
FAR = 20.0
"""Distances in ATRs are kept within ± this: on a pair that stopped trading the ATR decays."""


def _price(*, top: bool) -> Node:
    """Highs or lows, NaN where anything of the candle is."""
    return (HIGH if top else LOW) + scale(HIGH + LOW + CLOSE, 0.0)


def _swings(op: Op, *inputs: Node, last: float) -> Node:
    return windowed(op, inputs, LOOKBACK - 1, (float(ORDER), float(LOOKBACK), last))


def _distance(level: Node) -> Node:
    """Distance of the close from ``level`` in ATRs."""
    return clip(f.per_atr(CLOSE - level), -FAR, FAR)


def _side(op: Op, *others: Node, top: bool) -> Node:
    return _swings(op, _price(top=top), *others, last=1.0 if top else -1.0)


def swing_prices(candles: Candles) -> tuple[Floats, Floats]:
    """Return the last confirmed swing low and swing high of each candle, in price; NaN where there
    is none, or not yet ``LOOKBACK`` candles without a gap."""
    none = np.full(candles.close.shape[0], np.nan)
    gaps = (candles.high + candles.low + candles.close) * 0.0
    low, high = candles.low + gaps, candles.high + gaps
    bottom = last_swings(low, ORDER, LOOKBACK, -1.0)[0]
    top = last_swings(high, ORDER, LOOKBACK, 1.0)[0]
    return value_at(low, bottom, none), value_at(high, top, none)


@feature("swing_high_5")
def _() -> Node:
    """Distance of the close from the last confirmed swing high in ATRs; 0 where there is none."""
    return _distance(_side(Op.SWING_VALUE, CLOSE, top=True))


@feature("swing_low_5")
def _() -> Node:
    """Distance of the close from the last confirmed swing low in ATRs; 0 where there is none."""
    return _distance(_side(Op.SWING_VALUE, CLOSE, top=False))


@feature("swing_high_age_5")
def _() -> Node:
    """Candles since the last confirmed swing high, over the lookback; 1 where there is none."""
    return _side(Op.SWING_AGE, top=True)


@feature("swing_low_age_5")
def _() -> Node:
    """Candles since the last confirmed swing low, over the lookback; 1 where there is none."""
    return _side(Op.SWING_AGE, top=False)


@feature("swing_trend_5")
def _() -> Node:
    """1 for a higher high and a higher low, −1 for a lower high and a lower low (C. Dow)."""
    return 0.5 * (_side(Op.SWING_STEPS, top=True) + _side(Op.SWING_STEPS, top=False))


@feature("fibonacci_5")
def _() -> Node:
    """Place of the close between the last confirmed swing low (0) and high (1), −1…2; 0.5 where
    one is not there, or the high not above the low."""
    return _swings(Op.RETRACEMENT, _price(top=True), _price(top=False), CLOSE, last=f.FLAT)


@feature("rsi_divergence_high_5")
def _() -> Node:
    """How far RSI fell between the last two swing highs while the price rose, else 0."""
    return _side(Op.DIVERGENCE, f.rsi(), top=True)


@feature("rsi_divergence_low_5")
def _() -> Node:
    """How far RSI rose between the last two swing lows while the price fell, else 0."""
    return _side(Op.DIVERGENCE, f.rsi(), top=False)


@feature("macd_divergence_high_5")
def _() -> Node:
    """How far MACD, in ATRs, fell between the last two swing highs while the price rose, else 0."""
    return _side(Op.DIVERGENCE, f.per_atr(f.macd()), top=True)


@feature("macd_divergence_low_5")
def _() -> Node:
    """How far MACD, in ATRs, rose between the last two swing lows while the price fell, else 0."""
    return _side(Op.DIVERGENCE, f.per_atr(f.macd()), top=False)


@feature("double_top_5")
def _() -> Node:
    """Score 0…1 of the last two swing highs as a double top."""
    return _side(Op.DOUBLE, _price(top=False), f.atr(), top=True)


@feature("double_bottom_5")
def _() -> Node:
    """Score 0…1 of the last two swing lows as a double bottom."""
    return _side(Op.DOUBLE, _price(top=True), f.atr(), top=False)


def _previous_day() -> list[Node]:
    found = windowed(Op.PREVIOUS_DAY, (DAY, HIGH, LOW, CLOSE), DAYS - 1, (float(DAYS),), 3)
    return [pick(found, place) for place in range(3)]


@feature("pivot_day")
def _() -> Node:
    """Distance of the close from the previous UTC day's pivot (high + low + close) / 3 in ATRs."""
    high, low, close = _previous_day()
    return _distance(close + scale((high - close) + (low - close), 1.0 / 3.0))


@feature("pivot_resistance_day")
def _() -> Node:
    """Distance of the close from the first resistance, twice the pivot less the day's low."""
    high, low, close = _previous_day()
    return _distance(close + scale(2.0 * (high - close) - (low - close), 1.0 / 3.0))


@feature("pivot_support_day")
def _() -> Node:
    """Distance of the close from the first support, twice the pivot less the day's high."""
    high, low, close = _previous_day()
    return _distance(close + scale(2.0 * (low - close) - (high - close), 1.0 / 3.0))
