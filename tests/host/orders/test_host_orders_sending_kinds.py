"""What is written down of each order that Freqtrade sends, and what is sent of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from freqtrade.exceptions import DependencyException
from sqlalchemy.exc import OperationalError
from trades_stage import START, Api, Bot, Kind, answer, held, live, of_each_kind, placed

from freqpilot.errors import NoEntry
from freqpilot.host.gate import live as livegate
from freqpilot.host.gate.market import Market
from freqpilot.host.orders import lookup, reconcile, sending
from freqpilot.host.run.current import current
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderIntent

pytestmark = of_each_kind
Makers = dict[str, Callable[..., Any]]


class SendingApi(Api):
    """The exchange's side of ccxt's ``create_order``."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Any, ...]] = []

    def create_order(
        self, symbol: str, type: str, side: str, amount: float, price: float, params: Any
    ) -> Any:
        self.sent.append((symbol, side, amount, price))
        return {"id": str(len(self.sent)), "status": "open", "filled": 0.0}


@pytest.fixture
def bot(tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bot]:
    with VirtualClock(START), live(tmp_path, kind) as bot:
        bot.exchange._api = SendingApi()
        bot.exchange._config["dry_run"] = False
        bot.exchange.trading_mode = kind.mode
        yield bot


def makers(monkeypatch: pytest.MonkeyPatch, module: Any) -> Makers:
    """Return what a module puts around Freqtrade's functions, by their names."""
    found: Makers = {}
    for seam in module.SEAMS:
        for place in seam.places:
            if place.make is not None:
                found[place.at.rpartition(".")[2]] = place.make
    return found


def create_order(self: Any, **order: Any) -> Any:
    """Send an order as ``Exchange.create_order`` and ``create_stoploss`` do."""
    rate = order.get("stop_price", order.get("rate"))
    amount, side = order["amount"], order["side"]
    return self._api.create_order(order["pair"], "limit", side, amount, rate, {})


def given(kind: Kind, side: str, amount: float = 9.0, rate: float = 100.0) -> dict[str, Any]:
    """Return Freqtrade's words for an order; one that closes a futures position reduces only."""
    reduces = side == kind.exit and kind.mode == "futures"
    order = {"pair": kind.pair, "side": side, "amount": amount, "rate": rate}
    return {**order, "leverage": kind.leverage, "reduceOnly": reduces}


def written() -> OrderIntent:
    (intent,) = current().store.intents()
    return intent


def expected(kind: Kind, **change: Any) -> OrderIntent:
    fields: dict[str, Any] = {
        "pair": kind.pair,
        "side": kind.entry,
        "purpose": "entry",
        "trade": None,
        "kind": "limit",
        "amount": 9.0,
        "rate": 100.0,
        "stop": None,
        "leverage": kind.leverage,
        "tag": None,
        "time": START,
        "state": "accepted",
        "order_id": "1",
        **change,
    }
    who = fields["trade"] if fields["trade"] is not None else "n1"
    name = f"fq-{current().bot}-{who}-{fields['purpose']}-1"
    return OrderIntent(client_id=name, **fields)


