"""Rows that are put in place of an older one, in one statement: two writers cannot collide."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from freqpilot.store.tables import Base

INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def put(connection: Connection, row: type[Base], key: str, values: Mapping[str, Any]) -> None:
    """Insert a row, or replace the other columns of the one that has its ``key``."""
    statement = INSERT[connection.dialect.name](row.__table__).values(**values)
    change = {name: statement.excluded[name] for name in values if name != key}
    connection.execute(statement.on_conflict_do_update(index_elements=[key], set_=change))


def put_once(connection: Connection, row: type[Base], values: Mapping[str, Any]) -> bool:
    """Insert a row; False when one with the same key is there, which is left alone."""
    table = row.__table__
    statement = INSERT[connection.dialect.name](table).values(**values).on_conflict_do_nothing()
    # Not by the count of rows: PostgreSQL's driver tells none where a key is returned.
    found = connection.execute(statement.returning(*table.primary_key))
    return found.first() is not None
