"""The look at the account: what it sees, what it does without, and what a person hears of it."""

import json
import math
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ccxt
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException, PricingError, TemporaryError
from freqtrade.persistence import Trade
from live_bot import buy, elsewhere, make_bot
from look_stage import START, close, events, look, lose, seen_twice
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.errors import NoEntry
from freqpilot.host.account import locks, others
from freqpilot.host.account.begin import begin
from freqpilot.host.alerts import events as alerts
from freqpilot.host.gate import live as livegate
from freqpilot.host.gate.health import Health
from freqpilot.host.loop import live
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderRequest


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def bot(tmp_path: Path, clock: VirtualClock) -> Iterator[Any]:
    made = make_bot(tmp_path)
    begin(made.config, live=True)
    seen_twice(made, clock)
    yield made
    end()
    Trade.session.remove()


# another thread's trades


def test_a_trade_that_another_thread_has_closed_is_taken_in(bot: Any, clock: VirtualClock) -> None:
    number = buy(bot, 100.0).id
    held = Trade.get_open_trades()  # this thread has it open, as the end of a loop may leave it
    elsewhere(lambda: close(number, -3.0))
    bot.wallets.free += 97.0
    run = look(bot, clock)
    assert run.sight.faults == {}
    assert [(each.trade, each.profit) for each in run.state.record.outcomes] == [(number, -3.0)]
    assert run.state.equity == 997.0
    assert held[0].id == number
    assert look(bot, clock, 3).state.record.total == 1, "once"


def test_nothing_of_a_look_hides_what_another_thread_does(bot: Any, clock: VirtualClock) -> None:
    number = buy(bot, 100.0).id
    look(bot, clock)

    def halve() -> None:
        Trade.get_trades([Trade.id == number]).first().amount = 0.5
        Trade.commit()

    elsewhere(halve)
    assert [trade.amount for trade in Trade.get_open_trades()] == [0.5]


