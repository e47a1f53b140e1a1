"""When a bot of a live rehearsal ends before its time: killed, refused at its start, by itself."""

from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from freqpilot.rehearsal.books.spot import Breach
from freqpilot.rehearsal.bot.live import LONGEST_PAUSE, MOST_REFUSED, RESTART_SECONDS, _Session


@dataclass
class Watch:
    """Stands in for what reads a process's reports."""

    ended_by_itself: bool = True
    loops_of_life: int = 0
    last_error: str = "it hurt"


@dataclass
class Bench:
    """A session without a bot, and how the lives of one have ended."""

    session: Any = field(default_factory=lambda: object.__new__(_Session))

    def __post_init__(self) -> None:
        self.session._may_end = True
        self.session._watchman = SimpleNamespace(loops=10)
        self.session._kills = self.session._refused = 0
        self.session._died = []

    def life(self, *, killed: bool = False, loops: int = 0, itself: bool = True) -> Any:
        return self.session._pause(killed, Watch(itself, loops), lambda: 0.0)

    @property
    def died(self) -> list[Breach]:
        found: list[Breach] = self.session._died
        return found


def test_a_killed_bot_is_started_again() -> None:
    bench = Bench()
    assert [bench.life(killed=True, loops=n) for n in (5, 0, 1)] == [RESTART_SECONDS] * 3
    assert bench.session._kills == 3
    assert bench.died == []


def test_a_bot_that_is_done_is_not() -> None:
    assert Bench().life(loops=96, itself=False) is None


def test_a_start_that_fails_is_tried_again_after_ever_longer_pauses() -> None:
    bench = Bench()
    pauses = [bench.life() for _ in range(8)]
    assert pauses == [10, 20, 40, 80, 160, *[LONGEST_PAUSE] * 3]
    assert bench.died == []
    assert bench.life(killed=True, loops=2) == RESTART_SECONDS


def test_starts_that_fail_for_ever_are_a_breach() -> None:
    bench = Bench()
    pauses = [bench.life() for _ in range(MOST_REFUSED + 1)]
    assert pauses[-1] is None
    assert Counter(pauses)[None] == 1
    assert [str(breach) for breach in bench.died] == [
        f"died: {MOST_REFUSED + 1} starts in a row failed: it hurt"
    ]


def test_a_bot_that_ends_by_itself_is_a_breach_and_is_started_again() -> None:
    bench = Bench()
    assert bench.life(loops=7) == RESTART_SECONDS
    (breach,) = bench.died
    assert str(breach) == "died: the bot ended by itself at 1970-01-01 00:00:00: it hurt"


@pytest.mark.parametrize("change", ["faults", "loops"])
def test_without_faults_or_before_its_first_loop_a_refusal_is_one(change: str) -> None:
    bench = Bench()
    if change == "faults":
        bench.session._may_end = False
    else:
        bench.session._watchman.loops = 0
    assert bench.life() is None
    assert bench.died == []
