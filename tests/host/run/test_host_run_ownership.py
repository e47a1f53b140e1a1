"""One store, one bot: who owns it, who waits, who is refused."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from freqtrade.persistence import KeyValueStore, Trade, init_db
from live_bot import buy, make_bot
from look_stage import look, seen_twice

from freqpilot.errors import NoEntry, RefuseToStart
from freqpilot.host.account import begin as begin_module
from freqpilot.host.account import others
from freqpilot.host.account.observed import observe
from freqpilot.host.gate import live as livegate
from freqpilot.host.loop import live
from freqpilot.host.run import ownership
from freqpilot.host.run.current import current, end
from freqpilot.host.run.ownership import OWNER, Owner
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderIntent, OrderRequest, Position
from freqpilot.store import memory_store, open_store

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
KEY = "ledger live"


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock
    end()
    if hasattr(Trade, "session"):
        Trade.session.remove()


@pytest.fixture
def other() -> Iterator[Owner]:
    """Yield a process that is alive, as an owner."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = psutil.Process(child.pid)
        here = ownership.this_process("0000abcd")
        yield replace(here, nonce="another", pid=child.pid, born=process.create_time())
        child.kill()


def begin(bot: Any) -> Run:
    return begin_module.begin(bot.config, live=True)


def put_owner(folder: Path, owner: Owner, beat: datetime | None = None) -> None:
    store = open_store(f"sqlite:///{folder / 'freqpilot.sqlite'}")
    store.save_state(f"{KEY}{OWNER}", asdict(owner), START)
    if beat is not None:
        store.beat(KEY, beat)
    store.close()


def intent(name: str, state: Any = "accepted") -> OrderIntent:
    return OrderIntent(
        name, "SOL/USDT", "buy", "entry", None, "limit", 1.0, 100.0, None, 1.0, None, START, state
    )


# two trades databases, one store


def test_the_store_of_another_trades_database_is_refused(tmp_path: Path) -> None:
    run = begin(make_bot(tmp_path, db="a.sqlite"))
    run.store.save_intent(intent(f"fq-{run.bot}-n1-entry-1"))
    observe(run, START, 1_000.0)
    observe(run, START, 700.0)
    halted = run.state.halted
    Trade.session.remove()
    with pytest.raises(RefuseToStart, match=r"belongs to another trades database.*store.*url"):
        begin(make_bot(tmp_path, db="b.sqlite"))
    store = open_store(f"sqlite:///{tmp_path / 'freqpilot.sqlite'}")
    assert store.load_state(KEY)["halted"] == halted  # type: ignore[index]
    store.close()


def test_a_refused_bot_with_open_trades_closes_them_and_opens_nothing(
    tmp_path: Path, clock: VirtualClock
) -> None:
    first = begin(make_bot(tmp_path, db="a.sqlite"))
    observe(current(), START, 1_000.0)
    first.store.save_intent(intent(f"fq-{first.bot}-n1-entry-1"))
    Trade.session.remove()
    bot = make_bot(tmp_path, db="b.sqlite")
    buy(bot, 100.0)
    run = begin(bot)
    seen_twice(bot, clock)
    assert run.bot != first.bot
    assert run.intents() == []
    order = OrderRequest(START, "SOL/USDT", "long", "entry", 1.0, 1.0)
    with pytest.raises(NoEntry, match="belongs to another trades database"):
        livegate.refusal(run, order, [], bot.exchange)
    bot.wallets.free = 600.0
    look(bot, clock, 2)
    assert run.state.halted, "its own halt works, in memory"
    store = open_store(f"sqlite:///{tmp_path / 'freqpilot.sqlite'}")
    assert store.load_state(KEY)["halted"] is None, "and never in the other's store"  # type: ignore[index]
    store.close()


def test_intents_of_another_bot_are_not_ours(tmp_path: Path) -> None:
    run = begin(make_bot(tmp_path))
    for name in (f"fq-{run.bot}-n1-entry-1", "fq-0000abcd-n7-entry-1"):
        run.store.save_intent(intent(name, "sent"))
    assert [each.client_id for each in run.intents("sent")] == [f"fq-{run.bot}-n1-entry-1"]


