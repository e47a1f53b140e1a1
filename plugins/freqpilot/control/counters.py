"""Counters and the heartbeat of one run, kept in memory for whoever shows them."""

import threading
from collections import Counter
from datetime import datetime
from typing import Any


class Counters:
    """Counts, last times and source health. Every method may be called from any thread.

    Example::

        counters = Counters()
        counters.beat(now)
        counters.veto("max_exposure")
        counters.snapshot(now)["vetoes"]  # {"max_exposure": 1}
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._vetoes: Counter[str] = Counter()
        self._cuts: Counter[str] = Counter()
        self._loops = 0
        self._beat: datetime | None = None
        self._stamp: datetime | None = None
        self._sources: dict[str, tuple[bool, datetime]] = {}

    def count(self, name: str, by: int = 1) -> None:
        """Add ``by`` to the counter ``name``.

        :raises ValueError: when ``by`` is negative: a counter only rises.
        """
        if by < 0:
            raise ValueError(f"counter {name!r} cannot fall by {-by}")
        with self._lock:
            self._counts[name] += by

    def veto(self, rule: str) -> None:
        """Count one order or entry refused by ``rule``."""
        with self._lock:
            self._vetoes[rule] += 1

    def cut(self, rule: str) -> None:
        """Count one order whose stake ``rule`` has cut."""
        with self._lock:
            self._cuts[rule] += 1

    def beat(self, time: datetime) -> None:
        """Note that a loop began at ``time``."""
        with self._lock:
            self._loops += 1
            self._beat = time

    def stamp(self, time: datetime) -> None:
        """Note that the ledger saw the account at ``time``."""
        with self._lock:
            self._stamp = time

    def source(self, name: str, healthy: bool, time: datetime) -> None:
        """Note the health of a data source as of ``time``."""
        with self._lock:
            self._sources[name] = (healthy, time)

    def snapshot(self, now: datetime) -> dict[str, Any]:
        """Return a copy of all figures; ages are seconds before ``now``, None before the first."""
        with self._lock:
            return {
                "counts": dict(self._counts),
                "vetoes": dict(self._vetoes),
                "cuts": dict(self._cuts),
                "loops": self._loops,
                "loop_age": _age(now, self._beat),
                "ledger_age": _age(now, self._stamp),
                "sources": {
                    name: {"healthy": healthy, "age": _age(now, time)}
                    for name, (healthy, time) in self._sources.items()
                },
            }


def _age(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else (now - then).total_seconds()
