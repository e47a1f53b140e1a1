"""Where a run's protections see candles: the bot's in live, the backtester's files in a backtest.

A feed gives only candles that are closed at the time that is asked about.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import pandas as pd

from freqpilot.errors import NoEntry
from freqpilot.features.candles.frames import utc_dates
from freqpilot.host.candles.files import read_candles
from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import Bot


class Feed(Protocol):
    """Candles and analysed frames of a run, as Freqtrade's frames."""

    def first(self, pairs: Sequence[str], timeframe: str) -> str | None:
        """Return the first of the pairs that has candles, or None."""

    def candles(self, pair: str, timeframe: str, now: datetime) -> Any:
        """Return the candles that are closed at ``now``; an empty frame or an error when there are
        none."""


class LiveFeed:
    """The candles of a live bot; they are asked for where it has none or old ones."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    @property
    def timeframe(self) -> str:
        """The strategy's timeframe."""
        return str(self._bot.strategy.timeframe)

    def first(self, pairs: Sequence[str], timeframe: str) -> str | None:
        markets = self._bot.exchange.markets
        for pair in pairs:
            if pair in markets and markets[pair].get("active") is not False:
                return pair
        return None

    def candles(self, pair: str, timeframe: str, now: datetime) -> Any:
        """:raises NoEntry: when there are none."""
        from freqpilot.host.candles.bot import candles

        return closed(candles(self._bot.exchange, pair, timeframe, now.timestamp()), timeframe, now)

    def newest(self, pair: str) -> datetime | None:
        """Return when the newest candle that the bot has of a pair opened; asks for none."""
        kind = self._bot.config["candle_type_def"]
        known = self._bot.exchange.klines((pair, self._bot.strategy.timeframe, kind), copy=False)
        return None if not len(known) else known["date"].iloc[-1].to_pydatetime()

    def ask_again(self, pair: str, before: datetime) -> None:
        """Let the bot's next loop ask for a pair's newest candle, unless it was asked for since
        ``before``: Freqtrade itself waits for half an hour."""
        key = (pair, self._bot.strategy.timeframe, self._bot.config["candle_type_def"])
        asked = self._bot.exchange._pairs_last_poll_time
        if asked.get(key, 0) <= before.timestamp() * 1000:
            asked.pop(key, None)

    def analysed(self, pair: str) -> Any:
        """Return the strategy's frame of a pair, empty before the first."""
        frames = self._bot.dataprovider
        return frames.get_analyzed_dataframe(pair, self._bot.strategy.timeframe)[0]

    def pairs(self) -> list[str]:
        """Return the whitelist."""
        return list(self._bot.dataprovider.current_whitelist())


class BacktestFeed:
    """The candles of the backtester's data folder: pairs outside the whitelist, and the time before
    the backtest, among them. Files are read once a backtest."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._known: dict[tuple[str, str], Any] = {}

    def first(self, pairs: Sequence[str], timeframe: str) -> str | None:
        for pair in dict.fromkeys(pairs):
            if len(self._file(pair, timeframe)):
                return pair
        return None

    def candles(self, pair: str, timeframe: str, now: datetime) -> Any:
        return closed(self._file(pair, timeframe), timeframe, now)

    def _file(self, pair: str, timeframe: str) -> Any:
        key, config = (pair, timeframe), self._config
        if key not in self._known:
            kind, form = config["candle_type_def"], config["dataformat_ohlcv"]
            self._known[key] = read_candles(config["datadir"], pair, timeframe, kind, form=form)
        return self._known[key]


def closed(frame: pd.DataFrame, timeframe: str, now: datetime) -> Any:
    """Return the rows of ``frame`` whose candles are closed at ``now``."""
    if not len(frame):
        return frame
    newest = now - timedelta(seconds=seconds(timeframe))
    return frame.iloc[: int(utc_dates(frame).searchsorted(newest, side="right"))]


def current_feed() -> Any:
    """Return the run's feed.

    :raises NoEntry: when no run with candles has begun.
    """
    feed = current().feed
    if feed is None:
        raise NoEntry("this run has no candles for its protections")
    return feed
