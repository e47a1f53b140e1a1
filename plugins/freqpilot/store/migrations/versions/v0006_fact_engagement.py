"""Engagement of texts, and an index for what a model has scored lately."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add their table and the index."""
    op.create_table(
        "fact_engagement",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", "known_at", name="pk_fact_engagement"),
    )
    op.create_index("ix_fact_item_model_event_time", "fact_item", ["model", "event_time"])


def downgrade() -> None:
    """Drop them; how engagement grew is lost."""
    op.drop_index("ix_fact_item_model_event_time", "fact_item")
    op.drop_table("fact_engagement")
