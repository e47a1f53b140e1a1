"""The store in a database: SQLite beside Freqtrade's, or PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    func,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from freqpilot.errors import RefuseToStart
from freqpilot.shapes import Decision, IntentState, OrderIntent
from freqpilot.store import outbox, postgres, shadows
from freqpilot.store.base import Alert, Event, ShadowKind, ShadowOrder, Store, levels_from
from freqpilot.store.patience import Patience
from freqpilot.store.plain import decision_fields, decision_from, plain
from freqpilot.store.tables import (
    CounterRow,
    DecisionRow,
    EventRow,
    HeartbeatRow,
    OrderIntentRow,
    RiskStateRow,
)
from freqpilot.store.upgrade import revision_of, upgrade
from freqpilot.store.upsert import put, put_once
from freqpilot.store.urls import read_only

WRITES = {"freqpilot_writes": "facts"}
"""Execution option of a transaction that writes facts. In SQLite it takes the write lock at its
begin and waits for it; one that reads first and then wants to write would fail at once instead. In
PostgreSQL it waits for other writers of facts only, so that an import holds up no order."""
SCHEMA = {"freqpilot_writes": "schema"}
"""As :data:`WRITES`, of one that makes or changes tables."""
ROWS = {"freqpilot_writes": "rows"}
"""As :data:`WRITES`, of the store's own: each is one statement a row, so PostgreSQL takes no lock
for them but the row's."""

LEDGER = "ledger "
"""What the keys of an account's state begin with."""
DECLARED = ", declared"
"""What the key of declared flows ends with: a command writes it, so it is no sign of a bot."""


