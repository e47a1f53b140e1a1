"""The forecasts that FreqAI keeps of a live pair, older ones than its frame holds among them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.shapes import Floats

COLUMNS = {"date_pred": "date", "close_price": "close"}

FORECAST = ("up", "down", "do_predict")


@dataclass(frozen=True)
class PastForecasts:
    """What FreqAI remembers of a live pair under its ``identifier``: the forecasts, with the closes
    that FreqAI saw. ``forecasts`` is None where FreqAI has none of the pair."""

    identifier: str
    forecasts: pd.DataFrame | None
    drawer: Any = field(default=None, compare=False)
    """FreqAI's data drawer, which has the forecasts of the other pairs."""


def past_forecasts(freqai: Any, pair: str) -> PastForecasts | None:
    """Return what FreqAI remembers of a live pair; None in a backtest, whose frame holds all.

    FreqAI sets ``do_predict`` to 0 for candles that its first model was trained on, and for
    candles that the bot missed.
    """
    if not getattr(freqai, "live", False):
        return None
    remembered = freqai.dd.historic_predictions.get(pair)
    if remembered is None or not {*COLUMNS, *FORECAST} <= set(remembered.columns):
        return PastForecasts(str(freqai.identifier), None, freqai.dd)
    forecasts = pd.DataFrame(remembered[[*COLUMNS, *FORECAST]]).rename(columns=COLUMNS)
    return PastForecasts(str(freqai.identifier), forecasts, freqai.dd)


def expected_move(frame: pd.DataFrame) -> Floats:
    """Return the chance of a rise less that of a fall, NaN where FreqAI has not predicted."""
    up, down, given = (
        pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64) for name in FORECAST
    )
    return np.where((given == 1) & (up + down > 0), up - down, np.nan)
