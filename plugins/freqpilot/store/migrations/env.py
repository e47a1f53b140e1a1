"""Alembic's environment: upgrades the connection it is handed, and sets up no logging.

The caller has begun the transaction, so a migration that fails is taken back as a whole.
"""

from alembic import context

from freqpilot.store.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
