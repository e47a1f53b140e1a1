"""Open orders of the exchange beside the database's, over several looks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import ccxt
import pytest
from books_stage import MINUTE, Stage, compared, filled, order, stop_of
from freqtrade.persistence import Order, Trade
from sqlalchemy import delete
from trades_stage import START, Kind, held, intent, of_each_kind, placed, stored

from freqpilot.errors import NoEntry
from freqpilot.host.orders import reconcile
from freqpilot.host.orders.differences import Differences
from freqpilot.host.run.current import current

pytestmark = of_each_kind


@pytest.fixture
def stage(tmp_path: Path, kind: Kind) -> Iterator[Stage]:
    with compared(tmp_path, kind) as stage:
        yield stage


def ours(kind: Kind, purpose: str, number: int = 1, trade: str = "7") -> str:
    return f"fq-{current().name}-{trade}-{purpose}-{number}"


def waits(kind: Kind) -> bool:
    try:
        current().part(Differences).require_none(kind.pair)
    except NoEntry:
        return True
    return False


def give(stage: Stage, number: str, side: str, amount: float = 3.0, **more: Any) -> None:
    """Let an order be open on the exchange."""
    stage.account.open[number] = order(stage.account.kind, number, side, amount, **more)


def test_books_that_agree_are_looked_at_each_minute_and_nobody_hears(
    stage: Stage, kind: Kind
) -> None:
    trade = held(kind)
    stop = stop_of(kind, trade, "s1")
    stage.account.held = float(trade.amount) * kind.sign
    give(stage, stop.order_id, kind.exit, apart=kind.mode == "futures")
    stage.play(10 * MINUTE)
    lists = 2 if kind.mode == "futures" else 1
    asked = stage.account.asked
    assert asked.count(f"orders {kind.pair}") == 10 * lists
    assert stage.texts() == []
    assert not waits(kind)


def test_a_stop_that_was_left_behind_is_cancelled(stage: Stage, kind: Kind) -> None:
    """Freqtrade took its cancellation for done, the exchange did not; its trade is over."""
    trade = held(kind)
    stop = stop_of(kind, trade, "s1")
    stop.ft_is_open, stop.status, trade.is_open = False, "canceled", False
    trade.close_date = START.replace(tzinfo=None)
    Trade.commit()
    name = ours(kind, "stop", trade=str(trade.id))
    give(stage, "s1", kind.exit, clientOrderId=name, apart=kind.mode == "futures")
    stage.play()
    where = {"stop": True} if kind.mode == "futures" else {}
    assert stage.account.cancelled == [("s1", kind.pair, where)]
    (text,) = stage.texts("WARNING")
    assert text.endswith("is open on the exchange, its trade is over; it was cancelled")
    assert stage.counts()["found: order left behind"] == 1
    assert stage.counts()["books mended"] == 1


@pytest.mark.parametrize("name", [None, "by hand", "fq-0000abcd-1-stop-1"])
def test_what_does_not_bear_our_name_is_never_cancelled(
    stage: Stage, kind: Kind, name: str | None
) -> None:
    trade = held(kind)
    stop = stop_of(kind, trade, "s1")
    stop.ft_is_open, trade.is_open = False, False
    trade.close_date = START.replace(tzinfo=None)
    Trade.commit()
    give(stage, "s1", kind.exit, clientOrderId=name, apart=kind.mode == "futures")
    give(stage, "77", kind.entry, clientOrderId=name)
    stage.play(10 * MINUTE)
    assert stage.account.cancelled == []
    assert len(stage.texts()) == 2, "each is said once a day"
    stage.clock.advance(timedelta(days=1).total_seconds())
    stage.play(timedelta(hours=1) + 2 * MINUTE)
    assert len(stage.texts()) == 4


def test_a_stop_without_a_record_is_cancelled_where_its_trade_is_over(
    stage: Stage, kind: Kind
) -> None:
    give(stage, "s9", kind.exit, clientOrderId=ours(kind, "stop"), apart=kind.mode == "futures")
    stage.play(timedelta(hours=1) + MINUTE)  # a pair without a trade is looked at once an hour
    assert [number for number, _, _ in stage.account.cancelled] == ["s9"]
    assert "has no open trade that it fits; it was cancelled" in stage.texts()[0]


def test_an_exit_that_nothing_knows_joins_its_trade(stage: Stage, kind: Kind) -> None:
    trade = held(kind)
    stage.account.held = float(trade.amount) * kind.sign
    give(stage, "x5", kind.exit, clientOrderId=ours(kind, "exit", trade=str(trade.id)))
    stage.play()
    (row,) = stored()
    assert ("x5", kind.exit, "open", True) in row["orders"]
    assert "trade 1 has it now" in stage.texts()[0]


def test_an_entry_of_our_name_that_nothing_knows_is_a_person_s_and_entries_wait(
    stage: Stage, kind: Kind
) -> None:
    give(stage, "e5", kind.entry, clientOrderId=ours(kind, "entry", trade="n9"))
    stage.play(timedelta(hours=1) + MINUTE)
    (text,) = stage.texts("CRITICAL")
    assert "bears this bot's name" in text
    assert stored() == []
    assert waits(kind)
    with pytest.raises(NoEntry, match="e5"):
        current().part(Differences).require_none(kind.pair)
    current().part(Differences).require_none("BTC/USDT")
    del stage.account.open["e5"]
    stage.play(timedelta(hours=1) + MINUTE)
    assert not waits(kind)


@pytest.mark.parametrize("state", ["absent", "rejected", "denied"])
def test_an_order_that_was_thought_to_have_come_to_nothing_is_settled(
    stage: Stage, kind: Kind, state: Any
) -> None:
    meant = intent(kind, state=state)
    current().store.save_intent(meant)
    give(stage, "e5", kind.entry, clientOrderId=meant.client_id, amount=9.0)
    stage.account.orders[meant.client_id] = stage.account.open["e5"]
    stage.play(timedelta(hours=1) + MINUTE)
    reconcile.settle(current(), stage.bot)
    (row,) = stored()
    assert row["orders"] == [("e5", kind.entry, "open", True)]
    assert stage.account.cancelled == []


@pytest.mark.parametrize("state", ["sent", "accepted", "asked", "agreed"])
def test_what_is_on_its_way_is_no_difference(stage: Stage, kind: Kind, state: Any) -> None:
    meant = intent(kind, state=state)
    current().store.save_intent(meant)
    give(stage, "e5", kind.entry, clientOrderId=meant.client_id)
    stage.account.held = 9.0 * kind.sign
    stage.play(timedelta(hours=1) + MINUTE)
    assert stage.texts() == []


def test_what_a_person_has_dismissed_is_a_stranger_s(stage: Stage, kind: Kind) -> None:
    meant = intent(kind, state="dismissed")
    current().store.save_intent(meant)
    give(stage, "e5", kind.entry, clientOrderId=meant.client_id)
    stage.play(timedelta(hours=1) + MINUTE)
    assert "belongs to nobody here" in stage.texts("WARNING")[0]
    assert not waits(kind)


def test_a_difference_that_is_gone_at_the_second_look_is_counted_and_not_said(
    stage: Stage, kind: Kind
) -> None:
    held(kind)
    stage.account.held = 9.0 * kind.sign
    give(stage, "77", kind.entry)
    stage.play(MINUTE, MINUTE)
    assert stage.counts().get("books passed", 0) == 0
    del stage.account.open["77"]
    stage.play(MINUTE)
    assert stage.counts()["books passed"] == 1
    assert stage.texts() == []


def test_an_order_that_is_open_here_alone_is_brought_to_what_the_exchange_says(
    stage: Stage, kind: Kind
) -> None:
    trade = placed(kind)
    entry, amount = trade.orders[0], float(trade.orders[0].amount or 0.0)
    stage.account.made.append(filled(kind, entry.order_id, kind.entry, amount, 99.0))
    stage.account.held = amount * kind.sign
    stage.play()
    (row,) = stored()
    assert row["amount"] == pytest.approx(amount)
    assert row["orders"][0][2:] == ("closed", False)
    assert any("the exchange has it closed" in text for text in stage.texts("WARNING"))
    assert not waits(kind)


def test_one_that_the_exchange_does_not_know_is_a_person_s(stage: Stage, kind: Kind) -> None:
    trade = placed(kind)
    stage.play()
    (text,) = stage.texts("CRITICAL")
    assert f"order {trade.orders[0].order_id}" in text
    assert "the exchange does not have it" in text
    assert waits(kind)
    assert trade.orders[0].ft_is_open


def test_a_list_that_has_no_room_for_an_order_is_no_difference(stage: Stage, kind: Kind) -> None:
    trade = placed(kind)
    number = trade.orders[0].order_id
    stage.account.made.append(order(kind, number, kind.entry, 3.0))
    stage.play(3 * MINUTE)
    assert stage.texts() == []
    assert not waits(kind)


def test_one_that_is_open_there_is_open_here_again(stage: Stage, kind: Kind) -> None:
    """Freqtrade took a cancellation for done that never arrived."""
    trade = held(kind)
    stop = stop_of(kind, trade, "s1")
    stop.ft_is_open, stop.status = False, "canceled"
    Trade.commit()
    stage.account.held = float(trade.amount) * kind.sign
    give(stage, "s1", kind.exit, apart=kind.mode == "futures")
    stage.play()
    assert Order.order_by_id("s1", kind.pair).ft_is_open  # type: ignore[union-attr]
    assert stage.account.cancelled == []
    assert "open in the database as well now" in stage.texts()[0]


def test_what_a_triggered_stop_has_become_is_no_stranger_s(stage: Stage, kind: Kind) -> None:
    trade = held(kind)
    stop_of(kind, trade, "s1")
    stage.account.held = float(trade.amount) * kind.sign
    stage.account.made.append(order(kind, "s1", kind.exit, 3.0))
    give(stage, "c1", kind.exit)
    stage.play(3 * MINUTE)
    assert stage.texts() == []


def test_the_order_that_a_stop_has_become_is_not_taken_in_by_the_stop_s_name(
    stage: Stage, kind: Kind
) -> None:
    trade = held(kind)
    stop = stop_of(kind, trade, "s1")
    stop.ft_is_open = False
    Trade.commit()
    meant = intent(kind, "stop", state="known", order_id="s1", trade=trade.id)
    current().store.save_intent(meant)
    stage.account.held = float(trade.amount) * kind.sign
    give(stage, "c1", kind.exit, clientOrderId=meant.client_id)
    stage.play(3 * MINUTE)
    reconcile.compare(current(), stage.bot)
    assert [o.order_id for o in trade.orders if o.ft_order_side != kind.entry] == ["s1"]
    assert stage.texts() == []


def test_a_cancellation_that_comes_too_late_is_no_fault(stage: Stage, kind: Kind) -> None:
    trade = held(kind)
    stop = stop_of(kind, trade, "s1")
    stop.ft_is_open, trade.is_open = False, False
    trade.close_date = START.replace(tzinfo=None)
    Trade.commit()
    name = ours(kind, "stop", trade=str(trade.id))
    give(stage, "s1", kind.exit, clientOrderId=name, apart=kind.mode == "futures")

    def gone(*_: object) -> None:
        raise ccxt.OrderNotFound("-2011")

    stage.account.cancel_order = gone  # type: ignore[method-assign]
    stage.play()
    assert stage.counts().get("books failed", 0) == 0


def test_an_exchange_that_lists_all_pairs_at_once_is_asked_once(
    stage: Stage, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = reconcile.venue_for(stage.account, kind.pair)  # type: ignore[arg-type]
    assert venue is not None
    given = replace(venue, lists_all=True)
    monkeypatch.setattr(reconcile, "venue_for", lambda *_: given)
    stage.bot.config["exchange"]["pair_whitelist"] = [kind.pair, "OLD/USDT"]
    stage.bot.exchange.markets["OLD/USDT"] = {"limits": {"cost": {"min": 10.0}}}
    give(stage, "77", kind.entry)
    stage.play()
    lists = 2 if kind.mode == "futures" else 1
    assert stage.account.asked.count("orders None") == 2 * lists
    assert "order 77" in stage.texts()[0]


def test_an_order_whose_trade_a_person_has_deleted_is_one_that_was_left_behind(
    stage: Stage, kind: Kind
) -> None:
    trade = held(kind)
    stop_of(kind, trade, "s1")
    Order.session.execute(delete(Trade).where(Trade.id == trade.id))
    Trade.commit()
    Order.session.expire_all()
    name = ours(kind, "stop", trade="1")
    give(stage, "s1", kind.exit, clientOrderId=name, apart=kind.mode == "futures")
    stage.play(timedelta(hours=1) + 2 * MINUTE)
    assert [number for number, _, _ in stage.account.cancelled] == ["s1"]
