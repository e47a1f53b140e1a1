"""Futures positions and stops beside Freqtrade's trades."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.orders import contracts, differences
from freqpilot.host.orders.lookup import fetch
from freqpilot.host.orders.pending import Pending
from freqpilot.host.run.current import current, end
from freqpilot.shapes import OrderIntent

PAIR = "BTC/USDT:USDT"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
INTENT = OrderIntent(
    "fq-aaaaaaaa-1-stop-1", PAIR, "sell", "stop", 1, "stop", 1.0, 90.0, 91.0, 2.0, None, NOW
)


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is reported."""
    found: list[str] = []
    for module in (contracts, differences):
        monkeypatch.setattr(module, "report", lambda _run, text, _level, _data: found.append(text))
    return found


@pytest.fixture(autouse=True)
def database() -> Iterator[None]:
    from freqtrade.persistence import Trade, init_db

    init_db("sqlite://")
    begin({"freqpilot": {}}, live=False)
    yield
    Trade.session.remove()
    end()


def trade_of(*filled: tuple[str, str, float, bool], short: bool = False, amount: float) -> Any:
    """A trade whose orders are (id, side, filled, open)."""
    from freqtrade.persistence import Order, Trade

    trade = Trade(
        pair=PAIR,
        base_currency="BTC",
        stake_currency="USDT",
        stake_amount=100.0,
        amount=amount,
        is_open=True,
        fee_open=0.0,
        fee_close=0.0,
        open_rate=100.0,
        open_date=NOW,
        exchange="binance",
        leverage=2.0,
        is_short=short,
        trading_mode="futures",
        amount_precision=1e-5,
        price_precision=0.01,
        precision_mode=4,
        contract_size=1.0,
    )
    for number, side, done, is_open in filled:
        entry = side in ("buy", "sell") and side == trade.entry_side
        order = {
            "id": number,
            "side": trade.entry_side if entry else trade.exit_side,
            "type": "limit",
            "status": "open" if is_open else "closed",
            "amount": 1.0,
            "filled": done,
            "remaining": 1.0 - done,
            "average": 100.0,
            "price": 100.0,
        }
        made = Order.parse_from_ccxt_object(order, PAIR, side, 1.0, 100.0)
        made.order_filled_date = NOW if done else None
        trade.orders.append(made)
    Trade.session.add(trade)
    Trade.commit()
    return trade


class Bot:
    """A bot on an account that holds ``position`` and whose stops are as ``stop`` says."""

    def __init__(self, position: float = 0.0, stop: str = "open") -> None:
        self.position, self.stop = position, stop
        self.closed: list[str] = []
        self.cancelled: list[str] = []
        self.exchange = self

    def fetch_positions(self) -> list[dict[str, Any]]:
        if not self.position:
            return []
        side = "long" if self.position > 0 else "short"
        return [{"symbol": PAIR, "contracts": abs(self.position), "side": side}]

    def _contracts_to_amount(self, _pair: str, contracts: float) -> float:
        return contracts

    def fetch_order_or_stoploss_order(self, number: str, _pair: str, _stop: bool) -> Any:
        return {"id": number, "status": "closed"}

    def update_trade_state(self, trade: Any, number: str, _order: Any, **_named: Any) -> None:
        self.closed.append(number)
        trade.is_open = False

    def fetch_stoploss_order(self, number: str, _pair: str) -> Any:
        return {"id": number, "status": self.stop, "filled": 0.0}

    def cancel_stoploss_order_with_result(self, number: str, _pair: str, _amount: float) -> Any:
        self.cancelled.append(number)
        return {"id": number, "status": "canceled", "filled": 0.0}


@pytest.mark.parametrize("short", [False, True])
def test_books_that_agree_say_nothing(told: list[str], short: bool) -> None:
    trade = trade_of(("1", "sell" if short else "buy", 1.0, False), short=short, amount=1.0)
    contracts.compare(current(), Bot(-1.0 if short else 1.0), [trade], [PAIR])
    assert told == []
    assert trade.is_open


def test_a_position_on_the_wrong_side_is_reported(told: list[str]) -> None:
    trade = trade_of(("1", "buy", 1.0, False), amount=1.0)
    contracts.compare(current(), Bot(-1.0), [trade], [PAIR])
    assert ["is -1 on the exchange, 1 in the database" in text for text in told] == [True]


