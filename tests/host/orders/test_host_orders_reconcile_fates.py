"""What becomes of an order that was sent or accepted when the bot looks again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade
from order_stage import Out
from sqlalchemy.exc import OperationalError
from trades_stage import KINDS, START, Bot, Kind, answer, held, intent, live, placed, stored

from freqpilot.errors import NoEntry
from freqpilot.execution.ids import plain_order_id
from freqpilot.host.account import unwritten
from freqpilot.host.orders import reconcile
from freqpilot.host.orders.pending import OLD, Pending
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.current import current
from freqpilot.rehearsal.clock import VirtualClock

LONG_AGO = START - timedelta(minutes=5)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def bot(tmp_path: Path, kind: Kind, clock: VirtualClock) -> Iterator[Bot]:
    with live(tmp_path, kind) as bot:
        yield bot


def intents() -> list[tuple[str, str | None]]:
    return [(each.state, each.order_id) for each in current().store.intents()]


def test_one_that_was_sent_and_never_arrived_is_absent(bot: Bot, kind: Kind) -> None:
    current().store.save_intent(intent(kind, time=LONG_AGO))
    reconcile.settle(current(), bot)
    assert intents() == [("absent", None)]
    assert not stored()


def test_what_may_still_arrive_keeps_the_books_open_without_holding_up_the_loop(
    bot: Bot, kind: Kind, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the books it would look like a stranger's."""
    compared: list[object] = []
    monkeypatch.setattr(reconcile, "compare", lambda *_: compared.append(bot))
    current().store.save_intent(intent(kind, time=START))
    current().part(Reconciliation).ask()
    reconcile.step(current(), bot)
    assert clock.now() == START
    assert compared == []
    assert intents() == [("sent", None)]
    with pytest.raises(NoEntry):
        current().part(Reconciliation).require_done()
    current().part(Pending).require_settled(kind.pair)  # nothing is wrong with it yet
    clock.advance(60)
    reconcile.step(current(), bot)
    assert compared == [bot]
    assert intents() == [("absent", None)]
    current().part(Reconciliation).require_done()


def test_one_that_was_accepted_does_not_vanish(bot: Bot, kind: Kind) -> None:
    meant = intent(kind, time=LONG_AGO, state="accepted", order_id="x1")
    current().store.save_intent(meant)
    reconcile.settle(current(), bot)
    assert intents() == [("accepted", "x1")]
    with pytest.raises(NoEntry, match="has no order"):
        current().part(Pending).require_settled(kind.pair)


def test_one_that_was_accepted_and_no_trade_has_becomes_a_trade(bot: Bot, kind: Kind) -> None:
    meant = intent(kind, time=LONG_AGO)
    found = answer(meant, "closed", 9.0)
    current().store.save_intent(intent(kind, time=LONG_AGO, state="accepted", order_id=found["id"]))
    bot.exchange._api.orders[meant.client_id] = found
    reconcile.settle(current(), bot)
    (row,) = stored()
    assert (row["pair"], row["amount"], row["is_open"]) == (kind.pair, 9.0, True)
    assert intents() == [("known", found["id"])]
    reconcile.settle(current(), bot)
    assert len(Trade.get_open_trades()) == 1


def calls() -> list[str]:
    """Return what a person was called for."""
    return [e.text for e in current().store.events("order unresolved") if e.level == "CRITICAL"]


@pytest.mark.parametrize("state", ["sent", "accepted"])
@pytest.mark.parametrize("late", [-1, 1])
def test_one_that_is_older_than_a_day_is_asked_of_a_person(
    bot: Bot, kind: Kind, state: Any, late: int
) -> None:
    """The trades database was begun anew, the store was kept."""
    meant = intent(kind, time=START - OLD - timedelta(seconds=late), state=state)
    made = int(meant.time.timestamp() * 1000)
    found = {**answer(meant, "closed", 9.0), "timestamp": made}
    if state == "accepted":
        meant = replace(meant, order_id=found["id"])
    current().store.save_intent(meant)
    bot.exchange._api.orders[meant.client_id] = found
    for _ in range(3):
        reconcile.settle(current(), bot)
    if late < 0:
        assert len(stored()) == 1
        assert calls() == []
        return
    assert stored() == []
    assert [each[0] for each in intents()] == ["asked"]
    (text,) = calls()
    assert f"--adopt {meant.client_id}" in text
    assert f"--dismiss {meant.client_id}" in text
    with pytest.raises(NoEntry, match="waits for a person"):
        current().part(Pending).require_settled(kind.pair)
    current().part(Pending).require_settled("BTC/USDT")


