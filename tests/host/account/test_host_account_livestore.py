"""A start without a store: with trades open the bot runs exits-only and goes on trying."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.persistence import Trade
from live_bot import Out, buy, make_bot
from look_stage import look, seen_twice

from freqpilot.errors import RefuseToStart
from freqpilot.host.account import livestore, unwritten
from freqpilot.host.account import saved as savedledgers
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.loop import live
from freqpilot.host.orders import halt, sending
from freqpilot.host.run import exitsonly
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.rehearsal.faults.machine import take_away

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock
    end()
    Trade.session.remove()


@pytest.fixture
def bot(tmp_path: Path) -> Any:
    return make_bot(tmp_path)


def damage(folder: Path) -> bytes:
    """Damage the store of a folder; returns what was in it."""
    file = folder / "freqpilot.sqlite"
    kept = file.read_bytes() if file.exists() else b""
    file.write_bytes(b"no database at all, a torn page" * 200)
    return kept


def test_flat_it_refuses_to_start(bot: Any, tmp_path: Path) -> None:
    damage(tmp_path)
    with pytest.raises(RefuseToStart, match="it is damaged: restore it"):
        begin(bot.config, live=True)
    with pytest.raises(OperationalException, match="Freqpilot stops the start: the database"):
        live._begin(bot)
    assert exitsonly.reason() is None


def test_with_trades_open_it_runs_exits_only_until_the_store_is_back(
    bot: Any, tmp_path: Path, clock: VirtualClock
) -> None:
    begin(bot.config, live=True)
    observe(current(), START, 2_000.0)
    end()
    for side in ("-wal", "-shm"):
        (tmp_path / f"freqpilot.sqlite{side}").unlink(missing_ok=True)
    trade = buy(bot, 500.0)
    kept = damage(tmp_path)
    run = begin(bot.config, live=True)
    assert run.state.stamp is None
    seen_twice(bot, clock)
    assert live.waiting(bot) is not None
    assert "exits-only" in str(exitsonly.reason())
    exits_bear_a_name()
    with pytest.raises(ccxt.OperationFailed, match="was not sent; exits go on"):
        send(sending.Sending("entry", None, 1.0))
    bot.exchange.prices["SOL/USDT"] = 1.0
    look(bot, clock, 2)
    assert halt.must_close(trade, 1.0), "a halt works without the store"
    halted = run.state.halted
    (tmp_path / "freqpilot.sqlite").write_bytes(kept)
    live.observe(bot)
    assert not run.writes, "it is not tried in each loop"
    clock.advance(15)
    live.observe(bot)
    assert run.writes
    assert exitsonly.reason() is None
    assert (run.state.peak, run.state.stamp) == (2_000.0, datetime.now(UTC))
    assert run.state.halted == halted
    live.observe(bot)
    assert run.unwritten == {}
    assert [(each.purpose, each.state) for each in run.intents()] == [("exit", "accepted")] * 2
    assert run.store.load_state(run.key)["halted"] == halted  # type: ignore[index]
    assert [event.level for event in run.store.events("store back")] == ["CRITICAL"]


def test_a_locked_store_at_the_start(
    bot: Any, tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(bot.config, live=True)
    end()
    buy(bot, 100.0)
    holder = sqlite3.connect(tmp_path / "freqpilot.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    open_store = livestore.open_store
    monkeypatch.setattr(
        "freqpilot.host.account.livestore.open_store",
        lambda url, **_: open_store(url, busy_timeout=0.05),
    )
    run = begin(bot.config, live=True)
    assert "another process holds it" in str(exitsonly.reason())
    holder.rollback()
    holder.close()
    clock.advance(15)
    live.observe(bot)
    assert run.writes
    assert exitsonly.reason() is None


def test_a_ledger_that_cannot_be_read(bot: Any, tmp_path: Path) -> None:
    run = begin(bot.config, live=True)
    run.store.save_state(run.key, {"peak": "much"}, START)
    end()
    with pytest.raises(RefuseToStart, match="the saved risk ledger cannot be read"):
        begin(bot.config, live=True)
    buy(bot, 100.0)
    assert not begin(bot.config, live=True).writes


def exits_bear_a_name() -> None:
    """Their numbers are none that an earlier life may have used, and each another."""
    names = [send(sending.Sending("exit", 1, 1.0))["params"]["clientOrderId"] for _ in range(2)]
    run = current()
    first = int(datetime.now(UTC).timestamp())
    assert names == [f"fq-{run.bot}-1-exit-{first + number}" for number in range(2)]
    assert list(run.unwritten) == names


def send(what: sending.Sending) -> Any:
    given: dict[str, Any] = {"symbol": "SOL/USDT", "type": "market", "side": "sell", "amount": 1.0}
    with sending.sending(what):
        api = SimpleNamespace(id="binance")
        answer = lambda **order: {**order, "id": "7"}  # noqa: E731
        return sending.send(api, answer, **given, price=None, params={})


def test_a_halt_in_memory_is_whole_when_the_store_is_back(
    bot: Any, tmp_path: Path, clock: VirtualClock
) -> None:
    begin(bot.config, live=True)
    end()
    trade = buy(bot, 500.0)
    kept = damage(tmp_path)
    run = begin(bot.config, live=True)
    seen_twice(bot, clock)
    bot.exchange.prices["SOL/USDT"] = 1.0
    look(bot, clock, 2)
    latch = (run.state.halted, run.state.cause, run.state.halted_at)
    assert latch[2] == START + timedelta(seconds=10)
    (tmp_path / "freqpilot.sqlite").write_bytes(kept)
    clock.advance(15)
    live.observe(bot)
    assert run.writes
    assert (run.state.halted, run.state.cause, run.state.halted_at) == latch
    assert halt.must_close(trade, 1.0)


def test_a_ledger_that_begins_beside_old_trades_is_remarked_once(
    bot: Any, clock: VirtualClock
) -> None:
    close(buy(bot, 10.0, "OLD/USDT"))
    buy(bot, 10.0)
    run = begin(bot.config, live=True)
    (event,) = run.store.events("ledger anew")
    assert event.level == "WARNING"
    assert "holds 2 trades since 2026-01-10" in event.text
    seen_twice(bot, clock)
    assert run.state.record.total == 1
    end()
    assert len(begin(bot.config, live=True).store.events("ledger anew")) == 1


def test_a_ledger_that_begins_with_its_trades_is_not_remarked(bot: Any) -> None:
    assert begin(bot.config, live=True).store.events("ledger anew") == []


# what a run takes over from the one before it in the same process


def out_of_order(bot: Any) -> tuple[Run, Any]:
    """Return the run, whose store fails from now on, and that store."""
    run = current()
    store = run.store
    run.store = Out(store)  # type: ignore[assignment]
    return run, store


def close(trade: Trade) -> None:
    trade.is_open, trade.close_date, trade.close_profit_abs = False, datetime.now(UTC), -1.0
    Trade.commit()


def test_a_release_holds_against_what_could_not_be_saved(
    bot: Any, tmp_path: Path, clock: VirtualClock
) -> None:
    begin(bot.config, live=True)
    trade = buy(bot, 10.0)
    seen_twice(bot, clock)
    bot.wallets.free = 600.0
    look(bot, clock, 2)
    assert current().state.halted
    run, store = out_of_order(bot)
    savedledgers.release(f"sqlite:///{tmp_path / 'freqpilot.sqlite'}", datetime.now(UTC))
    close(trade)
    clock.advance(5)
    live.observe(bot)
    assert run.state.halted, "the release was not seen"
    run.store = store
    again = begin(bot.config, live=True)
    assert (again.state.halted, again.state.releases) == (None, 1)


def test_an_outcome_that_could_not_be_saved_is_carried_over(bot: Any, clock: VirtualClock) -> None:
    begin(bot.config, live=True)
    trade = buy(bot, 10.0)
    live.observe(bot)
    run, store = out_of_order(bot)
    close(trade)
    clock.advance(5)
    live.observe(bot)
    run.store = store
    again = begin(bot.config, live=True)
    assert [each.trade for each in again.state.record.outcomes] == [trade.id]
    clock.advance(5)
    live.observe(bot)
    saved = again.store.load_state(again.key)
    assert saved == again.state.to_dict()


def test_a_reload_while_the_store_is_out_keeps_the_ledger(
    bot: Any, tmp_path: Path, clock: VirtualClock
) -> None:
    """The ledger was saved, and the new run cannot read it: it has the peak from the run before."""
    run = begin(bot.config, live=True)
    buy(bot, 300.0)
    seen_twice(bot, clock)
    known = run.state
    assert known.peak > 0
    bring_back = take_away(tmp_path / "freqpilot.sqlite")
    again = begin(bot.config, live=True)
    assert again.stands_in
    assert again.state == known
    bring_back()
    clock.advance(20)
    live.observe(bot)
    assert not again.stands_in
    assert again.state.peak == known.peak


def test_a_latch_that_was_released_while_the_store_was_out_is_not_set_again(
    bot: Any, tmp_path: Path, clock: VirtualClock
) -> None:
    begin(bot.config, live=True)
    buy(bot, 10.0)
    seen_twice(bot, clock)
    bot.wallets.free = 600.0
    look(bot, clock, 2)
    clock.advance(5)
    bring_back = take_away(tmp_path / "freqpilot.sqlite")
    again = begin(bot.config, live=True)
    assert again.state.halted, "the run before knows of it"
    bring_back()
    savedledgers.release(f"sqlite:///{tmp_path / 'freqpilot.sqlite'}", datetime.now(UTC))
    livestore.reopen(again, datetime.now(UTC) + livestore.RETRY)
    assert not again.stands_in
    assert again.state.halted is None


def test_orders_whose_fate_is_open_are_known_after_a_reload_without_the_store(bot: Any) -> None:
    run = begin(bot.config, live=True)
    send(sending.Sending("exit", 1, 1.0))
    (waits,) = run.store.intents()
    unwritten.remember(run, replace(waits, state="sent"))
    assert list(begin(bot.config, live=True).unsettled) == [waits.client_id]


def test_rates_and_lost_markets_are_carried_over(bot: Any, clock: VirtualClock) -> None:
    """The store has older ones: it could not be written since."""
    begin(bot.config, live=True)
    buy(bot, 300.0)
    buy(bot, 100.0, "OLD/USDT")
    live.observe(bot)
    run, store = out_of_order(bot)
    bot.exchange.prices |= {"SOL/USDT": 90.0, "OLD/USDT": ccxt.BadSymbol("-1121")}
    clock.advance(5)
    live.observe(bot)
    run.store = store
    again = begin(bot.config, live=True)
    assert again.rates == {"SOL/USDT": 90.0, "OLD/USDT": 100.0}
    assert again.unquoted == {"OLD/USDT": 1}
    bot.exchange.prices["SOL/USDT"] = ccxt.RequestTimeout("no answer")
    clock.advance(5)
    live.observe(bot)
    assert again.state.equity == pytest.approx(970.0)
    assert again.state.halted is None
    assert again.unquoted == {"OLD/USDT": 2}
