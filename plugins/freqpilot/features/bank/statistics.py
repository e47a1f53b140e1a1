"""Features from the statistics of a pair's own returns: order, shape, entropy and memory."""

import math

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank import rolling
from freqpilot.features.bank.registry import feature
from freqpilot.features.engine.graph import (
    VOLUME,
    Node,
    Op,
    absolute,
    clip,
    difference,
    log,
    log1p,
    pick,
    ratio,
    scale,
    windowed,
)
from freqpilot.features.kernels import windows

_LAGS = (1, 2, 4, 8, 16, 32)
_WEIGHTS = windows.fractional_weights(0.4, 1e-4)
_TINY = 1e-300
"""A sum of squares below this is none."""


def quantiles(x: Node, window: int, shares: tuple[float, ...]) -> list[Node]:
    """Quantiles of the last ``window`` values, interpolated linearly.

    :raises ValueError: for a window that the sorted cells do not hold.
    """
    rolling.check_ordered(window)
    found = windowed(Op.QUANTILES, (x,), window - 1, (float(window), *shares), len(shares))
    return [pick(found, place) for place in range(len(shares))]


def hurst(x: Node, window: int, lags: tuple[int, ...]) -> Node:
    """Hurst exponent of the levels ``x``: half the slope of log mean squared difference over log
    lag (Mandelbrot and Van Ness 1968; Di Matteo 2007 with q = 2). 0.5 is a random walk, and given
    where a lag has no movement at all."""
    logs = [math.log(lag) for lag in lags]
    middle = sum(logs) / len(logs)
    spread = 2.0 * sum((each - middle) ** 2 for each in logs)
    moved = slope = scale(x, 0.0)
    for lag, each in zip(lags, logs, strict=True):
        change = difference(x, lag)
        square = rolling.mean(change * change, window - lag)
        one = ratio(square, square)
        moved = one if lag == lags[0] else moved * one
        slope = slope + scale(log(clip(square, _TINY)), (each - middle) / spread)
    return (slope - 0.5) * moved + 0.5


@feature("rank_480")
def _() -> Node:
    """Rank of the close among the last 480, −1…1."""
    return 2.0 * rolling.rank(f.log_close(), 480) - 1.0


@feature("return_rank_96")
def _() -> Node:
    """Rank of the last return among the last 96, −1…1."""
    return 2.0 * rolling.rank(f.log_return(1), 96) - 1.0


@feature("volume_rank_96")
def _() -> Node:
    """Rank of the volume among the last 96, −1…1."""
    return 2.0 * rolling.rank(VOLUME, 96) - 1.0


@feature("volatility_rank_240")
def _() -> Node:
    """Rank of the volatility of 24 candles among its last 240 values, −1…1."""
    return 2.0 * rolling.rank(f.volatility(24), 240) - 1.0


@feature("median_distance_96")
def _() -> Node:
    """Distance of the log close from its median, in interquartile ranges."""
    low, middle, high = quantiles(f.log_close(), 96, (0.25, 0.5, 0.75))
    return ratio(f.log_close() - middle, high - low)


@feature("tail_balance_96")
def _() -> Node:
    """Skew of returns by deciles, −1…1 (Kelley 1947): positive with the longer tail above."""
    low, middle, high = quantiles(f.log_return(1), 96, (0.1, 0.5, 0.9))
    return ratio(high + low - 2.0 * middle, high - low)


@feature("zscore_96")
def _() -> Node:
    return rolling.zscore(f.log_close(), 96)


@feature("return_zscore_96")
def _() -> Node:
    return rolling.zscore(f.log_return(1), 96)


@feature("skew_96")
def _() -> Node:
    return rolling.skew(f.log_return(1), 96)


@feature("kurtosis_96")
def _() -> Node:
    """Logarithm of the kurtosis over that of the normal distribution; 0 without movement."""
    return log1p(scale(rolling.excess_kurtosis(f.log_return(1), 96), 1.0 / 3.0))


@feature("sign_entropy_96")
def _() -> Node:
    """Disorder of the patterns of three rises and falls, 0…1."""
    return windowed(Op.SIGN_ENTROPY, (f.log_return(1),), 95, (96.0, 3.0))


@feature("return_entropy_96")
def _() -> Node:
    """Disorder of returns in eight bins of half a standard deviation, 0…1."""
    return windowed(Op.BIN_ENTROPY, (f.log_return(1),), 95, (96.0, 8.0))


@feature("hurst_256")
def _() -> Node:
    """Hurst exponent less that of a random walk, 0.5."""
    return hurst(f.log_close(), 256, _LAGS) - 0.5


@feature("fractional_40")
def _() -> Node:
    """Log close differentiated 0.4 times, in volatilities. The weights are centred, so that what
    the cut leaves of the price level, and with it the pair's unit, drops out."""
    weights = tuple(float(each) for each in _WEIGHTS - _WEIGHTS.mean())
    whole = windowed(Op.FRACTIONAL, (f.log_close(),), len(weights) - 1, weights)
    return ratio(whole, f.volatility(168))


@feature("variance_ratio_4_96")
def _() -> Node:
    return rolling.variance_ratio(f.log_close(), 96, 4)


@feature("variance_ratio_12_240")
def _() -> Node:
    return rolling.variance_ratio(f.log_close(), 240, 12)


@feature("autocorrelation_1_96")
def _() -> Node:
    return rolling.autocorrelation(f.log_return(1), 96, 1)


@feature("autocorrelation_24_240")
def _() -> Node:
    """Daily season of returns (1h candles)."""
    return rolling.autocorrelation(f.log_return(1), 240, 24)


@feature("clustering_96")
def _() -> Node:
    """Autocorrelation of absolute returns: how far volatility comes in clusters."""
    return rolling.autocorrelation(absolute(f.log_return(1)), 96, 1)


@feature("return_volume_48")
def _() -> Node:
    """Correlation of returns with log(1 + volume): which way the volume trades."""
    return rolling.correlation(f.log_return(1), f.log_volume(), 48)
