"""Features from the statistics of a pair's own returns: order, shape, entropy and memory."""

import numpy as np

from freqpilot.features import kernels, windows
from freqpilot.features.registry import feature
from freqpilot.features.workspace import Workspace
from freqpilot.shapes import Floats

_LAGS = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
_WEIGHTS = np.asarray(windows.fractional_weights(0.4, 1e-4))
_QUARTERS = np.array([0.25, 0.5, 0.75])
_TAILS = np.array([0.1, 0.5, 0.9])


@feature("rank_480", 480)
def _(w: Workspace) -> Floats:
    """Rank of the close among the last 480, −1…1."""
    return np.asarray(2 * windows.rolling_rank(w.log_close(), 480) - 1)


@feature("return_rank_96", 97)
def _(w: Workspace) -> Floats:
    """Rank of the last return among the last 96, −1…1."""
    return np.asarray(2 * windows.rolling_rank(w.log_return(1), 96) - 1)


@feature("volume_rank_96", 96)
def _(w: Workspace) -> Floats:
    """Rank of the volume among the last 96, −1…1."""
    return np.asarray(2 * windows.rolling_rank(w.candles.volume, 96) - 1)


@feature("volatility_rank_240", 264)
def _(w: Workspace) -> Floats:
    """Rank of the volatility of 24 candles among its last 240 values, −1…1."""
    return np.asarray(2 * windows.rolling_rank(w.volatility(24), 240) - 1)


@feature("median_distance_96", 96)
def _(w: Workspace) -> Floats:
    """Distance of the log close from its median, in interquartile ranges."""
    low, middle, high = windows.rolling_quantiles(w.log_close(), 96, _QUARTERS)
    return np.asarray(kernels.ratio(w.log_close() - middle, high - low))


@feature("tail_balance_96", 97)
def _(w: Workspace) -> Floats:
    """Skew of returns by deciles, −1…1 (Kelley 1947): positive with the longer tail above."""
    low, middle, high = windows.rolling_quantiles(w.log_return(1), 96, _TAILS)
    return np.asarray(kernels.ratio(high + low - 2 * middle, high - low))


@feature("zscore_96", 96)
def _(w: Workspace) -> Floats:
    return np.asarray(windows.rolling_zscore(w.log_close(), 96))


@feature("return_zscore_96", 97)
def _(w: Workspace) -> Floats:
    return np.asarray(windows.rolling_zscore(w.log_return(1), 96))


@feature("skew_96", 97)
def _(w: Workspace) -> Floats:
    return np.asarray(windows.rolling_shape(w.log_return(1), 96)[0])


@feature("kurtosis_96", 97)
def _(w: Workspace) -> Floats:
    """Logarithm of the kurtosis over that of the normal distribution; 0 without movement."""
    return np.asarray(np.log1p(windows.rolling_shape(w.log_return(1), 96)[1] / 3))


@feature("sign_entropy_96", 97)
def _(w: Workspace) -> Floats:
    """Disorder of the patterns of three rises and falls, 0…1."""
    return np.asarray(windows.sign_entropy(w.log_return(1), 96, 3))


@feature("return_entropy_96", 97)
def _(w: Workspace) -> Floats:
    """Disorder of returns in eight bins of half a standard deviation, 0…1."""
    return np.asarray(windows.bin_entropy(w.log_return(1), 96, 8))


@feature("hurst_256", 256)
def _(w: Workspace) -> Floats:
    """Hurst exponent less that of a random walk, 0.5."""
    return np.asarray(windows.hurst(w.log_close(), 256, _LAGS) - 0.5)


@feature("fractional_40", max(len(_WEIGHTS), 169))
def _(w: Workspace) -> Floats:
    """Log close differentiated 0.4 times, in volatilities. The weights are centred, so that what
    the cut leaves of the price level, and with it the pair's unit, drops out."""
    centred = _WEIGHTS - _WEIGHTS.mean()
    return np.asarray(
        kernels.ratio(windows.fractional_difference(w.log_close(), centred), w.volatility(168))
    )


@feature("variance_ratio_4_96", 97)
def _(w: Workspace) -> Floats:
    return np.asarray(windows.variance_ratio(w.log_close(), 96, 4))


@feature("variance_ratio_12_240", 241)
def _(w: Workspace) -> Floats:
    return np.asarray(windows.variance_ratio(w.log_close(), 240, 12))


@feature("autocorrelation_1_96", 97)
def _(w: Workspace) -> Floats:
    return np.asarray(windows.autocorrelation(w.log_return(1), 96, 1))


@feature("autocorrelation_24_240", 241)
def _(w: Workspace) -> Floats:
    """Daily season of returns (1h candles)."""
    return np.asarray(windows.autocorrelation(w.log_return(1), 240, 24))


@feature("clustering_96", 97)
def _(w: Workspace) -> Floats:
    """Autocorrelation of absolute returns: how far volatility comes in clusters."""
    return np.asarray(windows.autocorrelation(np.abs(w.log_return(1)), 96, 1))


@feature("return_volume_48", 49)
def _(w: Workspace) -> Floats:
    """Correlation of returns with log(1 + volume): which way the volume trades."""
    logged = np.log1p(np.maximum(w.candles.volume, 0.0))
    return np.asarray(windows.rolling_correlation(w.log_return(1), logged, 48))
