"""Orders that were not sent as a strategy asked for them, or would not have been."""

import sqlalchemy as sa
from alembic import op

from freqpilot.store.migrations.parts import KEY

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add their table; what was refused so far is in the events alone."""
    op.create_table(
        "shadow",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ledger", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("candle", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=True),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("leverage", sa.Double(), nullable=True),
        sa.Column("stake", sa.Double(), nullable=True),
        sa.Column("allowed", sa.Double(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shadow"),
        sa.UniqueConstraint(
            *("ledger", "kind", "pair", "purpose", "rule", "candle"),
            name="uq_shadow_ledger_kind_pair_purpose_rule_candle",
        ),
    )
    op.create_index("ix_shadow_time", "shadow", ["time"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_shadow_time", "shadow")
    op.drop_table("shadow")
