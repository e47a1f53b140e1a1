"""Reasons are computed for the forecasts that have a say, and live for the last one alone."""

import numpy as np

from freqpilot.host.freqai.reasons import reasons_of
from freqpilot.models.trees.classifier import CLASSES
from freqpilot.shapes import Floats, Floats32


class Model:
    """Says that its first feature raised the forecast, and remembers the rows it was asked of."""

    def __init__(self) -> None:
        self.rows = 0

    def leaning(self, x: Floats32) -> Floats:
        self.rows += len(x)
        return np.tile([0.3, -0.1], (len(x), 1))


def probabilities(*up: float) -> Floats:
    table = np.zeros((len(up), len(CLASSES)))
    table[:, CLASSES.index(1)] = up
    table[:, CLASSES.index(-1)] = 1 - np.array(up)
    return table


def test_a_neutral_forecast_has_no_reasons() -> None:
    x, model = np.ones((3, 2), dtype=np.float32), Model()
    found = reasons_of(model, ["rsi", "atr"], x, probabilities(0.9, 0.5, 0.1), 0.2, False)
    assert found[1] == ""
    assert "rsi" in found[0]
    assert "rsi" in found[2]
    assert model.rows == 2


def test_live_the_last_one_is_asked_about_alone() -> None:
    x, model = np.ones((3, 2), dtype=np.float32), Model()
    found = reasons_of(model, ["rsi", "atr"], x, probabilities(0.9, 0.9, 0.9), 0.2, True)
    assert list(found[:2]) == ["", ""]
    assert "rsi" in found[2]
    assert model.rows == 1
