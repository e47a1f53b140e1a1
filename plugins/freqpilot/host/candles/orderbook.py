"""A pair's order book from Freqtrade's exchange."""

import math
from typing import Any, NamedTuple

from freqpilot.host.seams.freqtrade import Exchange

BOOK_LEVELS = 500
"""Levels asked for a side: 100 of a coin with a fine tick are far from reaching 1 %."""

Level = tuple[float, float]


class OrderBook(NamedTuple):
    """Levels of price and amount of coins (contracts counted), the best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    @property
    def mid(self) -> float:
        """The middle of the book; NaN with an empty side."""
        if not self.bids or not self.asks:
            return math.nan
        return (self.bids[0][0] + self.asks[0][0]) / 2


def order_book(exchange: Exchange, pair: str) -> OrderBook:
    """Ask for a pair's book; one request.

    :raises FreqtradeException: when the exchange could not be asked.
    """
    book = exchange.fetch_l2_order_book(pair, BOOK_LEVELS)
    size = figure(exchange.get_contract_size(pair))
    bids, asks = (
        tuple((figure(price), figure(amount) * size) for price, amount, *_ in book[side])
        for side in ("bids", "asks")
    )
    return OrderBook(bids, asks)


def figure(value: Any) -> float:
    """Return an exchange's figure, NaN for None."""
    return math.nan if value is None else float(value)
