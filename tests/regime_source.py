"""A regime model for tests, fitted on invented candles with crashes, and candles to filter."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from candle_source import HOUR
from freqpilot.features.bank.workspace import Workspace
from freqpilot.models.regimes import RegimeModel, fit
from freqpilot.shapes import Candles, Floats
from freqpilot.signals import hmm, regimes

BEGIN = 1_700_000_000_000_000_000 // HOUR * HOUR
DRIFT = (0.0012, -0.0012, 0.0, 0.0, 0.0, -0.012)
SIZE = (0.006, 0.006, 0.006, 0.02, 0.0015, 0.018)
VOLUME = (1.0, 1.0, 1.0, 3.0, 0.6, 3.0)
LASTS = (150, 150, 200, 36, 60, 24)


def market(seed: int, length: int) -> Candles:
    """Return candles that go through the six regimes by turns, in random order."""
    rng = np.random.default_rng(seed)
    kinds: list[int] = []
    while len(kinds) < length:
        kind = int(rng.choice(6, p=(0.2, 0.2, 0.3, 0.12, 0.12, 0.06)))
        kinds += [kind] * max(6, int(rng.exponential(LASTS[kind])))
    kind = np.array(kinds[:length])
    steps = np.array(DRIFT)[kind] + rng.standard_normal(length) * np.array(SIZE)[kind]
    close = 100 * np.exp(np.cumsum(steps))
    opened = np.concatenate([[100.0], close[:-1]])
    volume = np.array(VOLUME)[kind] * rng.lognormal(3, 0.3, length)
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    return Candles(BEGIN + np.arange(length) * HOUR, opened, high, low, close, volume)


def rows(seed: int, length: int, index: Floats | None = None) -> tuple[Floats, Floats]:
    """Return figures and the rules' opinions of :func:`market`, where they are known."""
    of = regimes.gauges(Workspace(market(seed, length)))
    figures, said = hmm.observations(of, index), regimes.probabilities(of)
    whole = np.isfinite(figures).all(axis=1)
    return figures[whole], said[whole]


def named(sequences: Sequence[tuple[Floats, Floats]], until: int, *more: str) -> RegimeModel:
    """Return the model of these figures and opinions, as of candle ``until``."""
    model = fit(
        [figures for figures, _ in sequences],
        [said for _, said in sequences],
        (*hmm.INPUTS, *more),
        timeframe=60,
        fitted_from=0,
        fitted_until=BEGIN + until * HOUR,
    )
    return replace(model, names=hmm.state_names(model))


@cache
def model(until: int = 0) -> RegimeModel:
    """Return a model of three pairs, as of candle ``until`` of :func:`market`."""
    return named([rows(seed, 3_000) for seed in (1, 2, 3)], until)


def relabelled(of: RegimeModel, order: Sequence[int]) -> RegimeModel:
    """Return the same model with its states in another order."""
    k = list(order)
    return replace(
        of,
        names=tuple(of.names[s] for s in k),
        means=of.means[k],
        covariances=of.covariances[k],
        transition=of.transition[np.ix_(k, k)],
    )
