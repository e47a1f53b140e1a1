"""Clocks, and the wait for FreqAI's models."""

import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.host.freqai.training import service as training
from freqpilot.rehearsal import clock as clocks
from freqpilot.rehearsal.bot.training import TrainingWait
from freqpilot.rehearsal.clock import (
    BUSY_WAIT,
    CALLERS,
    FastClock,
    FixedClock,
    SharedClock,
    VirtualClock,
)

MOMENT = datetime(2024, 3, 1, 12, tzinfo=UTC)


def test_fixed_clock_stands_still() -> None:
    clock = FixedClock(MOMENT)
    assert clock() == clock() == MOMENT.timestamp()


def test_fast_clock_multiplies_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    real = iter([100.0, 100.0, 102.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(real))
    clock = FastClock(MOMENT, speed=300)
    assert clock() == MOMENT.timestamp()
    assert clock() == MOMENT.timestamp() + 750
    with pytest.raises(RefuseToStart, match="speed"):
        FastClock(MOMENT, speed=0)


def test_virtual_clock_moves_by_sleep_only() -> None:
    real_sleep, begun = time.sleep, time.monotonic()
    with VirtualClock(MOMENT) as clock:
        assert clock() == time.time() == MOMENT.timestamp()
        time.sleep(3_600)
        assert datetime.now(UTC) == clock.now() == MOMENT + timedelta(hours=1)
        time.sleep(0.001)  # a wait for another thread is real
        assert clock.now() == MOMENT + timedelta(hours=1)
        assert time.monotonic() >= begun
    assert time.sleep is real_sleep
    assert datetime.now(UTC) > MOMENT + timedelta(days=1)


@pytest.mark.parametrize(
    ("seconds", "virtual"),
    [(0.0, False), (0.9 * BUSY_WAIT, False), (BUSY_WAIT, True), (2 * BUSY_WAIT, True)],
)
def test_a_sleep_is_virtual_from_the_length_of_a_busy_wait_on(
    monkeypatch: pytest.MonkeyPatch, seconds: float, virtual: bool
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(clocks, "_REAL_SLEEP", slept.append)
    with VirtualClock(MOMENT) as made:
        time.sleep(seconds)
        moved = made.now() - MOMENT
    assert slept == ([] if virtual else [seconds])
    assert moved == timedelta(seconds=seconds if virtual else 0)


def test_a_clock_goes_wrong_at_its_next_move_and_shows_the_true_time(tmp_path: Path) -> None:
    shared = SharedClock(tmp_path / "clock")
    with VirtualClock(MOMENT, shared) as clock:
        shared.ahead = 7200.0
        assert datetime.now(UTC) == MOMENT
        time.sleep(60)
        assert datetime.now(UTC) == MOMENT + timedelta(hours=2, seconds=60)
        assert clock.now() == MOMENT + timedelta(seconds=60)
        assert shared() == MOMENT.timestamp() + 60
        shared.ahead = 0.0
        time.sleep(60)
        assert datetime.now(UTC) == clock.now() == MOMENT + timedelta(seconds=120)
    shared.ahead = 30.0
    with VirtualClock(MOMENT, shared) as another:
        assert datetime.now(UTC) == MOMENT + timedelta(seconds=30), "the next process has it too"
        assert another.now() == MOMENT
    shared.close()


def test_a_thread_that_answers_a_call_moves_the_clock() -> None:
    """The bot's own thread waits meanwhile: its time would stand still for ever."""
    with VirtualClock(MOMENT) as clock:
        thread = threading.Thread(target=time.sleep, args=(30.0,), name=f"{CALLERS} 1")
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        assert clock.now() == MOMENT + timedelta(seconds=30)


def test_other_threads_sleep_in_real_time() -> None:
    with VirtualClock(MOMENT) as clock:
        thread = threading.Thread(target=time.sleep, args=(0.15,))
        begun = time.monotonic()
        thread.start()
        thread.join()
        assert time.monotonic() - begun >= 0.14
        assert clock.now() == MOMENT


class Model:
    """As much of a FreqAI model as the wait looks at: trains a pair each time it is polled."""

    def __init__(self, pairs: list[str], broken: str = "") -> None:
        self.train_queue = deque(pairs)
        self.trained = dict.fromkeys(pairs, 0.0)
        self.broken = broken
        self.dd = SimpleNamespace(get_pair_dict_info=lambda pair: ("", self.trained[pair]))
        self.polls = 0
        self.stuck = False

    def poll(self, _seconds: float) -> bool:
        self.polls += 1
        head = self.train_queue[0]
        if head not in ("LEFT/USDT", self.broken):
            self.trained[head] = time.time()
        if not self.stuck:
            self.train_queue.rotate(-1)
        return False


def bot(model: Model | None, enabled: bool = True) -> Any:
    return SimpleNamespace(
        strategy=SimpleNamespace(freqai=model),
        config={"freqai": {"enabled": enabled, "live_retrain_hours": 24}},
        active_pair_whitelist=["A/USDT", "B/USDT"],
    )


def test_clock_is_held_until_all_pairs_have_a_model() -> None:
    with VirtualClock(MOMENT) as clock:
        model = Model(["A/USDT", "B/USDT", "LEFT/USDT"])
        wait = TrainingWait(model.poll)
        assert wait(bot(model)) is False
        assert model.trained["A/USDT"] == model.trained["B/USDT"] == MOMENT.timestamp()
        polls = model.polls
        clock.advance(23 * 3_600)
        wait(bot(model))
        assert model.polls == polls
        clock.advance(2 * 3_600)
        wait(bot(model))
        assert model.trained["B/USDT"] == time.time()


def test_a_failing_model_does_not_stop_the_clock() -> None:
    model = Model(["A/USDT", "B/USDT"], broken="A/USDT")
    wait = TrainingWait(model.poll)
    assert wait(bot(model)) is False
    assert model.trained["B/USDT"] > model.trained["A/USDT"] == 0
    polls = model.polls
    assert wait(bot(model)) is False
    assert model.polls == polls


def test_a_model_that_never_ends_is_waited_for_within_limits() -> None:
    model = Model(["A/USDT"], broken="A/USDT")
    model.stuck = True
    wait = TrainingWait(model.poll, patience=0.05)
    assert wait(bot(model)) is False
    polls = model.polls
    assert polls > 0
    assert wait(bot(model)) is False
    assert model.polls == polls


def test_no_wait_without_freqai_and_a_stop_is_told() -> None:
    model = Model(["A/USDT"])
    assert TrainingWait(model.poll)(bot(model, enabled=False)) is False
    assert TrainingWait(model.poll)(bot(None)) is False
    assert model.polls == 0
    assert TrainingWait(lambda _: True)(bot(model)) is True


class Service:
    """A training service that has ``todo``, and one model that is never ready."""

    def __init__(self, todo: list[str], stuck: bool = False) -> None:
        self.todo, self.stuck, self.busy, self.polls = todo, stuck, False, 0

    def pending(self, strategy: Any) -> tuple[str, ...]:
        return tuple(self.todo)

    def poll(self, _seconds: float) -> bool:
        self.polls += 1
        if not self.stuck:
            # The last one is taken from the list before it is fitted.
            self.busy = bool(self.todo)
            self.todo = self.todo[1:]
        return False


def test_the_clock_waits_for_the_training_service(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(["A/USDT"])
    for service, polls in ((Service(["A/USDT", "B/USDT"]), 3), (Service([]), 0)):
        monkeypatch.setattr(model, training.SERVICE, service, raising=False)
        assert TrainingWait(service.poll)(bot(model)) is False
        assert service.polls == polls
    assert model.polls == 0
    stuck = Service(["A/USDT"], stuck=True)
    monkeypatch.setattr(model, training.SERVICE, stuck, raising=False)
    wait = TrainingWait(stuck.poll, patience=0.05)
    assert wait(bot(model)) is False
    waited = stuck.polls
    assert waited > 0
    assert wait(bot(model)) is False
    assert stuck.polls == waited, "what was waited for in vain is not waited for again"
    assert TrainingWait(lambda _: True)(bot(model)) is True
