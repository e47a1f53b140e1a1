"""Events and what to do about them: listings, partnerships, rules, upgrades, hacks.

The responses are data (:class:`freqpilot.settings.EventSettings`), judgements that were not fitted.
Times are int64 microseconds since the epoch. Whatever becomes known after a candle's close changes
nothing at that candle or before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from freqpilot.facts.join import HOUR, NOTHING, Observations, known_at
from freqpilot.settings import EventKind, EventResponse, EventSettings
from freqpilot.shapes import Bools, Floats, Ints

NONE = ""


class Report(NamedTuple):
    """One source's word on an event: ``event`` is when it happens, ``known`` when that was told,
    ``value`` how sure or strong it is, 0…1; 0 takes it back."""

    source: str
    event: int
    known: int
    value: float


@dataclass(frozen=True)
class Event:
    """An event as it came to be known: from each of ``known`` (rising) on it happens at ``event``
    and is ``strength`` strong, 0 while too few sources have it."""

    kind: EventKind
    known: Ints
    event: Ints
    strength: Floats

    @property
    def counted(self) -> int | None:
        """When enough sources had it first, None when never."""
        places = np.flatnonzero(self.strength > 0)
        return int(self.known[places[0]]) if places.size else None


@dataclass(frozen=True)
class Stance:
    """What the events say at each candle's close: ``target``, the share of a slot (−1…1);
    ``early_long`` and ``early_short``, whether an entry is not too late; ``kind``, the event that
    weighs most on the target's side."""

    target: Floats
    early_long: Bools
    early_short: Bools
    kind: list[str]


@dataclass
class _Case:
    """Reports that are about one event, while they are read."""

    about: int
    reports: dict[str, Report] = field(default_factory=dict)
    confirmed: bool = False
    states: list[tuple[int, int, float]] = field(default_factory=list)

    def take(self, report: Report, needed: int, window: int) -> None:
        former = self.reports.get(report.source)
        if former and former.known == report.known and former.event > report.event:
            return  # told at once: the later event stands, whatever the order of reading
        self.reports[report.source] = report
        held = [each for each in self.reports.values() if each.value > 0]
        near = [each for each in held if report.known - each.known <= window]
        self.confirmed = len(held) >= needed and (self.confirmed or len(near) >= needed)
        strength = float(np.mean([each.value for each in held])) if self.confirmed else 0.0
        newest = max(held, key=lambda each: (each.known, each.event), default=report)
        if self.states and self.states[-1][0] == report.known:
            self.states.pop()
        self.states.append((report.known, newest.event, min(strength, 1.0)))


def events(kind: EventKind, reports: Sequence[Report], settings: EventSettings) -> list[Event]:
    """Return the events of a kind that sources report, in the order in which they became known.

    Reports whose event times are within ``same_hours`` of an event's first are about that event. A
    source's last word counts. A critical event counts once two sources have told it within
    ``window_hours``, until one of them takes it back.
    """
    needed = 2 if settings.responses[kind].critical else 1
    same, window = (int(h * HOUR) for h in (settings.same_hours, settings.window_hours))
    cases: list[_Case] = []
    usable = [r for r in reports if np.isfinite(r.value) and r.value >= 0]
    for report in sorted(usable, key=lambda r: (r.known, r.event, r.source)):
        near = [case for case in cases if abs(case.about - report.event) <= same]
        case = min(near, key=lambda c: abs(c.about - report.event), default=None)
        if case is None:
            case = _Case(report.event)
            cases.append(case)
        case.take(report, needed, window)
    return [_event(kind, case) for case in cases]


def _event(kind: EventKind, case: _Case) -> Event:
    known, event, strength = zip(*case.states, strict=True)
    return Event(
        kind, np.array(known, np.int64), np.array(event, np.int64), np.array(strength, np.float64)
    )


