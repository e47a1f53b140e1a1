"""The candles that a live bot has, asked for anew where they are old or missing."""

from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.seams.freqtrade import Exchange


def index_pairs(coin: str, stake: str) -> tuple[str, ...]:
    """Return the pairs that a coin's price may be read from, the best first."""
    return (f"{coin}/{stake}:{stake}", f"{coin}/{stake}", f"{coin}/USDT", f"{coin}/USD")


def candles(exchange: Exchange, pair: str, timeframe: str, now: float) -> Any:
    """Return the bot's closed candles of a pair, asked for anew when they are old or missing.

    :raises NoEntry: when there are none.
    """
    kind = exchange._config["candle_type_def"]
    key = (pair, timeframe, kind)
    known = exchange.klines(key, copy=False)
    if len(known) and now - known["date"].iloc[-1].timestamp() <= 2 * seconds(timeframe):
        return known
    exchange.refresh_latest_ohlcv([key])
    known = exchange.klines(key, copy=False)
    if not len(known):
        raise NoEntry(f"there are no {timeframe} candles of {pair}")
    return known
