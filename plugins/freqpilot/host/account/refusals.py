"""Refusals, written down when they change: a loop of five seconds that refuses five hundred pairs
would fill a gigabyte a day with the same sentences."""

import threading
from datetime import date, datetime

from freqpilot.host.run.run import Run


class Refusals:
    """Which reasons a run has written down for each pair on a day (UTC)."""

    def __init__(self, run: Run) -> None:
        self._lock = threading.Lock()
        self._day: date | None = None
        self._written: dict[str, set[str]] = {}

    def is_new(self, pair: str, reason: str, time: datetime) -> bool:
        """Tell whether a refusal of a pair is to be written down, and note that it is: its reason
        is the first of its kind since the pair was last allowed, or since the day began."""
        with self._lock:
            if time.date() != self._day:
                self._day = time.date()
                self._written.clear()
            reasons = self._written.setdefault(pair, set())
            if reason in reasons:
                return False
            reasons.add(reason)
            return True

    def forget(self, pair: str) -> None:
        """Note that an order of a pair was allowed: the next refusal is a change."""
        with self._lock:
            self._written.pop(pair, None)
