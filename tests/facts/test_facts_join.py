"""The as-of join against a plain loop, and against every change of the future."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.facts.join import (
    HOUR,
    NOTHING,
    Observations,
    as_of,
    known_at,
    ordered,
    states,
)
from freqpilot.facts.spec import Metric, parse

SMALL = st.integers(min_value=0, max_value=20)
ROW = st.tuples(SMALL, SMALL, st.integers(0, 2), st.floats(-9, 9))
ROWS = st.lists(ROW, max_size=30, unique_by=lambda row: row[:3])
TIMES = np.arange(-1, 25)


def observations(rows: list[tuple[int, int, int, float]]) -> Observations:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    whole = [np.array(column, dtype=np.int64) for column in columns[:3]]
    return ordered(*whole, np.array(columns[3], dtype=np.float64))


def plain(rows: list[tuple[int, int, int, float]], time: int) -> tuple[float, float]:
    """Return value and event at a time, in the words of the specification."""
    known = [row for row in rows if max(row[0], row[1]) <= time]
    if not known:
        return math.nan, math.nan
    newest = max(row[0] for row in known)
    version = max((row for row in known if row[0] == newest), key=lambda row: row[1:3])
    return version[3], float(newest)


@given(ROWS)
def test_the_join_is_what_a_loop_finds(rows: list[tuple[int, int, int, float]]) -> None:
    found = as_of(states(observations(rows)), TIMES)
    wanted = np.array([plain(rows, int(time)) for time in TIMES])
    np.testing.assert_array_equal(found.value, wanted[:, 0])
    np.testing.assert_allclose(found.age, (TIMES - wanted[:, 1]) / HOUR)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    rows: list[tuple[int, int, int, float]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for ours, theirs in zip(observations(rows), observations(shuffled), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(ROWS, ROWS, SMALL)
def test_whatever_becomes_known_later_changes_nothing(
    rows: list[tuple[int, int, int, float]], others: list[tuple[int, int, int, float]], time: int
) -> None:
    """All facts known after a time are replaced by any others known after it."""
    past = [row for row in rows if max(row[0], row[1]) <= time]
    future = [row for row in others if max(row[0], row[1]) > time]
    times = TIMES[time >= TIMES]
    ours = as_of(states(observations(rows)), times)
    theirs = as_of(states(observations([*past, *future])), times)
    np.testing.assert_array_equal(ours.value, theirs.value)
    np.testing.assert_array_equal(ours.age, theirs.age)


@given(ROWS, SMALL)
def test_versions_known_at_a_time(rows: list[tuple[int, int, int, float]], time: int) -> None:
    found = known_at(observations(rows), time)
    known = [row for row in rows if max(row[0], row[1]) <= time]
    wanted = {
        event: max((row for row in known if row[0] == event), key=lambda row: row[1:3])[3]
        for event in sorted({row[0] for row in known})
    }
    assert dict(zip(found.event.tolist(), found.value.tolist(), strict=True)) == wanted


@given(ROWS, st.permutations(list(range(TIMES.size))))
def test_times_may_come_in_any_order(
    rows: list[tuple[int, int, int, float]], order: list[int]
) -> None:
    series = states(observations(rows))
    np.testing.assert_array_equal(
        as_of(series, TIMES[order]).value, as_of(series, TIMES).value[order]
    )


def at(time: int, *rows: tuple[int, int, int, float]) -> float:
    return float(as_of(states(observations(list(rows))), np.array([time])).value[0])


def test_a_fact_counts_from_the_moment_it_is_known() -> None:
    assert math.isnan(at(9, (5, 10, 0, 1.0)))
    assert at(10, (5, 10, 0, 1.0)) == 1.0


def test_a_revision_of_an_older_event_replaces_no_newer_one() -> None:
    rows = ((1, 2, 0, 10.0), (3, 4, 0, 30.0), (1, 6, 0, 11.0))
    assert [at(time, *rows) for time in (2, 4, 6)] == [10.0, 30.0, 30.0]


def test_a_revision_of_the_newest_event_replaces_it() -> None:
    assert [at(time, (3, 4, 0, 30.0), (3, 7, 0, 31.0)) for time in (6, 7)] == [30.0, 31.0]


def test_the_vintage_decides_between_versions_known_at_once() -> None:
    assert at(4, (3, 4, 1, 31.0), (3, 4, 0, 30.0)) == 31.0


def test_an_event_that_is_known_late_does_not_replace_a_newer_one() -> None:
    assert at(9, (3, 4, 0, 30.0), (2, 8, 0, 20.0)) == 30.0


def test_what_is_scheduled_counts_when_it_happens() -> None:
    rows = ((10, 1, 0, 5.0), (10, 3, 0, 6.0))
    assert math.isnan(at(9, *rows))
    assert at(10, *rows) == 6.0


def test_a_value_that_is_too_old_is_missing() -> None:
    series = states(observations([(0, 0, 0, 1.0)]))
    times = np.array([HOUR, 2 * HOUR, 2 * HOUR + 1])
    found = as_of(series, times, max_age=2)
    np.testing.assert_array_equal(found.value, [1.0, 1.0, np.nan])
    np.testing.assert_array_equal(found.age, [1.0, 2.0, np.nan])


def test_without_facts_nothing_is_known() -> None:
    found = as_of(states(NOTHING), np.array([1, 2]))
    assert np.isnan(found.value).all()
    assert np.isnan(found.age).all()
    assert len(known_at(NOTHING, 1)) == 0


@pytest.mark.parametrize(
    ("text", "wanted", "column"),
    [
        ("mvrv", Metric("mvrv"), "mvrv"),
        ("cm/FlowInExNtv", Metric("FlowInExNtv", "cm"), "FlowInExNtv"),
        ("fear_greed@*", Metric("fear_greed", None, "*"), "fear_greed"),
        ("cm/mvrv@btc", Metric("mvrv", "cm", "BTC"), "mvrv_BTC"),
    ],
)
def test_how_a_metric_is_named(text: str, wanted: Metric, column: str) -> None:
    assert parse(text) == wanted
    assert wanted.column == column


@pytest.mark.parametrize("text", ["", "a/b/c", "a@", "/a", "a b", "a@b@c"])
def test_what_names_no_metric_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no metric"):
        parse(text)