def test_an_entry_with_its_tag(bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    def enter(self: Any, pair: str, stake: float, **_: Any) -> Any:
        return sending.place(self.exchange, create_order, given(kind, kind.entry))

    entering = makers(monkeypatch, sending)["execute_entry"](enter)
    assert entering(bot, kind.pair, 300.0, enter_tag="trend")["id"] == "1"
    assert written() == expected(kind, tag="trend")
    assert bot.exchange._api.sent == [(kind.pair, kind.entry, 9.0, 100.0)]


def test_a_tag_is_its_entrys_alone(bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise DependencyException("no")

    entering = makers(monkeypatch, sending)["execute_entry"](fail)
    with pytest.raises(DependencyException):
        entering(bot, kind.pair, 300.0, enter_tag="trend")
    sending.place(bot.exchange, create_order, given(kind, kind.entry))
    assert written().tag is None


def test_an_add(bot: Bot, kind: Kind) -> None:
    number = held(kind).id
    sending.place(bot.exchange, create_order, given(kind, kind.entry, 3.0, 90.0))
    assert written() == expected(kind, purpose="add", trade=number, amount=3.0, rate=90.0)


def test_a_replacement(bot: Bot, kind: Kind) -> None:
    number = placed(kind).id
    sending.place(bot.exchange, create_order, given(kind, kind.entry))
    assert written() == expected(kind, purpose="replace", trade=number)


def test_an_exit(bot: Bot, kind: Kind) -> None:
    number = held(kind).id
    sending.place(bot.exchange, create_order, given(kind, kind.exit))
    assert written() == expected(kind, purpose="exit", trade=number, side=kind.exit)


def test_a_stop(bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    number = held(kind).id
    placing = makers(monkeypatch, sending)["create_stoploss"](create_order)
    order = {"pair": kind.pair, "side": kind.exit, "amount": 9.0, "stop_price": 94.0}
    placing(bot.exchange, **order, leverage=kind.leverage)
    stop = expected(kind, purpose="stop", trade=number, side=kind.exit, rate=94.0, stop=94.0)
    assert written() == stop


def test_a_dry_run_writes_nothing_down(
    bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.exchange._config["dry_run"] = True
    sending.place(bot.exchange, lambda *_, **__: "entered", given(kind, kind.entry))
    placing = makers(monkeypatch, sending)["create_stoploss"](lambda *_, **__: "stopped")
    assert placing(bot.exchange, pair=kind.pair, stop_price=94.0) == "stopped"
    assert current().store.intents() == []


@pytest.mark.parametrize("refuses", [False, True])
def test_an_order_is_asked_about_then_counted_then_sent(
    bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    done: list[str] = []

    def ask(*_: Any) -> str | None:
        done.append("asked")
        return "too much" if refuses else None

    monkeypatch.setattr(livegate, "refusal", ask)
    monkeypatch.setattr(current().part(Market), "note_order", lambda: done.append("counted"))
    monkeypatch.setattr(sending, "place", lambda *_: done.append("sent"))
    sends = makers(monkeypatch, livegate)["create_order"](create_order)
    if refuses:
        with pytest.raises(DependencyException, match="too much"):
            sends(bot.exchange, **given(kind, kind.entry))
    else:
        sends(bot.exchange, **given(kind, kind.entry))
    assert done == (["asked"] if refuses else ["asked", "counted", "sent"])


def test_a_futures_stop_that_was_triggered_counts_as_open(bot: Bot, kind: Kind) -> None:
    """What became of it is another order's matter; on spot it is the order itself."""
    meant = expected(kind, purpose="stop", trade=1, side=kind.exit, stop=94.0)
    api = bot.exchange._api
    asked: list[dict[str, Any]] = []

    def fetch(info: dict[str, Any]) -> str:
        def fetch_order(_: None, pair: str, params: dict[str, Any]) -> Any:
            asked.append(params)
            return {"id": "1", "status": "closed", "info": info}

        api.fetch_order = fetch_order
        return str(lookup.fetch(current(), api, meant)["status"])

    assert fetch({"actualOrderId": "77"}) == ("open" if kind.mode == "futures" else "closed")
    assert fetch({"actualOrderId": ""}) == "closed"
    apart = {"stop": True} if kind.mode == "futures" else {}
    assert asked == [{"clientOrderId": meant.client_id, **apart}] * 2


def test_an_order_that_another_thread_sends_lets_no_second_one_pass(
    bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant = expected(kind, state="sent", order_id=None)
    current().store.save_intent(meant)
    monkeypatch.setitem(lookup._in_flight, meant.client_id, -1)
    with pytest.raises(NoEntry, match="is on its way; one at a time"):
        lookup.require_certainty(current(), bot.exchange._api)
    reconcile.settle(current(), bot)
    assert written() == meant, "its fate is that thread's matter"
    monkeypatch.delitem(lookup._in_flight, meant.client_id)
    bot.exchange._api.fetch_order = lambda *_: {**answer(meant, "open", 0.0), "id": "1"}
    with pytest.raises(NoEntry, match="joins its trade at the next loop"):
        lookup.require_certainty(current(), bot.exchange._api)
    assert written().state == "accepted"
    reconcile.settle(current(), bot)
    lookup.require_certainty(current(), bot.exchange._api)
    assert written().state == "known"


def database_out(*_: object) -> Any:
    raise OperationalError("SELECT", None, Exception("server closed the connection"))


def test_exits_and_stops_leave_while_the_trades_database_is_out(
    bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "open_trade", database_out)
    sending.place(bot.exchange, create_order, given(kind, kind.exit))
    placing = makers(monkeypatch, sending)["create_stoploss"](create_order)
    order = {"pair": kind.pair, "side": kind.exit, "amount": 9.0, "stop_price": 94.0}
    placing(bot.exchange, **order, leverage=kind.leverage)
    exit_, stop = current().store.intents()
    assert (exit_.trade, stop.trade) == (None, None)
    assert (exit_.state, stop.state) == ("accepted", "accepted")
    assert len({exit_.client_id, stop.client_id}) == 2
    assert [sent[1:] for sent in bot.exchange._api.sent] == [
        (kind.exit, 9.0, 100.0),
        (kind.exit, 9.0, 94.0),
    ]


@pytest.mark.parametrize("without", ["run", "supervisor"])
def test_without_a_run_or_a_supervisor_orders_leave_as_freqtrade_sends_them(
    bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch, without: str
) -> None:
    monkeypatch.setattr(sending, "open_trade", database_out)
    run, api = current(), bot.exchange._api
    if without == "run":
        monkeypatch.setattr(sending, "has_begun", lambda: False)
    else:
        settings = run.settings.model_copy(update={"supervisor": False})
        monkeypatch.setattr(run, "settings", settings)
    sending.place(bot.exchange, create_order, given(kind, kind.exit))
    assert "create_order" not in vars(api), "the client is as Freqtrade has made it"
    assert api.sent == [(kind.pair, kind.exit, 9.0, 100.0)]
    assert run.store.intents() == []


def test_a_mock_of_ccxt_is_no_client_that_names_its_orders_already(bot: Bot, kind: Kind) -> None:
    bot.exchange._api = api = MagicMock(id="binance", options={})
    sends, looks = api.create_order, api.fetch_order
    sending.install(bot.exchange)
    assert api.create_order is not sends
    assert api.fetch_order is not looks
    named = api.create_order
    sending.install(bot.exchange)
    assert api.create_order is named, "once"
