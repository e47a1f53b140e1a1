"""Features of momentum and trend: how far and how steadily the price has moved."""

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.registry import feature
from freqpilot.features.bank.rolling import mean, slope
from freqpilot.features.engine.graph import CLOSE, HIGH, LOW, Node, Op, windowed

_SUPERTREND, _RANGE, _OFFSET = 168, 10, 3.0


@feature("macd_12_26")
def _() -> Node:
    return f.per_atr(f.macd())


@feature("macd_signal_9")
def _() -> Node:
    return f.per_atr(f.ema(f.macd(), 9))


@feature("macd_histogram_9")
def _() -> Node:
    return f.per_atr(f.macd() - f.ema(f.macd(), 9))


@feature("stochastic_k_14")
def _() -> Node:
    """Slow %K of 14 candles, smoothed over 3, −1…1 instead of 0…100 (Lane 1984)."""
    return mean(f.channel_place(14), 3)


@feature("stochastic_d_14")
def _() -> Node:
    """Slow %D: %K smoothed over 3 once more."""
    return mean(mean(f.channel_place(14), 3), 3)


@feature("williams_14")
def _() -> Node:
    """Williams %R, −1…1 instead of −100…0 (Williams 1973)."""
    return f.channel_place(14)


@feature("cci_20")
def _() -> Node:
    """Commodity channel index in hundreds (Lambert 1980)."""
    return f.commodity_channel(20)


@feature("roc_12")
def _() -> Node:
    """Rate of change: return over 12 candles."""
    return f.rate_of_change(CLOSE, 12)


@feature("trix_15")
def _() -> Node:
    """Return of the triple exponential mean over one candle, in per cent (Hutson 1983)."""
    return f.trix(15)


@feature("slope_20")
def _() -> Node:
    """Least-squares slope of 20 closes, in ATRs per candle."""
    return f.per_atr(slope(CLOSE, 20))


@feature("supertrend_10_3")
def _() -> Node:
    """Distance of the close from its Supertrend (10 candles, 3 ranges), in ATRs.

    The range is a plain mean, so that which band rules depends on the window alone."""
    offset = _OFFSET * mean(f.true_range(), _RANGE)
    inputs = (HIGH, LOW, CLOSE, offset)
    return f.per_atr(windowed(Op.SUPERTREND, inputs, _SUPERTREND - 1, (float(_SUPERTREND),)))


@feature("ichimoku_conversion_9")
def _() -> Node:
    """Distance from the conversion line, in ATRs (Hosoda 1969); no span looks ahead."""
    return f.per_atr(CLOSE - f.middle(9))


@feature("ichimoku_base_26")
def _() -> Node:
    """Distance from the base line, in ATRs."""
    return f.per_atr(CLOSE - f.middle(26))


@feature("ichimoku_cross_9_26")
def _() -> Node:
    """Conversion line over base line, in ATRs."""
    return f.per_atr(f.middle(9) - f.middle(26))
