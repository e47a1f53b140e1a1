"""Alembic's environment: upgrades the connection it is handed, and sets up no logging."""

from alembic import context

from freqpilot.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # The store's connections begin their transactions explicitly, so that SQLite too takes a
    # migration back as a whole when it fails.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
