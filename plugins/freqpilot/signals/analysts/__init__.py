"""Analysts: each looks at one thing and says −1…1, how sure it is, and why, for every candle."""

from collections.abc import Collection

from freqpilot.features.bank.workspace import Workspace
from freqpilot.shapes import Signal
from freqpilot.signals.analysts.base import MISSING, NOTHING, Analyst, Columns
from freqpilot.signals.analysts.model import ModelForecast
from freqpilot.signals.analysts.outside import OUTSIDE
from freqpilot.signals.analysts.patterns import PatternRecognition, VolatilitySqueeze
from freqpilot.signals.analysts.technical import (
    MeanReversion,
    TechnicalMomentum,
    TechnicalTrend,
    VolumeConfirmation,
)

TECHNICAL: tuple[type[Analyst], ...] = (
    TechnicalTrend,
    TechnicalMomentum,
    VolumeConfirmation,
    MeanReversion,
    PatternRecognition,
    VolatilitySqueeze,
)
"""Those that candles are enough for."""
ANALYSTS: tuple[type[Analyst], ...] = (*TECHNICAL, *OUTSIDE)
"""All of them but the model's; a new one is added here and in the settings' table of weights."""
STARTUP = max(analyst.startup for analyst in TECHNICAL)
COLUMNS = tuple(dict.fromkeys(c for each in OUTSIDE for c in (*each.inputs, *each.optional)))
"""Names of the columns that some analyst reads."""

__all__ = [
    "ANALYSTS",
    "COLUMNS",
    "MISSING",
    "OUTSIDE",
    "STARTUP",
    "TECHNICAL",
    "Analyst",
    "MeanReversion",
    "ModelForecast",
    "PatternRecognition",
    "TechnicalMomentum",
    "TechnicalTrend",
    "VolatilitySqueeze",
    "VolumeConfirmation",
    "opinions",
]


def opinions(
    work: Workspace, columns: Columns = NOTHING, names: Collection[str] | None = None
) -> list[Signal]:
    """Return the opinions of the analysts in ``names`` (all by default) that have their inputs.

    One that reads columns is left out where ``columns`` lacks one that it cannot do without.
    """
    return [
        analyst().evaluate(work, columns)
        for analyst in ANALYSTS
        if (names is None or analyst.name in names) and all(c in columns for c in analyst.inputs)
    ]
