"""Freqtrade's candle frames as :class:`~freqpilot.shapes.Candles`, checked."""

from typing import TYPE_CHECKING

import numpy as np

from freqpilot.errors import Degraded
from freqpilot.shapes import Candles

if TYPE_CHECKING:
    import pandas as pd

MINUTE = 60_000_000_000
PRICES = ("open", "high", "low", "close", "volume")


def utc_dates(frame: "pd.DataFrame") -> "pd.Series[pd.Timestamp]":
    """Return the frame's ``date`` as UTC timestamps.

    Freqtrade joins candles from files and from the exchange, whose UTC zones are different objects;
    pandas then keeps the dates as plain objects, without ``.dt``.
    """
    import pandas as pd

    dates = frame["date"]
    # A look-up of one candle would spend most of its time on making this sure.
    if str(getattr(dates.dtype, "tz", "")) == "UTC":
        return dates
    return pd.to_datetime(dates, utc=True)


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


def _step(candles: Candles) -> int:
    """Return the shortest way between two candles, the timeframe; 0 of too few to tell."""
    return int(np.diff(candles.date).min()) if len(candles) > 2 else 0


def with_market(candles: Candles, reference: Candles) -> Candles:
    """Return ``candles`` with the close of ``reference``, the market's pair, beside them.

    Only a candle of the very same open time counts; where there is none the market is NaN.

    :raises ValueError: when the reference's dates are not strictly rising, or it is of another
        timeframe: a longer candle's close is not known yet.
    """
    if len(reference) > 1 and not (np.diff(reference.date) > 0).all():
        raise ValueError("the reference pair's candles are not strictly rising by date")
    ours, theirs = _step(candles), _step(reference)
    if ours and theirs and ours != theirs:
        raise ValueError(
            f"the pair's candles are {ours / MINUTE:g} minutes long, those of the reference pair "
            f"{theirs / MINUTE:g}; give both of one timeframe"
        )
    market = np.full(len(candles), np.nan)
    if len(reference):
        place = np.searchsorted(reference.date, candles.date).clip(max=len(reference) - 1)
        there = reference.date[place] == candles.date
        market[there] = reference.close[place[there]]
    return candles.beside(market)
