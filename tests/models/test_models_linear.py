"""The part that measures a forecast's error chooses nothing: neither a penalty nor a slope."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conformance import LABELS, SEED, window

from freqpilot.models.base.window import Window, parts
from freqpilot.models.catalogue import MODELS

FIXED = ("linear", "autoregression", "logistic", "trees_regressor", "trees_classifier")


def turned(given: Window, rows: Any) -> Window:
    """Return a window in which these rows say the opposite of all others."""
    y = given.y.copy()
    y[rows] = -y[rows]
    return replace(given, y=y)


@pytest.mark.parametrize("name", FIXED)
def test_rows_that_measure_choose_nothing(name: str) -> None:
    model = MODELS[name]
    given = window(model.classes)
    hold = parts(given, LABELS).hold
    honest, poisoned = (model.fit(w, LABELS, SEED) for w in (given, turned(given, hold)))
    assert poisoned.core == honest.core
    assert poisoned.columns == honest.columns
    assert poisoned.head != honest.head, "what they measure is the error"


@pytest.mark.parametrize("name", ["linear", "autoregression"])
def test_the_tail_chooses_the_penalty(name: str) -> None:
    """Where the tail says the opposite of the training part, the least slope is the best."""
    given = window(False)
    tune = parts(given, LABELS).tune
    slopes = []
    for each in (given, turned(given, tune)):
        core: Any = MODELS[name].fit(each, LABELS, SEED).core
        slopes.append(np.abs(core.slopes[0]).sum())
    # From the least penalty, .001, to the largest, 1.
    assert slopes[1] == pytest.approx(slopes[0] * 1.001 / 2, rel=0.05)
