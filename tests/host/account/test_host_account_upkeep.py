"""A live run's store stays small and has its counters, and no fault of it holds up a loop."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freqtrade.persistence import Trade
from live_bot import make_bot

from freqpilot.control.counters import Counters
from freqpilot.control.tally import TODAY
from freqpilot.host.account import upkeep
from freqpilot.host.account.begin import begin
from freqpilot.host.account.upkeep import Upkeep
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with VirtualClock(START):
        yield begin(make_bot(tmp_path).config, live=True)
        end()
        Trade.session.remove()


def texts(run: Run) -> list[str]:
    return [event.text for event in run.store.events("veto")]


def test_events_are_kept_so_many_days(run: Run) -> None:
    kept = run.settings.store.keep_days * DAY
    for after in (-1, 0, 1):
        time = START - kept + timedelta(seconds=after)
        run.store.add_event(time, "veto", "INFO", str(after))
    run.part(Upkeep).step(START)
    assert texts(run) == ["0", "1"]
    run.part(Upkeep).step(START + timedelta(minutes=59))
    assert texts(run) == ["0", "1"], "it looks once an hour"
    run.part(Upkeep).step(START + timedelta(hours=1))
    assert texts(run) == []


def test_many_old_events_go_over_several_loops(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "AT_ONCE", 2)
    for name in "abcde":
        run.store.add_event(START - 365 * DAY, "veto", "INFO", name)
    left = []
    for loop in range(4):
        run.part(Upkeep).step(START + loop * timedelta(seconds=5))
        left.append(len(texts(run)))
    assert left == [3, 1, 0, 0]


def test_counters_are_saved_when_they_have_changed_and_once_a_minute(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[dict[str, int]] = []
    monkeypatch.setattr(run.store, "save_counters", lambda counts, _: saved.append(dict(counts)))
    for seconds, rule in ((0, ""), (60, "spread"), (65, "depth"), (119, ""), (120, ""), (200, "")):
        if rule:
            run.counters.veto(rule)
        run.part(Upkeep).step(START + timedelta(seconds=seconds))
    assert saved == [{"refused: spread": 1}, {"refused: spread": 1, "refused: depth": 1}]


def today(run: Run) -> dict[str, int]:
    return dict((run.store.load_state(f"{run.key}{TODAY}") or {"counts": {}})["counts"])


def test_the_next_run_counts_on_and_the_day_begins_anew(run: Run) -> None:
    run.counters.count("books looks", 3)
    run.counters.veto("spread")
    run.part(Upkeep).step(START)
    following = replace(run, counters=Counters(), parts={})
    following.counters.count("books looks", 2)
    following.part(Upkeep).step(START + timedelta(hours=1))
    assert run.store.counters() == {"books looks": 5, "refused: spread": 1}
    assert today(run) == {"books looks": 5, "refused: spread": 1}
    following.counters.count("books looks")
    following.part(Upkeep).step(START + DAY)
    assert run.store.counters() == {"books looks": 6, "refused: spread": 1}
    assert today(run) == {"books looks": 1}


def test_what_could_not_be_saved_is_not_counted_twice(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.counters.veto("spread")
    save_state = run.store.save_state

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(run.store, "save_state", fail)
    run.part(Upkeep).step(START)
    monkeypatch.setattr(run.store, "save_state", save_state)
    run.part(Upkeep).step(START + timedelta(seconds=5))
    assert run.store.counters() == {"refused: spread": 1}
    assert today(run) == {"refused: spread": 1}


def test_a_store_that_cannot_be_cleared_holds_up_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def prune(*_: object) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr(run.store, "prune", prune)
    with caplog.at_level(logging.WARNING):
        run.part(Upkeep).step(START)
    assert "the disk is full" in caplog.text


def test_a_store_that_is_out_is_left_alone(run: Run) -> None:
    run.store.add_event(START - 365 * DAY, "veto", "INFO", "old")
    run.store_fault = "locked"
    run.part(Upkeep).step(START)
    assert texts(run) == ["old"]
    run.store_fault = None
    run.part(Upkeep).step(START)
    assert texts(run) == []


def test_cut_stakes_are_counters_as_well(run: Run) -> None:
    run.counters.cut("max_position")
    Upkeep(run).step(datetime.now(UTC))
    assert run.store.counters() == {"cut: max_position": 1}
