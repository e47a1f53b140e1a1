"""Exits only: the bot manages and closes what is open and opens nothing, while a cause holds that
would have stopped the start had nothing been open. The state belongs to the process."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from freqpilot.errors import NoEntry
from freqpilot.host.seams.seam import Place, Seam

logger = logging.getLogger(__name__)


_causes: dict[str, str] = {}
_lock = Lock()


def enter(cause: str, reason: str) -> None:
    """Allow exits only until :func:`leave` is called for the same cause; any thread may call it.
    The caller sends the alert, once for what it may enter in each loop.

    :param cause: one word, such as ``store``; its reason of before is replaced.
    :param reason: what happened and what to do next, as a clause without a full stop.
    """
    with _lock:
        _causes[cause] = reason


def leave(cause: str) -> None:
    """End what :func:`enter` began for this cause; nothing happens where it does not hold."""
    with _lock:
        _causes.pop(cause, None)


def causes() -> dict[str, str]:
    """Return a copy of the causes that hold, each with its reason."""
    with _lock:
        return dict(_causes)


def reason() -> str | None:
    """Return the reasons of all causes that hold, None where entries are allowed."""
    return "; ".join(causes().values()) or None


def require() -> None:
    """Let an order that raises risk pass only when no cause holds.

    :raises NoEntry: with the reasons.
    """
    if (why := reason()) is not None:
        raise NoEntry(f"the bot runs exits-only: {why}")


def open_pairs(config: Mapping[str, Any]) -> list[str]:
    """Return the pairs of the open trades in Freqtrade's database, which is only read; each once.

    :param config: the configuration; its ``db_url`` is read before the bot exists.
    :raises SQLAlchemyError: when the database cannot be read.
    """
    return sorted({str(row[0]) for row in _rows(config, "select pair from trades where is_open")})


def open_trades(config: Mapping[str, Any]) -> int:
    """Return how many trades are open in Freqtrade's database, which is only read.

    A database that cannot be read counts as 1: a start that cannot tell must leave exits possible.
    """
    try:
        rows = _rows(config, "select count(*) from trades where is_open")
        return int(rows[0][0]) if rows else 0
    except Exception as error:  # a driver that is missing is no SQLAlchemyError
        logger.warning("Whether trades are open could not be read from db_url: %s", error)
        return 1


def _rows(config: Mapping[str, Any], query: str) -> list[Any]:
    """Return what a query finds in the trades database, nothing where there is none yet."""
    from sqlalchemy import create_engine, inspect, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    url = make_url(str(config.get("db_url") or "sqlite://"))
    if url.get_backend_name() == "sqlite" and "uri" not in url.query:
        if not url.database or url.database == ":memory:" or not Path(url.database).exists():
            return []
        path = f"file:{quote(url.database)}"
        url = url.set(database=path, query={"mode": "ro", "uri": "true"})
    with create_engine(url, poolclass=NullPool).connect() as connection:
        if not inspect(connection).has_table("trades"):
            return []
        return list(connection.execute(text(query)))


def _make_protections(original: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: object, config: dict[str, Any], protections: list[Any]) -> None:
        from freqtrade.exceptions import OperationalException

        try:
            original(self, config, protections)
        except OperationalException as error:
            if reason() is None:
                raise
            # Protections only hold entries back, and there are none now.
            logger.warning("Started without protections, exits only: %s", error)
            original(self, config, [])

    return __init__


SEAMS = (
    Seam(
        "exitsonly.protections",
        "let a bot that only exits start without protections that cannot be loaded",
        until="Freqtrade has a state in which it manages trades and opens none",
        places=(
            Place(
                "freqtrade.plugins.protectionmanager:ProtectionManager.__init__",
                ["config", "protections"],
                _make_protections,
            ),
        ),
    ),
)
