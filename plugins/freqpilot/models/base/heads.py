"""From a model's raw output to calibrated chances, intervals and a confidence.

Sources: C. Guo et al., On Calibration of Modern Neural Networks, 2017 (temperature); V. Vovk et
al., Nonparametric predictive distributions based on conformal prediction, 2017; J. Lei et al.,
Distribution-Free Predictive Inference for Regression, 2018 (split conformal).
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from freqpilot.shapes import Floats, Ints

COVERAGE = 0.8
"""Share of outcomes that an interval is meant to hold."""
SCORES = 200
"""Quantiles of the calibration's residuals that are kept."""
TEMPERATURES = np.geomspace(0.25, 16.0, 61)
LEAST_FACTOR = 0.05
"""A mean that the tail does not confirm is shrunk to this share, which keeps its order."""
MOST_FACTOR = 1.25
"""One learnt from clipped labels may be too small; more than this is chance."""


class Forecast(NamedTuple):
    """What a model expects of each row, NaN for a row with a missing figure.

    ``mean`` is the forward return in its volatility, or for classes the chance of the profit less
    that of the loss barrier; ``low`` and ``high`` hold the outcome with the chance
    :data:`COVERAGE`; ``down``, ``flat``, ``up`` are chances that add up to 1, and ``confidence``,
    .5…1, is the chance that the direction is right where there is one.
    """

    mean: Floats
    low: Floats
    high: Floats
    down: Floats
    flat: Floats
    up: Floats
    confidence: Floats


@dataclass(frozen=True)
class ConformalMean:
    """Turns a mean into a forecast: ``factor`` times it, ``half`` the interval's half width
    (infinite for too little evidence), ``scores`` the residuals' sizes, rising.

    Residuals count as symmetric: a drift of the calibration part is no forecast.
    """

    kind: ClassVar[str] = "conformal_mean"
    factor: float
    half: float | None
    scores: tuple[float, ...]

    def __call__(self, raw: Floats) -> Forecast:
        mean = self.factor * raw
        half = np.inf if self.half is None else self.half
        scores = np.asarray(self.scores)
        # Interpolated, or a forecast within the smallest residual would have no direction.
        grid = np.concatenate([[0.0], scores])
        share = np.interp(np.abs(mean), grid, np.arange(len(grid)) / (len(grid)))
        up = 0.5 + 0.5 * np.sign(mean) * np.where(np.isfinite(mean), share, np.nan)
        confidence = np.maximum(up, 1.0 - up)
        return Forecast(mean, mean - half, mean + half, 1.0 - up, 0.0 * up, up, confidence)

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class TemperedClasses:
    """Turns probabilities of loss, neither and profit barrier into calibrated ones by one
    ``temperature``; ``least`` is the chance from which on a class is in the conformal set.

    One parameter, because a tail of a few hundred labels that overlap is worth some dozens:
    isotonic regression learns their noise and makes ties; a temperature keeps the order.
    """

    kind: ClassVar[str] = "tempered_classes"
    temperature: float
    least: float

    def __call__(self, raw: Floats) -> Forecast:
        chance = tempered(raw, self.temperature)
        down, flat, up = chance[:, 0], chance[:, 1], chance[:, 2]
        inside = chance >= np.minimum(self.least, chance.max(axis=1))[:, None]
        low = np.where(inside[:, 0], -1.0, np.where(inside[:, 1], 0.0, 1.0))
        high = np.where(inside[:, 2], 1.0, np.where(inside[:, 1], 0.0, -1.0))
        gap = ~np.isfinite(up)
        low[gap] = high[gap] = np.nan
        either = down + up
        confidence = np.full(len(up), np.nan)
        confidence[~gap] = 0.5
        np.divide(np.maximum(down, up), either, out=confidence, where=either > 0)
        return Forecast(up - down, low, high, down, flat, up, confidence)

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


Head = ConformalMean | TemperedClasses
HEADS: dict[str, Any] = {kind.kind: kind for kind in (ConformalMean, TemperedClasses)}


def head_from(content: dict[str, Any]) -> Head:
    """Return the head that ``{"kind": …, **head.content()}`` was of."""
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items() if k != "kind"}
    made: Head = HEADS[content["kind"]](**values)
    return made


def tempered(chance: Floats, temperature: float) -> Floats:
    """Return probabilities (n × 3) whose logarithms are divided by ``temperature``."""
    logs = np.log(np.maximum(chance, 1e-12)) / temperature
    out = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def fit_mean(
    tune: tuple[Floats, Floats, Floats], hold: tuple[Floats, Floats, Floats]
) -> ConformalMean:
    """Return the head of a regression.

    :param tune: raw means, outcomes and weights of the part that scales the mean by least squares,
        between :data:`LEAST_FACTOR` and :data:`MOST_FACTOR`; ``hold`` the same of the part that
        measures residuals,
        with the labels' uniqueness as weights. Their sum stands for the number of outcomes, as
        those that overlap are no independent ones: fewer make a wider interval.
    """
    raw, outcome, weights = tune
    power = float(np.sum(weights * raw * raw))
    factor = float(np.sum(weights * raw * outcome)) / power if power > 0 else LEAST_FACTOR
    return conformal(float(np.clip(factor, LEAST_FACTOR, MOST_FACTOR)), hold)


def conformal(factor: float, hold: tuple[Floats, Floats, Floats]) -> ConformalMean:
    """Return the head of a regression whose scale is known; ``hold`` as in :func:`fit_mean`."""
    raw, outcome, unique = hold
    sizes = np.abs(outcome - factor * raw)
    level = COVERAGE * (1.0 + 1.0 / max(float(np.sum(unique)), 1e-9))
    half = float(np.quantile(sizes, level)) if level <= 1.0 else None
    kept = np.quantile(sizes, (np.arange(SCORES) + 1) / (SCORES + 1))
    return ConformalMean(factor, half, tuple(float(size) for size in kept))


def fit_classes(
    tune: tuple[Floats, Ints, Floats], hold: tuple[Floats, Ints, Floats]
) -> TemperedClasses:
    """Return the head of a classification.

    :param tune: raw probabilities, class columns 0…2 and weights of the part whose log loss the
        temperature makes least; ``hold`` the same of the part that gives the conformal set, with
        the labels' uniqueness as weights, as in :func:`fit_mean`.
    """
    raw, place, weights = tune
    rows = np.arange(len(place))
    losses = [
        -float(np.sum(weights * np.log(np.maximum(tempered(raw, t)[rows, place], 1e-12))))
        for t in TEMPERATURES
    ]
    temperature = float(TEMPERATURES[int(np.argmin(losses))])
    raw, place, unique = hold
    chance = tempered(raw, temperature)[np.arange(len(place)), place]
    level = COVERAGE * (1.0 + 1.0 / max(float(np.sum(unique)), 1e-9))
    least = float(np.quantile(chance, 1.0 - level)) if level <= 1.0 else 0.0
    return TemperedClasses(temperature, least)
