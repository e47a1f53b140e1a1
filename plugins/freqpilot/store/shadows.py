"""The shadow orders of a database."""

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.orm import Session

from freqpilot.store.base import ShadowKind, ShadowOrder
from freqpilot.store.outbox import batched
from freqpilot.store.plain import utc
from freqpilot.store.tables import ShadowRow
from freqpilot.store.upsert import put_once

FIGURES = ("rate", "leverage", "stake", "allowed")


def add(connection: Connection, orders: Sequence[ShadowOrder]) -> int:
    """Append those that are not there yet; returns how many they were."""
    return sum(put_once(connection, ShadowRow, _values(order)) for order in orders)


def _values(order: ShadowOrder) -> dict[str, object]:
    found = asdict(order)
    for name in FIGURES:
        found[name] = found[name] if math.isfinite(found[name]) else None
    return found | {"time": utc(order.time), "candle": utc(order.candle)}


def read(session: Session, kinds: Collection[ShadowKind], limit: int) -> list[ShadowOrder]:
    """Return the newest so many, of these kinds or all without any, oldest first."""
    query = select(ShadowRow).order_by(ShadowRow.time.desc(), ShadowRow.id.desc()).limit(limit)
    if kinds:
        query = query.where(ShadowRow.kind.in_(kinds))
    names = [each.name for each in fields(ShadowOrder)]
    found = [{name: getattr(row, name) for name in names} for row in session.scalars(query)]
    for each in found:
        each |= {name: math.nan for name in FIGURES if each[name] is None}
    return [ShadowOrder(**each) for each in reversed(found)]


def prune(connection: Connection, before: datetime, most: int) -> int:
    """Delete the oldest of before a time, at most so many; returns how many."""
    old = select(ShadowRow.id).where(ShadowRow.time < before).order_by(ShadowRow.time).limit(most)
    ids = connection.scalars(old).all()
    for some in batched(ids):
        connection.execute(delete(ShadowRow).where(ShadowRow.id.in_(some)))
    return len(ids)
