"""Columns of all pairs for callbacks: one row is found in a microsecond.

Freqtrade's own way to a row costs a copied slice of a thousand candles each time. Filled in
``populate_entry_trend``, which runs before any callback, also in each epoch of hyperopt; all of it
can be computed anew from the candles, so nothing is lost with it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from freqpilot.features.candles.frames import utc_dates
from freqpilot.shapes import Floats, Ints


class Lookup:
    """For each pair the open times (ns) of its candles and some columns (n_candles × n_names)."""

    def __init__(self, names: Sequence[str], timeframe: timedelta) -> None:
        self.names = tuple(names)
        self._step = int(timeframe.total_seconds()) * 1_000_000_000
        self._tables: dict[str, tuple[Ints, Floats]] = {}

    def fill(self, pair: str, frame: pd.DataFrame) -> None:
        """Take the columns of a pair from its frame, instead of those from before."""
        dates = utc_dates(frame).to_numpy(dtype="datetime64[ns]").astype(np.int64)
        values = frame[list(self.names)].to_numpy(dtype=np.float64)
        self._tables[pair] = dates, values

    @property
    def pairs(self) -> list[str]:
        """The pairs that have columns."""
        return list(self._tables)

    def row(self, pair: str, time: datetime) -> Floats | None:
        """Return the columns of the last candle that is closed at ``time``, or None."""
        table = self._tables.get(pair)
        if table is None:
            return None
        dates, values = table
        latest = round(time.timestamp()) * 1_000_000_000 - self._step
        place = bisect_right(dates, latest) - 1
        return None if place < 0 else values[place]
