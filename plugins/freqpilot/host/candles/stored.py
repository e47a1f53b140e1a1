"""Closes of pairs over months: live from the exchange, in a backtest from the files on disk."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.host.candles.files import read_candles
from freqpilot.host.candles.timeframe import DAY, seconds
from freqpilot.host.seams.freqtrade import Exchange
from freqpilot.risk.book.covariance import Closes, resampled
from freqpilot.settings import Settings

Source = Callable[[Sequence[str], str, int], Mapping[str, Closes]]
"""Gives the closed candles of pairs, by timeframe, from a time on in seconds since the epoch."""

NONE = Closes(np.empty(0, dtype=np.int64), np.empty(0))


def fetched_candles(exchange: Exchange) -> Source:
    """Return the source of a live bot: the exchange, one request a pair and day."""

    def fetch(pairs: Sequence[str], timeframe: str, begin: int) -> dict[str, Closes]:
        kind = exchange._config["candle_type_def"]
        keys = [(pair, timeframe, kind) for pair in pairs]
        found = exchange.refresh_latest_ohlcv(keys, since_ms=begin * 1000, cache=False)
        return {key[0]: _closes(found.get(key)) for key in keys}

    return fetch


def stored_candles(config: Mapping[str, Any], own: str) -> Source:
    """Return the source of a backtest: the files on disk. Where there are none of the timeframe,
    they are made of the strategy's shorter ones.

    :param own: the strategy's timeframe.
    """

    period = _period(config)
    known: dict[tuple[str, str], Closes] = {}  # files do not change while a backtest runs

    def load(pair: str, timeframe: str) -> Closes:
        closes = _stored(config, pair, timeframe, period)
        if not len(closes.date) and seconds(timeframe) % seconds(own) == 0:
            closes = _stored(config, pair, own, period)
            closes = resampled(closes, seconds(own), seconds(timeframe))
        return closes

    def read(pairs: Sequence[str], timeframe: str, begin: int) -> dict[str, Closes]:
        for pair in pairs:
            if (pair, timeframe) not in known:
                known[pair, timeframe] = load(pair, timeframe)
        return {pair: known[pair, timeframe] for pair in pairs}

    return read


def _period(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return from when to when a backtest may ask for candles, 0 for an open end: cleaning whole
    files would take longer than all else here."""
    from freqtrade.configuration import TimeRange

    asked = config.get("timerange")
    if not asked:
        return 0, 0
    period = TimeRange.parse_timerange(str(asked))
    lead = (Settings.from_config(config).risk.book.lookback_days + 3) * DAY
    return max(0, period.startts - lead), period.stopts


def _stored(
    config: Mapping[str, Any], pair: str, timeframe: str, period: tuple[int, int]
) -> Closes:
    from freqtrade.data.history import get_datahandler

    folder, form = Path(config["datadir"]), str(config["dataformat_ohlcv"])
    kind = str(config["candle_type_def"])
    file = get_datahandler(folder, form)._pair_data_filename(folder, pair, timeframe, kind)
    if not file.is_file():
        return NONE
    return _read(folder, form, kind, pair, timeframe, period, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)  # hyperopt begins a run an epoch and would read the files each time
def _read(
    folder: Path,
    form: str,
    kind: str,
    pair: str,
    timeframe: str,
    period: tuple[int, int],
    _: int,
) -> Closes:
    return _closes(read_candles(folder, pair, timeframe, kind, form=form, period=period))


def _closes(frame: pd.DataFrame | None) -> Closes:
    if frame is None or not len(frame):
        return NONE
    date = frame["date"].to_numpy(dtype="datetime64[s]").astype(np.int64)
    return Closes(date, frame["close"].to_numpy(dtype=np.float64))
