"""Decisions, counters, heartbeats, and the figures of an event."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add three tables; events so far get empty figures."""
    # Added in place: a rebuilt event table would copy what is only ever appended.
    op.add_column("event", sa.Column("data", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trade_id", sa.BigInteger(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("composite", sa.Double(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("coverage", sa.Double(), nullable=True),
        sa.Column("contributions", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        sa.UniqueConstraint("trade_id", "pair", "time", name="uq_decision_trade_id_pair_time"),
    )
    op.create_index("ix_decision_trade_id", "decision", ["trade_id"])
    op.create_table(
        "counter",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counter"),
    )
    op.create_table(
        "heartbeat",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_heartbeat"),
    )


def downgrade() -> None:
    """Drop them; the figures of events are lost."""
    op.drop_table("heartbeat")
    op.drop_table("counter")
    op.drop_table("decision")
    with op.batch_alter_table("event") as batch:
        batch.drop_column("data")
