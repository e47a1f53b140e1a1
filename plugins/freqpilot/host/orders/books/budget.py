"""How many requests the comparison of the books may make: so many a minute, fewer while the
exchange refuses them or does not answer in time."""

from collections import deque
from datetime import datetime, timedelta

from freqpilot.host.run.run import Run

A_MINUTE = 20
"""Requests a minute. The costliest ones weigh 20 on Binance spot, of 6,000 a minute."""
MINUTE = timedelta(minutes=1)
LONGEST = timedelta(minutes=16)
"""The longest pause after a refusal."""


class Budget:
    """The requests of the last minute, and the pause that a refusal asked for."""

    def __init__(self, run: Run) -> None:
        self._counters = run.counters
        self._spent: deque[datetime] = deque()
        self._refused: datetime | None = None
        self._pause = MINUTE

    def allows(self, requests: int, now: datetime) -> bool:
        """Tell whether so many requests may be made now."""
        while self._spent and not timedelta() <= now - self._spent[0] < MINUTE:
            self._spent.popleft()  # also those of a clock that was ahead
        return not self._pauses(now) and len(self._spent) + requests <= A_MINUTE

    def spend(self, now: datetime) -> None:
        """Take note of a request."""
        self._spent.append(now)
        self._counters.count("books requests")

    def answered(self, now: datetime) -> None:
        """Take note that a request was answered: the next refusal is a first one."""
        if not self._pauses(now):
            self._refused, self._pause = None, MINUTE

    def refused(self, now: datetime) -> None:
        """Take note that the exchange refused a request because there were too many, or did not
        answer: none is made for a minute, twice as long after each further one. A slow exchange
        must not look like one that fails (:mod:`freqpilot.host.gate.health` counts each call)."""
        if self._refused is not None:
            self._pause = min(2 * self._pause, LONGEST)
        self._refused = now
        self._counters.count("books refused")

    def _pauses(self, now: datetime) -> bool:
        return self._refused is not None and timedelta() <= now - self._refused < self._pause
