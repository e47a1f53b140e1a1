"""Indicators whose period follows the volatility: shorter when the day is wilder than the week."""

from freqpilot.features.bank.formulas import adaptive, per_atr, strength, volatility_pace
from freqpilot.features.bank.registry import feature
from freqpilot.features.engine.graph import CLOSE, Node, difference

_PERIOD = 14.0


@feature("volatility_pace")
def _() -> Node:
    """How much faster than usual the adaptive indicators run, ½…2."""
    return volatility_pace()


@feature("adaptive_rsi_14")
def _() -> Node:
    """Relative strength over 7 to 28 candles, −1…1."""
    return strength(difference(CLOSE, 1), adaptive(_PERIOD))


@feature("adaptive_trend_14")
def _() -> Node:
    """Distance of the close from its mean over 7 to 28 candles, in ATRs."""
    return per_atr(CLOSE - adaptive(_PERIOD)(CLOSE))
