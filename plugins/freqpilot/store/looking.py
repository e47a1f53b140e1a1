"""What a store's database holds, looked at from beside the bot: nothing is created or changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import URL, func, select
from sqlalchemy.exc import DBAPIError

from freqpilot.errors import RefuseToStart
from freqpilot.store.database import (
    DECLARED,
    LEDGER,
    _check_sound,
    _engine,
    _file,
    _parsed,
    _refusal,
    _shown,
)
from freqpilot.store.tables import HeartbeatRow, RiskStateRow
from freqpilot.store.upgrade import newest, revision_of
from freqpilot.store.urls import read_only


def inspect_database(url: str) -> str:
    """See :func:`freqpilot.store.check_store`."""
    parsed = _parsed(url)
    path = _file(parsed)
    if path and not path.exists():
        return f"{_shown(parsed)} will be made at the first start"
    engine = _engine(parsed, busy_timeout=1.0, writes=False)
    try:
        with engine.connect() as connection:
            _check_sound(engine, connection)
            revision = revision_of(connection)
    except DBAPIError as error:
        raise _refusal(parsed, error) from None
    finally:
        engine.dispose()
    if revision == newest():
        return f"{_shown(parsed)} is up to date (revision {revision})"
    now = f"at revision {revision}" if revision else "empty"
    return f"{_shown(parsed)} is {now}, the next start brings it to {newest()}"


def require_written(url: str) -> str:
    """See :func:`freqpilot.store.require_written`."""
    parsed = _parsed(url)
    path = _file(parsed)
    if path and not path.is_file():
        raise _unwritten(parsed, "there is no such file")
    engine = _engine(parsed, busy_timeout=5.0, writes=False)
    try:
        with engine.connect() as connection:
            if revision_of(connection) is None:
                raise _unwritten(parsed, "it has no tables")
            keys = connection.scalars(select(RiskStateRow.key)).all()
    except DBAPIError as error:
        raise _refusal(parsed, error) from None
    finally:
        engine.dispose()
    if not any(key.startswith(LEDGER) and not key.endswith(DECLARED) for key in keys):
        raise _unwritten(parsed, "it holds no account")
    return _shown(parsed)


def last_sign(url: str) -> datetime | None:
    """See :func:`freqpilot.store.last_sign`."""
    parsed, found = _parsed(url), read_only(url)
    if found is None:
        return None
    engine = _engine(_parsed(found), busy_timeout=5.0, writes=False)
    try:
        with engine.connect() as connection:
            if revision_of(connection) is None:
                return None
            ours = HeartbeatRow.source.startswith(LEDGER)
            newest = func.max(HeartbeatRow.beat_at, type_=HeartbeatRow.beat_at.type)
            return connection.scalar(select(newest).where(ours))
    except DBAPIError as error:
        raise _refusal(parsed, error) from None
    finally:
        engine.dispose()


def peek_state(url: str, key: str) -> dict[str, Any] | None:
    """See :func:`freqpilot.store.peek_state`."""
    parsed = _parsed(url)
    path = _file(parsed)
    if path and not path.is_file():
        return None
    engine = _engine(parsed, busy_timeout=1.0, writes=False)
    try:
        with engine.connect() as connection:
            if revision_of(connection) is None:
                return None
            query = select(RiskStateRow.state).where(RiskStateRow.key == key)
            found: dict[str, Any] | None = connection.scalars(query).first()
    except DBAPIError as error:
        raise _refusal(parsed, error) from None
    finally:
        engine.dispose()
    return found


def _unwritten(url: URL, reason: str) -> RefuseToStart:
    return RefuseToStart(
        f"no bot has written the store {_shown(url)} ({reason}); nothing was read or changed, open "
        "trades and what waits for a person are as they were. Name the bot's own: give its config "
        "files with -c and its folder with --userdir, or set FREQTRADE__FREQPILOT__STORE__URL as "
        "the bot has it; a bot that is new has to run first"
    )
