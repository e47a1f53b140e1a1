"""An order book counts coins, whatever a contract holds, and knows no middle with an empty side."""

import math
from typing import Any

from freqpilot.host.candles.orderbook import BOOK_LEVELS, OrderBook, figure, order_book


class Exchange:
    """A futures exchange whose contract holds ten coins."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def fetch_l2_order_book(self, pair: str, levels: int) -> dict[str, Any]:
        self.asked.append((pair, levels))
        return {"bids": [[99.0, 2.0, 0], [98.0, None]], "asks": [[101.0, 1.5]]}

    def get_contract_size(self, pair: str) -> float:
        return 10.0


def test_amounts_are_coins() -> None:
    exchange: Any = Exchange()
    book = order_book(exchange, "BTC/USDT:USDT")
    assert exchange.asked == [("BTC/USDT:USDT", BOOK_LEVELS)]
    assert book.bids[0] == (99.0, 20.0)
    assert math.isnan(book.bids[1][1])
    assert book.asks == ((101.0, 15.0),)


def test_the_middle_needs_both_sides() -> None:
    bid, ask = ((99.0, 1.0),), ((102.0, 1.0),)
    assert OrderBook(bid, ask).mid == 100.5
    assert math.isnan(OrderBook((), ask).mid)
    assert math.isnan(OrderBook(bid, ()).mid)


def test_what_an_exchange_does_not_say_is_nan() -> None:
    assert math.isnan(figure(None))
    assert figure("1.5") == 1.5
