"""Numba kernels of the structure features: :mod:`freqpilot.features.kernels.swings` put together.

Each finds the swings that it needs by itself, so that it depends on its own window alone.
"""

import numpy as np
from numba import njit

from freqpilot.features.kernels import swings
from freqpilot.shapes import Floats


@njit(nogil=True)
def swing_value(price: Floats, close: Floats, order: int, lookback: int, sign: float) -> Floats:
    """Price of the last swing high (``sign`` 1) or low (−1); the close where there is none."""
    last, _ = swings.last_swings(price, order, lookback, sign)
    return swings.value_at(price, last, close)


@njit(nogil=True)
def swing_age(price: Floats, order: int, lookback: int, sign: float) -> Floats:
    """Candles since the last swing as a share of ``lookback``; 1 where there is none."""
    last, _ = swings.last_swings(price, order, lookback, sign)
    return swings.swing_age(last, lookback)


@njit(nogil=True)
def swing_steps(price: Floats, order: int, lookback: int, sign: float) -> Floats:
    """1 where the last swing lies above the one before it, −1 below, 0 level or not both there."""
    last, before = swings.last_swings(price, order, lookback, sign)
    return swings.steps(price, last, before)


@njit(nogil=True)
def swing_retracement(
    high: Floats, low: Floats, close: Floats, order: int, lookback: int, flat: float
) -> Floats:
    """Place of the close between the last swing low and high; 0.5 where one is not there."""
    top, _ = swings.last_swings(high, order, lookback, 1.0)
    bottom, _ = swings.last_swings(low, order, lookback, -1.0)
    for i in range(close.shape[0]):
        # Without both of them there is no range, which gives 0.5.
        if top[i] == swings.NONE or bottom[i] == swings.NONE:
            top[i] = bottom[i] = min(top[i], bottom[i], swings.NONE)
    lowest = swings.value_at(low, bottom, close)
    return swings.retracement(close, lowest, swings.value_at(high, top, close), flat)


@njit(nogil=True)
def swing_divergence(
    price: Floats, oscillator: Floats, order: int, lookback: int, sign: float
) -> Floats:
    """Strength of the divergence of price and oscillator between the last two swings."""
    last, before = swings.last_swings(price, order, lookback, sign)
    return swings.divergence(price, oscillator, last, before, lookback, sign)


@njit(nogil=True)
def swing_double(
    peak: Floats, valley: Floats, unit: Floats, order: int, lookback: int, sign: float
) -> Floats:
    """Score 0…1 of the last two swings as a double top or bottom."""
    last, before = swings.last_swings(peak, order, lookback, sign)
    return swings.double_extreme(peak, valley, last, before, unit, sign)


@njit(nogil=True)
def previous_day(day: Floats, high: Floats, low: Floats, close: Floats, lookback: int) -> Floats:
    """High, low and close of the day before, a row each."""
    top, bottom, end = swings.previous_day(day, high, low, close, lookback)
    out = np.empty((3, close.shape[0]))
    out[0], out[1], out[2] = top, bottom, end
    return out
