"""What must survive a restart: risk state, decisions, events, counters.

``open_store`` gives the database, ``memory_store`` the same in memory for one backtest or hyperopt
epoch, which never touches a file. SQLAlchemy and Alembic are imported when a database is opened.
"""

from datetime import datetime
from typing import Any

from freqpilot.store.base import LEVELS, Alert, Event, ShadowKind, ShadowOrder, Store

__all__ = [
    "LEVELS",
    "Alert",
    "Event",
    "ShadowKind",
    "ShadowOrder",
    "Store",
    "check_store",
    "last_sign",
    "memory_store",
    "open_store",
    "peek_state",
    "require_written",
]


def memory_store() -> Store:
    """Return an empty store that lives and ends with one run."""
    from freqpilot.store.memory import MemoryStore

    return MemoryStore()


def open_store(url: str, *, busy_timeout: float = 5.0, quick: bool = False) -> Store:
    """Open the database at a SQLAlchemy URL, make or upgrade its tables and return the store.

    Missing folders of a SQLite file are made. ``busy_timeout`` is how many seconds to wait for
    another process that writes. ``quick`` is for a bot's loop, which has exits to send: once open,
    the store makes it wait for half a second at most, and after a failure fails at once for a while
    (:mod:`freqpilot.store.patience`).

    :raises RefuseToStart: when the database is corrupt, locked, out of reach or was written by a
        newer version; its content is unchanged then.
    """
    from freqpilot.store.database import DatabaseStore

    return DatabaseStore.open(url, busy_timeout, quick=quick)


def check_store(url: str) -> str:
    """Look at the database without changing or creating it; return one line on its state.

    :raises RefuseToStart: as :func:`open_store`.
    """
    from freqpilot.store.looking import inspect_database

    return inspect_database(url)


def peek_state(url: str, key: str) -> dict[str, Any] | None:
    """Return a state as it is saved, None where there is none; nothing is created or changed.

    :raises RefuseToStart: as :func:`open_store`.
    """
    from freqpilot.store.looking import peek_state as peek

    return peek(url, key)


def require_written(url: str) -> str:
    """Return how a message shows the database, without a password, when a bot has written it.

    It is only looked at: nothing is created or changed.

    :raises RefuseToStart: when it is not there, or holds no account of a bot; or as
        :func:`open_store`.
    """
    from freqpilot.store.looking import require_written as look

    return look(url)


def last_sign(url: str) -> datetime | None:
    """Return when a bot last gave a sign of life in the database; None where none ever did, or
    where there is no such database. It is only looked at.

    :raises RefuseToStart: as :func:`open_store`.
    """
    from freqpilot.store.looking import last_sign as look

    return look(url)
