"""Orders that cannot be settled: they hold up their own pair, and a person is called."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import ccxt
import pytest
from trades_stage import KINDS, START, Bot, Kind, answer, intent, live, stored

from freqpilot.errors import NoEntry
from freqpilot.host.gate import judge
from freqpilot.host.gate import live as gate
from freqpilot.host.orders import reconcile
from freqpilot.host.orders.lookup import require_certainty
from freqpilot.host.orders.outcomes import OtherOrder
from freqpilot.host.orders.pending import Pending
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.current import current
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderRequest

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


def calls() -> list[str]:
    """Return what a person was called for."""
    return [e.text for e in current().store.events("order unresolved") if e.level == "CRITICAL"]


class Delisted:
    """An exchange that knows one of two pairs no more."""

    def __init__(self, api: Any, pair: str, error: Exception) -> None:
        self._api, self._pair, self._error = api, pair, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def fetch_order(self, number: None, pair: str, params: dict[str, Any]) -> Any:
        if pair == self._pair:
            raise self._error
        return self._api.fetch_order(number, pair, params)


def two(bot: Bot, kind: Kind, error: Exception) -> tuple[str, str]:
    """Write down an order that cannot be asked for, and behind it one that was filled."""
    gone = kind.pair.replace("SOL", "OLD")
    first = intent(kind, client_id=f"fq-{current().bot}-n1-entry-1", pair=gone, time=LONG_AGO)
    second = intent(kind, client_id=f"fq-{current().bot}-n2-entry-1", time=LONG_AGO)
    for each in (first, second):
        current().store.save_intent(each)
    bot.exchange._api.orders[second.client_id] = answer(second, "closed", 9.0)
    bot.exchange._api = Delisted(bot.exchange._api, gone, error)
    return first.client_id, gone


ERRORS = (ccxt.BadSymbol("no such market"), KeyError("price"), ccxt.RequestTimeout("late"))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_one_that_cannot_be_asked_for_holds_up_no_other(
    bot: Bot, kind: Kind, error: Exception
) -> None:
    first, gone = two(bot, kind, error)
    reconcile.step(current(), bot)
    assert [row["pair"] for row in stored()] == [kind.pair]
    assert [state for state, _ in intents()] == ["sent", "known"]
    pending = current().part(Pending)
    pending.require_settled(kind.pair)
    with pytest.raises(NoEntry, match=first):
        pending.require_settled(gone)
    assert current().part(Reconciliation).done


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_after_ten_minutes_a_person_is_called_once(
    bot: Bot, kind: Kind, error: Exception, clock: VirtualClock
) -> None:
    first, gone = two(bot, kind, error)
    begun = clock()
    while clock() < begun + 590:
        reconcile.step(current(), bot)
        clock.advance(5)
    assert calls() == []
    for _ in range(5):
        reconcile.step(current(), bot)
        clock.advance(5)
    (text,) = calls()
    assert first in text
    assert f"Entries of {gone} wait" in text
    assert "freqpilot orders --dismiss" in text


def test_while_the_exchange_is_out_all_entries_wait_for_ten_minutes_at_most(
    bot: Bot, kind: Kind, clock: VirtualClock
) -> None:
    two(bot, kind, ccxt.ExchangeNotAvailable("503"))
    reconcile.step(current(), bot)
    with pytest.raises(NoEntry, match="ExchangeNotAvailable"):
        require_certainty(current(), bot.exchange._api)
    clock.advance(600)
    require_certainty(current(), bot.exchange._api)


def test_what_has_a_trouble_of_its_own_is_not_asked_for_before_each_entry(
    bot: Bot, kind: Kind, clock: VirtualClock
) -> None:
    two(bot, kind, ccxt.BadSymbol("no such market"))
    reconcile.step(current(), bot)
    before = clock()
    require_certainty(current(), bot.exchange._api)
    assert clock() == before


def test_an_order_with_an_open_fate_counts_as_if_it_were_filled(bot: Bot, kind: Kind) -> None:
    _, gone = two(bot, kind, ccxt.BadSymbol("no such market"))
    reconcile.step(current(), bot)
    (position,) = current().part(Pending).positions()
    assert (position.pair, position.side, position.leverage) == (gone, kind.side, kind.leverage)
    assert position.stake == pytest.approx(900 / kind.leverage)


def test_an_order_that_a_person_dismisses_holds_up_its_pair_no_more(bot: Bot, kind: Kind) -> None:
    first, gone = two(bot, kind, ccxt.BadSymbol("no such market"))
    reconcile.step(current(), bot)
    store = current().store
    (meant,) = [each for each in store.intents() if each.client_id == first]
    store.save_intent(replace(meant, state="dismissed"))
    reconcile.step(current(), bot)
    current().part(Pending).require_settled(gone)
    assert current().part(Pending).positions() == []


def test_another_order_of_the_same_name_is_reported_at_once_and_not_adopted(
    bot: Bot, kind: Kind
) -> None:
    meant = intent(kind, time=LONG_AGO)
    week_ago = int((START - timedelta(days=7)).timestamp() * 1000)
    found = {**answer(meant, "closed", 9.0), "timestamp": week_ago}
    current().store.save_intent(meant)
    bot.exchange._api.orders[meant.client_id] = found
    for _ in range(3):
        reconcile.step(current(), bot)
    assert stored() == []
    assert intents() == [("sent", None)]
    (text,) = calls()
    assert f"OtherOrder: order {found['id']} bears the name" in text


def test_a_trouble_that_is_over_is_forgotten(bot: Bot, kind: Kind) -> None:
    pending, meant = current().part(Pending), intent(kind)
    pending.fail(meant, OtherOrder("x"))
    assert pending.has(meant)
    pending.settled(meant)
    assert not pending.has(meant)
    pending.require_settled(kind.pair)


def test_the_gate_counts_an_order_with_an_open_fate(
    bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, gone = two(bot, kind, ccxt.BadSymbol("no such market"))
    counted: list[str] = []

    def refusal(_run: Any, _order: Any, positions: Any, _exchange: Any) -> None:
        counted.extend(position.pair for position in positions)

    monkeypatch.setattr(gate, "refusal", refusal)
    bot.exchange.trading_mode = kind.mode
    order = {"pair": kind.pair, "side": kind.entry, "amount": 1.0, "rate": 100.0, "leverage": 1.0}
    gate.check_order(bot.exchange, {**order, "reduceOnly": False})
    assert gone in counted


def test_the_judge_lets_no_entry_of_its_pair_pass(
    bot: Bot, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, gone = two(bot, kind, ccxt.BadSymbol("no such market"))
    reconcile.step(current(), bot)
    monkeypatch.setattr(judge, "WAITS", {})
    order = OrderRequest(START, gone, kind.side, "entry", 100.0, 100.0, 1.0)
    with pytest.raises(NoEntry, match="is not known"):
        judge.judge(current(), order, [], bot.exchange)


def test_once_a_person_was_called_the_exchange_is_asked_each_minute(
    bot: Bot, kind: Kind, clock: VirtualClock
) -> None:
    first, _ = two(bot, kind, ccxt.BadSymbol("no such market"))
    asked: list[float] = []
    fetch_order = bot.exchange._api.fetch_order

    def counted(*given: Any) -> Any:
        asked.append(clock())
        return fetch_order(*given)

    bot.exchange._api.fetch_order = counted
    for _ in range(3):
        reconcile.step(current(), bot)
        clock.advance(300)
    before = len(asked)
    for _ in range(60):
        reconcile.step(current(), bot)
        clock.advance(5)
    assert len(asked) - before == 5
    assert current().part(Pending).troubles[first].reported
