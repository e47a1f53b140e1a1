"""Regimes by a fitted hidden Markov model: its forward filter, and the rules where there is none.

Each pair is filtered alone by one model for all of them. A candle's regime depends on the
``MEMORY`` candles up to it and on a model that saw no candle after its open; it is never smoothed.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit

from freqpilot.features.bank.workspace import Workspace
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import RegimeName, RegimeSettings
from freqpilot.shapes import Bools, Floats, Ints
from freqpilot.signals import regimes
from freqpilot.signals.regimes import NAMES, Gauges, Regimes

INPUTS = ("volatility", "volume", "trend", "fall")
FEAR_GREED = "fear_greed"
"""The input that a model may have besides: the index of fear and greed, 0…100."""
MEMORY = 96
"""Candles that a filter looks back; it begins at the model's long-run shares."""
STARTUP = regimes.STARTUP - regimes.SMOOTH + MEMORY
"""Candles before the first regime that a model tells."""
LEAST_RATIO, MOST_MOVE = 0.05, 8.0
DAY = 86_400_000_000_000
MINUTE = 60_000_000_000


def startup(settings: RegimeSettings) -> int:
    """Return the candles before the first regime by the method of ``settings``."""
    return STARTUP if settings.method == "hmm" else regimes.STARTUP


def observations(of: Gauges, fear_greed: Floats | None = None) -> Floats:
    """Return what a model is fitted on and filters, n_candles × 4, or × 5 with the index.

    Ratios as logarithms, moves within ±8 standard deviations, and the index as −1 (fear) … 1.
    """
    ratios = (np.log(np.maximum(each, LEAST_RATIO)) for each in (of.volatility, of.volume))
    moves = (np.clip(each, -MOST_MOVE, MOST_MOVE) for each in (of.trend, of.fall))
    columns = [*ratios, *moves]
    if fear_greed is not None:
        columns.append(np.asarray(fear_greed, dtype=np.float64) / 50 - 1)
    return np.column_stack(columns)


def state_names(model: RegimeModel) -> tuple[RegimeName, ...]:
    """Return the name of each state: the regime that the rules find the most probable where the
    figures are the state's means. So a name does not hang on a state's number, nor on the fit."""
    means = model.means * model.scale + model.center
    volatility, volume, trend, fall = means[:, : len(INPUTS)].T
    of = Gauges(np.exp(volatility), np.exp(volume), trend, fall)
    return tuple(NAMES[place] for place in regimes.probabilities(of).argmax(axis=1))


def detect(
    work: Workspace,
    settings: RegimeSettings,
    models: Sequence[RegimeModel] = (),
    fear_greed: Floats | None = None,
) -> tuple[Regimes, Bools]:
    """Return the regime of each candle, and where a model told it; elsewhere the rules did.

    By the method ``rules`` they do everywhere. By ``hmm`` each candle asks the model with the
    latest ``fitted_until`` that is not after the candle's open; one of another timeframe, or older
    than ``max_model_days``, counts as none.

    :param fear_greed: the index as it was known at each candle's close; where it is NaN, or None,
        a model that knows it does without.
    :raises ValueError: for a dwell that the startup has no room for.
    """
    each = regimes.smoothed(work)
    told = np.zeros(len(each), dtype=np.bool_)
    if settings.method == "hmm":
        of = observations(regimes.gauges(work), fear_greed)
        for model, rows in _turns(work.candles.date, models, settings.max_model_days):
            first = max(0, rows.start - MEMORY + 1)
            part = by_name(model, of[first : rows.stop])[rows.start - first :]
            each[rows], told[rows] = part, np.isfinite(part).all(axis=1)
    return regimes.settled(each, settings.min_dwell), told


def by_name(model: RegimeModel, of: Floats) -> Floats:
    """Return the filtered probability of each regime (n × 6): that of all states of its name."""
    known = filtered(model, of)
    out = np.zeros((len(of), len(NAMES)))
    for state, name in enumerate(model.names):
        out[:, NAMES.index(name)] += known[:, state]
    return out


def filtered(model: RegimeModel, of: Floats) -> Floats:
    """Return the probability of each state given the last :data:`MEMORY` rows (n × states), by the
    forward recursion (Rabiner 1989); NaN where a figure is, which begins anew after it. That of
    :mod:`freqpilot.features.labels.sampling` remembers all rows, so it would hang on where they
    begin."""
    return _forward(_densities(model, of), model.transition, model.stationary, MEMORY)


def _turns(date: Ints, models: Sequence[RegimeModel], days: int) -> list[tuple[RegimeModel, slice]]:
    """Return which model holds for which candles."""
    step = int(np.diff(date).min()) // MINUTE if len(date) > 1 else 0
    able = sorted((m for m in models if m.timeframe == step), key=lambda m: m.fitted_until)
    out = []
    for place, model in enumerate(able):
        end = model.fitted_until + days * DAY + 1
        if place + 1 < len(able):
            end = min(end, able[place + 1].fitted_until)
        begin, stop = np.searchsorted(date, [model.fitted_until, end]).tolist()
        if stop > begin:
            out.append((model, slice(begin, stop)))
    return out


def _densities(model: RegimeModel, of: Floats) -> Floats:
    """Return each state's density at each row over the largest of them, n × states. Without the
    index a state's density is the marginal one of the other figures."""
    d, most = len(model.inputs), len(INPUTS)
    x = (of[:, :d] - model.center[: of.shape[1]]) / model.scale[: of.shape[1]]
    logs = _log_densities(model, x[:, :most])
    if x.shape[1] > most:
        logs = np.where(np.isfinite(x[:, [most]]), _log_densities(model, x), logs)
    densities: Floats = np.exp(logs - logs.max(axis=1, keepdims=True))
    return densities


def _log_densities(model: RegimeModel, x: Floats) -> Floats:
    d = x.shape[1]
    out = np.empty((len(x), len(model.names)))
    for state, (mean, covariance) in enumerate(zip(model.means, model.covariances, strict=True)):
        root = np.linalg.cholesky(covariance[:d, :d])
        inverse = np.linalg.inv(root)
        distance = np.zeros(len(x))
        # Column by column: a product of matrices rounds by how many rows there are.
        for row in range(d):
            terms = ((x[:, j] - mean[j]) * inverse[row, j] for j in range(row + 1))
            distance += sum(terms) ** 2
        out[:, state] = -0.5 * distance - np.log(np.diag(root)).sum()
    return out


@njit(cache=True, nogil=True)
def _forward(densities: Floats, transition: Floats, start: Floats, memory: int) -> Floats:
    rows, states = densities.shape
    out = np.full((rows, states), np.nan)
    p, q = np.empty(states), np.empty(states)
    first = 0
    for i in range(rows):
        if np.isnan(densities[i, 0]):
            first = i + 1
            continue
        begin = max(first, i - memory + 1)
        for j in range(begin, i + 1):
            total = 0.0
            for s in range(states):
                reached = start[s]
                if j > begin:
                    reached = 0.0
                    for r in range(states):
                        reached += p[r] * transition[r, s]
                q[s] = reached * densities[j, s]
                total += q[s]
            for s in range(states):
                p[s] = q[s] / total
        out[i] = p
    return out
