"""Freqtrade's candle frames as :class:`~freqpilot.shapes.Candles`, checked."""

from typing import TYPE_CHECKING

import numpy as np

from freqpilot.errors import Degraded
from freqpilot.shapes import Candles

if TYPE_CHECKING:
    import pandas as pd

PRICES = ("open", "high", "low", "close", "volume")


def utc_dates(frame: "pd.DataFrame") -> "pd.Series[pd.Timestamp]":
    """Return the frame's ``date`` as UTC timestamps.

    Freqtrade joins candles from files and from the exchange, whose UTC zones are different objects;
    pandas then keeps the dates as plain objects, without ``.dt``.
    """
    import pandas as pd

    return pd.to_datetime(frame["date"], utc=True)


def candles_from_frame(frame: "pd.DataFrame") -> Candles:
    """Return the candles of one pair and timeframe.

    Only ``date`` and the five prices are read: Freqtrade's frames carry other columns.

    :raises Degraded: when a column is missing, or dates are not strictly rising.
    """
    missing = [name for name in ("date", *PRICES) if name not in frame.columns]
    if missing:
        raise Degraded(
            f"the candles have no column {', '.join(missing)}, so nothing is computed from them "
            "and there is no entry; download them anew with freqtrade download-data"
        )
    date = utc_dates(frame).to_numpy(dtype="datetime64[ns]").astype(np.int64)
    if len(date) > 1 and not (np.diff(date) > 0).all():
        row = int(np.argmin(np.diff(date) > 0)) + 1
        raise Degraded(
            f"the candle of {frame['date'].iloc[row]} is not later than the one before it; "
            "download the candles anew with freqtrade download-data --erase"
        )
    columns = (np.ascontiguousarray(frame[name].to_numpy(dtype=np.float64)) for name in PRICES)
    return Candles(date, *columns)
