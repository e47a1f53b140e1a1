"""Numba kernel of the parabolic SAR, begun anew in a window so that it forgets every origin."""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


@njit(cache=True, nogil=True)
def _first(high: Floats, low: Floats, row: int) -> tuple[float, float, float]:
    """Side, SAR and extreme point before row ``row`` + 1: short where −DM is the larger."""
    rise, fall = high[row + 1] - high[row], low[row] - low[row + 1]
    if fall > 0.0 and fall > rise:
        return -1.0, high[row], low[row + 1]
    return 1.0, low[row], high[row + 1]


@njit(cache=True, nogil=True)
def _step(
    side: float,
    sar: float,
    extreme: float,
    pace: float,
    step: float,
    most: float,
    near: tuple[float, float],
    far: tuple[float, float],
) -> tuple[float, float, float, float, float]:
    """SAR of a candle, and side, SAR, extreme point and acceleration for the next.

    :param near: low and high of the candle and :param far: of the one before; both mirrored
        (−high, −low) where ``side`` is −1, as are ``sar`` and ``extreme`` here.
    """
    low, high, low1, high1 = near[0], near[1], far[0], far[1]
    sar, extreme = sar * side, extreme * side
    if low <= sar:
        sar = max(extreme, high1, high)
        level, extreme = sar, low
        sar = max(sar + step * (extreme - sar), high1, high)
        return level * side, -side, sar * side, extreme * side, step
    level = sar
    if high > extreme:
        extreme, pace = high, min(pace + step, most)
    sar = min(sar + pace * (extreme - sar), low1, low)
    return level * side, side, sar * side, extreme * side, pace


@njit(cache=True, nogil=True)
def parabolic_sar(high: Floats, low: Floats, window: int, step: float, most: float) -> Floats:
    """Parabolic SAR in price (Wilder 1978), begun ``window`` candles ago as TA-Lib begins it.

    Wilder's own recurrence may remember its first candle for ever. Runs begun at neighbouring
    candles soon meet, and are one from there on: only the candles until then are computed again,
    and the value is that of the window alone, bit by bit.
    """
    n = high.shape[0]
    out, level = np.full(n, np.nan), np.full(n, np.nan)
    # After each candle of the newest run: side, SAR, extreme point, acceleration.
    state = np.zeros((n, 4))
    step = min(step, most)
    count, done = 0, 0
    for i in range(n):
        count = count + 1 if np.isfinite(high[i] + low[i]) else 0
        if count < window:
            continue
        begin = i - window + 1
        if count == window:
            done = begin
        side, sar, extreme = _first(high, low, begin)
        pace, j = step, begin + 1
        while j <= i:
            if side > 0.0:
                near = (low[j], high[j])
                # The first candle stands for the one before it, as in TA-Lib.
                far = (low[j - 1], high[j - 1]) if j > begin + 1 else near
            else:
                near = (-high[j], -low[j])
                far = (-high[j - 1], -low[j - 1]) if j > begin + 1 else near
            level[j], side, sar, extreme, pace = _step(
                side, sar, extreme, pace, step, most, near, far
            )
            met = state[j, 0] == side and state[j, 1] == sar
            if j < done and met and state[j, 2] == extreme and state[j, 3] == pace:
                # From here on the run is the older one: go on where that stopped.
                j = done
                side, sar, extreme, pace = state[j, 0], state[j, 1], state[j, 2], state[j, 3]
            state[j, 0], state[j, 1], state[j, 2], state[j, 3] = side, sar, extreme, pace
            j += 1
        done = i
        out[i] = level[i]
    return out
