"""What the collector keeps of a page, in one transaction: facts, readings that are set aside, and
how far the feed is. A kill leaves all of it or nothing, and the page is simply asked for again."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select, update

from freqpilot.facts.append import columns_of, micros, moment, series_ids
from freqpilot.facts.bulk import insert_rows
from freqpilot.facts.check import EARLIEST, LATEST
from freqpilot.facts.judge import Judged, Series
from freqpilot.facts.store import FactStore
from freqpilot.shapes import Fact
from freqpilot.store.database import WRITES
from freqpilot.store.tables import FactFeedRow, FactQuarantineRow, FactRow, FactSeriesRow

UNKNOWN = float("nan")


@dataclass(frozen=True)
class Feed:
    """How far the collector is with a feed, and how it fares; see :class:`FactFeedRow`."""

    source: str
    feed: str
    live_from: datetime
    tried_at: datetime
    begun: datetime | None = None
    reached: datetime | None = None
    held: int = 0
    newest_event: datetime | None = None
    answered_at: datetime | None = None
    failures: int = 0
    error: str = ""
    added: int = 0
    quarantined: int = 0
    refused: int = 0
    faulty: int = 0
    reason: str = ""


@dataclass(frozen=True)
class PageCounts:
    """How many readings of a page are new, were there already, or are newly set aside."""

    added: int = 0
    known: int = 0
    quarantined: int = 0


def feeds(store: FactStore) -> list[Feed]:
    """Return all feeds that were ever asked."""
    row = FactFeedRow
    with store.engine.connect() as connection:
        found = connection.execute(select(row.__table__).order_by(row.source, row.feed))
        return [Feed(**each) for each in found.mappings()]


def feed(store: FactStore, source: str, name: str) -> Feed | None:
    """Return one feed, None before it was asked first."""
    row = FactFeedRow
    query = select(row.__table__).where(row.source == source, row.feed == name)
    with store.engine.connect() as connection:
        found = connection.execute(query).mappings().first()
        return None if found is None else Feed(**found)


def save_feed(store: FactStore, state: Feed) -> None:
    """Keep how a feed fares."""
    with store.engine.execution_options(**WRITES).begin() as connection:
        _save(connection, state)


def last_values(
    store: FactStore, source: str, firsts: dict[Series, datetime]
) -> dict[Series, float]:
    """Return the newest value kept before each series' time, in its newest version."""
    row, series = FactRow, FactSeriesRow
    found = {}
    with store.engine.connect() as connection:
        for (asset, metric), first in firsts.items():
            query = (
                select(row.value)
                .join(series, series.id == row.series_id)
                .where(series.source == source, series.asset == asset, series.metric == metric)
                .where(row.event_time < micros(first))
                .order_by(row.event_time.desc(), row.available_at.desc(), row.vintage.desc())
                .limit(1)
            )
            value = connection.scalar(query)
            if value is not None:
                found[asset, metric] = float(value)
    return found


def keep(
    store: FactStore, judged: Sequence[Judged], state: Feed, fetched_at: datetime
) -> tuple[PageCounts, Feed]:
    """Keep a page's readings and its feed's state with them.

    A reading whose value is that of the event's newest version is known already; another value is
    a new version, known from when it was fetched.
    """
    with store.engine.execution_options(**WRITES).begin() as connection:
        new, known = _new_versions(connection, state.source, judged, fetched_at)
        good = [each for each in new if not each[1].fault]
        bad = [each for each in new if each[1].fault]
        _insert_facts(connection, state.source, good)
        for number, each in bad:
            connection.execute(insert(FactQuarantineRow), _quarantine(number, each))
        kept = PageCounts(len(good), known, len(bad))
        reason = next((_describe(each) for _, each in reversed(bad)), state.reason)
        state = replace(
            state,
            added=state.added + kept.added,
            quarantined=state.quarantined + kept.quarantined,
            reason=reason,
        )
        _save(connection, state)
    return kept, state


def settled(store: FactStore, source: str, judged: Sequence[Judged]) -> list[Judged]:
    """Return the readings; one that is kept with this very value, on a person's word or since
    before it looked absurd, is not at fault any more."""
    if not any(each.fault for each in judged):
        return list(judged)
    with store.engine.execution_options(**WRITES).begin() as connection:
        numbers = _numbers(connection, source, judged)

        def kept(each: Judged) -> bool:
            number, time = numbers[each.asset, each.metric], micros(each.event_time)
            before = _newest_versions(connection, number, time, time).get(time)
            return before is not None and before[1] == _mark(each.value, False)

        return [replace(each, fault="") if each.fault and kept(each) else each for each in judged]