# one trades database, several processes


def test_a_second_process_of_the_same_bot_is_refused(tmp_path: Path, other: Owner) -> None:
    bot = make_bot(tmp_path)
    run = begin(bot)
    put_owner(tmp_path, replace(other, bot=run.bot), START)
    buy(bot, 100.0)  # also with trades open: the other process manages them
    with pytest.raises(RefuseToStart, match="another process of this bot is alive"):
        begin(bot)


def test_the_place_of_a_dead_process_is_taken_at_once(
    tmp_path: Path, other: Owner, caplog: pytest.LogCaptureFixture
) -> None:
    bot = make_bot(tmp_path)
    name = begin(bot).bot
    put_owner(tmp_path, replace(other, bot=name, born=other.born - 5), START)  # its number, reused
    assert begin(bot).writes
    assert f"Taken over from process {other.pid}" in caplog.text
    assert datetime.now(UTC) == START, "nobody was waited for"


def test_a_process_of_another_host_is_waited_for(tmp_path: Path, other: Owner) -> None:
    bot = make_bot(tmp_path)
    name = begin(bot).bot
    put_owner(tmp_path, replace(other, bot=name, host="elsewhere"), START - timedelta(seconds=20))
    assert begin(bot).writes
    assert datetime.now(UTC) - START == timedelta(seconds=40)


