"""Losses and streaks from closed trades alone: which day and week they belong to, and what the
ledger adds."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from freqpilot.risk.account.closed import (
    Close,
    Losses,
    day_of,
    losses,
    monday_of,
    record_of,
    start_of,
)
from freqpilot.risk.account.ledger import Ledger

NOON = datetime(2024, 3, 6, 12, 34, 56, 789, tzinfo=UTC)  # a Wednesday
DAY, MONDAY = datetime(2024, 3, 6, tzinfo=UTC), datetime(2024, 3, 4, tzinfo=UTC)
TICK = timedelta(microseconds=1)
LEDGER = replace(
    Ledger.empty(),
    stamp=NOON,
    equity=900.0,
    start=1000.0,
    peak=1000.0,
    day=DAY.date(),
    day_start=1000.0,
    week=MONDAY.date(),
    week_start=1200.0,
)


@pytest.mark.parametrize(
    ("now", "day", "monday"),
    [
        (NOON, DAY, MONDAY),
        (DAY, DAY, MONDAY),
        (DAY - TICK, DAY - timedelta(days=1), MONDAY),
        (MONDAY, MONDAY, MONDAY),
        (MONDAY - TICK, MONDAY - timedelta(days=1), MONDAY - timedelta(days=7)),
        (
            datetime(2024, 3, 6, 1, tzinfo=timezone(timedelta(hours=2))),
            DAY - 24 * 3600 * 10**6 * TICK,
            MONDAY,
        ),
    ],
)
def test_days_and_weeks_begin_at_midnight_utc(
    now: datetime, day: datetime, monday: datetime
) -> None:
    assert (day_of(now), monday_of(now)) == (day, monday)


@pytest.mark.parametrize(
    ("time", "day", "week"),
    [
        (NOON, 0.1, 0.1),
        (DAY, 0.1, 0.1),  # the first moment of the day is in it
        (DAY - TICK, 0.0, 0.1),
        (MONDAY, 0.0, 0.1),
        (MONDAY - TICK, 0.0, 0.0),
    ],
)
def test_a_loss_belongs_to_its_day_and_week(time: datetime, day: float, week: float) -> None:
    found = losses([Close(time, -100.0)], 1000.0, NOON)
    assert (found.day, found.week, found.total) == pytest.approx((day, week, 0.1))


def test_a_days_loss_is_a_share_of_where_the_day_began() -> None:
    known = [Close(MONDAY - TICK, 1000.0), Close(MONDAY, -500.0), Close(NOON, -300.0)]
    found = losses(known, 1000.0, NOON)
    assert (found.day, found.week, found.total) == pytest.approx((300 / 1500, 800 / 2000, 0.0))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (0.1, 0.25, 0.1)),
        ({"day": date(2024, 3, 5)}, (0.05, 0.25, 0.1)),  # of an older day: the trades alone
        ({"week": date(2024, 2, 26)}, (0.1, 0.05, 0.1)),
        ({"day_start": 910.0}, (0.05, 0.25, 0.1)),  # the larger loss counts
        ({"week_start": 910.0}, (0.1, 0.05, 0.1)),
        ({"start": 900.0}, (0.1, 0.25, 0.0)),  # a release moved it: the ledger decides alone
        ({"start": 1800.0}, (0.1, 0.25, 0.5)),
    ],
)
def test_the_larger_of_the_ledgers_and_the_trades_loss_counts(
    changes: dict[str, object], expected: tuple[float, ...]
) -> None:
    known = [Close(NOON, -900 * 0.05 / 0.95)]  # five percent of what was there before
    found = losses(known, 5.0, NOON, replace(LEDGER, **changes))  # type: ignore[arg-type]
    assert (found.day, found.week, found.total) == pytest.approx(expected)


def test_a_ledger_that_has_seen_nothing_says_nothing() -> None:
    known = [Close(NOON, -100.0)]
    assert losses(known, 1000.0, NOON, Ledger.empty()) == losses(known, 1000.0, NOON)
    unseen = replace(LEDGER, stamp=None)
    assert losses(known, 1000.0, NOON, unseen) == losses(known, 1000.0, NOON)
    assert start_of(known, 1000.0, unseen) == 1000.0


@pytest.mark.parametrize("profit", [math.nan, math.inf, -math.inf])
def test_a_profit_that_is_no_number_is_a_loss_of_all(profit: float) -> None:
    assert losses([Close(NOON, profit)], 1000.0, NOON) == Losses(1.0, 1.0, 1.0)


def test_an_account_of_a_part_of_a_coin_has_shares_too() -> None:
    found = losses([Close(NOON, -0.1)], 0.5, NOON)
    assert (found.day, found.total) == pytest.approx((0.2, 0.2))
    assert record_of([Close(NOON, -0.1)], 0.5).outcomes[0].share == pytest.approx(-0.2)
    assert record_of([Close(NOON, 0.1)], 0.0).outcomes[0].share == -1.0


def test_a_record_begins_after_its_review_and_shares_go_on() -> None:
    known = [Close(DAY, -500.0), Close(DAY + TICK, -250.0), Close(NOON, 25.0)]
    found = record_of(known, 1000.0, DAY)
    assert [(each.trade, each.share) for each in found.outcomes] == [(1, -0.5), (2, 0.1)]
    assert found.total == 2
    assert record_of(known, 1000.0, NOON).outcomes == ()