def test_a_loop_waits_for_a_forced_order(bot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(live.reconcile, "step", lambda *_: done.append("reconciled"))
    monkeypatch.setattr(live, "observe", lambda _: done.append("looked"))
    bot._exit_lock.acquire()
    loop = threading.Thread(target=live.before_loop, args=(bot,))
    loop.start()
    loop.join(0.2)
    assert done == []
    bot._exit_lock.release()
    loop.join()
    assert done == ["reconciled", "looked"]
    assert not bot._exit_lock.locked()


# blindness


def test_three_blind_loops_are_critical_and_refuse_entries(
    bot: Any, clock: VirtualClock, tmp_path: Path
) -> None:
    bot.wallets.fault = RuntimeError("the wallet is gone")
    run = look(bot, clock, 2)
    assert run.sight.blind is None
    since = run.sight.since
    look(bot, clock, 3)
    assert events("blind") == ["CRITICAL"]
    assert run.sight.since == since
    with pytest.raises(NoEntry, match="blind since 2026-01-10 12:30:05 UTC: account"):
        livegate.refusal(run, request(), [], bot.exchange)
    shown = CliRunner().invoke(app, ["risk", "--userdir", str(tmp_path), "--json"])
    told = json.loads(shown.stdout)["live"]["blind"]
    assert told["since"] == "2026-01-10T12:30:05+00:00"
    assert "the wallet is gone" in told["why"]
    bot.wallets.fault = None
    look(bot, clock)
    assert run.sight.blind is None
    shown = CliRunner().invoke(app, ["risk", "--userdir", str(tmp_path), "--json"])
    assert json.loads(shown.stdout)["live"]["blind"] is None
    assert events("blind over") == ["WARNING"]


def test_the_overview_says_since_when_a_part_is_not_seen(
    bot: Any, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "follow", lambda _: 1 / 0)
    look(bot, clock, 4)
    shown = CliRunner().invoke(app, ["risk", "--userdir", str(tmp_path)])
    assert "BLIND: the supervisor is blind since 2026-01-10 12:30:05" in shown.stdout
    assert "ZeroDivisionError" in shown.stdout


def test_a_fault_in_one_part_of_a_look_keeps_no_halt_away(
    bot: Any, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("out of order")

    for owner, name in (
        (live, "lately_closed"),
        (live.flows, "take"),
        (others, "step"),
        (Health, "look"),
    ):
        monkeypatch.setattr(owner, name, fail)
    bot.wallets.free = 700.0
    run = look(bot, clock, 2)
    assert run.state.halted
    assert set(run.sight.faults) == {"closed trades", "flows", "other bots", "exchange"}


# rates


def test_a_position_that_nobody_quotes_is_worth_nothing_for_the_halt(
    bot: Any, clock: VirtualClock
) -> None:
    buy(bot, 100.0)
    buy(bot, 300.0, "OLD/USDT")
    run = look(bot, clock)
    fault = OperationalException("Could not get order book")
    fault.__cause__ = ccxt.BadSymbol("-1121 Invalid symbol.")
    bot.exchange.prices["OLD/USDT"] = fault
    look(bot, clock)
    assert run.state.halted is None, "one look is a hiccup"
    look(bot, clock)
    assert run.state.equity == 1_000.0, "for entries it counts at its last rate"
    assert run.state.halted is not None
    assert "equity 700.00" in run.state.halted
    assert events("no market") == ["CRITICAL"]
    look(bot, clock, 4)
    assert events("no market") == ["CRITICAL"]
    assert run.sight.blind is None, "what cannot be seen any more is judged without"


@pytest.mark.parametrize(
    "fault", [TemporaryError("503"), ccxt.RequestTimeout("no answer"), ccxt.DDoSProtection("429")]
)
def test_an_exchange_that_does_not_answer_says_nothing_of_a_price(
    bot: Any, clock: VirtualClock, fault: Exception
) -> None:
    buy(bot, 300.0)
    look(bot, clock)
    bot.exchange.prices["SOL/USDT"] = fault
    run = look(bot, clock, 10)
    assert run.state.equity == 1_000.0
    assert run.state.halted is None
    assert not run.unquoted
    assert "no price of now for SOL/USDT" in str(run.sight.blind)
    bot.exchange.prices["SOL/USDT"] = 100.0
    assert look(bot, clock).sight.blind is None


def test_after_a_restart_the_last_rate_is_known(bot: Any, clock: VirtualClock) -> None:
    buy(bot, 300.0)
    bot.exchange.prices["SOL/USDT"] = 90.0
    look(bot, clock)
    bot.exchange.prices["SOL/USDT"] = TemporaryError("503")
    end()
    begin(bot.config, live=True)
    assert look(bot, clock).state.equity == pytest.approx(970.0)


def test_a_pair_without_a_market_and_without_a_last_rate_is_judged_as_well(
    bot: Any, clock: VirtualClock
) -> None:
    """As after a restart on a store that is locked: nothing is known of the time before."""
    buy(bot, 300.0, "OLD/USDT")
    fault = TemporaryError("Could not get order book due to BadSymbol")
    fault.__cause__ = ccxt.BadSymbol("-1121 Invalid symbol.")
    bot.exchange.prices["OLD/USDT"] = fault
    run = look(bot, clock)
    assert (run.state.equity, run.state.stamp) == (1_000.0, datetime.now(UTC))
    assert look(bot, clock).state.halted


def test_without_any_rate_the_others_are_judged(bot: Any, clock: VirtualClock) -> None:
    held = buy(bot, 500.0)
    look(bot, clock)
    buy(bot, 100.0, "OLD/USDT")
    bot.exchange.prices["OLD/USDT"] = TemporaryError("503")
    lose(bot, held)
    run = look(bot, clock, 2)
    assert run.state.halted
    assert "rates" in run.sight.faults


def candles(bot: Any, last: datetime, close: float) -> None:
    frame = pd.DataFrame({"date": [pd.Timestamp(last)], "close": [close]})
    bot.dataprovider.ohlcv = lambda *_, **__: frame


def test_a_fresh_candle_stands_in_for_an_empty_book(bot: Any, clock: VirtualClock) -> None:
    buy(bot, 300.0)
    look(bot, clock)
    bot.exchange.prices["SOL/USDT"] = PricingError("empty")
    candles(bot, START - timedelta(hours=2), 80.0)
    run = look(bot, clock, 3)
    assert run.state.equity == pytest.approx(940.0)
    assert run.state.halted is None
    candles(bot, START - timedelta(hours=4), 80.0)  # its candles have ended, it has no price
    look(bot, clock, 2)
    assert run.state.halted


def test_a_pair_that_is_quoted_again_counts_again(bot: Any, clock: VirtualClock) -> None:
    buy(bot, 300.0)
    look(bot, clock)
    for price in (PricingError("empty"), 100.0, PricingError("empty"), 100.0):
        bot.exchange.prices["SOL/USDT"] = price
        look(bot, clock)
    run = current()
    assert run.state.halted is None
    assert not math.isnan(run.state.equity)


def request() -> OrderRequest:
    return OrderRequest(datetime.now(UTC), "SOL/USDT", "long", "entry", 10.0, 100.0)


# trades that were closed at the same moment


def test_trades_of_one_moment_are_taken_in_once_each_by_their_number(
    bot: Any, clock: VirtualClock
) -> None:
    """The second is committed after the first was seen; a later look asks for that moment again."""
    first, second, third, later = (buy(bot, 10.0, f"{coin}/USDT").id for coin in "ABCD")
    moment = datetime.now(UTC)
    close(second, -2.0)
    run = look(bot, clock)
    close_at(third, 3.0, moment)
    close_at(first, 1.0, moment)
    look(bot, clock)
    close(later, 4.0)
    run = look(bot, clock, 3)
    assert [(each.trade, each.profit) for each in run.state.record.outcomes] == [
        (second, -2.0),
        (first, 1.0),
        (third, 3.0),
        (later, 4.0),
    ]
    assert run.state.record.total == 4
    assert {each.time for each in run.state.record.outcomes[:3]} == {moment}


def test_what_was_closed_before_the_first_look_comes_by_time_then_number(
    bot: Any, clock: VirtualClock
) -> None:
    first, second, third = (buy(bot, 10.0, f"{coin}/USDT").id for coin in "ABC")
    close_at(third, 3.0, START - timedelta(seconds=1))
    close_at(second, 2.0, START)
    close_at(first, 1.0, START)
    assert [each.id for each in live.lately_closed(current())] == [third, first, second]
    look(bot, clock, 2)
    run = current()
    assert [each.trade for each in run.state.record.outcomes] == [third, first, second]


def close_at(number: int, profit: float, time: datetime) -> None:
    trade = Trade.get_trades([Trade.id == number]).first()
    trade.is_open, trade.close_date, trade.close_profit_abs = False, time, profit
    Trade.commit()


# the parts of a look and of a loop


def test_money_that_is_held_back_saves_no_position_from_the_halt(
    bot: Any, clock: VirtualClock
) -> None:
    """A deposit comes while a position of 300 loses its market: of 1,000 there are 700."""
    buy(bot, 300.0)
    look(bot, clock)
    bot.wallets.free += 400.0
    bot.exchange.prices["SOL/USDT"] = ccxt.BadSymbol("-1121")
    run = look(bot, clock, 2)
    assert (run.held, run.state.equity) == (400.0, 1_000.0)
    assert "equity 700.00" in str(run.state.halted)


def test_what_keeps_an_account_in_order_comes_before_the_comparison(
    bot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its questions hold up no exit; forced orders wait meanwhile."""
    done: list[object] = []
    monkeypatch.setattr(live.stops, "backup", lambda *_: done.append("stops"))
    monkeypatch.setattr(live.couples, "settle", lambda _: done.append("couples"))
    monkeypatch.setattr(live.books, "step", lambda _, bot: done.append(bot._exit_lock.locked()))
    live.after_loop(bot)
    assert done == ["stops", "couples", True]
    assert not bot._exit_lock.locked()


def test_what_is_beyond_its_stop_is_closed_before_couples_are_settled(
    bot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(live.stops, "backup", lambda *_: done.append("stops"))
    monkeypatch.setattr(live.couples, "settle", lambda _: done.append("couples"))
    monkeypatch.setattr(live.Martingale, "step", lambda *_: done.append("martingale"))
    monkeypatch.setattr(alerts, "step", lambda _: done.append("alerts"))
    live.after_loop(bot)
    assert done == ["stops", "couples", "martingale", "alerts"]


def test_a_loop_that_fails_is_followed_up_all_the_same(
    bot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(live, "before_loop", lambda _: done.append("before"))
    monkeypatch.setattr(live, "after_loop", lambda _: done.append("after"))

    def process(_: Any) -> None:
        done.append("loop")
        raise TemporaryError("503")

    with pytest.raises(TemporaryError):
        live._make_process(process)(bot)
    assert done == ["before", "loop", "after"]


def test_a_stopped_bot_looks_under_the_lock_of_forced_orders(
    bot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []
    monkeypatch.setattr(live, "observe", lambda bot: done.append(bot._exit_lock.locked()))
    stopped = live._make_stopped(lambda bot: done.append(bot._exit_lock.locked()))
    stopped(bot)
    assert done == [True, False]


def test_no_entry_can_be_judged_while_other_bots_are_not_known(bot: Any) -> None:
    current().part(Reconciliation).done = True
    bot.exchange._config["dry_run"] = bot.config["dry_run"] = True
    assert live.waiting(bot) is None
    current().others = None
    assert "other bots" in str(live.waiting(bot))
