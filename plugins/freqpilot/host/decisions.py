"""The composite decision of each candle, as columns for Freqtrade's frame."""

from typing import Any

import numpy as np
import pandas as pd

from freqpilot.features.workspace import Workspace
from freqpilot.risk.taxonomy import asset_of
from freqpilot.settings import Settings
from freqpilot.shapes import Candles, Floats
from freqpilot.signals import analysts, composite

MODEL_COLUMNS = ("up", "down", "flat", "do_predict")
FACT_PREFIX = "fact_"
"""Columns of this prefix are read by the analysts of outside facts, as ``fact_sentiment``."""


def decision_columns(
    frame: pd.DataFrame, candles: Candles, settings: Settings, pair: str
) -> dict[str, Any]:
    """Return the columns of the decision by name; see :func:`frames.add_decisions`."""
    work = Workspace(candles)
    kind = composite.weight_class(asset_of(pair, settings.risk).kind)
    weights = settings.signals.table(kind)
    asked = {name for name in weights if weights[name] > 0}
    signals = analysts.opinions(work, facts(frame), asked)
    if "model_forecast" in asked and all(name in frame for name in MODEL_COLUMNS):
        up, down = (frame[name].to_numpy(dtype=np.float64) for name in ("up", "down"))
        valid = frame["do_predict"].to_numpy() == 1
        signals = [*signals, analysts.ModelForecast().evaluate(up, down, valid)]
    whole = composite.combine(signals, settings.signals, kind)
    columns: dict[str, Any] = {
        "composite": whole.value,
        "confidence": whole.confidence,
        "coverage": whole.coverage,
    }
    for place, name in enumerate(whole.analysts):
        columns[f"contrib_{name}"] = whole.contributions[:, place]
    return columns


def facts(frame: pd.DataFrame) -> dict[str, Floats]:
    """Return the columns that hold facts from outside, by their names without the prefix;
    ``delta``, the order flow of Freqtrade itself, has none."""
    names = {name: f"{FACT_PREFIX}{name}" for name in analysts.COLUMNS} | {"delta": "delta"}
    return {
        name: frame[column].to_numpy(dtype=np.float64)
        for name, column in names.items()
        if column in frame
    }
