"""How much of what came after candles a model's forecasts knew, and how much of it is luck.

Forecasts and outcomes are steps × pairs, oldest first, NaN where there is none. Sources: R. Grinold
and R. Kahn, Active Portfolio Management, 2000 (information coefficient); D. Politis and J. Romano,
The Stationary Bootstrap, 1994; D. Bailey and M. López de Prado, The Deflated Sharpe Ratio, 2014.
"""

from typing import NamedTuple

import numpy as np

from freqpilot.features.labels.sampling import stationary_bootstrap
from freqpilot.research.stats import expected_max_sharpe
from freqpilot.shapes import Floats, Ints

BINS = 10
DRAWS = 500


class Figure(NamedTuple):
    """A mean over time with its standard error and 95 % interval by blocks, and the value that is
    to expect of the best of all trials without skill (0 for one)."""

    value: float
    error: float
    low: float
    high: float
    luck: float

    @property
    def t(self) -> float:
        """Value over its standard error."""
        return self.value / self.error if self.error > 0 else float("nan")

    @property
    def deflated(self) -> tuple[float, float, float]:
        """Value, low and high end less what luck gives."""
        return self.value - self.luck, self.low - self.luck, self.high - self.luck


def ranks(x: Floats) -> Floats:
    """Return the places of the finite values, in standard deviations from the middle; ties share
    theirs; NaN stays."""
    out = np.full(x.shape, np.nan)
    there = np.isfinite(x)
    values = x[there]
    if not values.size:
        return out
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    middle = (last - (count - 1) / 2.0)[place]
    spread = float(np.std(middle))
    out[there] = (middle - float(np.mean(middle))) / spread if spread > 0 else 0.0
    return out


def products(forecast: Floats, outcome: Floats) -> Floats:
    """Return per step the mean over pairs of the products of standardised ranks: their mean over
    all steps, weighted by :func:`counts`, is Spearman's correlation over all rows."""
    both = np.isfinite(forecast) & np.isfinite(outcome)
    one = ranks(np.where(both, forecast, np.nan))
    other = ranks(np.where(both, outcome, np.nan))
    return _row_means(one * other)


def cross_products(forecast: Floats, outcome: Floats) -> Floats:
    """Return Spearman's correlation across pairs at each step; NaN below three pairs."""
    both = np.isfinite(forecast) & np.isfinite(outcome)
    out = np.full(len(forecast), np.nan)
    for step in np.flatnonzero(both.sum(axis=1) >= 3):
        row = both[step]
        out[step] = float(np.mean(ranks(forecast[step, row]) * ranks(outcome[step, row])))
    return out


def counts(forecast: Floats, outcome: Floats) -> Floats:
    """Return the number of pairs with both at each step."""
    return np.asarray((np.isfinite(forecast) & np.isfinite(outcome)).sum(axis=1), np.float64)


def figure(
    values: Floats, weights: Floats, block: float, seed: int, trials: int = 1, draws: int = DRAWS
) -> Figure:
    """Return the weighted mean of a series and its error by the stationary bootstrap.

    :param block: mean length of a block in steps; longer than what makes neighbours alike.
    :param trials: how many were tried, this one included.
    """
    there = np.isfinite(values) & (weights > 0)
    series, share = values[there], weights[there]
    if series.size < 2:
        return Figure(*[float("nan")] * 5)
    value = float(np.average(series, weights=share))
    means = np.empty(draws)
    for draw in range(draws):
        rows = stationary_bootstrap(series.size, block, seed + draw)
        means[draw] = np.average(series[rows], weights=share[rows])
    error = float(np.std(means, ddof=1))
    low, high = (float(q) for q in np.quantile(means, (0.025, 0.975)))
    return Figure(value, error, low, high, expected_max_sharpe(trials, error**2))


def calibration_error(chance: Floats, happened: Floats) -> float:
    """Return the mean distance of stated from observed chances, over :data:`BINS` bins of equally
    many (expected calibration error); NaN for fewer than ten a bin."""
    there = np.isfinite(chance) & np.isfinite(happened)
    stated, seen = chance[there], happened[there]
    if stated.size < 10 * BINS:
        return float("nan")
    order = np.argsort(stated, kind="stable")
    parts = zip(np.array_split(stated[order], BINS), np.array_split(seen[order], BINS), strict=True)
    return float(sum(abs(a.mean() - b.mean()) * a.size for a, b in parts) / stated.size)


class Book(NamedTuple):
    """Net return of each step as a share of capital, and what was traded in it."""

    net: Floats
    traded: Floats


def book(signal: Floats, returns: Floats, hold: int, fee: float) -> Book:
    """Return what equal slots a pair would have earned that follow ``signal`` for ``hold`` steps.

    :param signal: −1, 0, 1 decided at each step's end (NaN is 0); each is held as one of ``hold``
        tranches; ``returns`` the simple return from each step to the next.
    :param fee: share of each traded value. Funding and slippage are not in it.
    """
    wanted = np.nan_to_num(signal)
    sums = np.cumsum(np.concatenate([np.zeros((hold, wanted.shape[1])), wanted]), axis=0)
    before = np.concatenate([np.zeros((1, wanted.shape[1])), sums])
    position = (before[hold + 1 :] - before[1 : 1 + len(wanted)]) / hold
    moved = np.abs(np.diff(position, axis=0, prepend=np.zeros((1, wanted.shape[1]))))
    pairs = wanted.shape[1]
    traded = moved.sum(axis=1) / pairs
    gross = (position * np.nan_to_num(returns)).sum(axis=1) / pairs
    return Book(gross - fee * traded, traded)


def by_day(values: Floats, day: Ints) -> Floats:
    """Return the sums of ``values`` by ``day`` (rising numbers), days without one included."""
    out = np.zeros(int(day[-1] - day[0]) + 1)
    np.add.at(out, day - day[0], values)
    return out


def _row_means(x: Floats) -> Floats:
    count = np.isfinite(x).sum(axis=1)
    out = np.full(len(x), np.nan)
    np.divide(np.nansum(x, axis=1), count, out=out, where=count > 0)
    return out
