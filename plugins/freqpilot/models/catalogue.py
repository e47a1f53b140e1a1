"""Every model and every core by name."""

from typing import Any

from freqpilot.models.boosting import TreesClasses, TreesClassifier, TreesMean, TreesRegressor
from freqpilot.models.fitted import Model
from freqpilot.models.linear import (
    Autoregression,
    LastValue,
    LastValueMean,
    LinearOutput,
    Logistic,
    Ridge,
)
from freqpilot.models.stacking import Stacked, StackedMean
from freqpilot.models.xgb import XGBoostMean, XGBoostRegressor

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
BASELINES = ("last_value", "autoregression", "linear", "logistic")
CORES: dict[str, Any] = {
    core.kind: core
    for core in (TreesMean, TreesClasses, XGBoostMean, StackedMean, LastValueMean, LinearOutput)
}
