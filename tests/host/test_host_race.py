"""A forced order, in a thread of its own, against the loop's reconciliation."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from freqtrade.persistence import Order, Trade
from live_bot import buy, make_bot
from sqlalchemy.exc import IntegrityError

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.loop import live
from freqpilot.host.orders import reconcile, sending
from freqpilot.host.orders.lookup import require_certainty
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.current import current, end

ORDER: dict[str, Any] = {
    "symbol": "SOL/USDT",
    "type": "limit",
    "side": "buy",
    "amount": 1.0,
    "price": 100.0,
}


class Api:
    """An exchange that has the order while its answer is on the way."""

    id = "binance"
    has: ClassVar[dict[str, bool]] = {}

    def __init__(self) -> None:
        self.accepted, self.answers = threading.Event(), threading.Event()
        self.book: dict[str, Any] = {}

    def create_order(self, **order: Any) -> Any:
        self.book = {
            "id": "1",
            "symbol": order["symbol"],
            "status": "open",
            "side": order["side"],
            "type": order["type"],
            "amount": order["amount"],
            "filled": 0.0,
            "remaining": order["amount"],
            "average": None,
            "price": order["price"],
            "cost": 0.0,
            "timestamp": int(time.time() * 1000),
            "datetime": datetime.now(UTC).isoformat(),
            "clientOrderId": order["params"]["clientOrderId"],
            "info": {},
            "fee": None,
            "fees": [],
        }
        self.accepted.set()
        self.answers.wait(10)
        return dict(self.book)

    def fetch_order(self, *_: Any) -> Any:
        return dict(self.book)

    def market(self, pair: str) -> dict[str, Any]:
        return {"contract": False}


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made = make_bot(tmp_path)
    made.exchange = SimpleNamespace(
        _api=Api(),
        id="binance",
        precisionMode=4,
        precision_mode_price=4,
        _order_contracts_to_amount=lambda order: order,
        get_fee=lambda **_: 0.001,
        get_pair_base_currency=lambda pair: pair.split("/")[0],
        get_precision_amount=lambda _: 1e-5,
        get_precision_price=lambda _: 0.01,
        get_contract_size=lambda _: 1.0,
        get_rate=lambda *_, **__: 100.0,
        prices={},
    )
    made.strategy = SimpleNamespace(get_strategy_name=lambda: "S", stoploss=-0.1, timeframe="1h")
    made.update_trade_state = lambda *_, **__: None
    begin(made.config, live=True)
    yield made
    end()
    Trade.session.remove()


def force_entry(bot: Any) -> None:
    """Enter as ``/forceenter`` does."""
    api = bot.exchange._api
    with bot._exit_lock:
        with sending.sending(sending.Sending("entry", None, 1.0)):
            made = sending.send(api, api.create_order, **ORDER, params={})
        trade = Trade(
            pair="SOL/USDT",
            exchange="binance",
            is_open=True,
            open_date=datetime.now(UTC),
            open_rate=100.0,
            amount=0,
            stake_amount=100.0,
            fee_open=0.001,
            fee_close=0.001,
            leverage=1.0,
            base_currency="SOL",
            enter_tag="force_entry",
        )
        trade.orders.append(Order.parse_from_ccxt_object(made, "SOL/USDT", "buy", 1.0, 100.0))
        Trade.session.add(trade)
        Trade.commit()
    Trade.session.remove()


def forced(bot: Any) -> threading.Thread:
    """Return the thread of a forced entry whose order the exchange has accepted."""
    thread = threading.Thread(target=force_entry, args=(bot,))
    thread.start()
    assert bot.exchange._api.accepted.wait(10)
    return thread


def tags() -> list[str | None]:
    return [trade.enter_tag for trade in Trade.get_open_trades()]


def test_a_loop_adopts_nothing_that_a_forced_order_is_about_to_book(bot: Any) -> None:
    thread = forced(bot)
    loop = threading.Thread(target=live.before_loop, args=(bot,))
    loop.start()
    loop.join(0.2)
    assert loop.is_alive(), "it waits for the forced order"
    bot.exchange._api.answers.set()
    thread.join()
    loop.join()
    assert tags() == ["force_entry"]
    run = current()
    assert [each.state for each in run.intents()] == ["known"]
    assert current().part(Reconciliation).done


def test_an_order_in_flight_is_its_senders_matter(bot: Any) -> None:
    """Also where nobody holds the lock."""
    thread = forced(bot)
    reconcile.settle(current(), bot)
    assert tags() == []
    with pytest.raises(NoEntry, match="is on its way"):
        require_certainty(current(), bot.exchange._api)
    bot.exchange._api.answers.set()
    thread.join()
    require_certainty(current(), bot.exchange._api)
    Trade.session.remove()
    assert tags() == ["force_entry"]


def test_a_failed_transaction_is_rolled_back(bot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    thread = forced(bot)
    bot.exchange._api.answers.set()
    thread.join()

    def twice(*_: Any) -> None:
        """Add the same order again, as an adoption beside a forced order once did."""
        made = Order.parse_from_ccxt_object(bot.exchange._api.book, "SOL/USDT", "buy", 1.0, 100.0)
        trade = Trade.get_open_trades()[0]
        trade.orders.append(made)
        with pytest.raises(IntegrityError):
            Trade.commit()
        Trade.get_open_trades()

    monkeypatch.setattr(reconcile, "settle", twice)
    reconcile.step(current(), bot)
    assert "PendingRollbackError" in current().part(Reconciliation).problem
    assert tags() == ["force_entry"], "the bot's own thread goes on"


# orders that a process sent while its store was out, before it ended


@pytest.mark.parametrize("open_trade", [True, False])
def test_an_order_that_bears_our_name_joins_its_trade_or_is_cancelled(
    bot: Any, open_trade: bool
) -> None:
    run, api = current(), bot.exchange._api
    api.answers.set()
    number = 1
    if open_trade:
        number = buy(bot, 100.0).id
    api.create_order(
        symbol="SOL/USDT",
        type="stop_loss_limit",
        side="sell",
        amount=1.0,
        price=93.0,
        params={"clientOrderId": f"fq-{run.bot}-{number}-stop-1767225600"},
    )
    api.book["stopPrice"] = 94.0
    cancelled: list[str] = []
    api.cancel_order = lambda order_id, *_: cancelled.append(order_id)
    reconcile.take_in(run, bot, dict(api.book), "SOL/USDT")
    Trade.session.remove()
    if open_trade:
        (trade,) = Trade.get_open_trades()
        assert [(o.order_id, o.ft_price) for o in trade.open_sl_orders] == [("1", 94.0)]
        assert cancelled == []
    else:
        assert cancelled == ["1"]
    assert [each.state for each in run.intents()] == ["known"]


@pytest.mark.parametrize("name", ["fq-0000abcd-1-stop-5", "fq-{bot}-n1-entry-1", None, "mine"])
def test_any_other_order_is_left_alone(bot: Any, name: str | None) -> None:
    run = current()
    order = {
        "id": "9",
        "side": "sell",
        "type": "limit",
        "clientOrderId": name and name.format(bot=run.bot),
    }
    reconcile.take_in(run, bot, order, "SOL/USDT")
    (event,) = run.store.events("difference")
    assert "leaves it alone" in event.text
    assert run.intents() == []


@pytest.mark.parametrize(
    ("entry", "removed"),
    [
        ({"status": "canceled", "filled": 0.0}, True),
        ({"status": "canceled", "filled": 0.5}, False),
        ({"status": "open", "filled": 0.0}, False),
    ],
)
def test_a_trade_whose_entry_ended_unfilled_is_removed(
    bot: Any, entry: dict[str, Any], removed: bool
) -> None:
    trade = buy(bot, 100.0)
    trade.orders[0].status, trade.orders[0].filled = entry["status"], entry["filled"]
    trade.orders[0].ft_is_open = entry["status"] == "open"
    trade.amount = entry["filled"]
    Trade.commit()
    reconcile._remove_empty(current(), Trade.get_open_trades())
    assert (tags() == []) is removed
    assert len(current().store.events("difference")) == removed
