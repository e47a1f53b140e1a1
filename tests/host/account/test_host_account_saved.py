"""A halt holds whatever the store does: it is written later, read again, and reported once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade
from live_bot import WRITES, Out, buy, make_bot
from look_stage import START, events, look, lose, seen_twice

from freqpilot.host.account import saved
from freqpilot.host.account.begin import begin
from freqpilot.host.orders import halt
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock


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


def test_a_halt_that_could_not_be_written_is_written_later_and_told_once(
    bot: Any, clock: VirtualClock, tmp_path: Path
) -> None:
    trade = buy(bot, 500.0)
    run = look(bot, clock)
    store = run.store
    run.store = Out(store, WRITES)  # type: ignore[assignment]
    lose(bot, trade)
    look(bot, clock, 2)
    assert run.state.halted
    assert store.load_state(run.key)["halted"] is None  # type: ignore[index]
    run.store = store
    look(bot, clock, 3)
    assert store.load_state(run.key)["halted"] == run.state.halted  # type: ignore[index]
    assert events("halt") == ["EMERGENCY"]
    url = f"sqlite:///{tmp_path / 'freqpilot.sqlite'}"
    assert saved.release(url, datetime.now(UTC)) == [f"ledger live: {run.state.halted}"]
    assert look(bot, clock).state.halted is None


def test_a_store_that_cannot_be_read_keeps_no_halt_away(bot: Any, clock: VirtualClock) -> None:
    trade = buy(bot, 500.0)
    run = look(bot, clock)
    store = run.store
    run.store = Out(store)  # type: ignore[assignment]
    lose(bot, trade)
    look(bot, clock, 2)
    assert run.state.equity == 505.0
    assert run.state.halted
    assert halt.must_close(trade, 1.0)
    look(bot, clock)
    assert run.sight.blind is not None
    assert "store (" in run.sight.blind
    run.store = store
    look(bot, clock)
    assert store.load_state(run.key)["halted"] == run.state.halted  # type: ignore[index]


def test_a_reload_keeps_a_halt_that_was_never_written(bot: Any, clock: VirtualClock) -> None:
    trade = buy(bot, 500.0)
    run = look(bot, clock)
    run.store = Out(run.store, WRITES)  # type: ignore[assignment]
    lose(bot, trade)
    halted = look(bot, clock, 2).state.halted
    run.store = run.store.kept  # type: ignore[attr-defined]
    again = begin(bot.config, live=True)
    assert again is not run
    assert again.state.halted == halted
    look(bot, clock)
    assert again.store.load_state(again.key)["halted"] == halted  # type: ignore[index]


def test_a_halt_that_was_written_and_never_told_is_told_after_the_start(
    bot: Any, clock: VirtualClock
) -> None:
    bot.wallets.free = 700.0
    run = look(bot, clock, 2)
    state, key = run.state, run.key
    assert events("halt") == ["EMERGENCY"]
    begin(bot.config, live=True)
    look(bot, clock, 2)
    assert events("halt") == ["EMERGENCY"], "a halt that was told is not told again"
    current().store.save_state(key, {**state.to_dict(), "halted": "other"}, START)
    end()
    begin(bot.config, live=True)
    look(bot, clock)
    assert events("halt") == ["EMERGENCY"] * 2
