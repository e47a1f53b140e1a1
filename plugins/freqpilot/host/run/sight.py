"""Whether the supervisor sees the account: being blind is itself a fault that a person hears of.

A look has several parts; one that fails does not keep the others from being done. Three loops in a
row with a fault make the supervisor blind: entries wait, and a CRITICAL alert says since when.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

logger = logging.getLogger(__name__)

LOOPS = 3
"""Loops with a fault after which the supervisor is blind: one hiccup is none."""
LONGEST = 200
"""Letters of an error that are repeated."""


@dataclass
class Sight:
    """What the last looks at the account could not see."""

    faults: dict[str, str] = field(default_factory=dict)
    loops: int = 0
    since: datetime | None = None
    blind: str | None = None

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Do one part of a look; a fault in it is noted and logged, and the next part is done."""
        try:
            yield
        except Exception as error:  # the loop must go on managing open trades
            self.fault(name, f"{type(error).__name__}: {error}")
            logger.warning("A part of the look at the account failed: %s", name, exc_info=True)

    def fault(self, name: str, why: str) -> None:
        """Note that a part of the look could not be done."""
        self.faults[name] = why[:LONGEST]

    def begin(self) -> None:
        """Begin a look."""
        self.faults = {}

    def end(self, now: datetime) -> str | None:
        """End a look; returns what a person must hear: that the supervisor is blind now, or sees
        again; None for nothing new."""
        if not self.faults:
            was, self.blind, self.loops, self.since = self.blind, None, 0, None
            return "the supervisor sees the account again; entries are allowed" if was else None
        self.loops += 1
        self.since = self.since or now
        if self.loops < LOOPS:
            return None
        new, self.blind = self.blind is None, self._words()
        return self.blind if new else None

    def to_dict(self) -> dict[str, Any] | None:
        """Return since when the supervisor is blind and why, as JSON has it; None while it sees."""
        if self.blind is None or self.since is None:
            return None
        return {"since": self.since.isoformat(), "why": self.blind}

    def _words(self) -> str:
        assert self.since is not None
        why = "; ".join(f"{name} ({fault})" for name, fault in self.faults.items())
        return (
            f"the supervisor is blind since {self.since:%Y-%m-%d %H:%M:%S} UTC: {why}. No entry "
            "until it sees again; the halt is judged by what can be seen, exits and stops go on"
        )
