"""What is kept of each look at the account and of each closed trade."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freqtrade.persistence import Trade
from live_bot import make_bot

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import closed, observe
from freqpilot.host.loop.live import ClosedTrade
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with VirtualClock(START):
        bot = make_bot(tmp_path)
        begun = begin(bot.config, live=True)
        observe(current(), START, 1_000.0)
        yield begun
        end()
        Trade.session.remove()


def test_an_outcome_is_a_share_of_the_equity_and_not_of_its_peak(run: Run) -> None:
    observe(run, START + timedelta(seconds=5), 800.0)
    closed(run, [ClosedTrade(3, START, -8.0), ClosedTrade(4, START, 4.0)])
    found = [(each.trade, each.share) for each in run.state.record.outcomes]
    assert found == [(3, -0.01), (4, 0.005)]
    closed(run, [ClosedTrade(3, START, -8.0)])
    assert run.state.record.total == 2


def test_each_level_of_a_drawdown_is_told_once(run: Run) -> None:
    for number, equity in enumerate((930.0, 925.0, 880.0, 930.0, 925.0, 880.0), start=1):
        observe(run, START + timedelta(seconds=5 * number), equity)
    told = [event.level for event in run.store.events("drawdown")]
    assert told == ["WARNING", "CRITICAL"]
