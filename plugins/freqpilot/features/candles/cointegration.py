"""Whether two prices hold together: the test of Engle and Granger (1987) on their spread."""

import math
from typing import NamedTuple

import numpy as np

from freqpilot.shapes import Floats

CRITICAL = {
    0.01: (-3.89644, -10.9519, -33.527),
    0.05: (-3.33613, -6.1101, -6.823),
    0.10: (-3.04445, -4.2412, -2.720),
}
"""Response surfaces for two series with a constant: MacKinnon (2010), "Critical Values for
Cointegration Tests", table 2; b∞ + b1/T + b2/T²."""
ASYMPTOTIC = (2.92, 1.5012, 0.039796)
"""Φ of this polynomial of the statistic is its p-value below :data:`UNSURE`: MacKinnon (1994),
"Approximate Asymptotic Distribution Functions for Unit-Root and Cointegration Tests", table 3."""
UNSURE = -2.62
LEAST = 1e-12
"""A share of the variance below which a spread is rounding."""


class Cointegration(NamedTuple):
    """``y ≈ intercept + hedge·x``, the ADF ``statistic`` of what is left, and after how many steps
    half of a deviation is gone (infinite without reversion). NaN where there is nothing to test."""

    statistic: float
    hedge: float
    intercept: float
    half_life: float
    observations: int

    def holds(self, level: float = 0.05) -> bool:
        """Tell whether "not cointegrated" is refused at a level of 1, 5 or 10 %."""
        return self.statistic < critical_value(level, self.observations)


def critical_value(level: float, observations: int) -> float:
    """Return below what the statistic has to be.

    :raises ValueError: for a level that the table has not.
    """
    if level not in CRITICAL:
        raise ValueError(f"no critical value at {level}; there are {', '.join(map(str, CRITICAL))}")
    limit, first, second = CRITICAL[level]
    return limit + first / observations + second / observations**2 if observations else -math.inf


def p_value(statistic: float, observations: int) -> float:
    """Return how likely so low a statistic is without cointegration, from above: the correction for
    few observations is that of the 1 % level for all. 1 where it is above .23 or not known."""
    if not math.isfinite(statistic) or observations < 1:
        return 1.0
    _, first, second = CRITICAL[0.01]
    at = statistic - first / observations - second / observations**2
    if at > UNSURE:
        return 1.0
    level, slope, bend = ASYMPTOTIC
    # The parabola turns up again far below what any series gives.
    at = max(at, -slope / (2 * bend))
    return 0.5 * math.erfc(-(level + slope * at + bend * at * at) / math.sqrt(2.0))


def engle_granger(y: Floats, x: Floats, lags: int | None = None) -> Cointegration:
    """Test the log prices ``y`` and ``x`` of a past period; rows that miss one are left out.

    The two are not alike: the regression of the other on this one has another statistic.

    :param lags: differences that take up the autocorrelation; by default Schwert's (1989) rule for
        few, the whole part of 4·(n/100)^¼.
    :raises ValueError: when they are not of one length.
    """
    if y.shape != x.shape or y.ndim != 1:
        raise ValueError(f"series of the shapes {y.shape} and {x.shape} are no pair")
    there = np.isfinite(y) & np.isfinite(x)
    y, x = y[there], x[there]
    if lags is None:
        lags = int(4 * (len(y) / 100.0) ** 0.25)
    used = len(y) - 1 - lags
    if used < lags + 3:
        return Cointegration(math.nan, math.nan, math.nan, math.nan, max(used, 0))
    dx, dy = x - x.mean(), y - y.mean()
    moved = float(dx @ dx)
    hedge = float(dx @ dy) / moved if moved > LEAST * float(x @ x) else 0.0
    spread = dy - hedge * dx
    statistic, slope = _adf(spread, lags)
    if float(spread @ spread) <= LEAST * float(dy @ dy):
        statistic = slope = math.nan
    return Cointegration(
        statistic, hedge, float(y.mean() - hedge * x.mean()), _half_life(slope), used
    )


def _adf(x: Floats, lags: int) -> tuple[float, float]:
    """Return the t-value and the slope of the level in the regression of the change on it and on
    ``lags`` changes before (Said and Dickey 1984), without a constant: a residual has none."""
    change = np.diff(x)
    target = change[lags:]
    past = [change[lags - k : len(change) - k] for k in range(1, lags + 1)]
    design = np.column_stack([x[lags:-1], *past])
    inverse = np.linalg.pinv(design.T @ design)
    slopes = inverse @ (design.T @ target)
    rest = target - design @ slopes
    variance = float(rest @ rest) / (len(target) - design.shape[1]) * float(inverse[0, 0])
    slope = float(slopes[0])
    return (slope / math.sqrt(variance) if variance > 0 else math.nan), slope


def _half_life(slope: float) -> float:
    """Steps in which ``1 + slope`` to their power is a half."""
    if math.isnan(slope) or slope <= -1.0:
        return math.nan
    return math.inf if slope >= 0.0 else -math.log(2.0) / math.log1p(slope)
