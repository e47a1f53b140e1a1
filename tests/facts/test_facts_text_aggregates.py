"""Figures of many texts: decay, counts, the spike test, and never a text from later."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from freqpilot.facts.join import HOUR
from freqpilot.facts.text.aggregates import (
    DAYS,
    MOST,
    Scales,
    Texts,
    aggregate,
    level,
    mentions,
    ordered,
    reach,
    spike,
    surprise,
    velocity,
)

DAY = 24 * HOUR
SCALES = Scales()


def texts(*rows: tuple[float, float, float, float]) -> Texts:
    """Rows of hours of event, hours until known, score and weight."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    event = np.round(table[:, 0] * HOUR).astype(np.int64)
    known = event + np.round(table[:, 1] * HOUR).astype(np.int64)
    return ordered(event, known, table[:, 2], table[:, 3])


def times(*hours: float) -> np.ndarray:
    return np.round(np.array(hours) * HOUR).astype(np.int64)


ROW = st.tuples(
    st.integers(0, 900).map(float),
    st.integers(0, 60).map(float),
    st.floats(-1, 1),
    st.sampled_from([0.0, 0.25, 1.0, 3.0]),
)
ROWS = st.lists(ROW, max_size=40)


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS, st.integers(0, 900))
def test_texts_known_later_change_nothing_before(
    before: list[tuple[float, float, float, float]],
    later: list[tuple[float, float, float, float]],
    cut: int,
) -> None:
    grid = times(*range(0, cut + 1, 7))
    late = [(event, max(lag, cut + 1 - event), score, w) for event, lag, score, w in later]
    one, other = texts(*before), texts(*before, *late)
    known = aggregate(one, grid, 0, SCALES, np.ones(len(one), np.bool_))
    both = aggregate(other, grid, 0, SCALES, np.ones(len(other), np.bool_))
    for name, values in known.items():
        np.testing.assert_allclose(both[name], values, rtol=1e-9, atol=1e-12, err_msg=name)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.integers(0, 1000), st.integers(-500, 500))
def test_figures_keep_their_bounds_and_know_no_origin(
    rows: list[tuple[float, float, float, float]], at: int, shift: int
) -> None:
    here = aggregate(texts(*rows), times(at), 0, SCALES)
    moved = texts(*[(event + shift, *rest) for event, *rest in rows])
    there = aggregate(moved, times(at + shift), shift * HOUR, SCALES)
    for name in here:
        np.testing.assert_allclose(here[name], there[name], atol=1e-9, err_msg=name)
    low, high = {"sentiment": (-1, 1), "sentiment_velocity": (-2, 2)}.get("sentiment", (0, 0))
    assert not here["sentiment"] < low
    assert not here["sentiment"] > high
    assert not here["mentions_spike"] < 0
    assert not here["mentions_spike"] > MOST


@settings(max_examples=60, deadline=None)
@given(st.floats(-1, 1), st.floats(0.1, 5), st.floats(0.5, 48), st.floats(0, 100))
def test_a_text_loses_half_its_weight_with_each_half_life(
    score: float, weight: float, half_life: float, age: float
) -> None:
    age = min(age, 15 * half_life)
    found = level(texts((0, 0, score, weight)), times(age), half_life)[0]
    mass = weight * 2 ** -(round(age * HOUR) / HOUR / half_life)
    assert found == pytest.approx(mass * score / (mass + 1), abs=1e-9)


def test_levels_of_equal_texts_add_their_weights() -> None:
    one = level(texts((0, 0, 0.5, 3.0)), times(4), 6.0)
    three = level(texts(*[(0, 0, 0.5, 1.0)] * 3), times(4), 6.0)
    assert one == pytest.approx(three)
    assert level(texts((0, 0, 1, 1), (0, 0, -1, 1)), times(1), 6.0)[0] == 0
    assert math.isnan(level(texts((0, 0, 1, 0.0)), times(1), 6.0)[0]), "a copy says nothing"
    assert math.isnan(level(texts((0, 2, 1, 1.0)), times(1), 6.0)[0]), "not known yet"
    assert math.isnan(level(texts((0, 0, 1, 1.0)), times(500), 6.0)[0]), "too old"


def test_velocity_is_the_change_since_the_window_before() -> None:
    rows = texts((0, 0, -1, 1), (23, 0, 1, 5), (10, 30, -1, 9))
    now, before = level(rows, times(24.5, 0.5), 6.0)
    assert velocity(rows, times(24.5), SCALES)[0] == pytest.approx(now - before)
    assert math.isnan(velocity(rows, times(20), SCALES)[0])


def test_mentions_are_counted_without_copies() -> None:
    rows = texts((0, 0, 0, 1), (5, 0, 0, 0), (6, 0, 0, 0.3), (30, 0, 0, 1), (29, 9, 0, 1))
    np.testing.assert_array_equal(mentions(rows, times(10, 24, 30, 38), 24.0), [2, 1, 1, 2])


@pytest.mark.parametrize("count", [1, 3, 8, 20])
def test_the_chance_is_that_of_the_distribution(count: int) -> None:
    flat = np.full(30, 3.0)
    expected = -math.log10(poisson.sf(count - 1, 90.5 / 30))
    assert surprise(count, flat) == pytest.approx(min(expected, MOST), rel=1e-6)
    wide = np.array([0.0, 2, 4, 6, 8, 10, 12, 14] * 3)
    mean, variance = (wide.sum() + 0.5) / 24, np.var(wide, ddof=1)
    size = mean**2 / (variance - mean)
    expected = -math.log10(nbinom.sf(count - 1, size, size / (size + mean)))
    assert surprise(count, wide) == pytest.approx(expected, rel=1e-6)


def test_an_earlier_spike_does_not_hide_this_one() -> None:
    calm = np.array([4.0, 5, 6] * 10)
    before = calm.copy()
    before[3] = 500
    assert surprise(60, before) > 8
    assert surprise(5, calm) < 0.5
    assert surprise(0, calm) == 0
    assert surprise(10**6, np.zeros(30)) == MOST
    assert surprise(1, np.zeros(30)) < 2


def daily(days: int, count: int, today: int) -> Texts:
    hours = [day * 24 + 1 + n / 10 for day in range(days) for n in range(count)]
    return texts(
        *[(hour, 0, 0, 1) for hour in hours], *[(days * 24 + 1, 0, 0, 1) for _ in range(today)]
    )


def test_a_spike_is_told_once_enough_days_are_covered() -> None:
    for days, told in ((6, False), (7, True), (30, True), (45, True)):
        rows = daily(days, 5, 40)
        found = spike(rows, times(days * 24 + 24), 0, SCALES)[0]
        assert (found > 8) == told
        assert math.isnan(found) != told
    # The windows that nobody watched are not windows without texts.
    late = spike(daily(45, 5, 5), times(46 * 24), 25 * DAY, SCALES)[0]
    assert late < 0.5


def test_enough_of_the_past_is_read() -> None:
    assert reach(SCALES) >= (DAYS + 1) * DAY
    assert reach(Scales(half_life=500)) > 20 * 500 * HOUR
