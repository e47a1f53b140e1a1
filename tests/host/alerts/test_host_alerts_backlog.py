"""While the store is out alerts wait in memory, leave from there, and are kept when it is back."""

from pathlib import Path
from typing import Any

import alert_stage as stage
import pytest
from courier_stage import NOW, Clock, begun, out, state_of

from freqpilot.host.alerts import events as alerts


def test_with_the_store_out_the_message_leaves_and_the_event_is_kept_later(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.loop(hook)
    with out(run, monkeypatch):
        alerts.record(run, "halt", "EMERGENCY", "the drawdown", {"equity": 800.0})
        alerts.record(run, "blocked", "CRITICAL", "the key is refused")
        alerts.record(run, "note", "INFO", "a note")
        clock.loop(hook)
        clock.loop(hook)
        assert len(server.posts) == 2
    assert run.store.events() == []
    clock.loop(hook, minutes=5)
    kept = [(e.kind, e.level, e.time) for e in run.store.events()]
    assert kept == [
        ("halt", "EMERGENCY", NOW),
        ("blocked", "CRITICAL", NOW),
        ("note", "INFO", NOW),
    ]
    assert run.store.events()[0].data == {"equity": 800.0}
    clock.loop(hook, hours=2)
    assert len(server.posts) == 2
    assert run.store.alerts() == []


def test_with_store_and_channel_out_it_waits_in_memory_then_in_the_store(
    run: Any,
    clock: Clock,
    hook: Any,
    server: stage.Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server.script.extend([500] * 2)
    with out(run, monkeypatch):
        alerts.record(run, "halt", "EMERGENCY", "the drawdown")
        alerts.record(run, "blocked", "CRITICAL", "the key is refused")
        clock.loop(hook)
        assert (server.asked, server.posts) == (2, [])
    alerts.step(hook)
    assert len(alerts.BACKLOG) == 0
    alerts._sender.join(20)
    alerts.begin_anew()
    assert {alert.text for alert in run.store.alerts()} == {"the drawdown", "the key is refused"}
    begun(tmp_path)
    clock.loop(hook, minutes=1)
    assert {text.rpartition(": ")[2] for text in server.texts} >= {"the key is refused"}


def test_what_failed_with_the_store_out_is_tried_again_soon_when_it_is_back(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.loop(hook)
    server.script.extend([500] * 4)
    with out(run, monkeypatch):
        alerts.record(run, "halt", "EMERGENCY", "the drawdown")
        alerts.record(run, "blocked", "CRITICAL", "the key is refused")
        clock.loop(hook)
    assert server.posts == []
    for _ in range(4):
        clock.loop(hook, minutes=1)
    assert len(server.posts) == 2
    assert run.store.alerts() == []


def test_what_is_on_its_way_when_the_store_comes_back_is_sent_once(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.open.clear()
    with out(run, monkeypatch):
        alerts.record(run, "halt", "EMERGENCY", "the drawdown")
        alerts.step(hook)
    alerts.step(hook)
    server.open.set()
    clock.loop(hook)
    clock.loop(hook, hours=2)
    assert len(server.posts) == 1
    assert [event.text for event in run.store.events()] == ["the drawdown"]
    assert run.store.alerts() == []


def test_what_was_delivered_while_the_store_is_out_is_not_sent_again(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.step(hook)
    alerts._sender.join(20)
    with out(run, monkeypatch):
        for _ in range(3):
            clock.loop(hook, minutes=1)
    clock.loop(hook, minutes=1)
    assert len(server.posts) == 1
    assert state_of(run.store, "the drawdown") == "sent"


def test_the_backlog_lets_the_least_urgent_go_first(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from freqpilot.host.alerts import backlog

    monkeypatch.setattr(backlog, "MOST", 3)
    for level in ("EMERGENCY", "WARNING", "CRITICAL", "WARNING", "EMERGENCY"):
        alerts.record_later("odd", level, level)
    assert alerts.BACKLOG.texts() == ["EMERGENCY", "CRITICAL", "EMERGENCY"]
