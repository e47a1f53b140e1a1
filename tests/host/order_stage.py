"""An exchange that answers as a test says, and what was written down of the orders it was sent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import ccxt
import pytest
from sqlalchemy.exc import OperationalError

from freqpilot.host.orders import sending
from freqpilot.host.orders.lookup import look_up
from freqpilot.host.run.current import current
from freqpilot.rehearsal.clock import VirtualClock

CONFIG: dict[str, Any] = {"freqpilot": {}, "stake_currency": "USDT"}
ENTRY = sending.Sending("entry", None, 1.0)
EXIT = sending.Sending("exit", 7, 1.0)
ORDER: dict[str, Any] = {
    "symbol": "BTC/USDT",
    "type": "limit",
    "side": "buy",
    "amount": 0.01,
    "price": 100.0,
    "params": {"timeInForce": "GTC"},
}


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    """Sleep in virtual time."""
    with VirtualClock(datetime(2026, 1, 1, tzinfo=UTC)) as clock:
        yield clock


class Api:
    """An exchange of which each test says what it does to an order, and when one arrives."""

    id = "binance"
    has: ClassVar[dict[str, bool]] = {"fetchClosedOrders": True}

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.sent: list[dict[str, Any]] = []
        self.asked = 0
        self.arrives: float | None = 0.0
        self.fault: Exception | None = None
        self.out = False
        self.status, self.filled = "open", 0.0

    def create_order(self, **order: Any) -> Any:
        self.sent.append({**order, "at": self.clock()})
        if self.fault is not None:
            raise self.fault
        return self._order(order)

    def fetch_order(self, _: None, pair: str, params: dict[str, Any]) -> Any:
        self.asked += 1
        if self.out:
            raise ccxt.ExchangeNotAvailable("503")
        for order in self.sent:
            due = self.arrives is not None and self.clock() >= order["at"] + self.arrives
            if order["params"]["clientOrderId"] == params["clientOrderId"] and due:
                return self._order(order)
        raise ccxt.OrderNotFound("-2013")

    def fetch_open_orders(self, pair: str, since: int) -> list[Any]:
        self.asked += 1
        return [
            self._order(order)
            for order in self.sent
            if self.arrives is not None and self.clock() >= order["at"] + self.arrives
        ]

    def fetch_closed_orders(self, pair: str, since: int) -> list[Any]:
        return []

    def market(self, pair: str) -> dict[str, Any]:
        return {"contract": False}

    def _order(self, order: dict[str, Any]) -> Any:
        number = next(i for i, sent in enumerate(self.sent) if sent["params"] is order["params"])
        return {
            "id": str(number),
            "status": self.status,
            "filled": self.filled,
            "side": order["side"],
            "amount": order["amount"],
            "timestamp": int(order.get("at", self.clock()) * 1000),
        }


@pytest.fixture
def api(clock: VirtualClock) -> Api:
    return Api(clock)


def send(api: Api, what: sending.Sending = ENTRY, **change: Any) -> Any:
    with sending.sending(what):
        return sending.send(api, api.create_order, **{**ORDER, **change})


def states() -> list[tuple[str, str | None]]:
    return [(each.state, each.order_id) for each in current().store.intents()]


class Out:
    """A store whose server is gone: after so many calls that still pass."""

    def __init__(self, kept: Any, passes: int) -> None:
        self._kept, self._passes = kept, passes

    def __getattr__(self, name: str) -> Any:
        if self._passes <= 0:
            raise OperationalError("SELECT", None, Exception("server closed the connection"))
        self._passes -= 1
        return getattr(self._kept, name)


STOP = sending.Sending("stop", 7, 1.0, 90.0)


def later(api: Any, clock: VirtualClock) -> None:
    """Look once more when no order can arrive any more, as a later loop does."""
    clock.advance(60)
    for intent in current().intents("sent"):
        look_up(current(), api, intent, patience=0)
