"""The collector: how far it is with each feed, and readings that are set aside."""

import sqlalchemy as sa
from alembic import op

from freqpilot.store.migrations.parts import versions_of_a_series

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add their tables."""
    versions_of_a_series(
        "fact_quarantine",
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint(
            "series_id", "event_time", "available_at", name="pk_fact_quarantine"
        ),
        sa.ForeignKeyConstraint(["series_id"], ["fact_series.id"], name="fk_fact_quarantine_id"),
    )
    op.create_table(
        "fact_feed",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("live_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reached", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("newest_event", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("faulty", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", "feed", name="pk_fact_feed"),
    )


def downgrade() -> None:
    """Drop them; readings that were set aside are lost."""
    op.drop_table("fact_feed")
    op.drop_table("fact_quarantine")
