"""How far two log prices are apart, by a regression over a window that moves with them.

Every row is summed anew over its window, so it is the same from whatever candle the data begin.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from freqpilot.shapes import Floats

LEAST = 1e-12
"""A share of the variance below which a spread is rounding."""


class Spread(NamedTuple):
    """``hedge``: the slope of ``y`` on ``x`` over the window; ``score``: the newest residual over
    the deviation of all of them. NaN until the window is full and wherever it misses a value."""

    hedge: Floats
    score: Floats


def rolling_spread(y: Floats, x: Floats, window: int) -> Spread:
    """Return the ordinary least squares of ``y`` on ``x`` over the last ``window`` rows.

    :raises ValueError: for series of two lengths, or a window of fewer than 3 rows.
    """
    if y.shape != x.shape or y.ndim != 1:
        raise ValueError(f"series of the shapes {y.shape} and {x.shape} are no pair")
    if window < 3:
        raise ValueError(f"a window of {window} rows has no deviation from its line")
    hedge, score = np.full(len(y), np.nan), np.full(len(y), np.nan)
    _walk(y.astype(np.float64), x.astype(np.float64), window, hedge, score)
    return Spread(hedge, score)


@njit(cache=True, nogil=True)
def _walk(y: Floats, x: Floats, window: int, hedge: Floats, score: Floats) -> None:
    for i in range(window - 1, len(y)):
        # Distances from the newest value: a sum loses no digits to the level of the price.
        last_y, last_x = y[i], x[i]
        sy = sx = syy = sxx = sxy = 0.0
        for k in range(i - window + 1, i + 1):
            dy, dx = y[k] - last_y, x[k] - last_x
            sy += dy
            sx += dx
            syy += dy * dy
            sxx += dx * dx
            sxy += dx * dy
        my, mx = sy / window, sx / window
        vy, vx, both = syy - sy * my, sxx - sx * mx, sxy - sx * my
        if not (vx > 0.0 and vy > 0.0):
            continue
        slope = both / vx
        left = vy - slope * both
        if left > LEAST * vy:
            hedge[i] = slope
            score[i] = (slope * mx - my) / np.sqrt(left / window)
