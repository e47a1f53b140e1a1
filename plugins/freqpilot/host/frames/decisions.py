"""The composite decision of each candle, as columns for Freqtrade's frame."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.features.bank.workspace import Workspace
from freqpilot.host.facts.columns import FACT_PREFIX
from freqpilot.host.frames.edge import forecasts
from freqpilot.host.frames.edge import groups as edgegroups
from freqpilot.host.frames.edge import monitor as edge
from freqpilot.host.frames.words import SCORE_PREFIX
from freqpilot.models.regimes import RegimeModel
from freqpilot.risk.taxonomy import asset_of
from freqpilot.settings import ConfluenceSettings, RegimeSettings, Settings
from freqpilot.shapes import Candles, Composite, Floats
from freqpilot.signals import adaptation, analysts, composite, confluence, hmm, scorecards

logger = logging.getLogger(__name__)
_told: dict[tuple[str, str], tuple[str, str, int]] = {}

MODEL_COLUMNS = ("up", "down", "flat", "do_predict")
FEAR_GREED = f"{FACT_PREFIX}{hmm.FEAR_GREED}"


def decision_columns(
    frame: pd.DataFrame,
    candles: Candles,
    settings: Settings,
    pair: str,
    models: Sequence[RegimeModel] = (),
    kept: forecasts.Kept | None = None,
    watched_by: Floats | None = None,
) -> dict[str, Any]:
    """Return the columns of the decision by name; see :func:`frames.add_decisions`.

    :param watched_by: the edge monitor's factors, where someone has them already.
    """
    work = Workspace(candles)
    kind = composite.weight_class(asset_of(pair, settings.risk).kind)
    weights = settings.signals.table(kind)
    asked = {name for name in weights if weights[name] > 0}
    signals = analysts.opinions(work, facts(frame), asked)
    watched: dict[str, Any] = {}
    if "model_forecast" in asked and all(name in frame for name in MODEL_COLUMNS):
        up, down = (frame[name].to_numpy(dtype=np.float64) for name in ("up", "down"))
        valid = frame["do_predict"].to_numpy() == 1
        said = analysts.ModelForecast().evaluate(up, down, valid)
        if settings.models.edge.enabled:
            factor = watched_by
            if factor is None:
                own = edge.factors(frame, candles, settings, pair, kept)
                factor = np.minimum(
                    own, edgegroups.live_factors(kept, pair, candles.date, settings)
                )
            said = replace(said, confidence=said.confidence * factor)
            watched[edge.COLUMN] = factor
        signals = [*signals, said]
    fear_greed = frame[FEAR_GREED].to_numpy(dtype=np.float64) if FEAR_GREED in frame else None
    adapted, columns = _adaptation(work, settings.signals.regimes, models, fear_greed)
    if settings.signals.scorecards.enabled:
        scored = scorecards.factors(signals, candles, settings.signals.scorecards)
        adapted = scorecards.bounded(adapted, scored, settings.signals.scorecards)
        columns |= {f"{SCORE_PREFIX}{name}": factor for name, factor in scored.items()}
        tell_moves(pair, candles, scored)
    whole = composite.combine(signals, settings.signals, kind, adapted, rows=len(candles))
    confidence = _confluence(candles, whole, settings.signals.confluence, columns)
    columns |= watched
    columns |= {
        "composite": whole.value,
        "confidence": confidence,
        "coverage": whole.coverage,
    }
    for place, name in enumerate(whole.analysts):
        columns[f"contrib_{name}"] = whole.contributions[:, place]
    return columns


def _adaptation(
    work: Workspace,
    settings: RegimeSettings,
    models: Sequence[RegimeModel],
    fear_greed: Floats | None,
) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Return the factors of the analysts' weights, and the columns of the regime and of what it
    changes besides; nothing where regimes are switched off."""
    if not settings.enabled:
        return {}, {}
    found, told = hmm.detect(work, settings, models, fear_greed)
    adapted = adaptation.adapt(work, found, settings)
    by_model = {"regime_by_model": told} if settings.method == "hmm" else {}
    return adapted.weights, {
        **by_model,
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
    that it raises; nothing changes where it is switched off, or there are no longer ones."""
    of = confluence.bias(candles) if settings.enabled else None
    if of is None:
        return whole.confidence
    every = np.ones(len(of), dtype=np.bool_)
    long, short = confluence.allowed(of, settings.min_bias)
    columns["bias"] = of
    columns["allow_long"] = columns.get("allow_long", every) & long
    columns["allow_short"] = columns.get("allow_short", every) & short
    return confluence.surer(whole.confidence, whole.value, of, settings.boost)


def tell_moves(pair: str, candles: Candles, scored: Mapping[str, Floats]) -> None:
    """Log what the newest candle's step has moved, each move once."""
    if len(candles) < 2:
        return
    for name, factor in scored.items():
        old, new = float(factor[-2]), float(factor[-1])
        key = (pair, name, int(candles.date[-1]))
        if round(old, 4) != round(new, 4) and _told.get((pair, name)) != key:
            _told[pair, name] = key
            why = "better" if new > old else "worse"
            logger.info(
                "%s: weight of %s ×%.3f → ×%.3f; its scorecard is %s than the one that has left "
                "the mean",
                pair,
                name.replace("_", " "),
                old,
                new,
                why,
            )


def facts(frame: pd.DataFrame) -> dict[str, Floats]:
    """Return the columns that hold facts from outside, by their names without the prefix;
    ``delta``, the order flow of Freqtrade itself, has none."""
    names = {name: f"{FACT_PREFIX}{name}" for name in analysts.COLUMNS} | {"delta": "delta"}
    return {
        name: frame[column].to_numpy(dtype=np.float64)
        for name, column in names.items()
        if column in frame
    }
