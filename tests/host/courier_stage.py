"""A clock that turns the bot's loop, a store that is out, and the state that an outbox keeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from freqpilot.host.account.begin import begin
from freqpilot.host.alerts import events as alerts
from freqpilot.store import Store

NOW = datetime(2024, 3, 6, 12, 30, tzinfo=UTC)
TEMPLATE = {"warning": {"text": "{status}"}}


class Clock:
    """The bot's clock; ``loop`` is one turn of its live loop."""

    def __init__(self, travel: Any) -> None:
        self._travel = travel
        self.now = NOW

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)
        self._travel.move_to(self.now)

    def loop(self, bot: Any, **span: float) -> None:
        if span:
            self.move(**span)
        # The second turn is for what came while a channel was busy.
        for _ in range(2):
            alerts.step(bot)
            alerts._sender.join(20)
        alerts.step(bot)


def begun(folder: Path) -> Any:
    """Begin a live run with its store in a folder."""
    config = {"freqpilot": {"risk": {"book": {"enabled": False}}}, "user_data_dir": folder}
    return begin(config, live=True)


@contextmanager
def out(run: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take a run's store away for a while."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        for name in ("add_event", "alerts", "take_alerts", "save_alerts", "alerts_sent"):
            patch.setattr(run.store, name, refuse)
        yield


def state_of(store: Store, text: str) -> str:
    """Return the state that the outbox keeps of the alert with a text."""
    from sqlalchemy import text as sql

    with store._engine.connect() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(sql("SELECT state FROM alert WHERE text = :text"), {"text": text})
        return str(rows.scalars().one())
