"""What moved a forecast, as one column."""

from typing import Any, Protocol

import numpy as np

from freqpilot.models.base import reasons
from freqpilot.models.trees.classifier import CLASSES
from freqpilot.shapes import Floats, Floats32
from freqpilot.signals.analysts.model import ModelForecast


class Explained(Protocol):
    """A fitted model that tells what each feature adds to its forecast."""

    def leaning(self, x: Floats32) -> Floats:
        """Return the additions (n × k)."""
        ...


def reasons_of(
    model: Explained,
    names: list[str],
    x: Floats32,
    probabilities: Floats,
    neutral: float,
    last: bool,
) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return the reasons of each forecast that has a say in the composite; with ``last`` of the
    last row only, the one that FreqAI takes live. Shapley values cost 30 times the forecast.

    ``x`` may hold more than the columns ``names``, for the model alone, before them."""
    edge = np.abs(probabilities[:, CLASSES.index(1)] - probabilities[:, CLASSES.index(-1)])
    speaks = edge > neutral * ModelForecast.scale
    if last:
        speaks[:-1] = False
    out = np.full(len(x), "", dtype=object)
    if speaks.any():
        shown = x[speaks][:, -len(names) :]
        out[speaks] = reasons.words(names, shown, model.leaning(x[speaks]))
    return out
