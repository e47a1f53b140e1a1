"""The breakers: when they trip, and what it takes to let them go."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.market.breakers import ErrorRate, OrderRate, volatility_spike
from freqpilot.settings import MarketSettings, RiskSettings

SETTINGS = RiskSettings(api_errors=6, api_error_share=0.30, api_window_minutes=5)


def noted(failures: int, successes: int, time: float = 0.0) -> ErrorRate:
    rate = ErrorRate(SETTINGS)
    for number in range(failures + successes):
        rate.note(time, failed=number < failures)
    return rate


# failures, successes → trips
TABLE = [
    (0, 0, False),
    (0, 100, False),
    (5, 0, False),  # too few to tell
    (6, 0, True),
    (6, 14, True),  # 30 %
    (6, 15, False),
    (30, 70, True),
    (29, 71, False),
]


@pytest.mark.parametrize(("failures", "successes", "trips"), TABLE)
def test_it_trips_at_enough_failures_that_are_enough_of_the_calls(
    failures: int, successes: int, trips: bool
) -> None:
    assert (noted(failures, successes).tripped(1.0) is not None) == trips


def test_the_reason_names_its_figures() -> None:
    reason = noted(6, 2).tripped(1.0)
    assert reason is not None
    assert "6 of the last 8 calls" in reason
    assert "5 minutes" in reason


def test_what_is_older_than_the_window_is_forgotten() -> None:
    rate = noted(5, 0)
    rate.note(300.0, failed=True)
    assert rate.tripped(300.0) is None
    rate = noted(5, 0)
    rate.note(299.0, failed=True)
    assert rate.tripped(299.0)


def test_it_stays_until_the_window_holds_no_failure() -> None:
    rate = noted(6, 0)
    assert rate.tripped(0.0)
    for second in range(1, 300):
        rate.note(float(second), failed=False)
        assert rate.tripped(float(second))
    assert rate.tripped(300.0) is None


def test_one_failure_in_the_window_keeps_it() -> None:
    rate = noted(6, 0)
    assert rate.tripped(0.0)
    rate.note(200.0, failed=True)
    for second in range(201, 500):
        rate.note(float(second), failed=False)
    assert rate.tripped(499.0)
    assert rate.tripped(500.0) is None


def test_silence_does_not_let_it_go() -> None:
    rate = noted(6, 0)
    assert rate.tripped(0.0)
    assert rate.tripped(10_000.0)
    rate.note(10_001.0, failed=False)
    assert rate.tripped(10_001.0) is None


def test_it_trips_again() -> None:
    rate = noted(6, 0)
    assert rate.tripped(0.0)
    rate.note(1_000.0, failed=False)
    assert rate.tripped(1_000.0) is None
    for _ in range(6):
        rate.note(1_001.0, failed=True)
    assert rate.tripped(1_001.0)


@given(calls=st.lists(st.tuples(st.floats(0, 200), st.booleans()), max_size=40))
def test_it_counts_what_the_window_holds(calls: list[tuple[float, bool]]) -> None:
    rate, time, tripped = ErrorRate(SETTINGS), 0.0, False
    past: list[tuple[float, bool]] = []
    for step, failed in calls:
        time += step
        rate.note(time, failed=failed)
        past.append((time, failed))
        window = [bad for at, bad in past if at > time - 300]
        if sum(window) >= 6 and sum(window) >= 0.30 * len(window):
            tripped = True
        elif not any(window):
            tripped = False
        assert (rate.tripped(time) is not None) == tripped


@pytest.mark.parametrize(
    ("newest", "trips"), [(0.9, False), (0.901, True), (math.nan, True), (0.1, False)]
)
def test_volatility_spike(newest: float, trips: bool) -> None:
    volatility = np.array([math.nan] * 5 + [0.3] * 100 + [newest])
    assert bool(volatility_spike(volatility, MarketSettings())) is trips


@pytest.mark.parametrize(("hours", "known"), [(47, False), (48, True)])
def test_a_volatility_without_history_is_not_known(hours: int, known: bool) -> None:
    reason = volatility_spike(np.full(hours, 0.3), MarketSettings())
    assert (reason is None) is known


def test_the_median_is_of_the_last_days() -> None:
    volatility = np.concatenate([np.full(24 * 10, 5.0), np.full(24 * 3 - 1, 0.3), [1.0]])
    assert volatility_spike(volatility, MarketSettings(volatility_days=3))
    assert volatility_spike(volatility, MarketSettings()) is None


def test_a_count_of_orders_can_be_kept() -> None:
    settings = MarketSettings(max_orders=2)
    before, after = OrderRate(settings), OrderRate(settings)
    for second in range(3):
        before.note(second)
    after.restore(before.to_dict())
    assert after.tripped(100.0) == before.tripped(100.0) is not None
    assert after.tripped(603.0) is None


@pytest.mark.parametrize(
    ("older", "newest", "reason"),
    [
        (0.0, 0.0, None),  # an index that does not move at all is no spike
        (0.0, -0.5, None),
        (0.0, 0.5, "has no median to go by"),
        (-1.0, 0.5, "has no median to go by"),
        (0.0, 1.5, "has no median to go by"),
        (0.4, 0.5, None),
    ],
)
def test_a_median_that_says_nothing(older: float, newest: float, reason: str | None) -> None:
    found = volatility_spike(np.append(np.full(100, older), newest), MarketSettings())
    assert found is None if reason is None else found is not None and reason in found


def test_a_median_below_one_is_one_to_go_by() -> None:
    assert volatility_spike(np.append(np.full(100, 0.5), 1.5), MarketSettings()) is None
    spike = volatility_spike(np.append(np.full(100, 0.5), 1.6), MarketSettings())
    assert spike is not None
    assert "3.2 times its median" in spike


def test_the_median_is_of_the_days_asked_for_and_no_hour_more() -> None:
    settings = MarketSettings(volatility_days=3)
    # 72 hours: 36 of 1 and 36 of 3, so the median is 2; an hour more or less would move it.
    halves = np.concatenate([np.full(36, 1.0), np.full(35, 3.0), [6.0]])
    assert volatility_spike(np.concatenate([[1.0], halves]), settings) is None
    assert volatility_spike(np.concatenate([[3.0], halves]), settings) is None
    above = np.append(halves[:-1], 6.1)
    assert volatility_spike(np.concatenate([[3.0], above]), settings) is not None


def test_a_thousand_orders_are_kept_across_a_restart() -> None:
    rate = OrderRate(MarketSettings())
    for number in range(1_005):
        rate.note(float(number) / 1_000)
    assert len(rate.to_dict()["sent"]) == 1_000


# a clock that was ahead


def test_what_was_counted_by_a_clock_that_was_ahead_is_forgotten_in_time() -> None:
    ahead = 400 * 86_400.0
    rate = noted(6, 0, ahead)
    assert rate.tripped(ahead) is not None
    assert rate.tripped(60.0) is not None, "not at once"
    rate.note(60.0 + 60 * SETTINGS.api_window_minutes, failed=False)
    assert rate.tripped(60.0 + 60 * SETTINGS.api_window_minutes) is None


def test_orders_of_a_clock_that_was_ahead_are_forgotten_in_time() -> None:
    orders, ahead = OrderRate(MarketSettings(max_orders=2, order_window_minutes=10)), 4e7
    for _ in range(3):
        orders.note(ahead)
    orders.note(60.0)
    assert "4 were sent" in str(orders.tripped(60.0))
    assert orders.tripped(659.0) is not None
    assert orders.tripped(660.0) is None
