"""The alerts of a database: rows of what is to be sent, and how far that is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, delete, func, insert, select, update
from sqlalchemy.orm import Session

from freqpilot.store.base import Alert
from freqpilot.store.plain import alert_key
from freqpilot.store.tables import AlertRow

UNDELIVERED = ("open", "taken")
CHUNK = 500
"""Ids of one statement: SQLite takes no more than some thousand."""


def put(
    connection: Connection,
    time: datetime,
    kind: str,
    level: str,
    text: str,
    data: Mapping[str, Any],
) -> None:
    """Queue an alert, or count it in the open one of its key: a refusal that comes each loop is
    one row."""
    key = alert_key(kind, level, text, data)
    alike = update(AlertRow).where(AlertRow.state == "open", AlertRow.key == key)
    counted = connection.execute(alike.values(times=AlertRow.times + 1, newest=time, text=text))
    if cast("CursorResult[Any]", counted).rowcount:
        return
    values = {"key": key, "state": "open", "time": time, "newest": time, "kind": kind}
    connection.execute(
        insert(AlertRow).values(**values, level=level, text=text, times=1, channels=[], tries=0)
    )


def waiting(session: Session, ids: Sequence[int] | None = None) -> list[Alert]:
    """Return the alerts that are not at their end, oldest first: all, or those of ``ids``."""
    query = select(AlertRow).where(AlertRow.state.in_(UNDELIVERED)).order_by(AlertRow.id)
    names = [each.name for each in fields(Alert) if each.name != "channels"]
    found = [
        Alert(**{name: getattr(row, name) for name in names}, channels=tuple(row.channels))
        for row in session.scalars(query)
    ]
    return found if ids is None else [alert for alert in found if alert.id in set(ids)]


def batched(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield ids by as many as one statement takes."""
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def take(connection: Connection, ids: Sequence[int]) -> None:
    """Let these alerts count no more of their like."""
    for some in batched(ids):
        taken = update(AlertRow).where(AlertRow.id.in_(some)).values(state="taken")
        connection.execute(taken)


def prune(connection: Connection, before: datetime, most: int) -> int:
    """Delete the oldest alerts that ended before a time, at most so many; returns how many."""
    ended = AlertRow.state.not_in(UNDELIVERED), AlertRow.ended_at < before
    ids = connection.scalars(select(AlertRow.id).where(*ended).limit(most)).all()
    for some in batched(ids):
        connection.execute(delete(AlertRow).where(AlertRow.id.in_(some)))
    return len(ids)


def save(connection: Connection, alert: Alert, time: datetime) -> None:
    """Keep how far an alert's sending is. What it counts is :func:`put`'s to change."""
    ended = None if alert.state in UNDELIVERED else time
    values = {"state": alert.state, "channels": list(alert.channels), "tries": alert.tries}
    row = update(AlertRow).where(AlertRow.id == alert.id)
    connection.execute(row.values(**values, ended_at=ended))


def sent(session: Session, since: datetime) -> dict[str, datetime]:
    """Return, by key, when an alert was last sent, from ``since`` on."""
    last = func.max(AlertRow.ended_at, type_=AlertRow.ended_at.type)
    query = select(AlertRow.key, last).where(AlertRow.state == "sent", AlertRow.ended_at >= since)
    rows = session.execute(query.group_by(AlertRow.key)).all()
    return {str(key): time for key, time in rows if time is not None}
