"""The point-in-time store: facts are appended, in every version, and never changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, func, inspect, select

from freqpilot.errors import RefuseToStart
from freqpilot.facts.append import (
    columns_of,
    fresh_rows,
    micros,
    moment,
    series_ids,
)
from freqpilot.facts.bulk import insert_rows, read_columns
from freqpilot.facts.check import BadFact, Columns, faults
from freqpilot.facts.join import NOTHING, Observations, ordered
from freqpilot.shapes import Fact
from freqpilot.store.database import WRITES, connect
from freqpilot.store.tables import FactQuarantineRow, FactRow, FactSeriesRow


class NoFacts(RefuseToStart):
    """The database can be read, but nobody has kept facts in it."""


@dataclass(frozen=True)
class Appended:
    """How many facts of a batch are new, and how many were there already."""

    added: int
    known: int


@dataclass(frozen=True)
class SeriesSummary:
    """One line of ``freqpilot facts list``."""

    source: str
    asset: str
    metric: str
    count: int
    first_event: datetime
    last_event: datetime
    last_available: datetime


class FactStore:
    """Facts in a database. Every method is one transaction, safe to call from any thread.

    :raises RefuseToStart: ``open``, when the database cannot be used; :class:`NoFacts` when one to
        be read holds none.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # One that is only read may be of a version that had no collector.
        self.collects = inspect(engine).has_table(FactQuarantineRow.__tablename__)

    @classmethod
    def open(cls, url: str, *, writes: bool = True, busy_timeout: float = 5.0) -> "FactStore":
        """Open the database, made or upgraded when it is written to; else read only. Who holds it
        is waited for ``busy_timeout`` seconds."""
        engine = connect(url, writes=writes, busy_timeout=busy_timeout)
        if not writes and not inspect(engine).has_table(FactRow.__tablename__):
            engine.dispose()
            raise NoFacts("the database holds no facts yet; write some with freqpilot facts import")
        return cls(engine)

    def append(self, facts: Iterable[Fact], now: datetime, *, scheduled: bool = False) -> Appended:
        """Keep facts. Those that are there in the same version are left alone.

        :param now: nothing may be stamped as known later than this.
        :param scheduled: allow facts that are known before they happen.
        :raises BadFact: naming the first that is wrong, or that gives a version another value;
            nothing is kept then.
        """
        return self.append_columns(columns_of(list(facts)), now, scheduled=scheduled)

    def append_columns(
        self, columns: Columns, now: datetime, *, scheduled: bool = False
    ) -> Appended:
        """As :meth:`append`, for many."""
        for row, reason in faults(columns, micros(now), scheduled=scheduled).items():
            raise BadFact(f"fact {row}: {reason}; nothing of the batch was kept", row)
        if not len(columns):
            return Appended(0, 0)
        with self.engine.execution_options(**WRITES).begin() as connection:
            ids = series_ids(connection, columns)
            fresh = fresh_rows(connection, ids, columns)
            insert_rows(connection, ids[fresh], columns.take(fresh))
        added = int(fresh.sum())
        return Appended(added, len(columns) - added)

    def catalogue(self) -> dict[tuple[str, str, str], int]:
        """Return the number of each series by source, asset and metric."""
        row = FactSeriesRow
        with self.engine.connect() as connection:
            found = connection.execute(select(row.source, row.asset, row.metric, row.id))
            return {(source, asset, metric): key for source, asset, metric, key in found}

    def observations(
        self, series: int, first: int | None = None, last: int | None = None
    ) -> Observations:
        """Return a series' facts in every version; NaN where a reading was set aside as absurd.

        With ``first`` and ``last`` (microseconds) only what the states at times within them need.
        """
        with self.engine.connect() as connection:
            since = None if first is None else _state_event(connection, series, first)
            found = _read(connection, FactRow, series, since, last)
            if not self.collects:
                return found
            aside = _read(connection, FactQuarantineRow, series, since, last)
        if not len(aside):
            return found
        event = np.concatenate((found.event, aside.event))
        available = np.concatenate((found.available, aside.available))
        value = np.concatenate((found.value, np.full(len(aside), np.nan)))
        # In their order already where event and availability are the same.
        return ordered(event, available, np.arange(event.size), value)

    def counts(self) -> dict[int, tuple[int, int]]:
        """Return how many facts of each series are kept and how many set aside. As nothing is ever
        changed, equal counts in one database are equal facts."""
        tables: list[Any] = [FactRow, FactQuarantineRow] if self.collects else [FactRow]
        found: dict[int, list[int]] = {}
        with self.engine.connect() as connection:
            for place, row in enumerate(tables):
                query = select(row.series_id, func.count()).group_by(row.series_id)
                for series, number in connection.execute(query):
                    found.setdefault(series, [0, 0])[place] = number
        return {series: (kept, aside) for series, (kept, aside) in sorted(found.items())}

    def summary(self) -> list[SeriesSummary]:
        """Return how many facts there are of each series, and from when to when."""
        series, row = FactSeriesRow, FactRow
        query = (
            select(
                series.source,
                series.asset,
                series.metric,
                func.count(),
                func.min(row.event_time),
                func.max(row.event_time),
                func.max(row.available_at),
            )
            .join(row, row.series_id == series.id)
            .group_by(series.id, series.source, series.asset, series.metric)
            .order_by(series.source, series.asset, series.metric)
        )
        with self.engine.connect() as connection:
            return [
                SeriesSummary(*found[:4], *(moment(time) for time in found[4:]))
                for found in connection.execute(query)
            ]

    def close(self) -> None:
        """Release the database."""
        self.engine.dispose()


def _state_event(connection: Connection, series: int, time: int) -> int | None:
    """Return the newest event known at ``time``: what stands before it is not needed later."""
    row = FactRow
    query = (
        select(row.event_time)
        .where(row.series_id == series, row.event_time <= time, row.available_at <= time)
        .order_by(row.event_time.desc())
        .limit(1)
    )
    found = connection.scalar(query)
    return None if found is None else int(found)


def _read(
    connection: Connection, table: Any, series: int, since: int | None, last: int | None
) -> Observations:
    where = [table.series_id == series]
    if since is not None:
        where.append(table.event_time >= since)
    if last is not None:
        where += [table.event_time <= last, table.available_at <= last]
    columns, order = [table.event_time, table.available_at], [table.event_time, table.available_at]
    if table is FactRow:
        columns.append(table.value)
        order.append(table.vintage)
    found = read_columns(connection, columns, where, order)
    if not found[0].size:
        return NOTHING
    value = found[2] if table is FactRow else np.zeros(found[0].size)
    return Observations(found[0], found[1], value)
