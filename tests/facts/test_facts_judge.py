"""Verdicts on readings: each rule trips where it should and not one step before."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.facts.judge import SKEW, judge
from freqpilot.facts.sources.base import Gauge, Reading, Spec

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPEC = Spec("s", "test", (Gauge("level", -100, 100, 2), Gauge("flow", -100, 100)), lag=3 * HOUR)


def verdict(
    value: Any,
    *,
    metric: str = "level",
    time: datetime = NOW - HOUR,
    before: float | None = None,
    live_from: datetime = NOW,
) -> str:
    last = {} if before is None else {("BTC", metric): before}
    (found,) = judge([Reading("btc", metric, value, time)], SPEC, NOW, live_from, last)
    return found.fault


@pytest.mark.parametrize("value", [100, -100, "99.5", 0, 1e-300])
def test_within_its_range(value: Any) -> None:
    assert verdict(value) == ""


@pytest.mark.parametrize("value", [100.001, -100.001, 1e300])
def test_outside_its_range(value: Any) -> None:
    assert "outside" in verdict(value)


@pytest.mark.parametrize("value", [None, "", "1,000", True, math.nan, -math.inf, {}, [], 10**400])
def test_no_number(value: Any) -> None:
    assert "no number" in verdict(value)


@pytest.mark.parametrize("value", [20.0, 5.0, 10.0])
def test_a_step_is_no_jump(value: float) -> None:
    assert verdict(value, before=10.0) == ""


@pytest.mark.parametrize("value", [20.001, 4.999, -10.0])
def test_a_jump(value: float) -> None:
    assert "jump" in verdict(value, before=10.0)


def test_a_flow_may_turn_its_sign_and_a_zero_is_no_measure() -> None:
    assert verdict(-50.0, metric="flow", before=50.0) == ""
    assert verdict(50.0, before=0.0) == ""
    assert verdict(0.0, before=50.0) == ""


def test_stamps() -> None:
    assert verdict(1.0, time=NOW + SKEW) == ""
    assert "future" in verdict(1.0, time=NOW + SKEW + timedelta(seconds=1))
    assert "30 years" in verdict(1.0, time=NOW - timedelta(days=365 * 31))
    assert "no metric" in verdict(1.0, metric="other")


def test_a_jump_is_measured_from_the_last_good_value_of_the_page() -> None:
    values = [10.0, 15.0, 99.0, 29.0, 50.0]
    readings = [Reading("BTC", "level", v, NOW - (9 - n) * HOUR) for n, v in enumerate(values)]
    found = judge(readings, SPEC, NOW, NOW, {})
    assert [bool(each.fault) for each in found] == [False, False, True, False, False]


@given(
    hours=st.floats(-0.01, 1000),
    known=st.none() | st.floats(-2000, 2000),
    live=st.floats(-1000, 1000),
)
def test_nothing_is_known_before_it_happened_or_later_than_it_was_fetched(
    hours: float, known: float | None, live: float
) -> None:
    event = NOW - hours * HOUR
    known_at = None if known is None else NOW + known * HOUR
    live_from = NOW - live * HOUR
    (found,) = judge([Reading("BTC", "level", 1.0, event, known_at)], SPEC, NOW, live_from, {})
    assert found.event_time <= found.available_at <= max(NOW, event)
    if event >= live_from:
        assert found.available_at == max(NOW, event)
    elif known_at is None:
        assert found.available_at == max(event, min(event + 3 * HOUR, NOW))
