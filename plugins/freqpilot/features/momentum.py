"""Features of momentum and trend: how far and how steadily the price has moved."""

import numpy as np

from freqpilot.features import kernels, oscillators
from freqpilot.features.oscillators import per_atr, typical
from freqpilot.features.registry import feature
from freqpilot.features.workspace import WILDER, Workspace, settle_of
from freqpilot.shapes import Floats

_ATR = settle_of(WILDER) + 1
_FAST, _SLOW, _SIGNAL, _TRIX = 2.0 / 13, 2.0 / 27, 2.0 / 10, 2.0 / 16
_MACD_SIGNAL = settle_of(_SLOW) + settle_of(_SIGNAL) - 1
_SUPERTREND, _SUPERTREND_RANGE, _SUPERTREND_OFFSET = 168, 10, 3.0


def ema(x: Floats, alpha: float) -> Floats:
    """Exponential mean of ``x``, given once it has forgotten its origin."""
    return np.asarray(kernels.ewm(x, alpha, settle_of(alpha)))


def middle(w: Workspace, window: int) -> Floats:
    """Middle between the highest high and the lowest low."""
    top = kernels.rolling_extreme(w.candles.high, window, 1.0)
    return np.asarray(0.5 * (top + kernels.rolling_extreme(w.candles.low, window, -1.0)))


def channel_place(w: Workspace, window: int) -> Floats:
    """Place of the close between the lowest low and the highest high, −1…1."""
    top = kernels.rolling_extreme(w.candles.high, window, 1.0)
    bottom = kernels.rolling_extreme(w.candles.low, window, -1.0)
    return np.asarray(kernels.ratio(2 * w.candles.close - top - bottom, top - bottom))


def macd(w: Workspace) -> Floats:
    """Moving average convergence divergence, 12 and 26 candles, in price (Appel 1979)."""
    return ema(w.candles.close, _FAST) - ema(w.candles.close, _SLOW)


@feature("macd_12_26", max(_ATR, settle_of(_SLOW)))
def _(w: Workspace) -> Floats:
    return per_atr(w, macd(w))


@feature("macd_signal_9", max(_ATR, _MACD_SIGNAL))
def _(w: Workspace) -> Floats:
    return per_atr(w, ema(macd(w), _SIGNAL))


@feature("macd_histogram_9", max(_ATR, _MACD_SIGNAL))
def _(w: Workspace) -> Floats:
    line = macd(w)
    return per_atr(w, line - ema(line, _SIGNAL))


@feature("stochastic_k_14", 16)
def _(w: Workspace) -> Floats:
    """Slow %K of 14 candles, smoothed over 3, −1…1 instead of 0…100 (Lane 1984)."""
    return np.asarray(kernels.rolling_mean(channel_place(w, 14), 3))


@feature("stochastic_d_14", 18)
def _(w: Workspace) -> Floats:
    """Slow %D: %K smoothed over 3 once more."""
    return np.asarray(kernels.rolling_mean(kernels.rolling_mean(channel_place(w, 14), 3), 3))


@feature("williams_14", 14)
def _(w: Workspace) -> Floats:
    """Williams %R, −1…1 instead of −100…0 (Williams 1973)."""
    return channel_place(w, 14)


@feature("cci_20", 20)
def _(w: Workspace) -> Floats:
    """Commodity channel index in hundreds (Lambert 1980)."""
    return np.asarray(oscillators.commodity_channel(typical(w), 20))


@feature("roc_12", 13)
def _(w: Workspace) -> Floats:
    """Rate of change: return over 12 candles."""
    close = w.candles.close
    change = kernels.lag_difference(close, 12)
    return np.asarray(kernels.ratio(change, close - change))


@feature("trix_15", 3 * settle_of(_TRIX) - 1)
def _(w: Workspace) -> Floats:
    """Return of the triple exponential mean over one candle, in per cent (Hutson 1983)."""
    smooth = ema(ema(ema(w.candles.close, _TRIX), _TRIX), _TRIX)
    change = kernels.lag_difference(smooth, 1)
    return np.asarray(100.0 * kernels.ratio(change, smooth - change))


@feature("slope_20", _ATR)
def _(w: Workspace) -> Floats:
    """Least-squares slope of 20 closes, in ATRs per candle."""
    return per_atr(w, oscillators.rolling_slope(w.candles.close, 20))


@feature("supertrend_10_3", max(_ATR, _SUPERTREND + _SUPERTREND_RANGE))
def _(w: Workspace) -> Floats:
    """Distance of the close from its Supertrend (10 candles, 3 ranges), in ATRs.

    The range is a plain mean, so that which band rules depends on the window alone."""
    c = w.candles
    ranges = kernels.true_range(c.high, c.low, c.close)
    offset = _SUPERTREND_OFFSET * kernels.rolling_mean(ranges, _SUPERTREND_RANGE)
    distance = oscillators.supertrend_distance(c.high, c.low, c.close, offset, _SUPERTREND)
    return per_atr(w, distance)


@feature("ichimoku_conversion_9", _ATR)
def _(w: Workspace) -> Floats:
    """Distance from the conversion line, in ATRs (Hosoda 1969); no span looks ahead."""
    return per_atr(w, w.candles.close - middle(w, 9))


@feature("ichimoku_base_26", _ATR)
def _(w: Workspace) -> Floats:
    """Distance from the base line, in ATRs."""
    return per_atr(w, w.candles.close - middle(w, 26))


@feature("ichimoku_cross_9_26", _ATR)
def _(w: Workspace) -> Floats:
    """Conversion line over base line, in ATRs."""
    return per_atr(w, middle(w, 9) - middle(w, 26))