def test_a_heartbeat_of_a_clock_that_was_ahead_is_waited_for_as_well(
    tmp_path: Path, other: Owner
) -> None:
    """It lies in the future for a year; whether it goes on shows within a minute."""
    bot = make_bot(tmp_path)
    name = begin(bot).bot
    ahead = START + timedelta(days=400)
    put_owner(tmp_path, replace(other, bot=name, host="elsewhere"), ahead)
    assert begin(bot).writes
    assert datetime.now(UTC) - START == timedelta(seconds=60)


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(days=400)])
def test_a_process_of_another_host_that_beats_on_is_refused(
    tmp_path: Path, other: Owner, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    bot = make_bot(tmp_path)
    name = begin(bot).bot
    put_owner(tmp_path, replace(other, bot=name, host="elsewhere"), START)
    beats = lambda _: {KEY: datetime.now(UTC) + ahead}  # noqa: E731
    monkeypatch.setattr("freqpilot.store.database.DatabaseStore.beats", beats)
    with pytest.raises(RefuseToStart, match="another process of this bot is alive"):
        begin(bot)


def test_a_bot_that_was_taken_over_opens_and_writes_nothing(
    tmp_path: Path, other: Owner, clock: VirtualClock
) -> None:
    bot = make_bot(tmp_path)
    run = begin(bot)
    seen_twice(bot, clock)
    assert run.writes
    put_owner(tmp_path, replace(other, bot=run.bot))
    for _ in range(2):
        live.observe(bot)
    before = run.store.load_state(KEY)
    bot.wallets.free = 700.0
    look(bot, clock, 2)
    assert run.state.halted
    assert run.store.load_state(KEY) == before
    with pytest.raises(NoEntry, match=f"number {other.pid} on .* has taken the freqpilot store"):
        current().require_sight()


def test_a_fork_is_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ownership.nonce()
    assert ownership.nonce() == mine
    monkeypatch.setattr(os, "getpid", lambda: 4_000_000)
    assert ownership.nonce() != mine


# identity


def test_an_update_keeps_the_name_that_orders_bear(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'freqpilot.sqlite'}")
    store.save_state(ownership.BOT_KEY, {"name": "3f9a12c4"}, START)
    store.close()
    run = begin(make_bot(tmp_path))
    assert run.bot == current().name == "3f9a12c4"
    assert KeyValueStore.get_string_value(ownership.ID) == "3f9a12c4"


def test_the_name_lies_in_the_trades_database(tmp_path: Path) -> None:
    name = begin(make_bot(tmp_path)).bot
    (tmp_path / "freqpilot.sqlite").unlink()
    assert begin(make_bot(tmp_path)).bot == name


def test_a_database_in_memory_leaves_it_to_the_store(tmp_path: Path) -> None:
    name = begin(make_bot(tmp_path, db="", dry_run=True)).bot
    assert begin(make_bot(tmp_path, db="", dry_run=True)).bot == name


def test_a_dry_run_and_a_live_bot_have_one_store(tmp_path: Path) -> None:
    begin(make_bot(tmp_path, db="dry.sqlite", dry_run=True))
    Trade.session.remove()
    assert begin(make_bot(tmp_path, db="live.sqlite")).writes


def test_two_that_start_at_once_do_not_both_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the owner and the claim another bot has claimed the store."""
    store = memory_store()
    swap = store.swap_state

    def first(key: str, *arguments: Any) -> bool:
        monkeypatch.setattr(store, "swap_state", swap)
        store.save_state(key, asdict(ownership.this_process("0000abcd")) | {"nonce": "x"}, START)
        return swap(key, *arguments)

    monkeypatch.setattr(store, "swap_state", first)
    with pytest.raises(ownership.StoreOwned, match="another trades database"):
        ownership.claim(store, KEY, "3f9a12c4")


# a copied user_data and the shared database


def test_a_copied_bot_is_told_from_its_original(
    tmp_path: Path, other: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"store": {"shared": f"sqlite:///{tmp_path / 'shared.sqlite'}"}}
    (tmp_path / "a").mkdir()
    run = begin(make_bot(tmp_path / "a", freqpilot=settings))
    others.step(run, "USDT", [Position("BTC/USDT", "long", 450.0, 450.0)])
    assert run.others == ()
    run.store.close()
    Trade.session.remove()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    name = f"{others.PREFIX}{run.bot}"
    state = run.shared.load_state(name)  # type: ignore[union-attr]
    assert state is not None
    original = asdict(replace(other, bot=run.bot))
    run.shared.save_state(name, {**state, "owner": original}, START)  # type: ignore[union-attr]
    copied = begin(make_bot(tmp_path / "b", freqpilot=settings))
    assert copied.bot == run.bot
    others.step(run, "USDT", [])
    assert copied.others is None, "no entry while the two cannot be told apart"
    left = copied.shared.load_state(name)  # type: ignore[union-attr]
    assert left is not None
    assert left["positions"] == [["BTC/USDT", "long", 450.0]], "the original's record is left alone"
    with pytest.raises(NoEntry, match="a copy of the other's user_data"):
        others.publish(run, "USDT", [])


def test_a_database_that_was_never_opened_has_the_stores_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    init_db("sqlite://")
    store = memory_store()
    assert ownership.identity(store, KEY) == ownership.identity(store, KEY)


def test_a_start_shows_at_once_that_its_process_is_alive(tmp_path: Path) -> None:
    """Another host would take the store of one that is not heard of yet."""
    assert begin(make_bot(tmp_path)).store.beats()[KEY] == START


@pytest.mark.parametrize(("seconds", "over"), [(59, False), (60, True), (61, True)])
def test_a_silent_process_of_another_host_is_over_after_a_minute(
    other: Owner, seconds: int, over: bool
) -> None:
    beat = datetime.now(UTC) - timedelta(seconds=seconds)
    assert ownership.is_over(replace(other, host="elsewhere"), beat) is over
    assert not ownership.is_over(other, beat), "here the system knows"
    assert ownership.is_over(replace(other, host="elsewhere"), None)


def test_an_owner_beats_until_the_store_is_anothers(tmp_path: Path, other: Owner) -> None:
    run = begin(make_bot(tmp_path))
    mine = run.owner
    assert mine is not None
    later = START + timedelta(seconds=5)
    mine.beat(later)
    assert (run.store.beats()[KEY], mine.lost) == (later, None)
    put_owner(tmp_path, replace(other, bot=run.bot))
    mine.beat(later + timedelta(seconds=5))
    assert run.store.beats()[KEY] == later, "it is the other's now"
    assert "has taken the freqpilot store over" in str(mine.lost)
    put_owner(tmp_path, mine.owner)
    mine.beat(later + timedelta(seconds=10))
    assert mine.lost is None
