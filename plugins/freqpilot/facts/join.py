"""What was known at a time: as-of joins of facts to candles (pure).

Times are int64 microseconds since the epoch throughout. A fact is *known* from
``max(available_at, event_time)`` on: what is scheduled counts when it happens, not when it is
announced.
"""

from typing import NamedTuple

import numpy as np

from freqpilot.shapes import Bools, Floats, Ints

MICROSECONDS = 1_000_000
HOUR = 3600 * MICROSECONDS


class Observations(NamedTuple):
    """All versions of one source's metric for one asset, of equal length and in the order of
    event, availability and vintage; so of two versions of an event the later stands behind."""

    event: Ints
    available: Ints
    value: Floats

    def __len__(self) -> int:
        return int(self.event.size)

    def take(self, rows: Bools | Ints) -> "Observations":
        """Return some rows: where a mask is true, or at places."""
        return Observations(self.event[rows], self.available[rows], self.value[rows])


class States(NamedTuple):
    """The states that a metric goes through: from ``known`` (not falling) on, it is ``value`` of
    ``event`` (not falling either)."""

    known: Ints
    event: Ints
    value: Floats


class AsOf(NamedTuple):
    """A metric at each of n times: its value, and how many hours ago it happened; NaN both where
    nothing was known."""

    value: Floats
    age: Floats


NOTHING = Observations(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def ordered(event: Ints, available: Ints, vintage: Ints, value: Floats) -> Observations:
    """Return observations in their order, whatever order they come in."""
    place = np.lexsort((vintage, available, event))
    return Observations(event[place], available[place], value[place])


def states(observations: Observations) -> States:
    """Return the states of a metric.

    At a time t the state is the newest event of which a version is known at t, in the newest
    version of it known at t. A revision of an older event changes nothing; a newer event does,
    also when it arrives before an older one.
    """
    known = np.maximum(observations.available, observations.event)
    # Stable, so among versions known at once the order of event, availability, vintage stays.
    place = np.argsort(known, kind="stable")
    event = observations.event[place]
    newest = event >= np.maximum.accumulate(event) if event.size else np.empty(0, np.bool_)
    kept = place[newest]
    return States(known[kept], observations.event[kept], observations.value[kept])


def as_of(series: States, times: Ints, max_age: float | None = None) -> AsOf:
    """Return the state at each of ``times`` (any order): the last with ``known <= time``.

    :param max_age: hours after which a value counts as missing.
    """
    place = np.searchsorted(series.known, times, side="right") - 1
    found = place >= 0
    if not series.known.size:
        return AsOf(np.full(times.shape, np.nan), np.full(times.shape, np.nan))
    age = np.where(found, (times - series.event[place]) / HOUR, np.nan)
    if max_age is not None:
        found &= age <= max_age
    return AsOf(np.where(found, series.value[place], np.nan), np.where(found, age, np.nan))


def known_at(observations: Observations, time: int) -> Observations:
    """Return for every event known at ``time`` the newest version known then, by event."""
    found = observations.take(np.maximum(observations.available, observations.event) <= time)
    last = np.ones(len(found), np.bool_)
    last[:-1] = found.event[1:] != found.event[:-1]
    return found.take(last)