class DatabaseStore(Store):
    """A store whose every method is one transaction, safe to call from any thread."""

    def __init__(self, engine: Engine, patience: Patience | None = None) -> None:
        self._engine = engine
        self._session = sessionmaker(engine)
        self._writing = engine.execution_options(**ROWS)
        self._patience = patience or Patience()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._patience.asked(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Session]:
        with self._patience.asked(), self._session() as session:
            yield session

    @classmethod
    def open(cls, url: str, busy_timeout: float, *, quick: bool = False) -> "DatabaseStore":
        """See :func:`freqpilot.store.open_store`."""
        patience = Patience()
        parsed = _parsed(url)
        try:
            if path := _file(parsed):
                path.parent.mkdir(parents=True, exist_ok=True)
            engine = _engine(parsed, busy_timeout, patience=patience, quick=quick)
        except OSError as error:
            raise RefuseToStart(f"the folder of {_shown(parsed)} cannot be made: {error}") from None
        try:
            _make_ready(engine)
        except DBAPIError as error:
            engine.dispose()
            raise _refusal(parsed, error) from None
        except RefuseToStart:
            engine.dispose()
            raise
        if quick:
            patience.limit()
        return cls(engine, patience)

    def save_state(self, key: str, state: Mapping[str, Any], time: datetime) -> None:
        values = {"key": key, "state": plain(state), "updated_at": time}
        with self._write() as connection:
            put(connection, RiskStateRow, "key", values)

    def swap_state(
        self,
        key: str,
        expected: Mapping[str, Any] | None,
        state: Mapping[str, Any],
        time: datetime,
    ) -> bool:
        values = {"key": key, "state": plain(state), "updated_at": time}
        query = select(RiskStateRow.state).where(RiskStateRow.key == key).with_for_update()
        with self._write() as connection:
            if expected is None:
                return put_once(connection, RiskStateRow, values)
            if connection.execute(query).scalar() != plain(expected):
                return False
            put(connection, RiskStateRow, "key", values)
            return True

    def load_state(self, key: str) -> dict[str, Any] | None:
        with self._read() as session:
            row = session.get(RiskStateRow, key)
            return None if row is None else row.state

    def add_event(
        self,
        time: datetime,
        kind: str,
        level: str,
        text: str,
        data: Mapping[str, Any] | None = None,
        *,
        alert: bool = True,
    ) -> None:
        fields = {"time": time, "kind": kind, "level": level, "text": text}
        figures = plain(data or {})
        with self._write() as connection:
            connection.execute(insert(EventRow).values(**fields, data=figures))
            if alert and level != "INFO":
                outbox.put(connection, time, kind, level, text, figures)

    def events(
        self, kind: str | None = None, limit: int = 100, *, level: str = "INFO"
    ) -> list[Event]:
        query = select(EventRow).order_by(EventRow.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(EventRow.kind == kind)
        if level != "INFO":
            query = query.where(EventRow.level.in_(levels_from(level)))
        with self._read() as session:
            rows = list(session.scalars(query))
        return [Event(row.time, row.kind, row.level, row.text, row.data) for row in reversed(rows)]

    def alerts(self) -> list[Alert]:
        with self._read() as session:
            return outbox.waiting(session)

    def take_alerts(self, ids: Sequence[int]) -> list[Alert]:
        with self._write() as connection:
            outbox.take(connection, ids)
        with self._read() as session:
            return outbox.waiting(session, ids)

    def save_alerts(self, alerts: Sequence[Alert], time: datetime) -> None:
        with self._write() as connection:
            # In one order, or two writers could wait for each other's rows.
            for each in sorted(alerts, key=lambda alert: alert.id):
                outbox.save(connection, each, time)

    def alerts_sent(self, since: datetime) -> dict[str, datetime]:
        with self._read() as session:
            return outbox.sent(session, since)

    def prune(self, before: datetime, most: int) -> int:
        old = select(EventRow.id).where(EventRow.time < before).order_by(EventRow.time).limit(most)
        with self._write() as connection:
            ids = connection.scalars(old).all()
            for some in outbox.batched(ids):
                connection.execute(delete(EventRow).where(EventRow.id.in_(some)))
            rest = outbox.prune(connection, before, most), shadows.prune(connection, before, most)
            return max(len(ids), *rest)

    def add_shadows(self, orders: Sequence[ShadowOrder]) -> int:
        with self._write() as connection:
            return shadows.add(connection, orders)

    def shadows(self, *kinds: ShadowKind, limit: int = 100) -> list[ShadowOrder]:
        with self._read() as session:
            return shadows.read(session, kinds, limit)

    def add_decision(self, trade_id: int, decision: Decision) -> bool:
        values = {"trade_id": trade_id, **decision_fields(decision)}
        with self._write() as connection:
            return put_once(connection, DecisionRow, values)

    def decision(self, trade_id: int) -> Decision | None:
        query = select(DecisionRow).where(DecisionRow.trade_id == trade_id)
        with self._read() as session:
            row = session.scalar(query.order_by(DecisionRow.id.desc()).limit(1))
            return None if row is None else decision_from(vars(row))

    def save_intent(self, intent: OrderIntent) -> None:
        with self._write() as connection:
            put(connection, OrderIntentRow, "client_id", asdict(intent))

    def intents(self, *states: IntentState) -> list[OrderIntent]:
        query = select(OrderIntentRow).order_by(OrderIntentRow.id)
        if states:
            query = query.where(OrderIntentRow.state.in_(states))
        with self._read() as session:
            rows = [vars(row) for row in session.scalars(query)]
        names = [each.name for each in fields(OrderIntent)]
        return [OrderIntent(**{name: row[name] for name in names}) for row in rows]

    def count_intents(self, prefix: str) -> int:
        query = select(func.count()).select_from(OrderIntentRow)
        # LIKE would take capitals for small letters in SQLite, and only there.
        begins = func.substr(OrderIntentRow.client_id, 1, len(prefix)) == prefix
        with self._read() as session:
            return int(session.scalar(query.where(begins)) or 0)

    def save_counters(self, counts: Mapping[str, int], time: datetime) -> None:
        with self._write() as connection:
            # In one order, or two writers could wait for each other's rows.
            for name in sorted(counts):
                values = {"name": name, "value": counts[name], "updated_at": time}
                put(connection, CounterRow, "name", values)

    def counters(self) -> dict[str, int]:
        with self._read() as session:
            return {row.name: row.value for row in session.scalars(select(CounterRow))}

    def beat(self, source: str, time: datetime) -> None:
        with self._write() as connection:
            put(connection, HeartbeatRow, "source", {"source": source, "beat_at": time})

    def beats(self) -> dict[str, datetime]:
        with self._read() as session:
            return {row.source: row.beat_at for row in session.scalars(select(HeartbeatRow))}

    def close(self) -> None:
        self._engine.dispose()


def connect(url: str, *, writes: bool, busy_timeout: float = 5.0) -> Engine:
    """Return an engine for a database: at this version's tables, or as it is and read only.

    The file is not looked through as in :meth:`DatabaseStore.open`: with millions of facts that
    takes seconds, and facts can be had again.

    :raises RefuseToStart: when it cannot be used, or is to be read and does not exist.
    """
    parsed = _parsed(url)
    path = _file(parsed)
    if writes and path:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RefuseToStart(f"the folder of {path} cannot be made: {error}") from None
    elif path:
        if not path.is_file():
            raise RefuseToStart(
                f"there is no database {path}; fill it with `freqpilot facts import FILE`, or name "
                "the right one as freqpilot.facts.url or with --userdir"
            )
        parsed = _parsed(str(read_only(url)))
    engine = _engine(parsed, busy_timeout, writes=writes)
    try:
        with engine.execution_options(**SCHEMA if writes else {}).begin() as connection:
            if writes:
                _check_encoding(connection)
                upgrade(connection)
            else:
                revision_of(connection)
    except DBAPIError as error:
        engine.dispose()
        raise _refusal(_parsed(url), error) from None
    except RefuseToStart:
        engine.dispose()
        raise
    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # What is wrong with it may hold a part of the password, so it is not told.
        raise RefuseToStart(
            "freqpilot.store.url is no database URL; write it as sqlite:///freqpilot.sqlite or "
            "postgresql://user@host/name (in a password %XX in place of special characters), or "
            "leave it out"
        ) from None
    return parsed if parsed.get_backend_name() == "sqlite" else postgres.normalised(parsed)


def _file(url: URL) -> Path | None:
    """Return the SQLite file, or None for another database or one in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def _shown(url: URL) -> str:
    """Return how a message names the database: never with its password."""
    named = url.set(drivername=url.get_backend_name(), query={})
    return str(_file(url) or named.render_as_string(hide_password=True))


def _engine(
    url: URL,
    busy_timeout: float,
    *,
    writes: bool = True,
    patience: Patience | None = None,
    quick: bool = False,
) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return postgres.make_engine(
                url, busy_timeout, writes=writes, patience=patience, quick=quick
            )
        except ImportError as error:
            raise RefuseToStart(
                f"the driver for {_shown(url)} cannot be used ({error}); open trades are "
                "untouched. Run pip install 'freqpilot[postgres]', or use SQLite"
            ) from None
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: ConnectionPoolEntry) -> None:
        # Python's sqlite3 begins no transaction before DDL; we begin each one ourselves instead.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        if writes:
            connection.execute("PRAGMA journal_mode = WAL")
            # A latch must also survive a power cut; writes are rare enough to wait for the disk.
            connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        writing = "freqpilot_writes" in connection.get_execution_options()
        if writing and patience is not None and patience.wait is not None:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(patience.wait * 1000)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _make_ready(engine: Engine) -> None:
    with engine.execution_options(**SCHEMA).begin() as connection:
        _check_sound(engine, connection)
        upgrade(connection)


def _check_sound(engine: Engine, connection: Any) -> None:
    """Let SQLite read its whole file, so that a damaged one is refused before it is written to."""
    if engine.dialect.name != "sqlite":
        _check_encoding(connection)
        return
    verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if verdict != "ok":
        raise RefuseToStart(
            f"the database {engine.url.database} is damaged ({verdict}); open trades are "
            "untouched. Restore it from a backup, or move it away to begin without peak and latches"
        )


def _check_encoding(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        postgres.check_encoding(connection)


def _refusal(url: URL, error: DBAPIError) -> RefuseToStart:
    cause = " ".join(str(error.orig).split())
    if url.password:
        cause = cause.replace(str(url.password), "***")
    if url.get_backend_name() != "sqlite":
        told = postgres.advice(error)
    elif "locked" in cause or "busy" in cause:
        told = "another process holds it: stop the other bot or give each its freqpilot.store.url"
    elif "not a database" in cause or "malformed" in cause:
        told = "it is damaged: restore it from a backup, or move it away to begin a new one"
    else:
        told = "check freqpilot.store.url and its permissions"
    return RefuseToStart(
        f"the database {_shown(url)} cannot be used ({cause}); open trades are untouched. {told}"
    )
