"""The alerts that are to leave the machine: an outbox beside the events."""

import sqlalchemy as sa
from alembic import op

from freqpilot.store.migrations.parts import KEY

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add their table; events so far raise no alert."""
    op.create_table(
        "alert",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("newest", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
    )
    op.create_index("ix_alert_state_key", "alert", ["state", "key"])


def downgrade() -> None:
    """Drop it; what was not delivered is in the events alone."""
    op.drop_index("ix_alert_state_key", "alert")
    op.drop_table("alert")
