"""What an analyst is: it says −1…1, how sure it is, and why, for every candle at once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from freqpilot.features.bank.workspace import Workspace
from freqpilot.shapes import Floats, Signal

BEARISH, NEUTRAL, BULLISH, MISSING = range(4)
DIRECTION = 0.2
"""An opinion within ± this is neutral."""

Columns = Mapping[str, Floats]
"""Facts by name, a value for each candle as it was known at that candle's close; NaN: none."""
NOTHING: Columns = MappingProxyType({})


class Analyst(ABC):
    """Base of all analysts. ``startup`` is how many candles it needs; what it says of a candle
    depends on that candle and those before it, and past ``startup`` not on where they begin.

    ``inputs`` are the columns it cannot do without, ``optional`` those it can.
    """

    name: ClassVar[str]
    startup: ClassVar[int]
    words: ClassVar[tuple[str, str, str]]
    """What it says when bearish, neutral and bullish."""
    inputs: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        """Return value −1…1 and confidence 0…1 of each candle; NaN where an input is missing.

        ``columns`` holds all of ``inputs``.
        """

    def evaluate(self, work: Workspace, columns: Columns = NOTHING) -> Signal:
        """Return the opinion on every candle; confidence 0 where an input is missing.

        Nor has a candle without a trade anything to say: its price is the last one carried on, and
        averages over a pair that stopped trading keep their trend for days.

        :raises ValueError: for a column that is not as long as the candles.
        """
        rows = len(work.candles)
        for name in (*self.inputs, *self.optional):
            if name in columns and columns[name].shape != (rows,):
                shape = columns[name].shape
                raise ValueError(f"column {name} has the shape {shape}, there are {rows} candles")
        if any(name not in columns for name in self.inputs):
            value = confidence = np.full(rows, np.nan)
        else:
            value, confidence = self.opinion(work, columns)
        traded = work.candles.volume > 0
        return signal_of(self.name, value, np.where(traded, confidence, 0.0), self.words)


def signal_of(name: str, value: Floats, confidence: Floats, words: tuple[str, str, str]) -> Signal:
    """Return the signal, kept within bounds; without confidence where a figure is missing."""
    given = np.isfinite(value) & np.isfinite(confidence)
    value = np.where(given, np.clip(value, -1.0, 1.0), 0.0)
    confidence = np.where(given, np.clip(confidence, 0.0, 1.0), 0.0)
    state = np.where(value > DIRECTION, BULLISH, np.where(value < -DIRECTION, BEARISH, NEUTRAL))
    reasons = (*words, "an input is missing")
    return Signal(name, value, confidence, reasons, np.where(given, state, MISSING))
