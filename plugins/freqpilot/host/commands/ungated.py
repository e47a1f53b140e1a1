"""Whether a bot trades without the order gate, as another process sees it: its trades database has
orders of a time at which Freqpilot in the bot gave no sign of life. A strategy with a ``freqpilot``
section whose config lacks the handler that starts Freqpilot trades so, and says nothing.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freqpilot.settings import Settings
from freqpilot.store import last_sign
from freqpilot.store.urls import read_only, store_url

logger = logging.getLogger(__name__)

GRACE = timedelta(minutes=5)
"""By how much an order may be newer than the last sign of life: a loop, and what the clocks of two
machines differ by."""
AGAIN = timedelta(hours=1)
"""After this long the same is told again."""


@dataclass(frozen=True)
class Books:
    """The URLs of a bot's trades database and of its Freqpilot store."""

    trades: str
    store: str


def books_of(config: Mapping[str, Any]) -> Books:
    """Return where a bot with this configuration keeps its books."""
    from freqtrade.constants import DEFAULT_DB_DRYRUN_URL, DEFAULT_DB_PROD_URL

    usual = DEFAULT_DB_DRYRUN_URL if config.get("dry_run", True) else DEFAULT_DB_PROD_URL
    settings = Settings.from_config(dict(config))
    store = store_url(settings, Path(config["user_data_dir"]))
    return Books(str(config.get("db_url") or usual), store)


def newest_order(trades: str) -> datetime | None:
    """Return when the last order of a trades database was made; None without one.

    :raises sqlalchemy.exc.SQLAlchemyError: when the database cannot be read.
    """
    from sqlalchemy import create_engine, func, inspect, select
    from sqlalchemy.sql import column, table

    found = read_only(trades)
    if found is None:
        return None
    engine = create_engine(found)
    try:
        if not inspect(engine).has_table("orders"):
            return None
        with engine.connect() as connection:
            time = connection.scalar(
                select(func.max(column("order_date"))).select_from(table("orders"))
            )
    finally:
        engine.dispose()
    if time is None:
        return None
    read = time if isinstance(time, datetime) else datetime.fromisoformat(str(time))
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def fault(books: Books, since: datetime) -> str | None:
    """Return what is wrong when an order after ``since`` has no sign of life of the gate beside it.

    :raises sqlalchemy.exc.SQLAlchemyError: when a database cannot be read.
    """
    order = newest_order(books.trades)
    if order is None or order <= since:
        return None
    sign = last_sign(books.store)
    if sign is not None and order - sign <= GRACE:
        return None
    last = f"its last sign of life is of {sign:%Y-%m-%d %H:%M} UTC" if sign else "it gave none yet"
    return (
        f"the bot sent an order at {order:%Y-%m-%d %H:%M} UTC without Freqpilot's order gate "
        f"({last}): no limit holds for it. Start it with -c user_data/freqpilot/freqpilot.json "
        "after its own config, and look with freqpilot doctor -c CONFIG. Open trades go on as they "
        "were"
    )


class Watchman:
    """Looks at a bot's books from another process, and calls a person.

    :param books: of the bot.
    :param since: older orders are not looked at.
    :param alert: sends a text to a person.
    """

    def __init__(self, books: Books, since: datetime, alert: Callable[[str], object]) -> None:
        self._books, self._since, self._alert = books, since, alert
        self._alerted_at: datetime | None = None

    def look(self, now: datetime) -> None:
        """Look, and alert where the bot trades ungated, once an hour. It never raises."""
        try:
            if text := fault(self._books, self._since):
                self._alert_hourly(text, now)
        except Exception as error:
            logger.warning("The bot's books could not be looked at: %s", type(error).__name__)

    def _alert_hourly(self, text: str, now: datetime) -> None:
        if self._alerted_at is not None and now - self._alerted_at < AGAIN:
            return
        self._alerted_at = now
        logger.critical("%s", text)
        self._alert(text)
