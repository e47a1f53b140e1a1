"""Counters over many runs: all that was ever counted, and what of it today (UTC)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

TODAY = ", counted today"
"""What the name of a ledger ends with where its counters of the day are kept."""
REFUSED = "refused: "
"""What the name of a counter of refusals begins with; its rule follows."""
CUT = "cut: "
"""What the name of a counter of cut stakes begins with."""


@dataclass(frozen=True)
class Tally:
    """What was counted: ``total`` by all runs, ``days`` today, ``run`` by this run so far.

    A counter of a run begins at 0, so only what it has risen by counts.
    """

    total: Mapping[str, int] = field(default_factory=dict)
    day: date | None = None
    days: Mapping[str, int] = field(default_factory=dict)
    run: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def begin(cls, total: Mapping[str, int], today: Mapping[str, Any] | None) -> "Tally":
        """Return what a store has of earlier runs, as :attr:`today` and the counters are kept."""
        if not today:
            return cls(total)
        return cls(total, date.fromisoformat(today["day"]), dict(today["counts"]))

    def count(self, run: Mapping[str, int], day: date) -> "Tally":
        """Return the tally with what a run has counted by now."""
        risen = {name: count - self.run.get(name, 0) for name, count in run.items()}
        days = self.days if day == self.day else {}
        return replace(
            self, total=_sum(self.total, risen), day=day, days=_sum(days, risen), run=dict(run)
        )

    @property
    def today(self) -> dict[str, Any]:
        """Return what is kept of the day."""
        assert self.day is not None
        return {"day": self.day.isoformat(), "counts": dict(self.days)}


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {
        name: one.get(name, 0) + other.get(name, 0)
        for name in {**one, **other}
        if one.get(name, 0) + other.get(name, 0)
    }
