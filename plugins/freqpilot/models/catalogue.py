"""Every model and every core by name."""

from typing import Any

from freqpilot.models.base.fitted import Model
from freqpilot.models.ensemble.stacking import Stacked, StackedMean
from freqpilot.models.linear import (
    Autoregression,
    LastValue,
    LastValueMean,
    LinearOutput,
    Logistic,
    Ridge,
)
from freqpilot.models.sequences.core import SequenceMean
from freqpilot.models.sequences.models import (
    CNNLSTM,
    GRU,
    BiLSTM,
    PatchTransformer,
    SequenceModel,
)
from freqpilot.models.trees.boosting import TreesClasses, TreesClassifier, TreesMean, TreesRegressor
from freqpilot.models.trees.xgb import XGBoostMean, XGBoostRegressor

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        TreesRegressor(),
        TreesClassifier(),
        XGBoostRegressor(),
        Stacked(),
        LastValue(),
        Autoregression(),
        Ridge(),
        Logistic(),
    )
}
SEQUENCES: dict[str, SequenceModel] = {
    model.name: model for model in (BiLSTM(), GRU(), CNNLSTM(), PatchTransformer())
}
"""They need the extra ``freqpilot[deep]``, and rows that carry their context."""
BASELINES = ("last_value", "autoregression", "linear", "logistic")
CORES: dict[str, Any] = {
    core.kind: core
    for core in (
        TreesMean,
        TreesClasses,
        XGBoostMean,
        StackedMean,
        LastValueMean,
        LinearOutput,
        SequenceMean,
    )
}
