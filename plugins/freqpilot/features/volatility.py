"""Features of volatility: how wide the candles and the channels are, and how that changes."""

import math

import numpy as np

from freqpilot.features import kernels, oscillators
from freqpilot.features.oscillators import per_atr
from freqpilot.features.registry import feature
from freqpilot.features.workspace import WILDER, Workspace, settle_of
from freqpilot.shapes import Floats

_ATR = settle_of(WILDER) + 1
_KELTNER = 2.0 / 21


def mean_square(x: Floats, window: int) -> Floats:
    """Mean of squares."""
    return np.asarray(kernels.rolling_mean(x * x, window))


def root_ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Root of the quotient of two variances."""
    return np.asarray(np.sqrt(kernels.ratio(numerator, denominator)))


def parkinson_variance(w: Workspace, window: int) -> Floats:
    """Variance per candle from its range (Parkinson 1980)."""
    ranges = oscillators.log_ratio(w.candles.high, w.candles.low)
    return mean_square(ranges, window) / (4.0 * math.log(2.0))


def garman_klass_variance(w: Workspace, window: int) -> Floats:
    """Variance per candle from its range and body (Garman and Klass 1980)."""
    c = w.candles
    ranges, body = oscillators.log_ratio(c.high, c.low), oscillators.log_ratio(c.close, c.open)
    each = 0.5 * ranges * ranges - (2.0 * math.log(2.0) - 1.0) * body * body
    return np.maximum(kernels.rolling_mean(each, window), 0.0)


@feature("parkinson_24", 24)
def _(w: Workspace) -> Floats:
    return np.sqrt(parkinson_variance(w, 24))


@feature("garman_klass_24", 24)
def _(w: Workspace) -> Floats:
    return np.sqrt(garman_klass_variance(w, 24))


@feature("realised_ratio_24_168", 169)
def _(w: Workspace) -> Floats:
    """Realised volatility (Andersen and Bollerslev 1998) of a day over that of a week of hours."""
    change = w.log_return(1)
    return root_ratio(mean_square(change, 24), mean_square(change, 168))


@feature("parkinson_ratio_24_168", 168)
def _(w: Workspace) -> Floats:
    return root_ratio(parkinson_variance(w, 24), parkinson_variance(w, 168))


@feature("range_efficiency_24", 25)
def _(w: Workspace) -> Floats:
    """Volatility from close to close over that inside the candles: above 1 it trends or gaps."""
    return root_ratio(mean_square(w.log_return(1), 24), parkinson_variance(w, 24))


@feature("semivariance_24", 25)
def _(w: Workspace) -> Floats:
    """Share of the realised variance from rises less that from falls, −1…1
    (Barndorff-Nielsen, Kinnebrock and Shephard 2010)."""
    change = w.log_return(1)
    balance = kernels.rolling_mean(change * np.abs(change), 24)
    return np.asarray(kernels.ratio(balance, mean_square(change, 24)))


@feature("bipower_24", 26)
def _(w: Workspace) -> Floats:
    """Bipower over realised variance: well below 1 after a jump
    (Barndorff-Nielsen and Shephard 2004)."""
    change = w.log_return(1)
    size = np.abs(change)
    pairs = np.full(len(size), np.nan)
    pairs[1:] = 0.5 * math.pi * size[1:] * size[:-1]
    smooth = kernels.rolling_mean(pairs, 24)
    return np.asarray(kernels.ratio(smooth, mean_square(change, 24)))


@feature("keltner_position_20", max(_ATR, settle_of(_KELTNER)))
def _(w: Workspace) -> Floats:
    """Place in the channel of two ATRs around an EMA, ±1 at its bands (Keltner 1960, in the form
    of Raschke)."""
    close = w.candles.close
    centre = kernels.ewm(close, _KELTNER, settle_of(_KELTNER))
    return 0.5 * per_atr(w, close - centre)


@feature("donchian_width_20", 20)
def _(w: Workspace) -> Floats:
    """Width of the channel of 20 candles as a fraction of the close (Donchian 1960)."""
    c = w.candles
    top, bottom = (
        kernels.rolling_extreme(c.high, 20, 1.0),
        kernels.rolling_extreme(c.low, 20, -1.0),
    )
    return np.asarray(kernels.ratio(top - bottom, c.close))


@feature("squeeze_20", _ATR)
def _(w: Workspace) -> Floats:
    """Width of the Bollinger band (2 deviations) over that of the Keltner channel (1.5 ATRs);
    below 1 the one lies inside the other (Carter 2005)."""
    return per_atr(w, (2.0 / 1.5) * kernels.rolling_std(w.candles.close, 20))
