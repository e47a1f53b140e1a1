"""Every model and every core by name."""

from typing import Any

from freqpilot.models.boosting import TreesClasses, TreesClassifier, TreesMean, TreesRegressor
from freqpilot.models.fitted import Model
from freqpilot.models.linear import LastValue, LastValueMean, LinearOutput, Logistic, Ridge
from freqpilot.models.sequences.core import SequenceMean
from freqpilot.models.sequences.models import (
    CNNLSTM,
    GRU,
    BiLSTM,
    PatchTransformer,
    SequenceModel,
)

MODELS: dict[str, Model] = {
    model.name: model
    for model in (TreesRegressor(), TreesClassifier(), LastValue(), Ridge(), Logistic())
}
SEQUENCES: dict[str, SequenceModel] = {
    model.name: model for model in (BiLSTM(), GRU(), CNNLSTM(), PatchTransformer())
}
"""They need the extra ``freqpilot[deep]``, and rows that carry their context."""
BASELINES = ("last_value", "linear", "logistic")
CORES: dict[str, Any] = {
    core.kind: core for core in (TreesMean, TreesClasses, LastValueMean, LinearOutput, SequenceMean)
}
