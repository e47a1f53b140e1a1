"""A price that jumped from one look to the next is held against the newest candles.

Candles are made of trades, prices of books and tickers: a wrong answer of one is hardly one of the
other as well. A price that its candles do not show is doubted, and the last trade's counts in its
place. Only a jump is asked about, so that an ordinary look costs no request.
"""

import logging
import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.seams.freqtrade import Bot
from freqpilot.risk.account import looks

logger = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds. When the candles of one pair took longer, or could not be had, no more are asked for in
this look: exits wait for it."""
NEWEST = 2
"""The candle that is not closed yet, and the one before."""


class Price(NamedTuple):
    """A price that counts. ``shown``: it has not jumped, or the candles show it; ``doubt`` says why
    the exchange's own price does not count, None where it does."""

    rate: float
    shown: bool = True
    doubt: str | None = None


class Jumps:
    """The prices of one look."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._asks = True

    def judge(self, pair: str, rate: float, before: float) -> Price:
        """Return the price that counts for a pair.

        :param rate: what the exchange says now.
        :param before: what counted at the look before, NaN where nothing did.
        """
        if not looks.jumps(rate, before):
            return Price(rate)
        newest = self._newest(pair) if self._asks else None
        if newest is None:
            return Price(rate, shown=False)
        low, high, close = newest
        if looks.is_shown(rate, low, high):
            return Price(rate)
        doubt = (
            f"the exchange gives {rate:g} as the price of {pair}, its candles show {low:g} to "
            f"{high:g}: the last trade's {close:g} counts until they agree"
        )
        logger.warning("A price is doubted: %s", doubt)
        return Price(close, doubt=doubt)

    def _newest(self, pair: str) -> tuple[float, float, float] | None:
        """Return low, high and last close of a pair's newest candles, None where they cannot be
        had."""
        timeframe, begun = self._bot.strategy.timeframe, time.monotonic()
        try:
            rows = self._bot.exchange._api.fetch_ohlcv(pair, timeframe, limit=NEWEST)
            found = _bounds(rows, seconds(timeframe), time.time())
        except Exception as error:
            logger.warning("The candles of %s could not be asked for: %s", pair, error)
            found = None
        self._asks = found is not None and time.monotonic() - begun <= PATIENCE
        return found


def _bounds(
    rows: Sequence[Sequence[Any]], timeframe: int, now: float
) -> tuple[float, float, float] | None:
    """Return low, high and last close of candles in ccxt's form, None where a figure is none or the
    last is not that of now: of an exchange that gives closed ones alone, they show no crash."""
    rows = rows[-NEWEST:]
    if not rows or now - float(rows[-1][0]) / 1000.0 >= timeframe:
        return None
    figures = [float(value) for row in rows for value in row[2:5]]
    if not all(math.isfinite(figure) and figure > 0 for figure in figures):
        return None
    return min(figures[1::3]), max(figures[0::3]), figures[-1]
