"""What is looked at after a loop: within a budget and a second, and never in a loop's way."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import pytest
from books_stage import MINUTE, Stage, compared, order
from freqtrade.persistence import Trade
from live_bot import Out
from trades_stage import LONG, SPOT, START, Kind, held

from freqpilot.host.orders.books import asking
from freqpilot.host.orders.books import step as books
from freqpilot.host.orders.books.budget import A_MINUTE
from freqpilot.host.orders.books.schedule import Task
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.current import current

SECOND = timedelta(seconds=1)


@pytest.fixture(params=[SPOT, LONG], ids=lambda kind: kind.mode)
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


@pytest.fixture
def stage(tmp_path: Path, kind: Kind) -> Iterator[Stage]:
    with compared(tmp_path, kind) as stage:
        held(kind)
        stage.account.held = 9.0 if kind is LONG else 3.0
        yield stage


def several(stage: Stage, count: int) -> list[str]:
    """Let the bot trade so many pairs, all with an open trade; returns them."""
    kind = stage.account.kind
    pairs = [kind.pair.replace("SOL", f"C{number:02}") for number in range(count)]
    for pair in pairs:
        stage.bot.exchange.markets[pair] = {"limits": {"cost": {"min": 10.0}}}
    stage.bot.config["exchange"]["pair_whitelist"] = pairs
    return pairs


def test_a_dry_run_and_one_without_its_first_comparison_ask_nothing(stage: Stage) -> None:
    stage.bot.config["dry_run"] = True
    stage.play(10 * MINUTE)
    stage.bot.config["dry_run"] = False
    current().part(Reconciliation).ask()
    stage.play(10 * MINUTE)
    assert stage.account.asked == []


def test_each_loop_asks_only_what_is_due(stage: Stage, kind: Kind) -> None:
    """Loops of five seconds: two kinds of look a minute on futures, six in five minutes on spot."""
    stage.play(timedelta(minutes=30), 5 * SECOND)
    lists = 2 if kind is LONG else 1
    account = 30 if kind is LONG else 6
    assert len(stage.account.asked) == 30 * lists + account
    assert stage.counts()["books requests"] == len(stage.account.asked)
    assert stage.counts()["books looks"] == 30 + account


def test_what_does_not_fit_into_the_budget_waits_its_turn_and_all_get_theirs(
    stage: Stage, kind: Kind
) -> None:
    pairs = several(stage, 50)
    begun = stage.clock.now()
    asked: list[tuple[Any, float]] = []

    def fetch_open_orders(pair: str, params: dict[str, Any]) -> list[Any]:
        asked.append((pair, (stage.clock.now() - begun) / MINUTE))
        return []

    stage.account.fetch_open_orders = fetch_open_orders  # type: ignore[method-assign]
    stage.play(timedelta(minutes=80), 5 * SECOND)
    for minute in range(79):
        spent = [pair for pair, at in asked if minute <= at < minute + 1]
        assert len(spent) <= A_MINUTE
    assert {pair for pair, _ in asked} == {*pairs, kind.pair}
    assert stage.counts()["books waited"] > 0
    often = [at for pair, at in asked if pair == kind.pair]
    assert max(later - sooner for sooner, later in pairwise(often)) < 2.1


def test_a_loop_s_second_ends_its_questions(
    stage: Stage, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(stage, 9)
    watch = [0.0]
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: watch[0]))
    asked: list[str] = []

    def slow(pair: str, params: dict[str, Any]) -> list[Any]:
        asked.append(pair)
        watch[0] += 0.3
        return []

    stage.account.fetch_open_orders = slow  # type: ignore[method-assign]
    stage.clock.advance(3_700)
    books.step(current(), stage.bot)
    stage.clock.advance(3_700)
    before = watch[0]
    books.step(current(), stage.bot)
    assert watch[0] - before <= 1.2
    assert stage.counts()["books waited"] == 1
    assert stage.account.timeout == 10_000


def test_on_a_slow_exchange_a_look_goes_over_several_loops(
    stage: Stage, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question takes most of a second: a loop has time for one."""
    watch = [0.0]
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: watch[0]))

    def slow(call: Any) -> Any:
        def asked(*given: Any, **named: Any) -> Any:
            watch[0] += 0.8
            return call(*given, **named)

        return asked

    for owner, name in (
        (stage.account, "fetch_open_orders"),
        (stage.bot.exchange, "fetch_positions"),
        (stage.bot.exchange, "get_balances"),
    ):
        monkeypatch.setattr(owner, name, slow(getattr(owner, name)))
    stage.account.open["77"] = order(kind, "77", kind.entry, 3.0)
    stage.play(timedelta(minutes=11), 5 * SECOND)
    counts = stage.counts()
    assert counts["books requests"] == len(stage.account.asked)
    assert counts.get("books failed", 0) == 0
    assert stage.account.asked.count("positions" if kind is LONG else "balances") >= 2
    assert "order 77" in stage.texts()[0]


def test_a_refusal_ends_the_questions_of_a_minute(stage: Stage, kind: Kind) -> None:
    stage.account.fault = ccxt.RateLimitExceeded("429")
    stage.play(MINUTE + 50 * SECOND, 5 * SECOND)
    assert len(stage.account.asked) == 1
    stage.account.fault = None
    stage.play(5 * MINUTE, 5 * SECOND)
    assert stage.counts()["books refused"] == 1
    assert stage.counts()["books looks"] > 3


