"""How pairs moved together until a time: what book risk is measured by."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from freqpilot.risk.book.covariance import Returns, known, over_days, shrunk
from freqpilot.risk.book.value_at_risk import simulated
from freqpilot.shapes import Floats


@dataclass(frozen=True)
class View:
    """How some pairs moved until a time: the ``known`` ones in order, with the deviation of a
    day's return and the correlations; daily returns (n_pairs × n, n ≥ 1) as they were and drawn.
    ``counts`` has the returns of every pair, known or not, ``fresh`` those with one of the last
    day."""

    known: tuple[str, ...]
    volatility: Floats
    correlation: Floats
    history: Floats
    drawn: Floats
    counts: Mapping[str, int]
    fresh: frozenset[str]

    def between(self, first: str, second: str) -> float:
        """Return the correlation of two pairs, NaN when it is not known."""
        if first not in self.known or second not in self.known:
            return float("nan")
        return float(self.correlation[self.known.index(first), self.known.index(second)])


def view(returns: Returns, per_day: int, noise: Floats) -> View:
    """Return the view of ``returns``; half of the rows is enough history, a quarter of them
    whole days.

    The covariance of a day is ``per_day`` times that of a candle, as if candles were independent.

    :param noise: of :func:`~freqpilot.risk.book.value_at_risk.draws`, a row a pair.
    """
    there = np.isfinite(returns.values)
    chosen, rows = known(returns, len(there) // 2)
    values = returns.values[:, chosen]
    daily = over_days(values, per_day)
    daily = daily[np.isfinite(daily).all(axis=1)]
    fresh = np.asarray(there[-per_day:].any(axis=0))
    if not chosen.any() or len(daily) < max(2, len(there) // 4):
        chosen, values, daily = np.zeros_like(chosen), values[:, :0], np.empty((1, 0))
        covariance = correlation = np.empty((0, 0))
    else:
        found = shrunk(values[rows])
        covariance, correlation = found.covariance * per_day, found.correlation
    return View(
        known=tuple(pair for pair, is_known in zip(returns.pairs, chosen, strict=True) if is_known),
        volatility=np.sqrt(np.diag(covariance)),
        correlation=correlation,
        history=np.ascontiguousarray(daily.T),
        drawn=simulated(covariance, noise) if chosen.any() else np.empty((0, noise.shape[1])),
        counts=dict(zip(returns.pairs, there.sum(axis=0).tolist(), strict=True)),
        fresh=frozenset(
            pair for pair, is_fresh in zip(returns.pairs, fresh, strict=True) if is_fresh
        ),
    )
