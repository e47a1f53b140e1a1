"""Facts from outside, and headlines with their scores."""

import sqlalchemy as sa
from alembic import op

from freqpilot.store.migrations.parts import KEY, versions_of_a_series

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add their tables."""
    op.create_table(
        "fact_series",
        sa.Column("id", KEY, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fact_series"),
        sa.UniqueConstraint("source", "asset", "metric", name="uq_fact_series_source_asset_metric"),
    )
    versions_of_a_series(
        "fact",
        sa.Column("vintage", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint(
            "series_id", "event_time", "available_at", "vintage", name="pk_fact"
        ),
        sa.ForeignKeyConstraint(["series_id"], ["fact_series.id"], name="fk_fact_series_id"),
    )
    op.create_table(
        "fact_item",
        sa.Column("id", KEY, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fact_item"),
        sa.UniqueConstraint(
            "source", "key", "asset", "model", name="uq_fact_item_source_key_asset_model"
        ),
    )
    op.create_index("ix_fact_item_asset", "fact_item", ["asset"])
    op.create_index("ix_fact_item_available_at", "fact_item", ["available_at"])


def downgrade() -> None:
    """Drop them with all facts."""
    op.drop_table("fact_item")
    op.drop_table("fact")
    op.drop_table("fact_series")
