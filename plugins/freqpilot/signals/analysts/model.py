"""The model's forecast as one opinion among the others."""

from typing import ClassVar

import numpy as np

from freqpilot.shapes import Bools, Floats, Signal
from freqpilot.signals.analysts.base import signal_of


class ModelForecast:
    """The model's probability of a rise against that of a fall."""

    name: ClassVar[str] = "model_forecast"
    words: ClassVar[tuple[str, str, str]] = (
        "the model expects a fall",
        "the model is undecided",
        "the model expects a rise",
    )
    scale: ClassVar[float] = 0.25
    """Difference of probabilities that counts as a full opinion."""

    def evaluate(self, up: Floats, down: Floats, valid: Bools) -> Signal:
        """Return the opinion on every candle.

        Confidence is .5 for equal probabilities and rises to 1 at ``scale``; it is 0 where the
        model gave none (``valid`` false, NaN, or both probabilities 0).

        :param up: probability that the profit barrier is met first; ``down`` the loss barrier.
        """
        given = valid & np.isfinite(up) & np.isfinite(down) & (up + down > 0)
        edge = np.where(given, up - down, np.nan)
        value = np.clip(edge / self.scale, -1.0, 1.0)
        return signal_of(self.name, value, 0.5 + 0.5 * np.abs(value), self.words)
