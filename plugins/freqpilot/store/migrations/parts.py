"""What tables of several revisions have in common. A revision never changes: nor may these."""

from typing import Any

import sqlalchemy as sa
from alembic import op

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite counts up INTEGER keys only."""


def versions_of_a_series(name: str, *parts: Any) -> None:
    """Make a table of versions of a series' events, which in SQLite is its own index; ``parts``
    are its further columns and its keys."""
    op.create_table(
        name,
        sa.Column("series_id", KEY, nullable=False),
        sa.Column("event_time", sa.BigInteger(), nullable=False),
        sa.Column("available_at", sa.BigInteger(), nullable=False),
        *parts,
        sqlite_with_rowid=False,
    )
