"""A look at the account by a live bot, and what a person hears of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade
from live_bot import make_bot

from freqpilot.host.account.begin import begin
from freqpilot.host.alerts import events as alerts
from freqpilot.host.loop import live
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def bot(tmp_path: Path, clock: VirtualClock) -> Iterator[Any]:
    made = make_bot(tmp_path)
    begin(made.config, live=True)
    seen_twice(made, clock)
    yield made
    end()
    Trade.session.remove()


def seen_twice(bot: Any, clock: VirtualClock) -> None:
    """Look at the account until now: the first look is confirmed by the second."""
    clock.advance(-5)
    live.observe(bot)
    clock.advance(5)
    live.observe(bot)


def look(bot: Any, clock: VirtualClock, times: int = 1) -> Run:
    for _ in range(times):
        clock.advance(5)
        live.observe(bot)
        alerts.step(bot)
    return current()


def events(kind: str) -> list[str]:
    return [event.level for event in current().store.events(kind)]


def close(number: int, profit: float) -> None:
    """Close a trade as a forced exit does."""
    trade = Trade.get_trades([Trade.id == number]).first()
    trade.is_open, trade.close_date, trade.close_profit_abs = False, datetime.now(UTC), profit
    Trade.commit()


# a store that is out


def lose(bot: Any, trade: Trade) -> None:
    """Let a trade lose so much that the account is below its limit."""
    bot.exchange.prices[trade.pair] = 1.0
