"""Every model and every core by name."""

from typing import Any

from freqpilot.models.boosting import TreesClasses, TreesClassifier, TreesMean, TreesRegressor
from freqpilot.models.fitted import Model
from freqpilot.models.linear import LastValue, LastValueMean, LinearOutput, Logistic, Ridge

MODELS: dict[str, Model] = {
    model.name: model
    for model in (TreesRegressor(), TreesClassifier(), LastValue(), Ridge(), Logistic())
}
BASELINES = ("last_value", "linear", "logistic")
CORES: dict[str, Any] = {
    core.kind: core for core in (TreesMean, TreesClasses, LastValueMean, LinearOutput)
}
