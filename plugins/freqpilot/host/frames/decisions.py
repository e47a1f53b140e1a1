"""The composite decision between Freqtrade's frame and :mod:`freqpilot.signals.decision`: columns
out of the frame, the decision's columns back, and the log of what moved."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from freqpilot.host.facts.columns import FACT_PREFIX
from freqpilot.host.frames.edge.forecasts import PastForecasts
from freqpilot.host.frames.edge.groups import judge_group
from freqpilot.host.frames.edge.monitor import judge_pair
from freqpilot.host.frames.edge.verdicts import EdgeMemory, EdgeVerdict, JudgedModel
from freqpilot.host.run.run import Run
from freqpilot.models.regimes import RegimeModel
from freqpilot.risk.taxonomy import asset_of
from freqpilot.settings import Settings
from freqpilot.shapes import Candles, Floats
from freqpilot.signals import analysts, composite, decision, hmm
from freqpilot.signals.decision import DecisionInputs, ModelColumns, WeightMove

logger = logging.getLogger(__name__)

MODEL_COLUMNS = ("up", "down", "flat", "do_predict")
FEAR_GREED = f"{FACT_PREFIX}{hmm.FEAR_GREED}"


class DecisionColumns(NamedTuple):
    """A decision's columns by name, the edge monitor's verdicts and the weights that the scorecards
    have moved at the last candle."""

    columns: dict[str, Any]
    verdicts: tuple[EdgeVerdict, ...]
    moves: tuple[WeightMove, ...]


def decision_columns(
    frame: pd.DataFrame,
    candles: Candles,
    settings: Settings,
    pair: str,
    models: Sequence[RegimeModel] = (),
    past: PastForecasts | None = None,
    memory: EdgeMemory | None = None,
    trust: Floats | None = None,
) -> DecisionColumns:
    """Return the decision's columns; see :func:`freqpilot.host.frames.decided.decide`.

    :param trust: the edge monitor's factors, where the caller has judged the model already.
    """
    kind = composite.weight_class(asset_of(pair, settings.risk).kind)
    verdicts: tuple[EdgeVerdict, ...] = ()
    model = None
    if _has_model(frame) and "model_forecast" in decision.asked_analysts(settings.signals, kind):
        if trust is None and settings.models.edge.enabled:
            trust, verdicts = _judged(frame, candles, settings, pair, past, memory)
        up, down = (frame[name].to_numpy(dtype=np.float64) for name in ("up", "down"))
        model = ModelColumns(up, down, frame["do_predict"].to_numpy() == 1, trust)
    fear_greed = frame[FEAR_GREED].to_numpy(dtype=np.float64) if FEAR_GREED in frame else None
    inputs = DecisionInputs(facts(frame), model, models, fear_greed)
    columns = decision.decide(candles, settings.signals, kind, inputs)
    return DecisionColumns(columns, verdicts, tuple(decision.weight_moves(columns, candles)))


def facts(frame: pd.DataFrame) -> dict[str, Floats]:
    """Return the columns that hold facts from outside, by their names without the prefix;
    ``delta``, the order flow of Freqtrade itself, has none."""
    names = {name: f"{FACT_PREFIX}{name}" for name in analysts.COLUMNS} | {"delta": "delta"}
    return {
        name: frame[column].to_numpy(dtype=np.float64)
        for name, column in names.items()
        if column in frame
    }


class LoggedMoves:
    """The newest candle of a run at which a move of an analyst's weight was logged, by pair and
    analyst."""

    def __init__(self, _: Run) -> None:
        self.last: dict[tuple[str, str], int] = {}


def log_moves(pair: str, moves: Sequence[WeightMove], logged: LoggedMoves) -> None:
    """Log each move of an analyst's weight, once however often its candle is analysed."""
    for move in moves:
        if logged.last.get((pair, move.analyst)) == move.date:
            continue
        logged.last[pair, move.analyst] = move.date
        logger.info(
            "%s: weight of %s ×%.3f → ×%.3f; its scorecard is %s than the one that has left "
            "the mean",
            pair,
            move.analyst.replace("_", " "),
            move.old,
            move.new,
            "better" if move.new > move.old else "worse",
        )


def _has_model(frame: pd.DataFrame) -> bool:
    return all(name in frame for name in MODEL_COLUMNS)


def _judged(
    frame: pd.DataFrame,
    candles: Candles,
    settings: Settings,
    pair: str,
    past: PastForecasts | None,
    memory: EdgeMemory | None,
) -> JudgedModel:
    """Return the lesser of the pair's own factor and its group's, and the verdicts on both."""
    alone = judge_pair(frame, candles, settings, pair, past, memory)
    together = judge_group(past, pair, candles.date, settings, memory)
    return JudgedModel(
        np.minimum(alone.factor, together.factor), alone.verdicts + together.verdicts
    )
