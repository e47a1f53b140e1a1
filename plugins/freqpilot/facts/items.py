"""Headlines and posts with their scores: appended, never changed."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from freqpilot.facts.check import BadFact
from freqpilot.facts.store import Appended, FactStore
from freqpilot.shapes import Item
from freqpilot.store.database import WRITES
from freqpilot.store.tables import FactEngagementRow, FactItemRow

GROWN = 0.1
"""By how much log10(1 + engagement) must have changed to be kept anew: by about a quarter."""


def append_items(store: FactStore, items: Iterable[Item], now: datetime) -> Appended:
    """Keep headlines and posts; one with the same source, key, asset and model is there already
    and left alone: a score of another model is a row of its own. How much engagement it has is
    kept each time that it has changed much, as known when it was fetched.

    :raises BadFact: naming the first that is stamped later than ``now`` or before it happened;
        nothing is kept then.
    """
    rows = list(items)
    for place, item in enumerate(rows):
        if reason := _fault(item, now):
            raise BadFact(f"item {place} ({item.key}): {reason}; none of them was kept", place)
    with store.engine.execution_options(**WRITES).begin() as connection:
        added = insert_items(connection, rows)
        insert_engagement(connection, rows)
    return Appended(added, len(rows) - added)


def insert_items(connection: Connection, rows: Iterable[Item]) -> int:
    """Insert those that are not there yet and return how many."""
    added = 0
    row = FactItemRow
    for item in rows:
        same = (row.source == item.source) & (row.key == item.key)
        same &= (row.asset == item.asset) & (row.model == item.model)
        if connection.scalar(select(row.id).where(same)) is None:
            connection.execute(insert(row), _fields(item))
            added += 1
    return added


def insert_engagement(connection: Connection, rows: Iterable[Item]) -> None:
    """Insert how much engagement items have where that is new or has changed much."""
    row = FactEngagementRow
    told = {(item.source, item.key): item for item in rows if math.isfinite(item.engagement)}
    for (source, key), item in told.items():
        query = select(row.value, row.known_at).where(row.source == source, row.key == key)
        last = connection.execute(query.order_by(row.known_at.desc()).limit(1)).first()
        if last is not None:
            change = abs(math.log10((1 + item.engagement) / (1 + last[0])))
            if change < GROWN or item.available_at <= last[1]:
                continue
        values = {"source": source, "key": key, "value": item.engagement}
        connection.execute(insert(row), {**values, "known_at": item.available_at})


def items(
    store: FactStore, asset: str, since: datetime, until: datetime, model: str = ""
) -> list[Item]:
    """Return the items about an asset, as ``model`` scored them, that became known after ``since``
    and at ``until`` the latest; oldest first."""
    row = FactItemRow
    query = select(row.__table__).where(row.asset == asset, row.model == model)
    query = query.where(row.available_at > since, row.available_at <= until)
    with store.engine.connect() as connection:
        found = connection.execute(query.order_by(row.available_at, row.id)).mappings()
        return [_item(dict(each)) for each in found]


def _fault(item: Item, now: datetime) -> str | None:
    if item.available_at > now:
        return "available_at lies in the future"
    if item.available_at < item.event_time:
        return "available_at is before event_time"
    return None if item.source and item.key and item.asset else "source, key or asset is missing"


def _fields(item: Item) -> dict[str, Any]:
    fields = dict(vars(item))
    fields.pop("engagement")
    for name in ("score", "confidence"):
        fields[name] = fields[name] if math.isfinite(fields[name]) else None
    return fields


def _item(row: dict[str, Any]) -> Item:
    row.pop("id")
    for name in ("score", "confidence"):
        row[name] = math.nan if row[name] is None else row[name]
    return Item(**row)
