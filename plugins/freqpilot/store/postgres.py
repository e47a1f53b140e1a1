"""What only PostgreSQL needs: its driver, how long it is waited for, and what a refusal advises."""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from freqpilot.errors import RefuseToStart
from freqpilot.store.patience import Patience

DRIVER = "postgresql+psycopg"
NAMES = ("postgres", "postgresql", DRIVER)
LOCKS = {"schema": 1, "facts": 2}
"""Kinds of transaction that run one at a time in a database: they read before they write."""
SPACE = 0x46515054
"""Of the pack's advisory locks, apart from those of others."""
WAITS = {
    "connect_timeout": 5,
    # A server that vanished must not hold up a loop for the system's quarter of an hour.
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""Of libpq: seconds, tcp_user_timeout milliseconds. One in the URL has its way."""
QUICK = {"connect_timeout": 2, "tcp_user_timeout": 2_000}
"""Those of a bot's loop, which has exits to send; two seconds are the least that libpq takes."""
ADVICE = (
    (
        ("password authentication failed", "no password supplied", "pg_hba.conf"),
        "check user and password: in PGPASSWORD, in ~/.pgpass, or in the URL with %XX in place of "
        "special characters",
    ),
    (
        ("permission denied", "must be owner"),
        "let its user own the database (ALTER DATABASE name OWNER TO user), or GRANT CREATE, USAGE "
        "ON SCHEMA public",
    ),
    (("does not exist",), "make what is missing with createuser and createdb, or mend the URL"),
    (("read-only transaction",), "this server only answers reads: name the primary in the URL"),
    (
        ("lock timeout", "deadlock detected"),
        "another process holds it; try again when it is done",
    ),
    (("connection", "server closed", "timeout"), "start the server, or mend host and port"),
)


def normalised(url: URL) -> URL:
    """Return the URL with the driver that the pack uses, psycopg 3.

    :raises RefuseToStart: for another driver.
    """
    if url.drivername not in NAMES:
        raise RefuseToStart(
            f"the driver of {url.drivername} is not one that freqpilot was tried with; write "
            "postgresql://user@host/name (psycopg 3), or use SQLite; open trades are untouched"
        )
    return url.set(drivername=DRIVER)


def make_engine(
    url: URL,
    busy_timeout: float,
    *,
    writes: bool,
    patience: Patience | None = None,
    quick: bool = False,
) -> Engine:
    """Return an engine; see :func:`freqpilot.store.database.connect`.

    :param quick: a bot's loop uses it.
    """
    usual = WAITS | QUICK if quick else WAITS
    waits = {name: value for name, value in usual.items() if name not in url.query}
    # A connection that a restart of the server has ended is found out before it is used.
    engine = create_engine(url, connect_args=waits, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: ConnectionPoolEntry) -> None:
        settings = {"TimeZone": "UTC", "lock_timeout": str(int(busy_timeout * 1000))}
        if not writes:
            settings["default_transaction_read_only"] = "on"
        with connection.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
            # A latch must also survive a power cut, whatever the server's setting is for others.
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"
            )
        connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if patience is not None and patience.wait is not None:
            wait = f"SET LOCAL lock_timeout = {int(patience.wait * 1000)}"
            connection.exec_driver_sql(wait)
        lock = LOCKS.get(connection.get_execution_options().get("freqpilot_writes", ""))
        if lock is not None:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SPACE}, {lock})")

    return engine


def check_encoding(connection: Connection) -> None:
    """Refuse a database that cannot hold every headline.

    :raises RefuseToStart: naming its encoding.
    """
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise RefuseToStart(
            f"the database {connection.engine.url.database} is encoded as {encoding}; open trades "
            "are untouched. Make one with createdb --encoding=UTF8 --template=template0"
        )


def advice(error: DBAPIError) -> str:
    """Return what to do about an error, in a few words."""
    cause = str(error.orig)
    for signs, told in ADVICE:
        if any(sign in cause for sign in signs):
            return told
    return "check freqpilot.store.url and its permissions"
