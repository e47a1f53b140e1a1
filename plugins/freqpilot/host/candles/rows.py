"""Single candles of a strategy's analysed frame, as its callbacks ask for them.

Freqtrade cuts the last thousand candles out of a frame each time it is asked, and pandas copies a
row of all types. A backtest's frames do not change while it trades, so there a pair's whole frame
is taken once, when Freqtrade keeps it, and a candle is a place in it.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.errors import NoEntry
from freqpilot.features.candles.frames import utc_dates
from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import DataProvider
from freqpilot.host.seams.seam import Place, Seam
from freqpilot.shapes import Ints

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Table:
    """The columns of a pair's analysed frame, each taken out when it is first asked for."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._columns: dict[str, Any] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(self._frame.columns)

    @cached_property
    def _dates(self) -> Ints:
        dates = utc_dates(self._frame).to_numpy(dtype="datetime64[ns]")
        return np.asarray(dates.astype(np.int64))

    def __contains__(self, name: object) -> bool:
        return name in self._columns or name in self.names

    def column(self, name: str) -> Any:
        """Return a column: plain figures as numpy's array, all else as pandas'.

        :raises KeyError: for an unknown name.
        """
        found = self._columns.get(name)
        if found is None:
            series = self._frame[name]
            plain = isinstance(series.dtype, np.dtype) and series.dtype.kind in "fiub"
            found = self._columns[name] = series.to_numpy() if plain else series.array
        return found

    def closed(self, time: datetime, timeframe: timedelta) -> int:
        """Return how many of the candles are closed at ``time``."""
        latest = (time - timeframe - EPOCH) // MICROSECOND * 1000
        return int(self._dates.searchsorted(latest, side="right"))

    def row(self, time: datetime, timeframe: timedelta) -> "Row | None":
        """Return the last candle that is closed at ``time``, or None."""
        place = self.closed(time, timeframe) - 1
        return None if place < 0 else Row(self, place)


class Row(Mapping[str, Any]):
    """One candle, by column. A figure is taken out when it is asked for."""

    __slots__ = ("_place", "_table")

    def __init__(self, table: Table, place: int) -> None:
        self._table, self._place = table, place

    def __getitem__(self, name: str) -> Any:
        return self._table.column(name)[self._place]

    def __contains__(self, name: object) -> bool:
        return name in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.names)

    def __len__(self) -> int:
        return len(self._table.names)


def latest(
    provider: DataProvider, pair: str, timeframe: str, time: datetime, step: timedelta
) -> Row | None:
    """Return the last analysed candle of a pair that is closed at ``time``, or None.

    :param provider: the strategy's ``dp``.
    :param step: ``timeframe`` as a duration.
    """
    return table_of(provider, pair, timeframe).row(time, step)


def table_of(provider: DataProvider, pair: str, timeframe: str) -> Table:
    """Return the pair's analysed candles: the backtest's, or those that ``provider`` gives now."""
    try:
        known = current().tables.get((pair, timeframe))
    except NoEntry:
        known = None
    return known or Table(provider.get_analyzed_dataframe(pair, timeframe)[0])


def keep(pair: str, timeframe: str, frame: pd.DataFrame) -> None:
    """Keep the analysed candles of the current backtest; live each candle brings new ones."""
    try:
        run = current()
    except NoEntry:
        return
    if not run.live:
        run.tables[pair, timeframe] = Table(frame)


def _make(original: Callable[..., Any]) -> Callable[..., Any]:
    def _set_cached_df(
        self: DataProvider,
        pair: str,
        timeframe: str,
        dataframe: pd.DataFrame,
        *rest: object,
        **named: object,
    ) -> Any:
        keep(pair, timeframe, dataframe)
        return original(self, pair, timeframe, dataframe, *rest, **named)

    return _set_cached_df


def closed_row(frame: pd.DataFrame, time: datetime, timeframe: timedelta) -> Row | None:
    """Return the row of the last candle that is closed at ``time``, or None."""
    return Table(frame).row(time, timeframe)


def closed_since(
    frame: pd.DataFrame, opened: datetime, time: datetime, timeframe: timedelta
) -> slice:
    """Return the rows of the candles that are closed at ``time`` and were not yet at ``opened``."""
    table = Table(frame)
    return slice(table.closed(opened, timeframe), table.closed(time, timeframe))


SEAMS = (
    Seam(
        "candles.rows",
        "keep a backtest's analysed candles, so that a callback finds its row at once",
        until="Freqtrade gives a callback the row of its candle",
        places=(
            Place(
                "freqtrade.data.dataprovider:DataProvider._set_cached_df",
                ["pair", "timeframe", "dataframe", "candle_type"],
                _make,
            ),
        ),
    ),
)
