"""Safe mode and a blocked account: what is written of each, and what a restart knows of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from freqpilot.host.gate import health
from freqpilot.host.gate.health import HEALTH
from freqpilot.host.orders import sending
from freqpilot.host.run import supervisor

ACCOUNT = "https://e/api/v3/account"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[supervisor.Run]:
    yield started(tmp_path)
    for each in supervisor._runs:
        each.store.close()
    supervisor._runs.clear()
    HEALTH.__init__()  # type: ignore[misc]  # it is one for the process


def started(folder: Path) -> supervisor.Run:
    config = {"freqpilot": {}, "dry_run": False, "user_data_dir": str(folder)}
    begun = supervisor.begin(config, live=True)
    HEALTH.begin()
    return begun


def rows(run: supervisor.Run, *kinds: str) -> list[tuple[str, str, str]]:
    events = sorted(run.store.events(), key=lambda each: each.time)
    return [(each.kind, each.level, each.text) for each in events if each.kind in kinds]


def healthy(run: supervisor.Run, source: str) -> Any:
    return run.counters.snapshot(datetime.now(UTC))["sources"][source]["healthy"]


def test_safe_mode_is_reported_with_its_reason_and_its_end_with_good_news(
    run: supervisor.Run,
) -> None:
    for _ in range(6):
        HEALTH.note(failed=True)
    reason = HEALTH.look()
    assert reason
    assert rows(run, "safe mode", "safe mode over") == [("safe mode", "CRITICAL", reason)]
    assert run.store.load_state(f"{run.key}{health.SAFE_MODE}") == {"reason": reason}
    assert healthy(run, "exchange") is False
    assert HEALTH.look() == reason
    HEALTH.note(failed=False)
    assert HEALTH.look() is None
    assert rows(run, "safe mode", "safe mode over")[1:] == [
        ("safe mode over", "WARNING", "the exchange answers again; entries are allowed")
    ]
    assert run.store.load_state(f"{run.key}{health.SAFE_MODE}") == {}
    assert healthy(run, "exchange") is True


@pytest.mark.parametrize("passing", [True, False])
def test_a_restart_knows_whether_a_block_ends_by_itself(
    run: supervisor.Run, tmp_path: Path, passing: bool
) -> None:
    HEALTH.block("closed for a while", passing=passing)
    assert rows(run, "blocked") == [("blocked", "CRITICAL", "closed for a while")]
    assert healthy(run, "account") is False
    again = started(tmp_path)
    assert HEALTH.look() == "closed for a while"
    HEALTH.answered(ACCOUNT)
    assert HEALTH.look() == (None if passing else "closed for a while")
    over = [("blocked over", "WARNING", "the exchange answers again")] * passing
    assert rows(again, "blocked over") == over
    if passing:
        assert healthy(again, "account") is True
        started(tmp_path)
        assert HEALTH.look() is None


def test_an_uncertain_order_is_looked_for_at_once_and_then_ever_later() -> None:
    assert sending.LOOKS == (0.0, 1.0, 2.0, 4.0)
    assert sending.UNNAMED_LOOKS == (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