def test_one_that_a_person_agrees_to_is_adopted(bot: Bot, kind: Kind) -> None:
    meant = intent(kind, time=START - timedelta(days=60), state="agreed")
    made = int(meant.time.timestamp() * 1000)
    bot.exchange._api.orders[meant.client_id] = {**answer(meant, "closed", 9.0), "timestamp": made}
    current().store.save_intent(meant)
    reconcile.settle(current(), bot)
    (row,) = stored()
    assert row["amount"] == 9.0
    assert intents()[0][0] == "known"
    current().part(Pending).require_settled(kind.pair)


def test_one_that_a_person_agrees_to_and_the_exchange_has_not_is_absent(
    bot: Bot, kind: Kind
) -> None:
    current().store.save_intent(intent(kind, time=START - timedelta(days=60), state="agreed"))
    reconcile.settle(current(), bot)
    assert intents() == [("absent", None)]
    assert stored() == []
    current().part(Pending).require_settled(kind.pair)


def test_one_that_was_recorded_is_known_however_old_it_is(bot: Bot, kind: Kind) -> None:
    number = placed(kind).orders[0].order_id
    meant = intent(kind, time=START - timedelta(days=60), state="accepted", order_id=number)
    current().store.save_intent(meant)
    reconcile.settle(current(), bot)
    assert intents() == [("known", number)]
    assert calls() == []


def data() -> list[dict[str, Any]]:
    return [event.data for event in current().store.events("difference")]


@pytest.fixture
def account(bot: Bot, kind: Kind) -> dict[str, Any]:
    """Let the exchange know the pair; returns its coins by name and its open orders."""
    held: dict[str, Any] = {"SOL": 0.0, "open": []}
    bot.config["exchange"]["pair_whitelist"] = [kind.pair]
    bot.exchange.markets[kind.pair] = {"limits": {"cost": {"min": 10.0}}}
    bot.exchange.prices[kind.pair] = 100.0
    bot.exchange.fetch_positions = lambda: [
        {"symbol": kind.pair, "side": kind.side, "contracts": held["SOL"]}
    ]
    bot.exchange._contracts_to_amount = lambda _, contracts: contracts
    bot.exchange._api.fetch_open_orders = lambda pair, params: [] if params else held["open"]
    bot.wallets.get_total = lambda coin: held.get(coin, 0.0)
    return held


def test_what_was_adopted_is_reported_with_its_order_and_trade(bot: Bot, kind: Kind) -> None:
    meant = intent(kind)
    current().store.save_intent(meant)
    bot.exchange._api.orders[meant.client_id] = answer(meant, "closed", 9.0)
    reconcile.settle(current(), bot)
    (trade,) = Trade.get_open_trades()
    assert data() == [{"pair": kind.pair, "order": f"x{meant.client_id}", "trade": trade.id}]
    assert [order.ft_order_tag for order in trade.orders] == ["trend"]


def test_an_entry_at_the_market_has_the_exchanges_price_until_it_is_filled(
    bot: Bot, kind: Kind
) -> None:
    meant = replace(intent(kind, rate=None), kind="market")
    current().store.save_intent(meant)
    bot.exchange._api.orders[meant.client_id] = {**answer(meant, "open", 0.0), "price": 98.0}
    reconcile.settle(current(), bot)
    (row,) = stored()
    assert (row["open_rate"], row["open_rate_requested"]) == (98.0, 98.0)
    assert row["stake_amount"] == pytest.approx(9 * 98 / kind.leverage)


def test_an_exit_without_a_trade_is_reported_with_its_order(bot: Bot, kind: Kind) -> None:
    meant = intent(kind, "exit", trade=7)
    current().store.save_intent(meant)
    bot.exchange._api.orders[meant.client_id] = answer(meant, "open", 0.0)
    reconcile.settle(current(), bot)
    number = f"x{meant.client_id}"
    assert data() == [{"pair": kind.pair, "order": number}]
    assert bot.exchange._api.cancelled == [(number, kind.pair, {})]


def test_missing_and_foreign_coins_are_reported_with_both_figures(
    bot: Bot, kind: Kind, account: dict[str, Any]
) -> None:
    wanted = float(held(kind).amount)
    for owned in (wanted / 2, wanted * 2):
        account["SOL"] = owned
        reconcile.compare(current(), bot)
    if kind.mode == "spot":
        given = [{"pair": kind.pair, "owned": wanted * n, "wanted": wanted} for n in (0.5, 2)]
        assert sorted(data(), key=lambda each: each["owned"]) == given
    else:
        assert [each["pair"] for each in data()] == [kind.pair] * 2


