"""Numba kernels of the indicator features: deviations, slopes, weighted means, Supertrend.

NaN as in :mod:`freqpilot.features.kernels`. A value depends on its own window alone, bit by bit;
differences are taken from the newest value of the window, so a constant window gives exactly 0.
"""

import math

import numpy as np
from numba import njit

from freqpilot.features import kernels
from freqpilot.features.workspace import Workspace
from freqpilot.shapes import Floats

LEAST_RANGE = 1e-9
"""The least ATR that anything is divided by, as a share of the close: over a pair that has stopped
trading the ATR dies away below the rounding of the prices, and a quotient by it says nothing."""


def per_atr(w: Workspace, x: Floats) -> Floats:
    """Return ``x``, a distance of prices, in ATRs of 14 candles."""
    least = LEAST_RANGE * np.abs(w.candles.close)
    return np.asarray(kernels.ratio(x, np.maximum(w.atr(), least)))


def typical(w: Workspace) -> Floats:
    """Typical price of each candle."""
    c = w.candles
    return np.asarray((c.high + c.low + c.close) / 3.0)


@njit(cache=True, nogil=True)
def commodity_channel(typical: Floats, window: int) -> Floats:
    """Distance of the newest value from the window's mean over 0.015 mean absolute deviations, in
    hundreds: the CCI / 100 (Lambert 1980). 0 for a constant window."""
    out = np.full(typical.shape[0], np.nan)
    count = 0
    for i in range(typical.shape[0]):
        count = count + 1 if np.isfinite(typical[i]) else 0
        if count < window:
            continue
        mean = 0.0
        for j in range(i - window + 1, i):
            mean += typical[j] - typical[i]
        mean /= window
        deviation = 0.0
        for j in range(i - window + 1, i + 1):
            deviation += abs(typical[j] - typical[i] - mean)
        deviation /= window
        out[i] = -mean / (1.5 * deviation) if deviation > 0.0 else 0.0
    return out


@njit(cache=True, nogil=True)
def rolling_slope(x: Floats, window: int) -> Floats:
    """Least-squares slope per candle over the last ``window`` values (Gauss 1809): the covariance
    with the centred time over its variance (n³ − n) / 12."""
    out = np.full(x.shape[0], np.nan)
    middle = (window - 1) / 2.0
    spread = (window**3 - window) / 12.0
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        total = 0.0
        for k in range(window):
            total += (k - middle) * (x[i - window + 1 + k] - x[i])
        out[i] = total / spread
    return out


@njit(cache=True, nogil=True)
def rolling_weighted(price: Floats, weight: Floats, window: int) -> Floats:
    """Mean of ``price`` by ``weight`` over the last ``window`` values, the VWAP of a moving window
    (Berkowitz, Logue and Noser 1988); the plain mean where all weights are 0."""
    out = np.full(price.shape[0], np.nan)
    count = 0
    for i in range(price.shape[0]):
        count = count + 1 if np.isfinite(price[i]) and np.isfinite(weight[i]) else 0
        if count < window:
            continue
        total, weighted, plain = 0.0, 0.0, 0.0
        for j in range(i - window + 1, i + 1):
            above = price[j] - price[i]
            total += weight[j]
            weighted += above * weight[j]
            plain += above
        out[i] = price[i] + (weighted / total if total > 0.0 else plain / window)
    return out


@njit(cache=True, nogil=True)
def signed(x: Floats, by: Floats) -> Floats:
    """``x`` with the sign of ``by``, 0 where that is 0: the summand of Granville's on-balance
    volume (1963) and of the money flow index."""
    out = np.full(x.shape[0], np.nan)
    for i in range(x.shape[0]):
        if np.isfinite(x[i]) and np.isfinite(by[i]):
            out[i] = x[i] if by[i] > 0.0 else (-x[i] if by[i] < 0.0 else 0.0)
    return out


@njit(cache=True, nogil=True)
def log_ratio(x: Floats, y: Floats) -> Floats:
    """``ln(x / y)``; NaN where one is not positive."""
    out = np.full(x.shape[0], np.nan)
    for i in range(x.shape[0]):
        if np.isfinite(x[i]) and np.isfinite(y[i]) and x[i] > 0.0 and y[i] > 0.0:
            out[i] = math.log(x[i] / y[i])
    return out


@njit(cache=True, nogil=True)
def _supertrend_at(
    middle: Floats, close: Floats, offset: Floats, begin: int, end: int
) -> tuple[float, int]:
    """Close − Supertrend at ``end`` with bands begun at ``begin``, and the trend (0: none)."""
    upper, lower = middle[begin] + offset[begin], middle[begin] - offset[begin]
    trend = 0
    for j in range(begin + 1, end + 1):
        above, below = middle[j] + offset[j], middle[j] - offset[j]
        if above < upper or close[j - 1] > upper:
            upper = above
        if below > lower or close[j - 1] < lower:
            lower = below
        if close[j] > upper:
            trend = 1
        elif close[j] < lower:
            trend = -1
    if trend == 0:
        return 0.0, 0
    return close[end] - (lower if trend > 0 else upper), trend


@njit(cache=True, nogil=True)
def supertrend_distance(
    high: Floats, low: Floats, close: Floats, offset: Floats, window: int
) -> Floats:
    """Close − Supertrend (Seban 2009) with its bands begun anew ``window`` candles ago, at
    ``offset`` from the middle of the candle; 0 where no band was broken in that window. Seban's
    own recurrence may remember its first candle for ever; this one cannot."""
    out = np.full(close.shape[0], np.nan)
    middle = 0.5 * (high + low)
    count = 0
    for i in range(close.shape[0]):
        known = np.isfinite(middle[i]) and np.isfinite(close[i]) and np.isfinite(offset[i])
        count = count + 1 if known else 0
        if count >= window:
            out[i] = _supertrend_at(middle, close, offset, i - window + 1, i)[0]
    return out