def test_a_look_that_fails_is_tried_in_its_turn_and_says_nothing(
    stage: Stage, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    stage.account.fault = ccxt.ExchangeNotAvailable("503")
    with caplog.at_level(logging.WARNING):
        stage.play(5 * MINUTE, 5 * SECOND)
    assert "could not be compared" in caplog.text
    failed = stage.counts()["books failed"]
    assert failed <= 2 * 5
    assert stage.texts() == []
    stage.account.fault = None
    stage.play(5 * MINUTE, 5 * SECOND)
    assert stage.counts()["books failed"] == failed


def test_a_person_hears_once_that_nothing_could_be_compared(stage: Stage, kind: Kind) -> None:
    stage.account.fault = ccxt.RequestTimeout("it takes over a second")
    stage.play(timedelta(minutes=20), 5 * SECOND)
    assert stage.texts() == []
    stage.play(timedelta(hours=2), 5 * SECOND)
    (text,) = stage.texts("WARNING")
    assert "have not been compared" in text
    assert len(stage.account.asked) < 20, "it asks ever more seldom"
    stage.account.fault = None
    stage.play(timedelta(minutes=40), 5 * SECOND)
    assert len(stage.texts()) == 1


def test_a_pair_that_is_traded_no_more_is_looked_at_for_a_week(stage: Stage, kind: Kind) -> None:
    (trade,) = Trade.get_open_trades()
    trade.is_open, trade.close_date = False, START.replace(tzinfo=None)
    Trade.commit()
    stage.bot.config["exchange"]["pair_whitelist"] = []
    for days, found in ((6.9, [kind.pair]), (7.1, [])):
        tasks = books.tasks_of(stage.bot, START + timedelta(days=days))
        assert [task.pair for task in tasks if task.subject == "orders"] == found


def test_one_pair_that_fails_does_not_keep_the_others(stage: Stage, kind: Kind) -> None:
    pairs = several(stage, 2)
    stage.bot.config["exchange"]["pair_whitelist"] = pairs
    asked: list[str] = []

    def fetch_open_orders(pair: str, params: dict[str, Any]) -> list[Any]:
        asked.append(pair)
        if pair == pairs[0]:
            raise ccxt.BadSymbol(pair)
        return []

    stage.account.fetch_open_orders = fetch_open_orders  # type: ignore[method-assign]
    stage.play(timedelta(hours=1) + MINUTE, 5 * SECOND)
    assert set(asked) == {*pairs, kind.pair}


def test_a_store_that_is_out_ends_the_look_and_raises_nothing(
    stage: Stage, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    run = current()
    kept, run.store = run.store, Out(run.store)  # type: ignore[assignment]
    with caplog.at_level(logging.WARNING):
        stage.play(2 * MINUTE, 5 * SECOND)
    run.store = kept
    assert stage.account.asked == []
    assert "The books could not be compared: OperationalError" in caplog.text


def test_a_pair_stays_under_watch_for_an_hour_after_its_trade(stage: Stage, kind: Kind) -> None:
    now = START + timedelta(hours=5)
    (trade,) = Trade.get_open_trades()
    trade.is_open, trade.close_date = False, now.replace(tzinfo=None)
    Trade.commit()
    assert books.traded(now + timedelta(minutes=59), books.LATELY) == {kind.pair}
    assert books.traded(now + timedelta(minutes=61), books.LATELY) == set()
    lists = 2 if kind is LONG else 1
    account = Task("positions") if kind is LONG else Task("balances")
    for minutes, quiet in ((59, False), (61, True)):
        found = books.tasks_of(stage.bot, now + timedelta(minutes=minutes))
        assert found == [account, Task("orders", kind.pair, lists, quiet=quiet)]


def test_a_whitelist_of_patterns_leaves_the_pairs_of_trades(stage: Stage, kind: Kind) -> None:
    stage.bot.config["exchange"]["pair_whitelist"] = [".*/USDT"]
    found = [task.pair for task in books.tasks_of(stage.bot, START) if task.subject == "orders"]
    assert found == [kind.pair]


def test_what_could_not_be_mended_is_tried_at_the_next_look(
    stage: Stage, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancellation that was not answered."""
    (trade,) = Trade.get_open_trades()
    name = f"fq-{current().name}-77-stop-1"
    apart = kind is LONG
    left = order(kind, "s9", kind.exit, 3.0, clientOrderId=name, apart=apart)
    stage.account.open["s9"] = left
    trade.is_open, trade.close_date, stage.account.held = False, START.replace(tzinfo=None), 0.0
    Trade.commit()
    tried: list[str] = []
    cancel = stage.account.cancel_order

    def cancel_order(number: str, pair: str, params: dict[str, Any]) -> None:
        tried.append(number)
        if len(tried) == 1:
            raise ccxt.RequestTimeout("no answer")
        cancel(number, pair, params)

    monkeypatch.setattr(stage.account, "cancel_order", cancel_order)
    stage.play(5 * MINUTE, 5 * SECOND)
    assert tried == ["s9", "s9"]
    assert stage.account.open == {}


def test_one_that_cannot_be_mended_keeps_no_other_from_it(
    stage: Stage, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    (trade,) = Trade.get_open_trades()
    trade.is_open, trade.close_date, stage.account.held = False, START.replace(tzinfo=None), 0.0
    Trade.commit()
    for number in ("s8", "s9"):
        name, apart = f"fq-{current().name}-77-stop-{number[1]}", kind is LONG
        left = order(kind, number, kind.exit, 3.0, clientOrderId=name, apart=apart)
        stage.account.open[number] = left
    cancel = stage.account.cancel_order

    def cancel_order(number: str, pair: str, params: dict[str, Any]) -> None:
        if number == "s8":
            raise ccxt.ExchangeError("no")
        cancel(number, pair, params)

    monkeypatch.setattr(stage.account, "cancel_order", cancel_order)
    stage.play(3 * MINUTE, 5 * SECOND)
    assert set(stage.account.open) == {"s8"}
