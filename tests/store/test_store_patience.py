"""A store that a bot's loop uses holds it up for half a second, not for ten."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError, TimeoutError

from freqpilot.store import open_store
from freqpilot.store.patience import LONGEST, PAUSE, WAIT, Patience

NOW = datetime(2024, 3, 6, 12, 30, tzinfo=UTC)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patience(clock: Clock) -> Patience:
    made = Patience(clock)
    made.limit()
    return made


def fail(patience: Patience) -> type[Exception]:
    """Ask once, in vain; returns what was raised."""
    with pytest.raises(SQLAlchemyError) as raised, patience.asked():
        raise OperationalError("insert", {}, Exception("database is locked"))
    return raised.type


def test_after_a_failure_it_fails_at_once_for_a_while(patience: Patience, clock: Clock) -> None:
    assert fail(patience) is OperationalError
    assert fail(patience) is TimeoutError
    clock.now += PAUSE - 0.01
    assert fail(patience) is TimeoutError
    clock.now += 0.01
    with patience.asked():
        pass
    assert fail(patience) is OperationalError


def test_each_further_failure_makes_the_pause_longer(patience: Patience, clock: Clock) -> None:
    for pause in (PAUSE, 2 * PAUSE, 4 * PAUSE, 8 * PAUSE, LONGEST, LONGEST):
        assert fail(patience) is OperationalError
        clock.now += pause - 0.01
        assert fail(patience) is TimeoutError
        clock.now += 0.01
    with patience.asked():
        pass
    assert fail(patience) is OperationalError
    clock.now += PAUSE
    assert fail(patience) is OperationalError


def test_a_clock_that_is_set_back_lengthens_no_pause(patience: Patience, clock: Clock) -> None:
    fail(patience)
    clock.now -= 3_600
    assert fail(patience) is OperationalError


def test_a_fault_that_is_not_the_servers_is_no_reason_to_wait(patience: Patience) -> None:
    with pytest.raises(ValueError, match="no data"), patience.asked():
        raise ValueError("no data")
    assert fail(patience) is OperationalError


def test_without_a_limit_everything_is_let_through(clock: Clock) -> None:
    patience = Patience(clock)
    assert [fail(patience), fail(patience)] == [OperationalError] * 2


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def test_a_locked_file_holds_up_a_loop_once(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite"
    patient, quick = (open_store(f"sqlite:///{file}", quick=each) for each in (False, True))
    taken = []
    with locked(file):
        for _ in range(20):
            begin = time.monotonic()
            with pytest.raises(SQLAlchemyError):
                quick.save_state("key", {}, NOW)
            taken.append(time.monotonic() - begin)
    # One wait of its own; what the machine adds to it is not ours.
    assert taken[0] >= WAIT
    assert sum(taken[1:]) < taken[0]
    patient.save_state("key", {"a": 1}, NOW)
    assert patient.load_state("key") == {"a": 1}
    patient.close()
    quick.close()
