"""So many requests a minute, none for a while after a refusal."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freqtrade.persistence import Trade
from live_bot import make_bot

from freqpilot.host.account.begin import begin
from freqpilot.host.orders.books.budget import A_MINUTE, LONGEST, MINUTE, Budget
from freqpilot.host.run.current import current, end

NOW = datetime(2026, 1, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def budget(tmp_path: Path) -> Iterator[Budget]:
    yield Budget(begin(make_bot(tmp_path).config, live=True))
    end()
    Trade.session.remove()


def test_a_minute_s_requests_are_so_many(budget: Budget) -> None:
    for spent in range(A_MINUTE):
        assert budget.allows(A_MINUTE - spent, NOW)
        assert not budget.allows(A_MINUTE - spent + 1, NOW)
        budget.spend(NOW)
    assert not budget.allows(1, NOW + MINUTE - SECOND)
    assert budget.allows(A_MINUTE, NOW + MINUTE)


def test_requests_come_back_as_they_were_made(budget: Budget) -> None:
    for second in range(A_MINUTE):
        budget.spend(NOW + second * SECOND)
    assert not budget.allows(1, NOW + MINUTE - SECOND)
    assert budget.allows(1, NOW + MINUTE)
    assert not budget.allows(2, NOW + MINUTE)


def test_a_clock_that_was_ahead_holds_nothing_up(budget: Budget) -> None:
    for _ in range(A_MINUTE):
        budget.spend(NOW + timedelta(days=1))
    budget.refused(NOW + timedelta(days=1))
    assert budget.allows(A_MINUTE, NOW)


def test_a_refusal_is_followed_by_a_pause_which_doubles(budget: Budget) -> None:
    now, pauses = NOW, []
    for _ in range(7):
        budget.refused(now)
        pause = next(p for p in range(1, 2000) if budget.allows(1, now + p * SECOND))
        pauses.append(pause)
        now += pause * SECOND
    assert pauses == [60, 120, 240, 480, 960, 960, 960]
    assert timedelta(seconds=960) == LONGEST
    budget.answered(now)
    budget.refused(now)
    assert budget.allows(1, now + MINUTE), "an answer has ended the row of refusals"


def test_requests_and_refusals_are_counted(budget: Budget) -> None:
    budget.spend(NOW)
    budget.spend(NOW)
    budget.refused(NOW)
    counts = current().counters.snapshot(NOW)["counts"]
    assert counts == {"books requests": 2, "books refused": 1}
