"""The ledger: period starts, latches, releases, and what survives a restart."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqpilot.errors import RefuseToStart
from freqpilot.risk.account.ledger import Ledger, closed, durable, observe
from freqpilot.risk.account.record import Outcome
from freqpilot.risk.account.releases import operate, release
from freqpilot.settings import RiskSettings

SETTINGS = RiskSettings()
WEDNESDAY = datetime(2024, 3, 6, 12, tzinfo=UTC)


def run(*rows: tuple[datetime, float], state: Ledger | None = None) -> Ledger:
    state = state or Ledger.empty()
    for time, equity in rows:
        state = observe(state, time, equity, SETTINGS)
    return state


def hours(count: float) -> datetime:
    return WEDNESDAY + timedelta(hours=count)


# hours after Wednesday noon, equity → day_start, week_start, peak
TABLE = [
    (0, 1000, 1000, 1000, 1000),
    (11, 1100, 1000, 1000, 1100),
    (11.99, 1050, 1000, 1000, 1100),
    (12, 1040, 1040, 1000, 1100),  # Thursday 00:00 UTC
    (35.9, 1060, 1040, 1000, 1100),
    (107.9, 1080, 1080, 1000, 1100),  # Sunday, the first look of that day
    (108, 1070, 1070, 1070, 1100),  # Monday 00:00 UTC
    (109, 1200, 1070, 1070, 1200),
]


def test_day_and_week_begin_at_utc_midnight() -> None:
    state = Ledger.empty()
    for after, equity, day_start, week_start, peak in TABLE:
        state = observe(state, hours(after), equity, SETTINGS)
        book = state.book()
        assert book is not None
        assert (book.equity, book.day_start, book.week_start, book.peak, book.start) == (
            equity,
            day_start,
            week_start,
            peak,
            1000,
        )
        assert book.stamp == hours(after)


def test_a_week_is_named_by_its_monday() -> None:
    monday = datetime(2024, 3, 4, tzinfo=UTC)
    for after in range(7):
        assert run((monday + timedelta(days=after), 1000)).week == monday.date()


def test_days_are_counted_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    morning = datetime(2024, 3, 7, 8, tzinfo=tokyo)  # Wednesday 23:00 UTC
    assert run((WEDNESDAY, 1000), (morning, 900)).day_start == 1000


@pytest.mark.parametrize(
    ("equity", "worst", "cause"),
    [
        (1000, 801, "capital_floor"),
        (1000, 800, "total_loss"),
        (1000, 851, None),
        (1000, 850, "capital_floor"),
        (1000, 1200, None),
        (790, 1000, "total_loss"),
        (1000, math.nan, None),
        (1000, math.inf, None),
        (math.nan, 800, "total_loss"),
        (math.nan, 900, None),
        (math.nan, math.nan, None),
        (math.inf, -5, "total_loss"),
    ],
)
def test_the_latch_is_judged_by_the_worst(equity: float, worst: float, cause: str | None) -> None:
    after = observe(run((WEDNESDAY, 1000)), hours(1), equity, SETTINGS, worst)
    assert after.cause == cause
    assert after.halted_at == (hours(1) if cause else None)
    if math.isfinite(equity):
        assert (after.equity, after.stamp) == (equity, hours(1))
        assert after.peak == 1000, "the worst makes no peak"
    else:
        assert (after.equity, after.stamp) == (1000, WEDNESDAY)
    if cause and equity != 790:
        assert f"{worst:.2f}" in str(after.halted)


def test_the_worst_says_nothing_before_the_first_equity_nor_after_a_latch() -> None:
    assert observe(Ledger.empty(), WEDNESDAY, math.nan, SETTINGS, 1.0) == Ledger.empty()
    halted = run((WEDNESDAY, 1000), (hours(1), 700))
    assert observe(halted, hours(2), math.nan, SETTINGS, 1.0) == halted
    assert observe(run((hours(2), 1000)), hours(1), math.nan, SETTINGS, 1.0).halted is None


@pytest.mark.parametrize("equity", [math.nan, math.inf, -math.inf, None, "1000"])
def test_unsound_equity_leaves_no_stamp(equity: Any) -> None:
    state = run((WEDNESDAY, 1000))
    assert observe(state, hours(1), equity, SETTINGS) is state
    assert observe(Ledger.empty(), WEDNESDAY, equity, SETTINGS).book() is None


def test_an_empty_account_is_not_a_start() -> None:
    assert run((WEDNESDAY, 0.0)).book() is None


def test_a_clock_that_goes_back_leaves_no_stamp() -> None:
    state = run((hours(1), 1000))
    assert observe(state, WEDNESDAY, 2000, SETTINGS) is state


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        observe(Ledger.empty(), WEDNESDAY.replace(tzinfo=None), 1000, SETTINGS)


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        ([1000, 850.01], None),
        ([1000, 850], "capital_floor"),
        ([1000, 800.01], "capital_floor"),
        ([1000, 800], "total_loss"),
        ([1000, 2000, 1600.01], None),
        ([1000, 2000, 1600], "drawdown_halt"),
        ([1000, 0], "total_loss"),
        ([1000, -50], "total_loss"),
    ],
)
def test_latch(rows: list[float], cause: str | None) -> None:
    state = run(*[(hours(number), equity) for number, equity in enumerate(rows)])
    assert state.cause == cause
    assert (state.halted is None) == (cause is None)
    if cause:
        assert state.halted_at == hours(len(rows) - 1)
        assert "%" in str(state.halted)


def test_release_rebases_the_peak() -> None:
    state = run((WEDNESDAY, 1000), (hours(1), 2000), (hours(2), 1600), (hours(3), 1500))
    free = release(state, hours(4))
    assert (free.halted, free.peak, free.start, free.releases) == (None, 1500, 1000, 1)
    assert free.rebased_at == hours(4)
    assert run((hours(5), 1500), state=free).halted is None
    assert run((hours(5), 1200), state=free).cause == "drawdown_halt"


def test_release_after_total_loss_does_not_latch_again_at_once() -> None:
    free = release(run((WEDNESDAY, 1000), (hours(1), 790)), hours(80))
    assert free.start == 790
    assert run((hours(81), 780), state=free).halted is None
    assert run((hours(81), 632), state=free).cause == "total_loss"


def test_a_deep_drawdown_lets_entries_wait_for_a_day_or_a_person() -> None:
    state = run((WEDNESDAY, 2000), (hours(1), 1701))
    assert (state.level, state.wait_until) == (2, None)
    state = run((hours(2), 1700), state=replace(state, start=1000.0))
    assert (state.level, state.wait_until) == (3, hours(26))
    assert "entries wait" in str(state.response(hours(25.9), SETTINGS).wait)
    assert state.response(hours(26), SETTINGS).wait is None
    free = release(state, hours(3))
    assert free.response(hours(3), SETTINGS).wait is None
    assert (free.peak, free.restore) == (2000, 1.0), "an acknowledgement re-bases nothing"
    same = run((hours(4), 1650), state=free)
    assert same.wait_until is None, "one fall waits once"
    again = run((hours(5), 2000), (hours(6), 1690), state=same)
    assert again.wait_until == hours(30)


def test_sizes_come_back_step_by_step_after_a_release() -> None:
    state = release(run((WEDNESDAY, 1000), (hours(1), 790)), hours(80))
    seen: list[float] = []
    for day in range(4, 40):
        state = run((hours(24 * day), 790 + day), state=state)
        if not seen or seen[-1] != state.restore:
            seen.append(state.restore)
    assert seen == [0.25, 0.50, 0.75, 1.0]


def test_a_loss_after_a_release_keeps_sizes_small() -> None:
    state = release(run((WEDNESDAY, 1000), (hours(1), 790)), hours(80))
    state = run((hours(24 * 4), 789), (hours(24 * 30), 780), state=state)
    assert state.restore == 0.25
    assert state.response(hours(24 * 30), SETTINGS).factors == (("restore", 0.25),)


def test_a_new_highest_equity_restores_the_size_at_once() -> None:
    state = release(run((WEDNESDAY, 1000), (hours(1), 790)), hours(80))
    state = run((hours(81), 800), (hours(82), 1001), state=state)
    assert state.restore == 1.0


def test_a_long_losing_streak_latches_until_it_is_reviewed() -> None:
    state = run((WEDNESDAY, 1000))
    for number in range(10):
        assert state.halted is None
        state = closed(state, Outcome(number, hours(number), -1.0, -0.001), SETTINGS)
    assert (state.cause, state.halted_at) == ("streak", hours(9))
    free = release(state, hours(20))
    assert (free.peak, free.restore) == (1000, 1.0)
    free = closed(free, Outcome(11, hours(21), -1.0, -0.001), SETTINGS)
    assert free.halted is None, "a review begins a new streak"


def test_release_without_latch_or_money_changes_nothing() -> None:
    state = run((WEDNESDAY, 1000))
    assert release(state, hours(1)) is state
    ruined = run((WEDNESDAY, 1000), (hours(1), 0))
    assert release(ruined, hours(100)) is ruined


def test_simulated_operator_waits_its_hours() -> None:
    state = run((WEDNESDAY, 1000), (hours(1), 790))
    assert operate(state, hours(72.9), SETTINGS) is state
    assert operate(state, hours(73), SETTINGS).releases == 1


equities = st.floats(min_value=1, max_value=10_000) | st.just(math.nan)


@settings(max_examples=200, deadline=None)
@given(
    before=st.lists(equities, max_size=6),
    after=st.lists(st.tuples(st.floats(0, 200), equities), max_size=15),
)
def test_no_observation_resets_a_latch(
    before: list[float], after: list[tuple[float, float]]
) -> None:
    rows = [(hours(number), equity) for number, equity in enumerate([1000, *before])]
    state = run(*rows)
    worst = state.peak * 0.5
    state = run((hours(20), worst), state=state)
    assert state.halted
    time = 20.0
    for step, equity in after:
        time += step
        state = observe(state, hours(time), equity, SETTINGS)
        assert state.halted
        book = state.book()
        assert book is not None
        assert book.halted
        state = Ledger.from_dict(json.loads(json.dumps(state.to_dict())))


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(st.floats(0, 100), equities), min_size=1, max_size=20))
def test_peak_is_never_below_equity_and_drawdown_is_a_fraction(
    rows: list[tuple[float, float]],
) -> None:
    state, time = Ledger.empty(), 0.0
    for step, equity in rows:
        time += step
        state = operate(observe(state, hours(time), equity, SETTINGS), hours(time), SETTINGS)
        book = state.book()
        if book:
            assert book.peak >= book.equity
            assert 0 <= book.drawdown <= 1


def test_saved_state_comes_back_equal() -> None:
    for state in (
        Ledger.empty(),
        run((WEDNESDAY, 1000)),
        run((WEDNESDAY, 1000), (hours(1), 700)),
        release(run((WEDNESDAY, 1000), (hours(1), 700)), hours(2)),
        closed(run((WEDNESDAY, 1000)), Outcome(3, hours(1), -2.5, -0.0025), SETTINGS),
    ):
        assert Ledger.from_dict(json.loads(json.dumps(state.to_dict()))) == state


@pytest.mark.parametrize(
    "change",
    [
        {"peak": None},
        {"peak": math.nan},
        {"start": 0.0},
        {"stamp": "yesterday"},
        {"stamp": "2024-03-06T12:00:00"},
        {"halted": "something"},
        {"unknown": 1},
        {"releases": "one"},
    ],
)
def test_unreadable_state_refuses_to_start(change: dict[str, Any]) -> None:
    saved = {**run((WEDNESDAY, 1000)).to_dict(), **change}
    with pytest.raises(RefuseToStart, match="risk ledger"):
        Ledger.from_dict(saved)


def test_durable_is_all_but_the_last_observation() -> None:
    state = run((WEDNESDAY, 1000))
    assert durable(run((hours(1), 999.01), state=state)) == durable(state)
    assert durable(run((hours(1), 999), state=state)) != durable(state)  # the tier's drawdown
    for later in (
        run((hours(1), 1010), state=state),
        run((hours(12), 990), state=state),
        run((hours(1), 700), state=state),
        replace(state, releases=1),
    ):
        assert durable(later) != durable(state)
