"""Numba kernels over one float64 array each, oldest value first.

All give NaN until they have settled. A NaN in the input gives NaN and starts the kernel anew
behind it, so one bad candle never poisons what comes later. State is float64.
"""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


@njit(cache=True, nogil=True)
def ewm(x: Floats, alpha: float, settle: int) -> Floats:
    """Exponentially weighted mean with weight ``alpha`` for the newest value, begun at the first
    value and given after ``settle`` values. EMA of span n has alpha 2/(n+1), Wilder's 1/n."""
    out = np.full(x.shape[0], np.nan)
    state, count = 0.0, 0
    for i in range(x.shape[0]):
        value = x[i]
        if not np.isfinite(value):
            count = 0
            continue
        state = value if count == 0 else state + alpha * (value - state)
        count += 1
        if count >= settle:
            out[i] = state
    return out


@njit(cache=True, nogil=True)
def rolling_mean(x: Floats, window: int) -> Floats:
    """Mean of the last ``window`` values. Summed anew each time: no drift from any origin."""
    out = np.full(x.shape[0], np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        total = 0.0
        for j in range(i - window + 1, i + 1):
            total += x[j]
        out[i] = total / window
    return out


@njit(cache=True, nogil=True)
def rolling_std(x: Floats, window: int) -> Floats:
    """Population standard deviation of the last ``window`` values, by two passes."""
    out = np.full(x.shape[0], np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        mean = 0.0
        for j in range(i - window + 1, i + 1):
            mean += x[j]
        mean /= window
        total = 0.0
        for j in range(i - window + 1, i + 1):
            total += (x[j] - mean) ** 2
        out[i] = np.sqrt(total / window)
    return out


@njit(cache=True, nogil=True)
def rolling_extreme(x: Floats, window: int, sign: float) -> Floats:
    """Highest (``sign`` 1) or lowest (``sign`` −1) of the last ``window`` values."""
    out = np.full(x.shape[0], np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        best = x[i]
        for j in range(i - window + 1, i):
            if x[j] * sign > best * sign:
                best = x[j]
        out[i] = best
    return out


@njit(cache=True, nogil=True)
def rolling_rank(x: Floats, window: int) -> Floats:
    """Share of the other ``window`` − 1 last values below the newest, ties counted half, 0…1."""
    out = np.full(x.shape[0], np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        below = 0.0
        for j in range(i - window + 1, i):
            if x[j] < x[i]:
                below += 1.0
            elif x[j] == x[i]:
                below += 0.5
        out[i] = below / (window - 1)
    return out


@njit(cache=True, nogil=True)
def lag_difference(x: Floats, lag: int) -> Floats:
    """``x[i] − x[i − lag]``."""
    out = np.full(x.shape[0], np.nan)
    for i in range(lag, x.shape[0]):
        out[i] = x[i] - x[i - lag]
    return out


@njit(cache=True, nogil=True)
def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """Wilder's true range; NaN for the first candle, which has no previous close."""
    out = np.full(close.shape[0], np.nan)
    for i in range(1, close.shape[0]):
        before = close[i - 1]
        if np.isfinite(high[i]) and np.isfinite(low[i]) and np.isfinite(before):
            out[i] = max(high[i] - low[i], abs(high[i] - before), abs(low[i] - before))
    return out


@njit(cache=True, nogil=True)
def directional_moves(high: Floats, low: Floats, up: bool) -> Floats:
    """Wilder's +DM (``up``) or −DM."""
    out = np.full(high.shape[0], np.nan)
    for i in range(1, high.shape[0]):
        rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
        if not (np.isfinite(rise) and np.isfinite(fall)):
            continue
        if up:
            out[i] = rise if rise > fall and rise > 0 else 0.0
        else:
            out[i] = fall if fall > rise and fall > 0 else 0.0
    return out


@njit(cache=True, nogil=True)
def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient; 0 where the denominator is 0 (no movement has no direction), NaN stays NaN."""
    out = np.full(numerator.shape[0], np.nan)
    for i in range(numerator.shape[0]):
        if not (np.isfinite(numerator[i]) and np.isfinite(denominator[i])):
            continue
        out[i] = numerator[i] / denominator[i] if denominator[i] != 0.0 else 0.0
    return out
