"""Numba steps of a correlation: moments of short windows of two series, and a few of them joined.

Distances are taken from the newest value, a mean from that of the newest part: both lie within what
is summed, so a sum loses no more digits than it has values, a level of the price costs what the
rounding of a mean is, and what does not move leaves exactly 0 (Chan, Golub and LeVeque 1983).
"""

from typing import Any

import numpy as np
from numba import njit

from freqpilot.shapes import Floats

LONGEST = 10
"""The longest window whose moments are taken in one step."""


def _moments_of(size: int) -> Any:
    """Return the step for windows of ``size``: the compiler unrolls what it knows the length of."""
    share = 1.0 / size

    @njit(cache=True, nogil=True)
    def moments(
        x: Floats, y: Floats, mx: Floats, my: Floats, xx: Floats, yy: Floats, xy: Floats
    ) -> None:
        for i in range(mx.shape[0]):
            left, right = x[i + size - 1], y[i + size - 1]
            sx = sy = sxx = syy = sxy = 0.0
            for k in range(size - 1):
                dx, dy = x[i + k] - left, y[i + k] - right
                sx += dx
                sy += dy
                sxx += dx * dx
                syy += dy * dy
                sxy += dx * dy
            ox, oy = sx * share, sy * share
            mx[i], my[i] = left + ox, right + oy
            xx[i], yy[i], xy[i] = sxx - sx * ox, syy - sy * oy, sxy - sx * oy

    return moments


_two, _three, _four, _five, _six, _seven, _eight, _nine, _ten = (
    _moments_of(size) for size in range(2, LONGEST + 1)
)


@njit(cache=True, nogil=True)
def moments(
    size: int, x: Floats, y: Floats, mx: Floats, my: Floats, xx: Floats, yy: Floats, xy: Floats
) -> None:
    """Means of the last ``size`` values of two series, and the sums of the products of the
    distances from them; ``x`` and ``y`` begin ``size`` − 1 rows before the rest."""
    if size == 2:
        _two(x, y, mx, my, xx, yy, xy)
    elif size == 3:
        _three(x, y, mx, my, xx, yy, xy)
    elif size == 4:
        _four(x, y, mx, my, xx, yy, xy)
    elif size == 5:
        _five(x, y, mx, my, xx, yy, xy)
    elif size == 6:
        _six(x, y, mx, my, xx, yy, xy)
    elif size == 7:
        _seven(x, y, mx, my, xx, yy, xy)
    elif size == 8:
        _eight(x, y, mx, my, xx, yy, xy)
    elif size == 9:
        _nine(x, y, mx, my, xx, yy, xy)
    else:
        _ten(x, y, mx, my, xx, yy, xy)


@njit(cache=True, nogil=True)
def correlation(
    size: float,
    parts: float,
    mx0: Floats,
    mx1: Floats,
    mx2: Floats,
    my0: Floats,
    my1: Floats,
    my2: Floats,
    xx0: Floats,
    xx1: Floats,
    xx2: Floats,
    yy0: Floats,
    yy1: Floats,
    yy2: Floats,
    xy0: Floats,
    xy1: Floats,
    xy2: Floats,
    out: Floats,
) -> None:
    """Correlation over two or three ``parts`` of ``size`` values, newest first; 0 where one rests.

    With two the third is the first once more: it lies at no distance and does not count.
    """
    share, third = 1.0 / parts, parts - 2.0
    for i in range(out.shape[0]):
        dx, ex = mx1[i] - mx0[i], mx2[i] - mx0[i]
        dy, ey = my1[i] - my0[i], my2[i] - my0[i]
        sx, sy = dx + ex, dy + ey
        ox, oy = sx * share, sy * share
        xx = (xx0[i] + xx1[i]) + xx2[i] * third + size * (dx * dx + ex * ex - sx * ox)
        yy = (yy0[i] + yy1[i]) + yy2[i] * third + size * (dy * dy + ey * ey - sy * oy)
        xy = (xy0[i] + xy1[i]) + xy2[i] * third + size * (dx * dy + ex * ey - sx * oy)
        spread = np.sqrt(xx * yy)
        found = xy / spread if spread != 0.0 else xy * 0.0
        found = -1.0 if found < -1.0 else found
        out[i] = 1.0 if found > 1.0 else found
