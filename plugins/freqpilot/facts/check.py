"""What a fact must be before it is kept; everything else is refused by name."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqpilot.errors import Degraded
from freqpilot.facts.join import MICROSECONDS
from freqpilot.shapes import Bools, Floats, Ints

SKEW = 60 * MICROSECONDS
"""How far a source's clock may run before ours."""
EARLIEST = -2_208_988_800 * MICROSECONDS
LATEST = 7_258_118_400 * MICROSECONDS
"""1900 and 2200: what lies beyond is a unit mistaken, not a fact."""
UNREAD = (
    "event_time or available_at cannot be read; write both as 2024-01-31T08:00:00Z (event_time "
    "may be a date, available_at needs its time of day)"
)
UNKNOWN_TIME = np.iinfo(np.int64).min
"""A time that could not be read."""


class BadFact(Degraded):
    """Facts were refused and are not kept; open trades are untouched. ``row`` is the first."""

    def __init__(self, text: str, row: int | None = None) -> None:
        super().__init__(text)
        self.row = row


class Columns(NamedTuple):
    """Facts as columns of equal length; times are microseconds since the epoch."""

    source: NDArray[np.object_]
    asset: NDArray[np.object_]
    metric: NDArray[np.object_]
    event: Ints
    available: Ints
    vintage: Ints
    value: Floats

    def __len__(self) -> int:
        return int(self.value.size)

    def take(self, rows: Bools) -> "Columns":
        """Return the rows where ``rows`` is true."""
        names = (self.source[rows], self.asset[rows], self.metric[rows])
        times = (self.event[rows], self.available[rows], self.vintage[rows])
        return Columns(*names, *times, self.value[rows])


def faults(columns: Columns, now: int, *, scheduled: bool = False) -> dict[int, str]:
    """Return what is wrong, by row; empty when all is well.

    :param now: nothing can have been known later than this.
    :param scheduled: facts that are known before they happen (unlocks, calendars) are meant.
    """
    named = np.ones(len(columns), np.bool_)
    for names in (columns.source, columns.asset, columns.metric):
        if bad := {name for name in set(names) if not _is_name(name)}:
            named &= np.fromiter((name not in bad for name in names), np.bool_, len(columns))
    unread = (columns.event == UNKNOWN_TIME) | (columns.available == UNKNOWN_TIME)
    early = columns.available < columns.event
    rules: list[tuple[Bools, str]] = [
        (~named, "source, asset and metric must be words without spaces, / and @"),
        (unread, UNREAD),
        (
            ~unread & (np.minimum(columns.event, columns.available) < EARLIEST),
            "a time lies before 1900",
        ),
        (columns.event > LATEST, "event_time lies after 2200"),
        (~np.isfinite(columns.value), "the value is no finite number"),
        (columns.vintage < 0, "the vintage is below 0"),
        (
            ~unread & (columns.available > now + SKEW),
            "available_at lies in the future: nobody can know it yet",
        ),
    ]
    if not scheduled:
        rules.append(
            (
                ~unread & early,
                "available_at is before event_time; only scheduled facts may be so",
            )
        )
    found: dict[int, str] = {}
    for broken, reason in rules:
        for row in np.flatnonzero(broken).tolist():
            found.setdefault(row, reason)
    return dict(sorted(found.items()))


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name) and not set(name) & set(" \t\n/@")
