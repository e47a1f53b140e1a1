"""Alerts leave the machine: at once or gathered, again when they fail, once a channel, and whatever
they hold."""

import logging
import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import alert_stage as stage
import pytest
from courier_stage import NOW, Clock, begun, out
from sqlalchemy.exc import OperationalError

from freqpilot.host.account import flows
from freqpilot.host.alerts import events as alerts
from freqpilot.host.gate import health
from freqpilot.host.trading import couples
from freqpilot.risk.account import rebase
from freqpilot.store import memory_store


def test_an_emergency_does_not_wait_for_the_end_of_a_loop(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    alerts.step(hook)
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts._sender.join(20)
    assert len(server.posts) == 1


def test_an_emergency_that_is_said_outside_of_a_run_leaves_at_once(
    clock: Clock, hook: Any, server: stage.Server
) -> None:
    alerts.step(hook)
    alerts.record_later("exits only", "a seam does not fit", level="WARNING")
    alerts._sender.join(20)
    assert server.posts == []
    alerts.record_later("exits only", "the gate is missing", level="EMERGENCY")
    alerts._sender.join(20)
    assert [text.rpartition(": ")[2] for text in server.texts] == ["the gate is missing"]


def test_an_event_is_kept_under_the_time_it_happened_at(run: Any, clock: Clock) -> None:
    alerts.record(run, "odd", "WARNING", "earlier", time=NOW - timedelta(minutes=5))
    alerts.record(run, "odd", "WARNING", "now")
    times = {event.text: event.time for event in run.store.events("odd")}
    assert times == {"earlier": NOW - timedelta(minutes=5), "now": NOW}


def test_a_long_list_is_cut_and_names_where_the_whole_is(
    run: Any, clock: Clock, telegram: Any, phone: stage.Server
) -> None:
    for number in range(30):
        alerts.record(run, "difference", "WARNING", f"{'x' * 500} {chr(65 + number)}")
    clock.loop(telegram)
    (text,) = phone.texts
    assert text.endswith("and 18 more: freqpilot events")
    assert run.store.alerts() == []


def test_a_loop_waits_for_no_network(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    server.open.clear()
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    for _ in range(3):
        alerts.step(hook)
    (busy,) = alerts._sender.busy()
    assert busy == run.store.alerts()[0].id
    assert server.posts == []
    server.open.set()
    clock.loop(hook)
    assert (len(server.posts), server.asked) == (1, 1)


def test_what_is_said_before_a_run_has_begun_arrives(
    clock: Clock, hook: Any, server: stage.Server, tmp_path: Path
) -> None:
    alerts.record_later("start", "exits only", "EMERGENCY", cause="store")
    alerts.flush_now(None, 1)
    assert server.asked == 0
    run = begun(tmp_path)
    clock.loop(hook)
    assert server.texts == ["EMERGENCY mine: 2024-03-06 12:30 UTC start: exits only"]
    assert run.store.events("start")[0].data == {"cause": "store"}


def test_what_is_said_without_any_run_arrives_too(
    clock: Clock, hook: Any, server: stage.Server
) -> None:
    alerts.record_later("start", "the store is damaged", "EMERGENCY")
    clock.loop(hook)
    clock.loop(hook, hours=2)
    assert len(server.posts) == 1


def test_before_an_end_the_emergencies_are_sent_and_waited_for(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.record(run, "note", "WARNING", "can wait")
    alerts.flush_now(hook)
    assert [text.split()[0] for text in server.texts] == ["EMERGENCY"]
    assert [alert.kind for alert in run.store.alerts()] == ["note"]
    server.script.append(500)
    alerts.record(run, "flatten", "EMERGENCY", "dead with positions open")
    alerts.flush_now()
    assert len(server.posts) == 2, "it is tried a second time"


def test_record_never_raises(run: Any, clock: Clock) -> None:
    naive = NOW.replace(tzinfo=None)
    alerts.record(run, "odd", "LOUD", "a level that is none", {"x": object()}, time=naive)
    alerts.record(SimpleNamespace(live=False), "odd", "WARNING", "no store")  # type: ignore[arg-type]
    alerts.step(SimpleNamespace())
    alerts.flush_now(SimpleNamespace())
    (event,) = run.store.events()
    assert (event.level, event.time) == ("CRITICAL", NOW)


def test_a_backtest_keeps_the_event_and_sends_nothing(clock: Clock) -> None:
    memory = SimpleNamespace(live=False, store=memory_store())
    alerts.record(memory, "halt", "EMERGENCY", "the drawdown", time=NOW)  # type: ignore[arg-type]
    assert [event.text for event in memory.store.events()] == ["the drawdown"]
    assert len(alerts.BACKLOG) == 0


def test_the_text_is_logged_at_its_severity(
    run: Any, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for level in ("INFO", "WARNING", "CRITICAL", "EMERGENCY"):
        alerts.record(run, "odd", level, f"of {level}")
    logged = {r.getMessage(): r.levelname for r in caplog.records if r.name == alerts.__name__}
    assert logged == {
        "of INFO": "INFO",
        "of WARNING": "WARNING",
        "of CRITICAL": "CRITICAL",
        "of EMERGENCY": "CRITICAL",
    }


def test_any_thread_may_record_while_the_loop_sends(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    clock.loop(hook)

    def write(name: str) -> None:
        for number in range(6):
            level = "EMERGENCY" if number % 2 else "CRITICAL"
            alerts.record(run, f"{name} {chr(65 + number)}", level, "text")

    threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for _ in range(10):
        alerts.step(hook)
    for thread in threads:
        thread.join()
    clock.loop(hook)
    clock.loop(hook, minutes=1)
    clock.loop(hook, minutes=1)
    told = "\n".join(server.texts)
    wanted = [f"{name} {chr(65 + number)}:" for name in "abc" for number in range(6)]
    assert [told.count(each) for each in wanted] == [1] * 18
    assert run.store.alerts() == []


def test_a_block_seen_in_another_thread_arrives_with_the_store_out(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.loop(hook)
    state = run.part(health.Health)
    with out(run, monkeypatch):
        monkeypatch.setattr(run.store, "save_state", run.store.add_event)
        thread = threading.Thread(target=state.block, args=("the key is refused",))
        thread.start()
        thread.join()
        clock.loop(hook)
    assert server.texts == ["CRITICAL mine: 2024-03-06 12:30 UTC blocked: the key is refused"]


def test_safe_mode_arrives_with_the_store_out(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.loop(hook)
    state = run.part(health.Health)
    for _ in range(100):
        state.note(failed=True)
    with out(run, monkeypatch):
        monkeypatch.setattr(run.store, "save_state", run.store.add_event)
        with pytest.raises(OperationalError):
            state.look()
        clock.loop(hook)
    assert server.texts[0].startswith("CRITICAL mine: 2024-03-06 12:30 UTC safe mode: ")


def test_missing_money_and_a_broken_couple_arrive(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    flows._report(run, rebase.Rebased(run.state, run.watch, missing=120.0), NOW)
    trade = SimpleNamespace(pair="ETH/USDT", enter_tag="pairs_long")
    couples._report(trade, "orphan_leg")
    clock.loop(hook)
    assert "120.00 is gone" in server.texts[0]
    assert "ETH/USDT is closed (orphan leg): pairs_long" in server.texts[0]
