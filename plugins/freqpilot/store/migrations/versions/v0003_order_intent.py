"""Intents of orders."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add their table."""
    op.create_table(
        "order_intent",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("trade", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("stop", sa.Double(), nullable=True),
        sa.Column("leverage", sa.Double(), nullable=False),
        sa.Column("tag", sa.String(), nullable=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_order_intent"),
        sa.UniqueConstraint("client_id", name="uq_order_intent_client_id"),
    )
    op.create_index("ix_order_intent_state", "order_intent", ["state"])


def downgrade() -> None:
    """Drop it; what was meant by orders that are still uncertain is lost."""
    op.drop_table("order_intent")
