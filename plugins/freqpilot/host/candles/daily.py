"""A pair's candles of days: live from the exchange, in a backtest from the files on disk."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.host.candles.files import read_candles
from freqpilot.host.candles.timeframe import DAY, seconds
from freqpilot.host.seams.freqtrade import Exchange
from freqpilot.risk.exits.dailyrange import NONE, Bars, daily

Days = Callable[[str, int], Bars]
"""Gives the daily candles of a pair from a time on, in seconds since the epoch."""
SOURCES = ("1d", "1h")
"""Timeframes of files that days are made of, before the strategy's own."""


def fetched_days(exchange: Exchange) -> Days:
    """Return the source of a bot: the exchange, one request a pair and day."""

    def fetch(pair: str, begin: int) -> Bars:
        key = (pair, "1d", exchange._config["candle_type_def"])
        found = exchange.refresh_latest_ohlcv([key], since_ms=begin * 1000, cache=False)
        return _bars(found.get(key))

    return fetch


def stored_days(config: Mapping[str, Any], own: str) -> Days:
    """Return the source of a backtest: the first of its files that are there.

    :param own: the strategy's timeframe.
    """

    def read(pair: str, _begin: int) -> Bars:
        for timeframe in _timeframes(own):
            if len((found := _stored(config, pair, timeframe)).date):
                return found
        return NONE

    return read


def _timeframes(own: str) -> Iterator[str]:
    yield from SOURCES
    if own not in SOURCES and seconds(own) <= DAY:
        yield own


def _stored(config: Mapping[str, Any], pair: str, timeframe: str) -> Bars:
    from freqtrade.data.history import get_datahandler

    folder, form = Path(config["datadir"]), str(config["dataformat_ohlcv"])
    kind = str(config["candle_type_def"])
    file = get_datahandler(folder, form)._pair_data_filename(folder, pair, timeframe, kind)
    if not file.is_file():
        return NONE
    return _read(folder, form, kind, pair, timeframe, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)  # hyperopt begins a run an epoch and would read the files each time
def _read(folder: Path, form: str, kind: str, pair: str, timeframe: str, _: int) -> Bars:
    return daily(_bars(read_candles(folder, pair, timeframe, kind, form=form)))


def _bars(frame: pd.DataFrame | None) -> Bars:
    if frame is None or not len(frame):
        return NONE
    date = frame["date"].to_numpy(dtype="datetime64[s]").astype(np.int64)
    prices = (frame[name].to_numpy(dtype=np.float64) for name in ("high", "low", "close"))
    return Bars(date, *prices)
