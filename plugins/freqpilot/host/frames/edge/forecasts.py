"""The forecasts that FreqAI keeps of a live pair beyond the frame's candles."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.shapes import Floats

COLUMNS = {"date_pred": "date", "close_price": "close"}

FORECAST = ("up", "down", "do_predict")


@dataclass(frozen=True)
class Kept:
    """What FreqAI keeps of a live pair beyond the frame's candles: forecasts with the closes it
    saw (None where there are none), under its ``identifier``."""

    identifier: str
    forecasts: pd.DataFrame | None
    drawer: Any = field(default=None, compare=False)
    """FreqAI's, with the forecasts of the other pairs."""


def kept_forecasts(freqai: Any, pair: str) -> Kept | None:
    """Return what is kept of a live pair; None in a backtest, whose frame holds all.

    Forecasts it made up of candles that the first model was trained on are marked by it
    (``do_predict`` 0), and so are those of candles that the bot missed.
    """
    if not getattr(freqai, "live", False):
        return None
    found = freqai.dd.historic_predictions.get(pair)
    if found is None or not {*COLUMNS, *FORECAST} <= set(found.columns):
        return Kept(str(freqai.identifier), None, freqai.dd)
    forecasts = pd.DataFrame(found[[*COLUMNS, *FORECAST]]).rename(columns=COLUMNS)
    return Kept(str(freqai.identifier), forecasts, freqai.dd)


def lean_of(frame: pd.DataFrame) -> Floats:
    """Return the chance of a rise less that of a fall, NaN where FreqAI has not predicted."""
    up, down, given = (
        pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64) for name in FORECAST
    )
    return np.where((given == 1) & (up + down > 0), up - down, np.nan)
