"""Longer timeframes: a candle of 4 hours is known at its close and not before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import HOUR, MUTATIONS, candles, shuffled_after
from freqpilot.shapes import Candles, Floats
from freqpilot.signals.confluence import (
    LEVELS,
    STARTUP,
    allowed,
    as_of,
    bias,
    direction,
    levels,
    longer,
    surer,
    timeframe,
)

seeds = st.integers(0, 10_000)
mutations = st.sampled_from(MUTATIONS)
FOUR = 4 * HOUR
MIDNIGHT = 1_700_006_400_000_000_000


def hours(n: int, begin: int = 0) -> Candles:
    """Return candles of an hour from ``begin`` o'clock on, whose close is the hour they open at."""
    place = np.arange(begin, begin + n)
    close = 1.0 + place
    return Candles(MIDNIGHT + place * HOUR, close, close, close, close, np.ones(n))


def known(source: Candles) -> Floats:
    """Return the bias where there is a longer timeframe."""
    of = bias(source)
    assert of is not None
    return of


def test_the_source_is_midnight() -> None:
    assert MIDNIGHT % (24 * HOUR) == 0


def test_a_longer_candle_is_known_at_its_close() -> None:
    source = hours(11)
    closed = longer(source, HOUR, FOUR)
    assert closed.close.tolist() == [4, 8], "the one that opened at 8 is not closed at 11"
    seen = as_of(source, HOUR, FOUR, closed, closed.close)
    # The candle that opens at 3 closes at 4, and so does the first one of four hours.
    np.testing.assert_array_equal(seen, [np.nan] * 3 + [4] * 4 + [8] * 4)


def test_where_the_data_begin_within_a_longer_candle_it_is_left_out() -> None:
    assert longer(hours(11, begin=1), HOUR, FOUR).close.tolist() == [8, 12]


def test_after_an_outage_nothing_is_known_until_the_next_close() -> None:
    whole = hours(24)
    rows = np.flatnonzero((np.arange(24) < 6) | (np.arange(24) >= 13))
    source = Candles(*(column[rows] for column in whole[:6]))
    closed = longer(source, HOUR, FOUR)
    assert closed.close.tolist() == [4, 6, 16, 20, 24]
    seen = dict(zip(rows.tolist(), as_of(source, HOUR, FOUR, closed, closed.close), strict=True))
    assert seen[5] == 4
    assert all(np.isnan(seen[hour]) for hour in (13, 14))
    assert seen[15] == 16


@pytest.mark.parametrize("length", [HOUR * 3 // 2, 0])
def test_a_length_that_is_no_multiple_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="cannot be made of"):
        longer(hours(5), HOUR if length else 0, length or FOUR)


@given(seed=seeds, length=st.integers(500, 700), mutation=mutations, data=st.data())
def test_no_candle_sees_a_later_one(
    seed: int, length: int, mutation: str, data: st.DataObject
) -> None:
    whole = candles(seed, length, mutation)
    full = known(whole)
    cut = data.draw(st.integers(2, length))
    for other in (whole.window(0, cut), shuffled_after(whole, cut, seed)):
        np.testing.assert_array_equal(known(other)[:cut], full[:cut])


@given(seed=seeds, mutation=mutations, begin=st.integers(1, 100))
def test_nothing_is_remembered_beyond_the_startup(seed: int, mutation: str, begin: int) -> None:
    whole = candles(seed, 700, mutation)
    late = known(whole.window(begin))
    np.testing.assert_array_equal(late[STARTUP:], known(whole)[begin + STARTUP :])


def test_a_side_is_allowed_from_the_least_bias_on() -> None:
    of = np.array([0.2, 0.1, 0.09, 0.0, -0.09, -0.1, -0.2, np.nan])
    long, short = allowed(of, 0.1)
    assert long.tolist() == [True, True, *[False] * 6]
    assert short.tolist() == [*[False] * 5, True, True, False]


@pytest.mark.parametrize("side", [1, -1])
def test_a_market_that_goes_one_way_has_its_bias(side: int) -> None:
    source = candles(4, 900)
    drift = np.exp(0.004 * side * np.arange(900))
    moved = Candles(source.date, *(column * drift for column in source[1:5]), source.volume)
    of = known(moved)
    assert of[-1] * side > 0.5
    long, short = allowed(of, 0.1)
    assert (long[-1], short[-1]) == ((True, False) if side > 0 else (False, True))
    assert not (long | short)[: LEVELS[2][1] * 24].any(), "nothing is known of days yet"


def test_candles_that_are_as_long_have_no_bias() -> None:
    hour = candles(4, 300)
    day = Candles(hour.date // HOUR * 24 * HOUR, *hour[1:6])
    assert timeframe(day) == 24 * HOUR
    assert bias(day) is None
    assert np.isnan(known(hour.window(0, 1))).all()
    assert known(hour.window(0, 0)).shape == (0,)


def test_only_levels_that_the_startup_has_room_for_count() -> None:
    minute = HOUR // 60
    lengths = {m: [length // HOUR for length, _ in levels(m * minute)] for m in (1, 5, 15, 60, 240)}
    assert lengths == {1: [], 5: [1], 15: [1, 4], 60: [4, 24], 240: [24]}


def test_a_price_that_rests_has_no_direction() -> None:
    assert (direction(np.full(60, 5.0), 20)[21:] == 0).all()
    assert np.isnan(direction(np.full(60, 5.0), 20)[:20]).all()


@given(
    confidence=st.floats(0, 1),
    value=st.floats(-1, 1),
    of=st.floats(-1, 1) | st.just(float("nan")),
    most=st.floats(0, 0.25),
)
def test_confidence_rises_within_bounds(
    confidence: float, value: float, of: float, most: float
) -> None:
    (got,) = surer(np.array([confidence]), np.array([value]), np.array([of]), most)
    assert confidence <= got <= min(1.0, confidence * (1 + most) + 1e-12)
    if not of * value > 0:
        assert got == confidence
