"""Facts into their tables: what is there already is left alone, another value is refused."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select

from freqpilot.facts.bulk import read_columns
from freqpilot.facts.check import BadFact, Columns
from freqpilot.facts.join import MICROSECONDS
from freqpilot.shapes import Fact, Ints
from freqpilot.store.tables import FactRow, FactSeriesRow


def micros(time: datetime) -> int:
    """Return a time as microseconds since the epoch.

    :raises ValueError: when it has no time zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"{time!r} has no time zone")
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * MICROSECONDS + since.microseconds


def moment(time: int) -> datetime:
    """Return microseconds since the epoch as a time in UTC."""
    seconds, rest = divmod(time, MICROSECONDS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def columns_of(facts: list[Fact]) -> Columns:
    """Return facts as columns."""

    def objects(name: str) -> Any:
        return np.array([getattr(fact, name) for fact in facts], dtype=object)

    def whole(values: list[int]) -> Ints:
        return np.array(values, dtype=np.int64)

    return Columns(
        objects("source"),
        objects("asset"),
        objects("metric"),
        whole([micros(fact.event_time) for fact in facts]),
        whole([micros(fact.available_at) for fact in facts]),
        whole([fact.vintage for fact in facts]),
        np.array([fact.value for fact in facts], dtype=np.float64),
    )


def series_ids(connection: Connection, columns: Columns) -> Ints:
    """Return the number of each row's series; one that is new gets one. Assets are kept in
    capitals, as pairs have them."""
    row = FactSeriesRow
    assets = (asset.upper() for asset in columns.asset)
    keys = list(zip(columns.source, assets, columns.metric, strict=True))
    numbers: dict[tuple[str, str, str], int] = {}
    for source, asset, metric in dict.fromkeys(keys):
        known = select(row.id).where(row.source == source, row.asset == asset, row.metric == metric)
        number = connection.scalar(known)
        if number is None:
            values = {"source": source, "asset": asset, "metric": metric}
            made: Any = connection.execute(insert(row).values(values)).inserted_primary_key
            number = made[0]
        numbers[source, asset, metric] = int(number)
    return np.fromiter((numbers[key] for key in keys), np.int64, len(keys))


def fresh_rows(connection: Connection, ids: Ints, columns: Columns) -> Any:
    """Return which rows are not kept yet.

    :raises BadFact: when a version is there with another value.
    """
    fresh = np.ones(len(columns), np.bool_)
    for series in np.unique(ids).tolist():
        rows = np.flatnonzero(ids == series)
        event = columns.event[rows]
        kept = _versions(connection, series, int(event.min()), int(event.max()))
        new = (event, columns.available[rows], columns.vintage[rows], columns.value[rows])
        event, available, vintage, value = (
            np.concatenate(pair) for pair in zip(kept, new, strict=True)
        )
        # Stable: what is kept stands before what comes, and of two that come the first.
        place = np.lexsort((vintage, available, event))
        same = np.zeros(place.size, np.bool_)
        same[1:] = (
            (np.diff(event[place]) == 0)
            & (np.diff(available[place]) == 0)
            & (np.diff(vintage[place]) == 0)
        )
        again = np.flatnonzero(same)
        changed = again[value[place[again]] != value[place[again - 1]]]
        if changed.size:
            at = int(rows[place[changed[0]] - kept[0].size])
            raise BadFact(
                f"{columns.source[at]}/{columns.metric[at]}@{columns.asset[at]} of "
                f"{moment(int(columns.event[at]))}, known at {moment(int(columns.available[at]))}, "
                f"has the value {columns.value[at]:g} here and another one already; a revision "
                "needs its own available_at or vintage. Nothing of the batch was kept",
                at,
            )
        fresh[rows[place[again] - kept[0].size]] = False
    return fresh


def _versions(connection: Connection, series: int, first: int, last: int) -> tuple[Any, ...]:
    row = FactRow
    return read_columns(
        connection,
        (row.event_time, row.available_at, row.vintage, row.value),
        (row.series_id == series, row.event_time >= first, row.event_time <= last),
        (row.event_time, row.available_at, row.vintage),
    )