def quarantined(
    store: FactStore, source: str | None = None, limit: int = 50
) -> list[tuple[str, str, str, datetime, float | None, str]]:
    """Return the readings set aside last: source, asset, metric, event, value, reason."""
    row, series = FactQuarantineRow, FactSeriesRow
    query = (
        select(series.source, series.asset, series.metric, row.event_time, row.value, row.reason)
        .join(series, series.id == row.series_id)
        .order_by(row.available_at.desc(), row.event_time.desc())
        .limit(limit)
    )
    if source is not None:
        query = query.where(series.source == source)
    with store.engine.connect() as connection:
        return [
            (*each[:3], moment(each[3]), each[4], each[5]) for each in connection.execute(query)
        ]


def accept(store: FactStore, source: str, metric: str, asset: str, now: datetime) -> int:
    """Keep the readings of a series that are set aside, on a person's word, as known from now on,
    and return how many. What is no number, or was corrected since, stays aside."""
    series = FactSeriesRow
    with store.engine.execution_options(**WRITES).begin() as connection:
        query = select(series.id).where(
            series.source == source, series.asset == asset.upper(), series.metric == metric
        )
        number = connection.scalar(query)
        if number is None:
            return 0
        good = [
            (number, Judged(asset.upper(), metric, float(mark[1]), moment(event), now))
            for event, (_, mark) in _newest_versions(connection, number, EARLIEST, LATEST).items()
            if mark[0] and mark[1] != repr(UNKNOWN)
        ]
        _insert_facts(connection, source, good)
    return len(good)


def _new_versions(
    connection: Connection, source: str, judged: Sequence[Judged], fetched_at: datetime
) -> tuple[list[tuple[int, Judged]], int]:
    """Return what is new, with the number of its series, and how many are known."""
    numbers = _numbers(connection, source, judged)
    by_series: dict[int, list[Judged]] = defaultdict(list)
    for each in judged:
        by_series[numbers[each.asset, each.metric]].append(each)
    new: list[tuple[int, Judged]] = []
    known = 0
    for number, group in by_series.items():
        times = [micros(each.event_time) for each in group]
        kept = _newest_versions(connection, number, min(times), max(times))
        for each, time in zip(group, times, strict=True):
            before, mark = kept.get(time), _mark(each.value, bool(each.fault))
            if before and before[1] == mark:
                known += 1
                continue
            available = micros(each.available_at)
            if before:
                # A revision is not known before it was seen, whatever the event's own lag.
                available = max(micros(fetched_at), time, before[0] + 1)
            kept[time] = (available, mark)
            new.append((number, replace(each, available_at=moment(available))))
    return new, known


def _numbers(connection: Connection, source: str, judged: Iterable[Judged]) -> dict[Series, int]:
    names = list(dict.fromkeys((each.asset, each.metric) for each in judged))
    start = moment(0)
    facts = [Fact(source, asset, metric, 0.0, start, start) for asset, metric in names]
    ids = series_ids(connection, columns_of(facts)).tolist() if facts else []
    return dict(zip(names, ids, strict=True))


def _newest_versions(
    connection: Connection, series: int, first: int, last: int
) -> dict[int, tuple[int, Any]]:
    """Return of each event when its newest version, kept or set aside, became known and its
    mark."""
    kept: dict[int, tuple[int, Any]] = {}
    for table, bad in ((FactRow, False), (FactQuarantineRow, True)):
        row: Any = table
        order = (row.available_at,) if bad else (row.available_at, row.vintage)
        query = select(row.event_time, row.available_at, row.value).where(
            row.series_id == series, row.event_time >= first, row.event_time <= last
        )
        for event, available, value in connection.execute(query.order_by(*order)):
            if event not in kept or available >= kept[event][0]:
                kept[event] = (available, _mark(UNKNOWN if value is None else value, bad))
    return kept


def _mark(value: float, bad: bool) -> tuple[bool, str]:
    return bad, repr(float(value))


def _insert_facts(connection: Connection, source: str, rows: Sequence[tuple[int, Judged]]) -> None:
    if not rows:
        return
    facts = [
        Fact(source, each.asset, each.metric, each.value, each.event_time, each.available_at)
        for _, each in rows
    ]
    ids = np.array([number for number, _ in rows], dtype=np.int64)
    insert_rows(connection, ids, columns_of(facts))


def _quarantine(number: int, each: Judged) -> dict[str, Any]:
    return {
        "series_id": number,
        "event_time": micros(each.event_time),
        "available_at": micros(each.available_at),
        "value": each.value if np.isfinite(each.value) else None,
        "reason": each.fault,
    }


def _describe(each: Judged) -> str:
    return f"{each.metric}@{each.asset} of {each.event_time:%Y-%m-%d %H:%M}: {each.fault}"


def _save(connection: Connection, state: Feed) -> None:
    row = FactFeedRow
    same = (row.source == state.source) & (row.feed == state.feed)
    change: Callable[..., Any] = connection.execute
    if not change(update(row).where(same), asdict(state)).rowcount:
        change(insert(row), asdict(state))
