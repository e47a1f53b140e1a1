"""The composite decision of each candle: opinions, what the regime and the scorecards make of their
weights, and the bias of longer candles. Arrays in, arrays out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from freqpilot.features.bank.workspace import Workspace
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import ConfluenceSettings, RegimeSettings, SignalSettings, WeightClass
from freqpilot.shapes import Bools, Candles, Composite, Floats, Signal
from freqpilot.signals import adaptation, analysts, composite, confluence, hmm, scorecards
from freqpilot.signals.analysts.base import NOTHING

SCORE_PREFIX = "score_"
"""Columns of this prefix hold what an analyst's scorecard multiplies its weight by."""
CONTRIBUTION_PREFIX = "contrib_"
"""Columns of this prefix hold an analyst's term of the composite."""
TRUST = "edge_model_forecast"
"""The column of :attr:`ModelColumns.trust`."""


class ModelColumns(NamedTuple):
    """A model's forecast at each candle: the probabilities that the profit barrier (``up``) and the
    loss barrier (``down``) are met first, ``valid`` where it gave any, and ``trust``, what its
    confidence is multiplied by (1 … 0), None where nobody judges the model."""

    up: Floats
    down: Floats
    valid: Bools
    trust: Floats | None = None


class DecisionInputs(NamedTuple):
    """What a decision is made of besides the candles.

    ``facts`` by the names that analysts read, ``fear_greed`` 0…100 for the models of ``regimes``;
    all as they were known at each candle's close.
    """

    facts: Mapping[str, Floats] = NOTHING
    model: ModelColumns | None = None
    regimes: Sequence[RegimeModel] = ()
    fear_greed: Floats | None = None


class WeightMove(NamedTuple):
    """An analyst's weight was multiplied by ``old`` at the last candle but one and is by ``new`` at
    the last one, which opened at ``date`` (nanoseconds)."""

    analyst: str
    old: float
    new: float
    date: int


def asked_analysts(settings: SignalSettings, kind: WeightClass) -> set[str]:
    """Return the names of the analysts whose opinion has a weight."""
    return {str(name) for name, weight in settings.table(kind).items() if weight > 0}


def decide(
    candles: Candles, settings: SignalSettings, kind: WeightClass, inputs: DecisionInputs
) -> dict[str, Any]:
    """Return the decision's columns by name, each as long as the candles.

    ``composite``, ``confidence`` and ``coverage``, and a ``contrib_*`` for each analyst. With
    regimes: ``regime`` (its name or ""), ``regime_probability``, ``size_factor``, ``stop_factor``,
    ``allow_long`` and ``allow_short``, and with models of them ``regime_by_model``. With
    scorecards: a ``score_*`` for each analyst. With confluence: ``bias``, ``allow_long`` and
    ``allow_short``. With a judged model: :data:`TRUST`.

    :param kind: the class of the coin, by which weights are set.
    :raises ValueError: as :func:`freqpilot.signals.composite.combine`.
    """
    work = Workspace(candles)
    asked = asked_analysts(settings, kind)
    signals = analysts.opinions(work, inputs.facts, asked)
    model = inputs.model if analysts.ModelForecast.name in asked else None
    if model is not None:
        signals = [*signals, model_opinion(model)]
    weights, columns = _adapted(work, settings.regimes, inputs)
    if settings.scorecards.enabled:
        scored = scorecards.factors(signals, candles, settings.scorecards)
        weights = scorecards.bounded(weights, scored, settings.scorecards)
        columns |= {f"{SCORE_PREFIX}{name}": factor for name, factor in scored.items()}
    whole = composite.combine(signals, settings, kind, weights, rows=len(candles))
    confidence = _confluence(candles, whole, settings.confluence, columns)
    if model is not None and model.trust is not None:
        columns[TRUST] = model.trust
    columns |= {"composite": whole.value, "confidence": confidence, "coverage": whole.coverage}
    for place, name in enumerate(whole.analysts):
        columns[f"{CONTRIBUTION_PREFIX}{name}"] = whole.contributions[:, place]
    return columns


def model_opinion(model: ModelColumns) -> Signal:
    """Return the model's forecast as an analyst's opinion, as sure as the model is trusted."""
    opinion = analysts.ModelForecast().evaluate(model.up, model.down, model.valid)
    if model.trust is None:
        return opinion
    return replace(opinion, confidence=opinion.confidence * model.trust)


def weight_moves(columns: Mapping[str, Any], candles: Candles) -> list[WeightMove]:
    """Return what the scorecards in ``columns`` have moved at the last candle, by more than
    rounding."""
    if len(candles) < 2:
        return []
    last = {
        name.removeprefix(SCORE_PREFIX): (float(factor[-2]), float(factor[-1]))
        for name, factor in columns.items()
        if name.startswith(SCORE_PREFIX)
    }
    date = int(candles.date[-1])
    return [
        WeightMove(name, old, new, date)
        for name, (old, new) in last.items()
        if round(old, 4) != round(new, 4)
    ]


def _adapted(
    work: Workspace, settings: RegimeSettings, inputs: DecisionInputs
) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Return the factors of the analysts' weights, and the columns of the regime and of what else
    it changes; both are empty where regimes are switched off."""
    if not settings.enabled:
        return {}, {}
    found, by_model = hmm.detect(work, settings, inputs.regimes, inputs.fear_greed)
    adapted = adaptation.adapt(work, found, settings)
    judged_by = {"regime_by_model": by_model} if settings.method == "hmm" else {}
    return adapted.weights, {
        **judged_by,
        "regime": found.names(),
        "regime_probability": found.probability,
        "size_factor": adapted.size,
        "stop_factor": adapted.stop,
        "allow_long": adapted.long,
        "allow_short": adapted.short,
    }


def _confluence(
    candles: Candles, whole: Composite, settings: ConfluenceSettings, columns: dict[str, Any]
) -> Floats:
    """Put the bias of longer candles and what it allows into ``columns`` and return the confidence
    that it raises. Nothing changes where confluence is switched off, or where these candles make up
    no longer ones."""
    bias = confluence.bias(candles) if settings.enabled else None
    if bias is None:
        return whole.confidence
    every = np.ones(len(bias), dtype=np.bool_)
    long, short = confluence.allowed(bias, settings.min_bias)
    columns["bias"] = bias
    columns["allow_long"] = columns.get("allow_long", every) & long
    columns["allow_short"] = columns.get("allow_short", every) & short
    return confluence.surer(whole.confidence, whole.value, bias, settings.boost)
