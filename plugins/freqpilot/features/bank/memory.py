"""Averages and states that remember a fixed number of candles and no more.

An exponential average or "the last breakout" depends on the first candle for ever; a live frame
begins anew every day, so a slow one would say other things live than in the backtest. These forget
exactly. NaN as in :mod:`freqpilot.features.kernels.trend`.
"""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


@njit(cache=True, nogil=True)
def windowed_ema(x: Floats, span: int, window: int) -> Floats:
    """Exponential average (α = 2 / (span + 1)) of the last ``window`` values, its weights summing
    to 1 over them."""
    alpha = 2.0 / (span + 1.0)
    fade = 1.0 - alpha
    last = fade**window
    out = np.full(x.shape[0], np.nan)
    count, total = 0, 0.0
    for i in range(x.shape[0]):
        if not np.isfinite(x[i]):
            count, total = 0, 0.0
            continue
        count += 1
        total = fade * total + alpha * x[i]
        if count > window:
            total -= alpha * last * x[i - window]
        if count >= window:
            out[i] = total / (1.0 - last)
    return out


@njit(cache=True, nogil=True)
def last_break(close: Floats, channel: int, window: int) -> Floats:
    """Direction of the last close outside the range of the ``channel`` closes before it, within
    the last ``window`` values: 1 above, −1 below, 0 where there was none."""
    out = np.full(close.shape[0], np.nan)
    count, since, state = 0, 0, 0.0
    for i in range(close.shape[0]):
        if not np.isfinite(close[i]):
            count, state = 0, 0.0
            continue
        count += 1
        since += 1
        if count > channel:
            high = low = close[i - channel]
            for j in range(i - channel + 1, i):
                high, low = max(high, close[j]), min(low, close[j])
            if close[i] > high:
                since, state = 0, 1.0
            elif close[i] < low:
                since, state = 0, -1.0
        if count >= window:
            # A break whose own channel reaches out of the window is forgotten.
            out[i] = state if since < window - channel else 0.0
    return out