@pytest.mark.parametrize(
    ("status", "filled", "removed"), [("canceled", 0.0, True), ("canceled", 1.0, False)]
)
def test_a_trade_that_is_empty_is_removed_and_one_without_orders_stays(
    bot: Bot, kind: Kind, account: dict[str, Any], status: str, filled: float, removed: bool
) -> None:
    trade, bare = placed(kind), placed(kind)
    (order,) = trade.orders
    order.status, order.filled, order.ft_is_open = status, filled, False
    trade.amount = filled
    bare.orders.clear()
    Trade.commit()
    number = trade.id
    account["SOL"] = filled
    reconcile.compare(current(), bot)
    left = {each.id for each in Trade.get_open_trades()}
    assert left == ({bare.id} if removed else {number, bare.id})
    gone = [each for each in data() if each == {"pair": kind.pair, "trade": number}]
    assert len(gone) == removed


@pytest.mark.parametrize(("purpose", "taken"), [("exit", True), ("entry", False), ("add", False)])
def test_an_open_order_of_ours_that_nobody_wrote_down(
    bot: Bot, kind: Kind, account: dict[str, Any], purpose: str, taken: bool
) -> None:
    """Without the store exits are sent all the same, and entries are not: that is another's."""
    trade = held(kind)
    account["SOL"] = float(trade.amount)
    client_id = f"fq-{current().name}-{trade.id}-{purpose}-4"
    meant = intent(kind, "exit", client_id=client_id, amount=float(trade.amount))
    sent = datetime(2026, 1, 10, 11, 22, 33, tzinfo=UTC)
    account["open"] = [{**answer(meant, "open", 0.0), "timestamp": int(sent.timestamp() * 1000)}]
    reconcile.compare(current(), bot)
    written = [each for each in current().store.intents() if each.client_id == client_id]
    assert bool(written) == taken
    orders = {order.order_id for order in Trade.get_open_trades()[0].orders}
    assert (f"x{client_id}" in orders) == taken
    if not taken:
        assert data() == [{"pair": kind.pair, "order": f"x{client_id}"}]
        return
    (found,) = written
    assert (found.time, found.state, found.order_id) == (sent, "known", f"x{client_id}")
    assert (found.pair, found.side, found.purpose, found.trade) == (
        kind.pair,
        kind.exit,
        "exit",
        trade.id,
    )
    assert (found.amount, found.rate, found.stop, found.kind) == (
        float(trade.amount),
        100.0,
        None,
        "limit",
    )


def test_okxs_stops_are_known_by_a_name_of_their_own(
    bot: Bot, kind: Kind, account: dict[str, Any]
) -> None:
    """They lie in lists by type, and ccxt reads another field for the name."""
    trade = held(kind)
    account["SOL"] = float(trade.amount)
    bot.exchange._api.id = "okx"
    name = f"fq-{current().name}-{trade.id}-stop-4"
    meant = intent(kind, "stop", client_id=name, amount=float(trade.amount), stop=94.0)
    stop = {**answer(meant, "open", 0.0), "clientOrderId": None, "stopPrice": 94.0}
    stop["info"] = {"algoClOrdId": plain_order_id(name)}
    asked: list[dict[str, Any]] = []

    def fetch_open_orders(pair: str, params: dict[str, Any]) -> list[Any]:
        asked.append(params)
        return [stop] if params.get("ordType") == "conditional" else []

    bot.exchange._api.fetch_open_orders = fetch_open_orders
    reconcile.compare(current(), bot)
    assert {each.get("ordType") for each in asked} == {None, "conditional", "oco", "trigger"}
    (written,) = [each for each in current().store.intents() if each.client_id == name]
    assert (written.state, written.order_id, written.stop) == ("known", stop["id"], 94.0)


def test_while_the_store_is_out_a_lost_entry_becomes_a_trade_all_the_same(
    bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs its stop, and the store may be out for an hour."""
    run, meant = current(), intent(kind)
    run.store.save_intent(meant)
    unwritten.remember(run, meant)
    store = run.store
    monkeypatch.setattr(run, "store", Out(store, 0))
    arrived = answer(meant, "closed", 9.0)
    bot.exchange._api.orders[meant.client_id] = arrived
    with pytest.raises(OperationalError):
        reconcile.settle(run, bot)  # entries wait
    (first,) = stored()
    assert first["amount"] > 0
    with pytest.raises(OperationalError):
        reconcile.settle(run, bot)
    assert stored() == [first]
    monkeypatch.setattr(run, "store", store)
    reconcile.settle(run, bot)
    assert [state for state, _ in intents()] == ["known"]
    assert (run.unsettled, run.unwritten) == ({}, {})


def test_what_is_known_without_the_store_is_what_it_held_last(bot: Bot, kind: Kind) -> None:
    run = current()
    waits = intent(kind, time=START)
    run.store.save_intent(waits)
    reconcile.settle(run, bot)
    assert run.remembered_intents("sent") == [waits]
    unwritten.note(run, waits, state="accepted", order_id="x1")
    assert [each.state for each in run.remembered_intents(*unwritten.OPEN)] == ["accepted"]
    unwritten.note(run, waits, state="known", order_id="x1")
    assert run.remembered_intents(*unwritten.OPEN) == []
