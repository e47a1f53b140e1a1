"""What a metric's past says of its newest value."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.facts.history import measured
from freqpilot.facts.join import HOUR, Observations, known_at, ordered
from freqpilot.risk.memes.social import day_growth, spike
from freqpilot.shapes import Floats, Ints

ROWS = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9), st.integers(1, 99)), max_size=40)


def facts(rows: list[tuple[int, int, int]]) -> Observations:
    """Return facts of hours, lags and values, later rows as later vintages."""
    event, lag, value = np.array(rows, np.int64).reshape(-1, 3).T
    known = (event + lag) * HOUR
    return ordered(event * HOUR, known, np.arange(len(rows)), value.astype(np.float64))


def count(event: Ints, value: Floats) -> float:
    return float(value.sum() * 1000 + len(event))


@given(ROWS, st.integers(0, 100), st.sampled_from([count, day_growth]))
def test_nothing_known_later_counts(
    rows: list[tuple[int, int, int]], at: int, measure: object
) -> None:
    times = np.arange(at + 1) * HOUR
    past = [row for row in rows if row[0] + row[1] <= at]
    found = [measured(facts(each), times, 30, measure) for each in (rows, past)]  # type: ignore[arg-type]
    np.testing.assert_array_equal(*found)


@given(ROWS, st.integers(0, 50))
def test_it_begins_anywhere(rows: list[tuple[int, int, int]], first: int) -> None:
    times = np.arange(100) * HOUR
    whole = measured(facts(rows), times, 30, count, 8)
    part = measured(facts(rows), times[first:], 30, count, 8)
    np.testing.assert_array_equal(part, whole[first:])


@given(st.lists(st.integers(1, 99), max_size=30), st.integers(0, 40))
def test_in_order_it_is_what_the_pairlist_reads(values: list[int], at: int) -> None:
    found = facts([(hour, 0, value) for hour, value in enumerate(values)])
    known = known_at(found, at * HOUR)
    recent = known.value[known.event >= (known.event[-1] - 24 * HOUR if len(known) else 0)]
    (got,) = measured(found, np.array([at * HOUR]), 24, lambda _, v: spike(v, 5))
    np.testing.assert_equal(got, spike(recent, 5))


def test_ages_revisions_and_gaps() -> None:
    times = np.array([0, 1, 2, 3, 4, 12, 50]) * HOUR
    rows = [(0, 1, 10), (1, 1, 20), (1, 2, 21), (0, 4, 99), (12, 0, 30)]
    got = measured(facts(rows), times, 10, count, max_age=9)
    nan = np.nan
    np.testing.assert_array_equal(got, [nan, 10_001, 30_002, 31_002, 31_002, 30_001, nan])


def test_growth_is_of_a_day() -> None:
    hours = np.array([0, 20, 26]) * HOUR
    assert day_growth(hours, np.array([10.0, 40.0, 60.0])) == 5.0
    assert np.isnan(day_growth(hours[:2], np.array([10.0, 40.0])))
    assert np.isnan(day_growth(np.array([0, 60]) * HOUR, np.array([10.0, 40.0])))
