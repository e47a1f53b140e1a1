"""A fill that arrives twice counts once; plain Freqtrade beside it shows what it would cost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import pytest
from freqtrade.exceptions import DependencyException
from freqtrade.exchange import Exchange
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Trade
from trades_stage import LONG, SPOT, START, Bot, fill, held, live, placed, resting

from freqpilot.host.orders import fills
from freqpilot.rehearsal.clock import VirtualClock


def coins(number: str | None, amount: float, pair: str = "SOL/USDT") -> dict[str, Any]:
    fee = {"cost": amount * 0.001, "currency": "SOL", "rate": 0.001}
    cost = {"amount": amount, "cost": amount * 100, "fee": fee}
    return {"id": number, "symbol": pair, "order": "1", **cost}


def test_each_fill_is_there_once_in_its_order() -> None:
    found = fills.once([coins("7", 1), coins("8", 2), coins("7", 1), coins("9", 3), coins("8", 2)])
    assert [each["id"] for each in found] == ["7", "8", "9"]


def test_a_number_is_of_its_pair_alone() -> None:
    """Binance counts the fills of each pair by themselves."""
    given = [coins("7", 1), coins("7", 1, "BTC/USDT")]
    assert fills.once(given) == given


@pytest.mark.parametrize("number", [None, ""])
def test_fills_without_a_number_cannot_be_told_apart(number: str | None) -> None:
    given = [coins(number, 1), coins(number, 1)]
    assert fills.once(given) == given


both = pytest.mark.parametrize("cured", [False, True], ids=["plain", "once"])


@pytest.fixture
def spot(tmp_path: Path) -> Iterator[Bot]:
    with VirtualClock(START), live(tmp_path, SPOT) as bot:
        yield bot


@pytest.fixture
def futures(tmp_path: Path) -> Iterator[Bot]:
    with VirtualClock(START), live(tmp_path, LONG) as bot:
        yield bot


@both
def test_the_fee_of_a_fill_that_is_listed_twice_is_taken_once(spot: Bot, cured: bool) -> None:
    trade, exchange = placed(SPOT), spot.exchange
    order = trade.orders[0]
    listed = [{**coins(n, amount), "order": order.order_id} for n, amount in (("7", 2), ("8", 1))]
    exchange._api.fetch_my_trades = lambda *_, **__: [*listed, listed[0]]
    exchange._config, exchange._log_exchange_response = spot.config, lambda *_: None
    exchange._trades_contracts_to_amount = lambda found: found
    exchange.get_trades_for_order = lambda *given: Exchange.get_trades_for_order(exchange, *given)
    filled = {**order.to_ccxt_object(), "status": "closed", "filled": 3.0, "trades": []}
    trade.update_order(filled)
    spot.wallets.free = 0.0  # nothing that the fee could be taken of
    if not cured:
        with pytest.raises(DependencyException, match="Amounts don't match"):
            FreqtradeBot.get_real_amount(spot, trade, filled, order)
        return
    fills.install(exchange)
    fills.install(exchange)
    assert FreqtradeBot.get_real_amount(spot, trade, filled, order) == pytest.approx(0.003)
    assert trade.fee_open_cost == pytest.approx(0.003)


class Listed:
    """What the exchange says of a stop that has sold 3 of 9 as order c1, and of what liquidated the
    other 6."""

    def __init__(self, bot: Bot, trade: Trade) -> None:
        self.asked: list[str] = []
        self.fault: Exception | None = None
        exchange = bot.exchange
        exchange._api.fetch_order = self.fetch_order
        exchange._api.fetch_orders = lambda *_, **__: [
            self._order("c1", 3.0, 95.0),
            self._order("liq", 6.0, 80.0),
        ]
        exchange._config, exchange._ft_has = bot.config, {}
        exchange._log_exchange_response = lambda *_: None
        exchange._fetch_orders = lambda pair, since, params=None: exchange._api.fetch_orders(pair)
        exchange.fetch_orders = lambda pair, since: Exchange.fetch_orders(exchange, pair, since)
        exchange.get_trades_for_order = lambda *_, **__: []

    def fetch_order(self, number: str, pair: str, params: dict[str, Any]) -> dict[str, Any]:
        assert (pair, params) == (LONG.pair, {"stop": True})
        self.asked.append(number)
        if self.fault is not None:
            raise self.fault
        return {"id": number, "info": {"actualOrderId": "c1"}}

    def _order(self, number: str, amount: float, price: float) -> dict[str, Any]:
        sold = {"symbol": LONG.pair, "side": "sell", "type": "limit", "status": "closed"}
        time = int((START + timedelta(minutes=1)).timestamp() * 1000)
        cost = {"amount": amount, "filled": amount, "remaining": 0.0, "cost": amount * price}
        rate = {"average": price, "price": price, "timestamp": time, "info": {}}
        return {**sold, "id": number, **cost, **rate}


def stopped_in_part() -> Trade:
    """Return a trade of 9 of which a stop has sold 3."""
    trade = held(LONG)
    stop = resting(trade, "stoploss", 3.0, 95.0)
    stop.side, stop.order_id = "sell", "algo1"
    trade.orders.append(stop)
    fill(trade, stop)
    assert float(trade.amount) == pytest.approx(6.0)
    return trade


def exits(trade: Trade) -> list[str]:
    return [order.order_id for order in trade.orders if order.ft_order_side != "buy"]


@both
def test_what_a_stop_has_become_is_not_sold_again(futures: Bot, cured: bool) -> None:
    trade = stopped_in_part()
    listed = Listed(futures, trade)
    if cured:
        fills.install(futures.exchange)
    futures.handle_onexchange_order(trade)
    assert exits(trade) == (["algo1", "liq"] if cured else ["algo1", "c1", "liq"])
    if cured:
        assert not trade.is_open
        assert trade.close_profit_abs == pytest.approx(-3 * 5 - 6 * 20, abs=2)
    assert listed.asked == (["algo1"] if cured else [])


def test_what_a_stop_has_become_is_asked_once(futures: Bot) -> None:
    listed = Listed(futures, stopped_in_part())
    fills.install(futures.exchange)
    for _ in range(3):
        found = futures.exchange.fetch_orders(LONG.pair, START)
        assert [order["id"] for order in found] == ["liq"]
    assert listed.asked == ["algo1"]


def test_while_nobody_knows_what_a_stop_has_become_nothing_is_taken_in(futures: Bot) -> None:
    trade = stopped_in_part()
    listed = Listed(futures, trade)
    listed.fault = ccxt.ExchangeNotAvailable("503")
    fills.install(futures.exchange)
    futures.handle_onexchange_order(trade)
    assert exits(trade) == ["algo1"]
    assert trade.is_open


def test_an_exchange_that_lists_no_fills_is_left_as_it_is() -> None:
    exchange: Any = SimpleNamespace(_api=SimpleNamespace(id="binance"))
    fills.install(exchange)
    assert not hasattr(exchange._api, "fetch_my_trades")
