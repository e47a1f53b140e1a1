"""Brings a database to the tables of this version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from freqpilot.errors import RefuseToStart

MIGRATIONS = Path(__file__).parent / "migrations"


def alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for the pack's migrations; no file is read."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def revision_of(connection: Connection) -> str | None:
    """Return the revision a database is at, None for one without the pack's tables.

    :raises RefuseToStart: when this version does not know the revision.
    """
    found = MigrationContext.configure(connection).get_current_heads()
    scripts = ScriptDirectory.from_config(alembic_config())
    known = {script.revision for script in scripts.walk_revisions()}
    if unknown := set(found) - known:
        raise RefuseToStart(
            f"the database is at revision {', '.join(sorted(unknown))}, this version of freqpilot "
            f"knows up to {newest()}: a newer version wrote it. Install that version again, or "
            "set freqpilot.store.url to another file"
        )
    return found[0] if found else None


def newest() -> str:
    """Return the revision this version brings a database to."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the database to ``revision`` within the connection's transaction.

    :raises RefuseToStart: when a newer version wrote it.
    """
    if revision_of(connection) != newest():
        command.upgrade(alembic_config(connection), revision)
