"""The databases' URLs, as the settings name them, and the files that SQLite's are."""

import os
from pathlib import Path

from freqpilot.settings import Settings

MEMORY = ":memory:"
"""SQLite's name for a database that is no file."""


def store_url(settings: Settings, user_data: Path) -> str:
    """Return the store's database URL; a relative SQLite path counts from user_data."""
    return resolved(settings.store.url or "sqlite:///freqpilot.sqlite", user_data)


def resolved(url: str, user_data: Path) -> str:
    """Return a database's URL; a relative SQLite path counts from user_data."""
    path = _sqlite_path(url)
    return url if path is None or path.is_absolute() else with_file(url, user_data / path)


def facts_url(settings: Settings, user_data: Path) -> str:
    """Return the database of facts: ``freqpilot.facts.url``, or beside the store."""
    if settings.facts.url:
        return store_url(settings.model_copy(update={"store": settings.facts}), user_data)
    url = store_url(settings, user_data)
    path = _sqlite_path(url)
    if path is None:
        return url
    return with_file(url, path.with_name(f"{path.stem}-facts{path.suffix}"))


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite database; None for a server's, for one in memory, and for what is
    no URL of a database."""
    path = _sqlite_path(url)
    return None if path is None or str(path) == MEMORY else path


def in_memory(url: str) -> bool:
    """Tell whether a URL is that of a SQLite database in memory."""
    return url == "sqlite://" or str(_sqlite_path(url)) == MEMORY


def read_only(url: str) -> str | None:
    """Return the URL by which a database is read and never written; None where there is nothing to
    read: a SQLite file that is not there, or a database in memory.

    A file of a folder that cannot be written, such as a volume that is mounted read only, is read
    as it lies when no writer has it open: SQLite could not make its index of the journal there.
    """
    from urllib.parse import quote

    from sqlalchemy.engine import make_url

    if in_memory(url):
        return None
    file = sqlite_file(url)
    if file is None:
        return url
    if not file.is_file():
        return None
    shown = f"file:{quote(str(file.absolute()))}"
    query = {"mode": "ro", "uri": "true"}
    if not os.access(file.parent, os.W_OK) and not file.with_name(f"{file.name}-wal").exists():
        query["immutable"] = "1"
    found = make_url(url).set(database=shown, query=query)
    return found.render_as_string(hide_password=False)


def with_file(url: str, file: Path) -> str:
    """Return the URL of a SQLite database with another file, its options as they were."""
    from sqlalchemy.engine import make_url

    return make_url(url).set(database=str(file)).render_as_string(hide_password=False)


def _sqlite_path(url: str) -> Path | None:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)
