"""What a stop counts as that the exchange does not know any more."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import pytest
from freqtrade.persistence import Trade
from live_bot import Exchange, Wallets, buy, make_bot, order
from order_stage import CONFIG

from freqpilot.host.account.begin import begin
from freqpilot.host.orders import orphans, stopways
from freqpilot.host.run.current import current, end, has_begun
from freqpilot.rehearsal.clock import VirtualClock

PAIR, SPOT = "SOL/USDT:USDT", "SOL/USDT"
NUMBER = "1000"
ABSENT = 'binance {"code":-2013,"msg":"Order does not exist."}'
APART = {"stop": True}
SIZE = 0.1
"""Coins a contract."""


class Api:
    """An account that knows the orders of ``known``, and refuses to cancel all others."""

    id = "binance"

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self.trades: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.answer = ABSENT

    def fetch_order(self, number: str, pair: str, params: dict[str, Any]) -> Any:
        if number in self.known and not params:
            return self.known[number]
        raise ccxt.OrderNotFound(self.answer)

    def cancel_order(self, number: str, pair: str, params: dict[str, Any]) -> Any:
        self.cancelled.append(number)
        raise ccxt.OrderNotFound('binance {"code":-2011,"msg":"Unknown order sent."}')

    def fetch_my_trades(self, pair: str, since: int) -> list[dict[str, Any]]:
        return [trade for trade in self.trades if trade["at"] >= since]

    def market(self, pair: str) -> dict[str, Any]:
        return {"contractSize": SIZE}

    def fill(self, number: str, amount: float, side: str = "sell", at: float = 1e15) -> None:
        """Take in an order that was filled, in contracts."""
        self.trades.append({"order": number, "side": side, "amount": amount, "at": at})
        made = {"id": number, "status": "closed", "filled": amount, "clientOrderId": "algo1"}
        self.known[number] = {**made, "type": "market", "average": 90.0}


@pytest.fixture(autouse=True)
def clock(tmp_path: Path) -> Iterator[VirtualClock]:
    with VirtualClock(datetime(2026, 1, 1, 12, tzinfo=UTC)) as clock:
        make_bot(tmp_path)
        begin(CONFIG, live=False)
        assert current().name
        yield clock
        end()
        Trade.session.remove()


@pytest.fixture
def api() -> Any:
    made = Api()
    stopways.install(made, lambda: current() if has_begun() else None)
    return made


def held(pair: str = PAIR) -> Any:
    """Return a trade of two coins with a stop that was placed an hour ago."""
    trade = buy(SimpleNamespace(wallets=Wallets(1_000.0), exchange=Exchange()), 200.0, pair)
    trade.orders.append(
        order(pair, "stoploss", 2.0, 90.0, id=NUMBER, status="open", filled=0.0, stopPrice=90.0)
    )
    Trade.commit()
    return trade


def test_the_first_word_is_not_taken_and_the_second_one_is(api: Any, clock: VirtualClock) -> None:
    held()
    clock.advance(3_600)
    first = api.fetch_order(NUMBER, PAIR, APART)
    assert (first["id"], first["status"], first["side"]) == (NUMBER, "open", "sell")
    assert (first["amount"], first["filled"], first["stopPrice"]) == (2.0 / SIZE, 0.0, 90.0)
    clock.advance(orphans.SECONDS_APART - 1)
    assert api.fetch_order(NUMBER, PAIR, APART)["status"] == "open"
    clock.advance(1)
    assert api.fetch_order(NUMBER, PAIR, APART)["status"] == "canceled"
    (event,) = current().store.events("stop unknown")
    assert event.level == "WARNING"
    assert "does not know the stop order 1000" in event.text


def test_a_stop_that_was_just_placed_may_still_be_shown(api: Any, clock: VirtualClock) -> None:
    """Binance carries out a request for five seconds after it was signed."""
    held()
    for seconds in (0.0, 5.5):
        clock.advance(seconds)
        assert api.fetch_order(NUMBER, PAIR, APART)["status"] == "open"
    clock.advance(2)
    assert api.fetch_order(NUMBER, PAIR, APART)["status"] == "canceled"


def test_one_that_is_found_in_between_begins_anew(api: Any, clock: VirtualClock) -> None:
    held()
    clock.advance(3_600)
    api.fetch_order(NUMBER, PAIR, APART)
    orphans.found(current(), NUMBER)
    clock.advance(60)
    assert api.fetch_order(NUMBER, PAIR, APART)["status"] == "open"


@pytest.mark.parametrize("case", ["no stop", "not proven", "other words", "no run"])
def test_what_settles_nothing_stays_not_found(api: Any, clock: VirtualClock, case: str) -> None:
    number = NUMBER
    held()
    if case == "no stop":
        number = f"buy {PAIR}"
    elif case == "not proven":
        api.id = "binanceus"
    elif case == "other words":
        api.answer = "order not found"
    else:
        end()
    for _ in range(2):
        clock.advance(60)
        with pytest.raises(ccxt.OrderNotFound):
            api.fetch_order(number, PAIR, APART)


def test_a_stop_that_was_filled_as_another_order_counts_as_filled(
    api: Any, clock: VirtualClock
) -> None:
    held()
    clock.advance(3_600)
    api.fetch_order(NUMBER, PAIR, APART)
    api.fill("77", 2.0 / SIZE)
    clock.advance(10)
    found = api.fetch_order(NUMBER, PAIR, APART)
    assert (found["id"], found["id_stop"], found["status"]) == (NUMBER, "77", "closed")
    assert (found["type"], found["status_stop"]) == ("stoploss", "triggered")
    assert (found["filled"], found["average"], found["stopPrice"]) == (2.0 / SIZE, 90.0, 90.0)


@pytest.mark.parametrize(
    ("number", "amount", "side", "at"),
    [
        ("77", 1.0 / SIZE, "sell", 1e15),
        ("77", 2.0 / SIZE, "buy", 1e15),
        ("77", 2.0 / SIZE, "sell", 0.0),
        (f"sell {PAIR}", 2.0 / SIZE, "sell", 1e15),
    ],
    ids=["too little", "another side", "before it", "known"],
)
def test_another_order_is_not_taken_for_it(
    api: Any, clock: VirtualClock, number: str, amount: float, side: str, at: float
) -> None:
    trade = held()
    trade.orders.append(order(PAIR, "sell", 1.0, 90.0))
    Trade.commit()
    clock.advance(3_600)
    api.fetch_order(NUMBER, PAIR, APART)
    api.fill(number, amount, side, at)
    clock.advance(10)
    assert api.fetch_order(NUMBER, PAIR, APART)["status"] == "canceled"


def test_a_spot_stop_keeps_its_number_so_no_other_order_is_looked_for(
    api: Any, clock: VirtualClock
) -> None:
    held(SPOT)
    clock.advance(3_600)
    api.fetch_order(NUMBER, SPOT, {})
    api.fill("77", 2.0)
    clock.advance(10)
    found = api.fetch_order(NUMBER, SPOT, {})
    assert (found["status"], found["amount"]) == ("canceled", 2.0)


class TestCancelled:
    """By Freqtrade, which places the next one where this one is gone."""

    def test_one_that_is_open_is_cancelled_once_more(self, api: Any, clock: VirtualClock) -> None:
        held(SPOT)
        api.known[NUMBER] = {"id": NUMBER, "status": "open", "clientOrderId": None}
        with pytest.raises(ccxt.OrderNotFound, match="-2011"):
            api.cancel_order(NUMBER, SPOT, {})
        assert api.cancelled == [NUMBER, NUMBER]

    def test_one_that_was_triggered_is_told(self, api: Any, clock: VirtualClock) -> None:
        held(SPOT)
        api.known[NUMBER] = {"id": NUMBER, "status": "closed", "clientOrderId": None}
        assert api.cancel_order(NUMBER, SPOT, {})["status"] == "closed"

    def test_one_that_is_unknown_twice_counts_as_cancelled(
        self, api: Any, clock: VirtualClock
    ) -> None:
        held()
        clock.advance(3_600)
        with pytest.raises(ccxt.OrderNotFound):
            api.cancel_order(NUMBER, PAIR, APART)
        clock.advance(10)
        assert api.cancel_order(NUMBER, PAIR, APART)["status"] == "canceled"

    def test_an_order_that_is_no_stop_is_none_of_this(self, api: Any) -> None:
        held()
        with pytest.raises(ccxt.OrderNotFound):
            api.cancel_order(f"buy {PAIR}", PAIR, {})
        assert api.cancelled == [f"buy {PAIR}"]


def test_a_stop_of_a_clock_that_was_ahead_does_not_count_as_open_until_then(
    api: Any, clock: VirtualClock
) -> None:
    clock.advance(36 * 3_600)
    held()
    clock.advance(-35 * 3_600)
    assert api.fetch_order(NUMBER, PAIR, APART)["status"] == "open"
    clock.advance(orphans.SECONDS_APART)
    assert api.fetch_order(NUMBER, PAIR, APART)["status"] == "canceled"
