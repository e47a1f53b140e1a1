"""A release ends the locks that were made before it and wait for a person, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from freqtrade.persistence import PairLocks

from freqpilot.host.account import locks

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def unlocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(PairLocks, "use_db", False)
    monkeypatch.setattr(PairLocks, "timeframe", "1h")
    monkeypatch.setattr(locks, "_commit", lambda: None)
    PairLocks.reset_locks()
    yield
    PairLocks.reset_locks()


def lock(hour: int, reason: str) -> None:
    until = datetime.now(UTC) + timedelta(days=365)
    PairLocks.lock_pair("*", until, reason, now=NOW + timedelta(hours=hour))


def active() -> list[str]:
    return [each.reason for each in PairLocks.locks if each.active]


def test_a_release_ends_what_waited_for_it_and_nothing_else() -> None:
    lock(-1, f"before; {locks.HELD}")
    lock(0, f"at; {locks.HELD}")
    lock(1, f"after; {locks.HELD}")
    lock(-1, "another protection")
    run = SimpleNamespace(state=SimpleNamespace(rebased_at=None), unlocked=None)
    locks.follow(run)
    assert len(active()) == 4, "nobody has released anything"
    run.state.rebased_at = NOW
    locks.follow(run)
    assert active() == [f"after; {locks.HELD}", "another protection"]
    assert run.unlocked == NOW
    lock(-1, f"again; {locks.HELD}")
    locks.follow(run)
    assert len(active()) == 3, "a release is followed once"
