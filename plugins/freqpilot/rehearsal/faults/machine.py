"""Faults of the machine that a bot runs on: its store is locked, away or on a full disk.

Each function begins one and returns what ends it.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

STORE_TABLES = ("risk_state", "event", "order_intent", "heartbeat", "counter", "decision")
AWAY = "_away"
COPY = "-copy"
FULL = "-full"
"""Beside a store: its disk is full while a file of this ending is there."""

Undo = Callable[[], None]


def lock(store: Path) -> Undo:
    """Hold the store's write lock."""
    connection = sqlite3.connect(store, isolation_level=None, timeout=10, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection.close  # which rolls back


def take_away(store: Path) -> Undo:
    """Rename the store's tables: to the bot it is a database that answers nothing."""
    moved = _rename(store, {name: f"{name}{AWAY}" for name in STORE_TABLES})

    def bring_back() -> None:
        _rename(store, {f"{name}{AWAY}": name for name in moved})

    return bring_back


def _rename(database: Path, names: Mapping[str, str]) -> list[str]:
    done = []
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as store:
        known = {row[0] for row in store.execute("select name from sqlite_master")}
        store.execute("BEGIN IMMEDIATE")
        for old, new in names.items():
            if old in known:
                store.execute(f"DROP TABLE IF EXISTS {new}")
                store.execute(f"ALTER TABLE {old} RENAME TO {new}")
                done.append(old)
        store.execute("COMMIT")
    return done


def back_up(store: Path) -> Undo:
    """Copy the store; what is returned puts the copy in its place, which no process may use."""
    copy = store.with_name(f"{store.name}{COPY}")
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)

    def restore() -> None:
        for rest in ("-wal", "-shm"):
            store.with_name(f"{store.name}{rest}").unlink(missing_ok=True)
        copy.replace(store)

    return restore


def fill_disk(store: Path) -> Undo:
    """Let the disk of the store be full for each process that has called :func:`heed_full_disk`."""
    marker = _marker(store)
    marker.touch()
    return lambda: marker.unlink(missing_ok=True)


def heed_full_disk(store: Path) -> None:
    """Let this process's connections to the store meet a full disk while there is one: what was
    written fails when it is committed, as it does where SQLite cannot let its log grow."""
    from sqlalchemy import Engine, event

    marker = _marker(store)

    class Connection(sqlite3.Connection):
        _changes = 0

        def commit(self) -> None:
            if self.in_transaction and self.total_changes != self._changes and marker.exists():
                self.rollback()
                raise sqlite3.OperationalError("database or disk is full")
            super().commit()
            self._changes = self.total_changes

        def rollback(self) -> None:
            super().rollback()
            self._changes = self.total_changes

    @event.listens_for(Engine, "do_connect")
    def connect(_dialect: Any, _record: Any, given: list[Any], named: dict[str, Any]) -> None:
        if given and str(given[0]) == str(store):
            named["factory"] = Connection


def _marker(store: Path) -> Path:
    return store.with_name(store.name + FULL)
