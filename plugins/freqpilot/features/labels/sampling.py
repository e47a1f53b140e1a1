"""Trend-scanning labels, block bootstraps, and the forward filter of a hidden Markov model."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from freqpilot.shapes import Bools, Floats, Ints

EXACT = 1e-12
"""A residual below this share of the variation is rounding: a straight line has a finite t."""


class Trends(NamedTuple):
    """Label of each row: 1 trend upwards behind it, −1 downwards, 0 none.

    ``end`` is the row at which the label is known, always the longest horizon away, as the choice
    among the horizons needs them all; ``known`` is False where the data end before it or a value is
    missing (label 0, end the row itself then), as in
    :class:`freqpilot.features.labels.targets.Barriers`. ``t`` is the slope's t-value over the
    chosen ``horizon`` (0 where not known).
    """

    label: NDArray[np.int8]
    end: Ints
    known: Bools
    t: Floats
    horizon: Ints


@njit(cache=True, nogil=True)
def _strongest(x: Floats, row: int, shortest: int, longest: int) -> tuple[float, int]:
    """The t-value greatest in size, and its horizon (the shortest of equals); NaN for a gap."""
    best, chosen = 0.0, shortest
    sum_y = sum_yy = sum_xy = 0.0
    for step in range(longest + 1):
        y = x[row + step] - x[row]
        if not np.isfinite(y):
            return np.nan, chosen
        sum_y += y
        sum_yy += y * y
        sum_xy += step * y
        if step < shortest:
            continue
        n = step + 1.0
        s_xx = n * (n * n - 1.0) / 12.0
        s_xy = sum_xy - sum_y * step / 2.0
        s_yy = sum_yy - sum_y * sum_y / n
        if s_yy <= EXACT * sum_yy:
            continue
        residual = max(s_yy - s_xy * s_xy / s_xx, EXACT * s_yy)
        t = s_xy / np.sqrt(s_xx * residual / (n - 2.0))
        if abs(t) > abs(best):
            best, chosen = t, step
    return best, chosen


@njit(cache=True, nogil=True)
def _scan(
    x: Floats, shortest: int, longest: int, threshold: float
) -> tuple[NDArray[np.int8], Ints, Bools, Floats, Ints]:
    n = x.shape[0]
    label, end = np.zeros(n, dtype=np.int8), np.arange(n)
    known, t = np.zeros(n, dtype=np.bool_), np.zeros(n)
    horizon = np.zeros(n, dtype=np.int64)
    for i in range(n - longest):
        best, chosen = _strongest(x, i, shortest, longest)
        if np.isnan(best):
            continue
        end[i], known[i], t[i], horizon[i] = i + longest, True, best, chosen
        if abs(best) > threshold:
            label[i] = 1 if best > 0 else -1
    return label, end, known, t, horizon


def trend_scan(x: Floats, shortest: int, longest: int, threshold: float = 0.0) -> Trends:
    """Return trend-scanning labels of ``x`` (say, log prices).

    Source: M. López de Prado, Machine Learning for Asset Managers, 2020, section 5.4: the sign of
    the t-value greatest in size among the linear trends over ``x[i] … x[i + horizon]``, for
    horizons ``shortest`` to ``longest``. Label 0 where it is not above ``threshold``.

    :raises ValueError: for fewer than three points or no horizon at all.
    """
    if not 2 <= shortest <= longest:
        raise ValueError(f"horizons {shortest} to {longest}: 2 <= shortest <= longest is needed")
    return Trends(*_scan(x, shortest, longest, threshold))


def stationary_bootstrap(rows: int, mean_block: float, seed: int) -> Ints:
    """Return ``rows`` row numbers, in blocks of geometric length around the end of the data.

    Source: D. Politis, J. Romano, The Stationary Bootstrap, 1994: a new block, from a row drawn at
    random, begins with probability 1 / ``mean_block``.

    :raises ValueError: for a mean block below one row.
    """
    if not mean_block >= 1:
        raise ValueError(f"a mean block of {mean_block} rows: 1 or more is needed")
    if rows == 0:
        return np.zeros(0, dtype=np.int64)
    rng = np.random.default_rng(seed)
    first = rng.integers(0, rows, rows)
    begins = rng.random(rows) < 1.0 / mean_block
    begins[0] = True
    place = np.arange(rows)
    begun = np.maximum.accumulate(np.where(begins, place, 0))
    return np.asarray((first[begun] + place - begun) % rows, dtype=np.int64)


def circular_bootstrap(rows: int, block: int, seed: int) -> Ints:
    """Return ``rows`` row numbers, in blocks of ``block`` rows around the end of the data.

    Source: D. Politis, J. Romano, A Circular Block-Resampling Procedure, 1992.

    :raises ValueError: for a block below one row.
    """
    if block < 1:
        raise ValueError(f"a block of {block} rows: 1 or more is needed")
    if rows == 0:
        return np.zeros(0, dtype=np.int64)
    first = np.random.default_rng(seed).integers(0, rows, -(-rows // block))
    drawn = (first[:, None] + np.arange(block)) % rows
    return np.asarray(drawn.ravel()[:rows], dtype=np.int64)


@njit(cache=True, nogil=True)
def gaussian_log_likelihood(x: Floats, mean: Floats, deviation: Floats) -> Floats:
    """Log density of each value under each state's normal distribution, rows × states."""
    out = np.full((x.shape[0], mean.shape[0]), np.nan)
    for i in range(x.shape[0]):
        for k in range(mean.shape[0]):
            score = (x[i] - mean[k]) / deviation[k]
            out[i, k] = -0.5 * score * score - np.log(deviation[k]) - 0.5 * np.log(2 * np.pi)
    return out


@njit(cache=True, nogil=True)
def _log_sum(x: Floats) -> float:
    """Logarithm of the sum of exponentials; −∞ where all are −∞, NaN where one is NaN."""
    top = -np.inf
    for k in range(x.shape[0]):
        if np.isnan(x[k]):
            return np.nan
        top = max(top, x[k])
    if not np.isfinite(top):
        return top
    total = 0.0
    for k in range(x.shape[0]):
        total += np.exp(x[k] - top)
    return float(top + np.log(total))


@njit(cache=True, nogil=True)
def _forward(log_likelihood: Floats, log_transition: Floats, log_start: Floats) -> Floats:
    n, states = log_likelihood.shape
    out = np.full((n, states), np.nan)
    belief, terms = np.empty(states), np.empty(states)
    begun = False
    for i in range(n):
        for k in range(states):
            if begun:
                for j in range(states):
                    terms[j] = out[i - 1, j] + log_transition[j, k]
            belief[k] = log_likelihood[i, k] + (_log_sum(terms) if begun else log_start[k])
        total = _log_sum(belief)
        begun = bool(np.isfinite(total))
        if begun:
            for k in range(states):
                out[i, k] = belief[k] - total
    return out


def forward_filter(log_likelihood: Floats, transition: Floats, start: Floats) -> Floats:
    """Return each state's probability given the rows up to and with each, rows × states.

    Source: L. Rabiner, A Tutorial on Hidden Markov Models, 1989, section III.A, in log space:
    nothing underflows. No row sees a later one. A row with a NaN, or impossible in all states,
    gives NaN, and the filter starts anew behind it.

    :param log_likelihood: log density of each row under each state; −∞ for impossible.
    :param transition: probability of going from state (row) to state (column).
    :param start: probability of each state at the first row.
    """
    with np.errstate(divide="ignore"):  # a probability of 0 is −∞
        log_transition, log_start = np.log(transition), np.log(start)
    return np.asarray(np.exp(_forward(log_likelihood, log_transition, log_start)))