def test_a_position_that_no_trade_explains_is_reported(told: list[str]) -> None:
    contracts.compare(current(), Bot(0.5), [], [PAIR])
    assert "is 0.5 on the exchange, 0 in the database" in told[0]


def test_a_trade_behind_a_filled_exit_is_closed(told: list[str]) -> None:
    trade = trade_of(("1", "buy", 1.0, False), ("2", "sell", 1.0, False), amount=1.0)
    bot = Bot(0.0)
    contracts.compare(current(), bot, [trade], [PAIR])
    assert bot.closed == ["2"]
    assert len(told) == 1
    assert "order 2 had closed it" in told[0]


def test_a_trade_is_not_closed_while_its_orders_do_not_say_so(told: list[str]) -> None:
    trade = trade_of(("1", "buy", 1.0, False), ("2", "sell", 0.4, False), amount=1.0)
    bot = Bot(0.0)
    contracts.compare(current(), bot, [trade], [PAIR])
    assert bot.closed == []
    assert trade.is_open
    assert any("is 0 on the exchange" in text for text in told)


def test_a_partial_exit_is_counted_again(told: list[str]) -> None:
    trade = trade_of(("1", "buy", 1.0, False), ("2", "sell", 0.4, False), amount=1.0)
    contracts.compare(current(), Bot(0.6), [trade], [PAIR])
    assert trade.amount == pytest.approx(0.6)
    assert ["was corrected" in text for text in told] == [True]


@pytest.mark.parametrize("state", ["open", "rejected"])
def test_a_stop_that_outlives_its_trade_is_taken_back(told: list[str], state: str) -> None:
    trade = trade_of(("1", "buy", 1.0, False), ("9", "stoploss", 0.0, True), amount=1.0)
    bot = Bot(stop=state)
    contracts.take_back_stops(current(), bot)
    assert bot.cancelled == []  # the trade is open
    trade.is_open = False
    type(trade).commit()
    contracts.take_back_stops(current(), bot)
    assert bot.cancelled == (["9"] if state == "open" else [])
    assert len(told) == len(bot.cancelled)
    assert not trade.open_sl_orders
    contracts.take_back_stops(current(), bot)
    assert len(bot.cancelled) <= 1


def test_a_stop_of_a_pair_that_is_gone_holds_up_no_other(told: list[str]) -> None:
    trade = trade_of(("1", "buy", 1.0, False), ("8", "stoploss", 0.0, True), amount=1.0)
    other = trade_of(("2", "buy", 1.0, False), ("9", "stoploss", 0.0, True), amount=1.0)
    trade.is_open = other.is_open = False
    type(trade).commit()
    bot = Bot(stop="open")
    fetch_stop = bot.exchange.fetch_stoploss_order

    def fetch_stoploss_order(number: str, pair: str) -> Any:
        if number == "8":
            raise KeyError(pair)
        return fetch_stop(number, pair)

    bot.exchange.fetch_stoploss_order = fetch_stoploss_order
    assert contracts.take_back_stops(current(), bot) == ["stop 8"]
    assert bot.cancelled == ["9"]
    with pytest.raises(NoEntry, match="stop 8"):
        current().part(Pending).require_settled(PAIR)


@pytest.mark.parametrize("contract", [True, False])
def test_a_futures_stop_is_asked_for_among_the_conditional_orders(contract: bool) -> None:
    asked: list[dict[str, Any]] = []
    meant = replace(INTENT, pair=PAIR if contract else PAIR.partition(":")[0], order_id="5")
    answer = {"id": "5", "status": "closed", "info": {"actualOrderId": "7"}}

    def fetch_order(_: None, _pair: str, params: dict[str, Any]) -> Any:
        asked.append(params)
        return dict(answer)

    api: Any = SimpleNamespace(id="binance", fetch_order=fetch_order)
    found = fetch(current(), api, meant)
    assert asked[0].get("stop", False) is contract
    # What a triggered stop became is another order's matter: it stays open for Freqtrade.
    assert found["status"] == ("open" if contract else "closed")