def stance(
    found: Sequence[Event],
    closes: Ints,
    settings: EventSettings,
    past: Observations = NOTHING,
) -> Stance:
    """Return what events, of a coin and of the whole market, ask for at each close.

    Effects of one side add up to at most a slot, what is against them is taken off; longs are
    multiplied by the least ``long_factor`` that is on.

    :param past: the returns after past upgrades of the coin, as fractions without costs; each is
        known from its ``available`` on.
    """
    rows = len(closes)
    up, down, factor = np.zeros(rows), np.zeros(rows), np.ones(rows)
    early = {1.0: np.zeros(rows, np.bool_), -1.0: np.zeros(rows, np.bool_)}
    weights: dict[tuple[float, str], Floats] = {}
    for event in found:
        if (counted := event.counted) is None:
            continue
        response = settings.responses[event.kind]
        effect, hours, in_time = _effect(event, counted, closes, response, settings)
        on = effect > 0
        factor = np.where(on, np.minimum(factor, response.long_factor), factor)
        side = _side(response, settings, past, counted)
        if not side or not in_time:
            continue
        weight = np.where(on, effect * response.size, 0.0)
        up, down = (up + weight, down) if side > 0 else (up, down + weight)
        early[side] |= on & (hours <= response.late_hours)
        key = (side, str(event.kind))
        weights[key] = weights.get(key, np.zeros(rows)) + weight
    target = np.minimum(up, 1.0) * factor - np.minimum(down, 1.0)
    return Stance(target, early[1.0], early[-1.0], _kinds(weights, np.sign(target)))


def _effect(
    event: Event, counted: int, closes: Ints, response: EventResponse, settings: EventSettings
) -> tuple[Floats, Floats, bool]:
    """Return how strong an event still is (0 before it counts and after its end), how many hours
    ago it began, and whether it counted in time to be acted on at all."""
    place = np.searchsorted(event.known, closes, side="right") - 1
    there = place >= 0
    strength = np.where(there, event.strength[place], 0.0)
    when = np.where(there, event.event[place], np.iinfo(np.int64).max // 2)
    if response.until_event:
        begin, first = np.full(len(closes), int(event.known[0])), int(event.known[0])
        on = there & (when > closes)
    else:
        begin, first = when, int(event.event[np.searchsorted(event.known, counted)])
        on = there & (when <= closes)
    hours = np.where(there, (closes - begin) / HOUR, np.nan)
    late = (counted - first) / HOUR
    share = 0.5 ** (np.maximum(np.where(on, hours, 0.0), 0.0) / response.half_life_hours)
    effect = np.where(on & (share >= settings.end_share), strength * share, 0.0)
    return effect, hours, late <= response.late_hours


def _side(response: EventResponse, settings: EventSettings, past: Observations, time: int) -> float:
    """Return 1 for long, −1 for short, 0 for neither."""
    if response.side != "past":
        return 1.0 if response.side == "long" else -1.0
    returns = known_at(past, time).value
    if returns.size < settings.min_samples or not np.isfinite(returns).all():
        return 0.0
    mean = float(returns.mean())
    return float(np.sign(mean)) if abs(mean) > settings.cost else 0.0


def _kinds(weights: dict[tuple[float, str], Floats], side: Floats) -> list[str]:
    """Return the kind that weighs most on the target's side at each candle."""
    names, most = np.full(len(side), NONE, dtype=object), np.zeros(len(side))
    for (which, kind), weight in sorted(weights.items()):
        heavier = (side == which) & (weight > most)
        names[heavier], most = kind, np.where(heavier, weight, most)
    return [str(name) for name in names]


@dataclass(frozen=True)
class EventRule:
    """Enter where the target is ``least`` or more and the event is early; leave where the target is
    none or of the other side."""

    least: float = 0.2

    def side(self, seen: Stance) -> Floats:
        """Return 1 where to buy, −1 where to sell short, 0 elsewhere; 0 where nothing is known."""
        long = (seen.target >= self.least) & seen.early_long
        short = (seen.target <= -self.least) & seen.early_short
        return np.where(long, 1.0, np.where(short, -1.0, 0.0))

    def leave(self, seen: Stance) -> Floats:
        """Return 1 where a long is to leave, −1 where a short is, 2 where both are; 0 where the
        events are not known."""
        return np.where(
            np.isfinite(seen.target), np.where(seen.target == 0, 2.0, -np.sign(seen.target)), 0.0
        )
