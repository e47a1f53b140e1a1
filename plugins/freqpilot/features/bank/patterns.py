"""Features of patterns: parabolic SAR, the session's VWAP, supply and demand, chart patterns."""

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.registry import feature
from freqpilot.features.bank.rolling import mean
from freqpilot.features.bank.structure import FAR, LOOKBACK, ORDER, _distance
from freqpilot.features.engine.graph import (
    CLOSE,
    DAY,
    HIGH,
    LOW,
    VOLUME,
    Node,
    Op,
    largest,
    pick,
    scale,
    signed,
    windowed,
)

SESSION = 289
"""Candles in which the day's first is looked for: a day of 5-minute candles and one more. On a
shorter timeframe the distance from the session's VWAP is 0 once the day is longer."""


def _unit() -> Node:
    """Mean true range, at least ``FLAT`` of the close.

    A plain mean, so that what is a pattern depends on the window alone."""
    return largest(mean(f.true_range(), f.PERIOD), scale(CLOSE, f.FLAT))


@feature("psar_2_20")
def _() -> Node:
    """Distance of the close from the parabolic SAR (0.02, 0.2) in ATRs."""
    return _distance(f.parabolic_sar(2, 20))


@feature("psar_side_2_20")
def _() -> Node:
    """1 where the close lies above the parabolic SAR, −1 below, 0 where nothing moves."""
    return signed(scale(CLOSE, 0.0, 1.0), CLOSE - f.parabolic_sar(2, 20))


@feature("vwap_session")
def _() -> Node:
    """Distance of the close from the VWAP since the UTC day's start, in ATRs."""
    inputs = (DAY, f.typical(), VOLUME, CLOSE)
    return _distance(windowed(Op.SESSION, inputs, SESSION - 1, (float(SESSION),)))


def _zone(place: int) -> Node:
    params = (float(LOOKBACK), FAR)
    return pick(windowed(Op.ZONES, (HIGH, LOW, CLOSE, _unit()), LOOKBACK - 1, params, 3), place)


@feature("demand_zone")
def _() -> Node:
    """Distance of the close from the nearest demand zone in mean true ranges; 20: there is none."""
    return _zone(0)


@feature("supply_zone")
def _() -> Node:
    """Distance from the nearest supply zone, 0 or less; −20: there is none."""
    return _zone(1)


@feature("inside_zone")
def _() -> Node:
    """1 where the close lies in a demand zone, −1 in a supply zone, 0 in neither or in both."""
    return _zone(2)


def _pattern(place: int) -> Node:
    params = (float(ORDER), float(LOOKBACK))
    return pick(windowed(Op.EXTREMA, (HIGH, LOW, _unit()), LOOKBACK - 1, params, 5), place)


@feature("head_and_shoulders_5")
def _() -> Node:
    """Score 0…1 of the last five swings as head and shoulders."""
    return _pattern(0)


@feature("inverse_head_and_shoulders_5")
def _() -> Node:
    """Score 0…1 of the last five swings as inverse head and shoulders."""
    return _pattern(1)


@feature("ascending_triangle_5")
def _() -> Node:
    """Score 0…1 of the last five swings as an ascending triangle."""
    return _pattern(2)


@feature("descending_triangle_5")
def _() -> Node:
    """Score 0…1 of the last five swings as a descending triangle."""
    return _pattern(3)


@feature("symmetrical_triangle_5")
def _() -> Node:
    """Score 0…1 of the last five swings as a symmetrical triangle."""
    return _pattern(4)


def _flag(peak: Node, valley: Node, sign: float) -> Node:
    return windowed(Op.FLAG, (peak, valley, _unit()), 30, (sign,))


@feature("bull_flag")
def _() -> Node:
    """Score 0…1 of a bull flag."""
    return _flag(HIGH, LOW, 1.0)


@feature("bear_flag")
def _() -> Node:
    """Score 0…1 of a bear flag."""
    return _flag(LOW, HIGH, -1.0)
