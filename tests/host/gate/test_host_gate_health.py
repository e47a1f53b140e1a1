"""Safe mode and a blocked account: what is written of each, and what a restart knows of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from freqpilot.host.account.begin import begin
from freqpilot.host.gate import health
from freqpilot.host.gate.health import Health
from freqpilot.host.orders import lookup
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock

ACCOUNT = "https://e/api/v3/account"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def run(tmp_path: Path, clock: VirtualClock) -> Iterator[Run]:
    yield started(tmp_path)
    end()


def started(folder: Path) -> Run:
    config = {"freqpilot": {}, "dry_run": False, "user_data_dir": str(folder)}
    begin(config, live=True)
    return current()


def rows(run: Run, *kinds: str) -> list[tuple[str, str, str]]:
    events = sorted(run.store.events(), key=lambda each: each.time)
    return [(each.kind, each.level, each.text) for each in events if each.kind in kinds]


def healthy(run: Run, source: str) -> Any:
    return run.counters.snapshot(datetime.now(UTC))["sources"][source]["healthy"]


def test_safe_mode_is_reported_with_its_reason_and_its_end_with_good_news(
    run: Run, clock: VirtualClock
) -> None:
    state = run.part(Health)
    for _ in range(6):
        state.note(failed=True)
    reason = state.look()
    assert reason
    assert rows(run, "safe mode", "safe mode over") == [("safe mode", "CRITICAL", reason)]
    assert run.store.load_state(f"{run.key}{health.SAFE_MODE}") == {"reason": reason}
    assert healthy(run, "exchange") is False
    assert state.look() == reason
    clock.advance(301)
    state.note(failed=False)
    assert state.look() is None
    assert rows(run, "safe mode", "safe mode over")[1:] == [
        ("safe mode over", "WARNING", "the exchange answers again; entries are allowed")
    ]
    assert run.store.load_state(f"{run.key}{health.SAFE_MODE}") == {}
    assert healthy(run, "exchange") is True


@pytest.mark.parametrize("passing", [True, False])
def test_a_restart_knows_whether_a_block_ends_by_itself(
    run: Run, tmp_path: Path, passing: bool
) -> None:
    run.part(Health).block("closed for a while", passing=passing)
    assert rows(run, "blocked") == [("blocked", "CRITICAL", "closed for a while")]
    assert healthy(run, "account") is False
    again = started(tmp_path)
    state = again.part(Health)
    assert state.look() == "closed for a while"
    state.answered(ACCOUNT)
    assert state.look() == (None if passing else "closed for a while")
    over = [("blocked over", "WARNING", "the exchange answers again")] * passing
    assert rows(again, "blocked over") == over
    if passing:
        assert healthy(again, "account") is True
        assert started(tmp_path).part(Health).look() is None


def test_an_uncertain_order_is_looked_for_at_once_and_then_ever_later() -> None:
    assert lookup.LOOKS == (0.0, 1.0, 2.0, 4.0)
    assert lookup.UNNAMED_LOOKS == (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
