"""Numbers into and out of tables by the many: plain rows in SQLite, binary blocks in PostgreSQL."""

from collections.abc import Sequence
from functools import reduce
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Connection, Float, cast, func, insert, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.exc import DBAPIError

from freqpilot.facts.check import Columns
from freqpilot.shapes import Ints
from freqpilot.store.tables import FactRow

BATCH = 50_000
"""Rows a statement: a few MiB of Python objects."""
NAMES = ("series_id", "event_time", "available_at", "vintage", "value")
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
"""A row of -1 fields."""
FIELDS = (
    ("fields", ">i2", len(NAMES)),
    *(
        part
        for name, kind in zip(NAMES, (">i8", ">i8", ">i8", ">i4", ">f8"), strict=True)
        for part in ((f"{name} bytes", ">i4", int(kind[2])), (name, kind, None))
    ),
)
"""A row as COPY takes it in binary: how many fields, then each field's length and content; see
PostgreSQL's manual, COPY, Binary Format."""


def insert_rows(connection: Connection, ids: Ints, columns: Columns) -> None:
    """Insert facts in the order of the table's key, which is what a B-tree takes fastest."""
    place = np.lexsort((columns.vintage, columns.available, columns.event, ids))
    table = (ids, columns.event, columns.available, columns.vintage, columns.value)
    write = _copy if connection.dialect.name == "postgresql" else _execute
    for begin in range(0, place.size, BATCH):
        part = place[begin : begin + BATCH]
        write(connection, [column[part] for column in table])


def read_columns(
    connection: Connection, columns: Sequence[Any], where: Sequence[Any], order: Sequence[Any]
) -> tuple[Any, ...]:
    """Return columns of whole numbers as int64, others as float64, of the rows that ``where``
    holds, in the order of ``order``."""
    whole = [not isinstance(column.type, Float) for column in columns]
    if connection.dialect.name == "postgresql":
        return _aggregated(connection, columns, whole, where, order)
    cursor = connection.execute(select(*columns).where(*where).order_by(*order)).cursor
    rows: Any = cursor.fetchall() if cursor is not None else []
    # float64 holds microseconds exactly for 285 years.
    flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(columns))
    table = flat.reshape(-1, len(columns))
    return tuple(
        table[:, place].astype(np.int64) if integer else np.ascontiguousarray(table[:, place])
        for place, integer in enumerate(whole)
    )


def _execute(connection: Connection, table: Sequence[Any]) -> None:
    rows = zip(*(column.tolist() for column in table), strict=True)
    statement = insert(FactRow)
    if connection.dialect.positional:
        # A third faster than through dictionaries.
        compiled = statement.compile(dialect=connection.dialect, column_keys=list(NAMES))
        connection.exec_driver_sql(str(compiled), list(rows))
    else:
        connection.execute(statement, [dict(zip(NAMES, row, strict=True)) for row in rows])


def _copy(connection: Connection, table: Sequence[Any]) -> None:
    block = np.empty(table[0].size, dtype=[(name, kind) for name, kind, _ in FIELDS])
    for name, _, constant in FIELDS:
        block[name] = table[NAMES.index(name)] if constant is None else constant
    driver: Any = connection.dialect.dbapi
    raw: Any = connection.connection
    statement = f"COPY {FactRow.__tablename__} ({', '.join(NAMES)}) FROM STDIN (FORMAT BINARY)"
    try:
        with raw.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(SIGNATURE + block.tobytes() + END)
    except driver.Error as error:
        # As SQLAlchemy does with what it executes itself.
        raise DBAPIError.instance(
            statement, None, error, driver.Error, dialect=connection.dialect
        ) from error


def _aggregated(
    connection: Connection,
    columns: Sequence[Any],
    whole: Sequence[bool],
    where: Sequence[Any],
    order: Sequence[Any],
) -> tuple[Any, ...]:
    """All rows come as one block of bytes: twice as fast as row by row, and 1 GiB at most, which is
    40 million facts of a series."""
    fields: list[Any] = [
        func.int8send(cast(column, BigInteger)) if integer else func.float8send(column)
        for column, integer in zip(columns, whole, strict=True)
    ]
    row = reduce(lambda left, right: left.op("||")(right), fields)
    block = func.string_agg(row, aggregate_order_by(literal(b""), *order))
    found: bytes = connection.scalar(select(block).where(*where)) or b""
    kinds = [(str(place), ">i8" if integer else ">f8") for place, integer in enumerate(whole)]
    table = np.frombuffer(found, dtype=kinds)
    return tuple(
        table[str(place)].astype(np.int64 if integer else np.float64)
        for place, integer in enumerate(whole)
    )
