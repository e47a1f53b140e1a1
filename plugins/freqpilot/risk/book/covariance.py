"""Returns of many pairs side by side, and their covariance, shrunk against estimation noise."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from freqpilot.shapes import Bools, Floats, Ints


class Closes(NamedTuple):
    """Closed candles of one pair: open times in seconds since the epoch, ascending, and closes."""

    date: Ints
    close: Floats


class Returns(NamedTuple):
    """Log returns on a grid of candles: ``values`` is (n_candles × n_pairs), NaN where a candle or
    the one before it is missing."""

    pairs: tuple[str, ...]
    values: Floats


class Shrunk(NamedTuple):
    """A covariance, its correlation, and ``intensity``, the weight of the target in it (0…1)."""

    covariance: Floats
    correlation: Floats
    intensity: float


def resampled(closes: Closes, step: int, longer: int) -> Closes:
    """Return candles of ``step`` seconds as candles of ``longer`` ones, a multiple of it.

    Only those whose last part is there: their close is not known otherwise.
    """
    last = (closes.date + step) % longer == 0
    return Closes(closes.date[last] + step - longer, closes.close[last])


def aligned(closes: Mapping[str, Closes], begin: int, end: int, step: int) -> Returns:
    """Return the log returns of the candles that open in ``begin`` … ``end`` − ``step``, of all
    pairs by open time. What comes after ``end`` is not looked at.

    :param begin: as ``end`` in seconds since the epoch and a multiple of ``step``.
    """
    columns = {pair: column(each, begin, end, step) for pair, each in closes.items()}
    return beside(columns, (end - begin) // step)


def beside(columns: Mapping[str, Floats], count: int) -> Returns:
    """Return columns of :func:`column`, ``count`` rows long, side by side."""
    values = np.empty((count, len(columns)))
    for place, each in enumerate(columns.values()):
        values[:, place] = each
    return Returns(tuple(columns), values)


def column(closes: Closes, begin: int, end: int, step: int) -> Floats:
    """Return the log returns of one pair, as :func:`aligned` has them."""
    date, close = closes
    prices = np.full((end - begin) // step + 1, np.nan)
    first, last = np.searchsorted(date, (begin - step, end))
    place, off = np.divmod(date[first:last] - (begin - step), step)
    sound = (off == 0) & np.isfinite(close[first:last]) & (close[first:last] > 0)
    prices[place[sound]] = close[first:last][sound]
    result: Floats = np.diff(np.log(prices))
    return result


def known(returns: Returns, least: int) -> tuple[Bools, Bools]:
    """Return which pairs have enough history together, and in which rows all of them are there.

    While fewer than ``least`` rows are complete, the pair with the fewest returns is left out, of
    equal ones the last.
    """
    there = np.isfinite(returns.values)
    counts = there.sum(axis=0)
    chosen = counts >= max(2, least)
    while True:
        rows: Bools = np.asarray(there[:, chosen].all(axis=1))
        if not chosen.any() or rows.sum() >= max(2, least):
            return chosen, rows
        fewest = counts[chosen].min()
        chosen[np.flatnonzero(chosen & (counts == fewest))[-1]] = False


def shrunk(values: Floats) -> Shrunk:
    """Return the covariance of returns (n_rows × n_pairs, complete), shrunk to the one with the
    same variances and the mean correlation between all.

    Ledoit & Wolf, Honey, I Shrunk the Sample Covariance Matrix (2004), appendix B; the sample
    covariance divides by the number of rows. A pair that does not move has correlation NaN.
    """
    rows, count = values.shape
    x = values - values.mean(axis=0)
    sample = x.T @ x / rows
    deviation = np.sqrt(np.diag(sample))
    moves = deviation > 0
    if count < 3 or not moves.all():
        return Shrunk(sample, _correlation(sample, deviation), 0.0)
    scale = np.outer(deviation, deviation)
    off = ~np.eye(count, dtype=bool)
    mean = float((sample / scale)[off].mean())
    target = np.where(off, mean * scale, sample)
    squares = x * x
    noise = squares.T @ squares / rows - sample * sample
    shared = (squares * x).T @ x / rows - np.diag(sample)[:, None] * sample
    ratio = np.outer(1.0 / deviation, deviation)
    rho = float(np.trace(noise) + mean * (ratio * shared)[off].sum())
    gamma = float(((target - sample) ** 2).sum())
    kappa = (float(noise.sum()) - rho) / gamma if gamma > 0 else 0.0
    intensity = min(1.0, max(0.0, kappa / rows))
    covariance = intensity * target + (1.0 - intensity) * sample
    return Shrunk(covariance, _correlation(covariance, deviation), intensity)


def _correlation(covariance: Floats, deviation: Floats) -> Floats:
    moves = deviation > 0
    scale = np.where(np.outer(moves, moves), np.outer(deviation, deviation), np.nan)
    result: Floats = np.clip(covariance / scale, -1.0, 1.0)
    return result


def over_days(values: Floats, per_day: int) -> Floats:
    """Return the simple returns over ``per_day`` candles that end at each candle from the
    ``per_day``-th on, overlapping; NaN where a return among them is missing."""
    if len(values) < per_day:
        return np.empty((0, values.shape[1]))
    missing = np.isnan(values)
    zero = np.zeros((1, values.shape[1]))
    total = np.concatenate([zero, np.cumsum(np.where(missing, 0.0, values), axis=0)])
    gaps = np.concatenate([zero, np.cumsum(missing, axis=0)])
    sums = total[per_day:] - total[:-per_day]
    sums[gaps[per_day:] > gaps[:-per_day]] = np.nan
    result: Floats = np.expm1(sums)
    return result
