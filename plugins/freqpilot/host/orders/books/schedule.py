"""What of the books is looked at, and when: the most urgent first, the rest in its turn."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from freqpilot.host.orders.differences import APART

Subject = Literal["orders", "positions", "balances"]

EVERY: dict[Subject, timedelta] = {
    "positions": timedelta(minutes=1),
    "orders": timedelta(minutes=1),
    "balances": timedelta(minutes=5),
}
SELDOM = timedelta(hours=1)
"""How often the open orders of a pair without a trade are looked at."""


@dataclass(frozen=True)
class Task:
    """One look: ``pair`` is None where one question is for all pairs. A ``quiet`` one is of a pair
    without a trade. ``requests`` is what it costs."""

    subject: Subject
    pair: str | None = None
    requests: int = 1
    quiet: bool = False

    @property
    def place(self) -> str:
        """Its name, the same however often the pair is looked at."""
        return f"{self.subject} {self.pair or 'of all pairs'}"

    @property
    def every(self) -> timedelta:
        """How long after one look the next one is due."""
        return SELDOM if self.quiet else EVERY[self.subject]

    @property
    def urgency(self) -> int:
        """What comes first, 0 before 1: an order that was not known explains a position."""
        order: tuple[Subject, ...] = ("orders", "positions", "balances")
        return len(order) if self.quiet else order.index(self.subject)


class Schedule:
    """When each look is due."""

    def __init__(self) -> None:
        self._done: dict[str, datetime] = {}
        self._soon: set[str] = set()

    def begin(self, tasks: Iterable[Task], now: datetime) -> None:
        """Let looks that are new wait as if they had just been done: the comparison after the start
        was one. Those that are no more are forgotten."""
        places = {task.place for task in tasks}
        self._done = {place: self._done.get(place, now) for place in places}
        self._soon &= places

    def due(self, tasks: Iterable[Task], now: datetime) -> list[Task]:
        """Return the looks that are due: those first that have to confirm what another has shown,
        then by urgency, and among equals the one that has waited longest."""
        ready = [task for task in tasks if self._is_due(task, now)]
        return sorted(ready, key=lambda task: (*self._rank(task), self._done[task.place]))

    def done(self, task: Task, now: datetime, *, doubts: bool) -> None:
        """Take note of a look.

        :param doubts: whether it has shown what another look has to confirm.
        """
        self._done[task.place] = now
        (self._soon.add if doubts else self._soon.discard)(task.place)

    def _is_due(self, task: Task, now: datetime) -> bool:
        since = now - self._done[task.place]
        wait = APART if task.place in self._soon else task.every
        return not timedelta() <= since < wait  # a clock that was set back delays nothing

    def _rank(self, task: Task) -> tuple[int, int]:
        return (0 if task.place in self._soon else 1, task.urgency)
