"""Which readings are facts: absurd ones are set aside with their reason (pure)."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from freqpilot.facts.sources.base import Gauge, Reading, Spec, number

SKEW = timedelta(minutes=1)
"""How far a source's stamps may run before our clock."""
EARLIEST = timedelta(days=365 * 30)
"""An event longer ago is a unit mistaken."""
Series = tuple[str, str]
"""An asset, in capitals, and a metric."""


@dataclass(frozen=True)
class Judged:
    """A reading with both its times; ``fault`` says why it is none to trade on, ``value`` is NaN
    where it is no number."""

    asset: str
    metric: str
    value: float
    event_time: datetime
    available_at: datetime
    fault: str = ""


def judge(
    readings: Iterable[Reading],
    spec: Spec,
    fetched_at: datetime,
    live_from: datetime,
    last: Mapping[Series, float],
) -> list[Judged]:
    """Return the readings in the order of their events, each with its verdict.

    What happened after ``live_from``, the first time this feed was asked, became known when it was
    fetched. What happened before is history: it became known when the source says, else ``lag``
    after its event, and never later than now.

    :param last: the newest value kept of each series, for jumps.
    """
    gauges = {gauge.metric: gauge for gauge in spec.gauges}
    ordered = sorted(readings, key=lambda reading: reading.event_time)
    twice = _contradicted(ordered)
    before = dict(last)
    judged = []
    for reading in ordered:
        series = (reading.asset.upper(), reading.metric)
        value = number(reading.value)
        fault = _fault(reading, value, gauges.get(reading.metric), fetched_at, before.get(series))
        if not fault and (*series, reading.event_time) in twice:
            fault = "one answer gives it two values"
        if not fault:
            before[series] = value
        # A stamp from the future takes effect now, or the fault would show only then.
        event = min(reading.event_time, fetched_at) if fault else reading.event_time
        known = _known_at(reading, event, spec, fetched_at, live_from)
        judged.append(Judged(*series, value, event, max(known, event), fault))
    return judged


def _fault(
    reading: Reading,
    value: float,
    gauge: Gauge | None,
    fetched_at: datetime,
    before: float | None,
) -> str:
    if gauge is None:
        return f"{reading.metric} is no metric of this source"
    time, jump = reading.event_time, gauge.jump or 0.0
    leaps = bool(jump and before and value) and not 1 / jump <= value / (before or 1) <= jump
    rules = (
        (time > fetched_at + SKEW, f"its stamp {time:%Y-%m-%d %H:%M} lies in the future"),
        (time < fetched_at - EARLIEST, f"its stamp {time:%Y-%m-%d} lies 30 years back"),
        (not math.isfinite(value), f"{str(reading.value)[:40]!r} is no number"),
        (
            not gauge.low <= value <= gauge.high,
            f"{value:g} lies outside {gauge.low:g} … {gauge.high:g}",
        ),
        (leaps, f"{value:g} after {before or 0:g} is a jump of more than {jump:g} times"),
    )
    return next((reason for broken, reason in rules if broken), "")


def _known_at(
    reading: Reading, event: datetime, spec: Spec, fetched_at: datetime, live_from: datetime
) -> datetime:
    if event >= live_from:
        return fetched_at
    return min(reading.known_at or event + spec.lag, fetched_at)


def _contradicted(readings: Iterable[Reading]) -> set[tuple[str, str, datetime]]:
    """Return what one answer gives two values of."""
    values: dict[tuple[str, str, datetime], str] = {}
    twice = set()
    for reading in readings:
        key = (reading.asset.upper(), reading.metric, reading.event_time)
        text = repr(number(reading.value))
        if values.setdefault(key, text) != text:
            twice.add(key)
    return twice
