"""Mean reversion, breakout and rotation: a table for each rule, no future, no long memory."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import HOUR, MUTATIONS, candles
from freqpilot.shapes import Candles, Floats
from freqpilot.signals import breakout, reversion
from freqpilot.signals.breakout import BreakoutRule, Range, ranges
from freqpilot.signals.reversion import ReversionRule, Stretch, stretch
from freqpilot.signals.rotation import (
    DAY,
    MONDAY,
    WEEK,
    RotationRule,
    chosen,
    joined,
    momentum,
    places,
    weekly,
)

ROTATION = RotationRule(days=(2, 4), skip_days=1, volatility_days=5)
seeds = st.integers(0, 10_000)
mutations = st.sampled_from(MUTATIONS)


def columns_of(name: str, source: Candles) -> Floats:
    """Return everything a rule computes, a row a column."""
    if name == "reversion":
        return np.array(astuple(stretch(source)))
    if name == "breakout":
        return np.array(astuple(ranges(source)))
    return np.array(astuple(momentum(source, HOUR, ROTATION)))


STARTUPS = {
    "reversion": reversion.STARTUP,
    "breakout": breakout.STARTUP,
    "rotation": 6 * 24 + 1,
}
every = pytest.mark.parametrize("name", list(STARTUPS))


@every
@given(seed=seeds, mutation=mutations, data=st.data())
def test_prefix_invariance(name: str, seed: int, mutation: str, data: st.DataObject) -> None:
    whole = candles(seed, 600, mutation)
    cut = data.draw(st.integers(1, 600))
    full, part = columns_of(name, whole), columns_of(name, whole.window(0, cut))
    np.testing.assert_array_equal(part, full[:, :cut])


@every
@given(seed=seeds, mutation=mutations, begin=st.integers(1, 100))
def test_origin_invariance(name: str, seed: int, mutation: str, begin: int) -> None:
    whole = candles(seed, 600, mutation)
    full, late = columns_of(name, whole), columns_of(name, whole.window(begin))
    settled = slice(STARTUPS[name], None)
    np.testing.assert_allclose(late[:, settled], full[:, begin:][:, settled], rtol=0, atol=1e-4)


@every
def test_it_has_settled_by_its_startup(name: str) -> None:
    found = columns_of(name, candles(3, 600))
    assert np.isfinite(found[:, STARTUPS[name] :]).all()


CALM = Stretch(*(np.array([x]) for x in (-3.0, -0.5, 0.2, 1.0)))


@pytest.mark.parametrize(
    ("change", "side"),
    [
        ({}, 1),
        ({"distance": 3.0, "strength": 0.5}, -1),
        ({"distance": -2.4}, 0),
        ({"strength": -0.3}, 0),
        ({"strength": 0.5}, 0),
        ({"direction": 0.31}, 0),  # a trend
        ({"pace": 2.1}, 0),  # too wild
        *(({name: np.nan}, 0) for name in vars(CALM)),
    ],
)
def test_a_table_of_reversions(change: dict[str, float], side: int) -> None:
    seen = replace(CALM, **{name: np.array([x]) for name, x in change.items()})
    assert ReversionRule().side(seen).tolist() == [side]


@pytest.mark.parametrize(
    ("distance", "leave"), [(-1.0, 0), (-0.4, 2), (0.4, 2), (1.0, 1), (np.nan, 0)]
)
def test_a_reversion_leaves_at_the_mean(distance: float, leave: int) -> None:
    seen = replace(CALM, distance=np.array([distance]))
    wanted = {-1.0: -1}.get(distance, leave)
    assert ReversionRule(near=0.5).leave(seen).tolist() == [wanted]


QUIET = Range(*(np.array([x]) for x in (0.1, 0.5, -9.0, -2.0, -2.0, 1.5)))


@pytest.mark.parametrize(
    ("change", "side"),
    [
        ({}, 1),
        ({"above": -9.0, "below": 0.5}, -1),
        ({"squeeze": 0.2}, 0),
        ({"above": 0.05}, 0),
        ({"volume": 0.5}, 0),
        *(({name: np.nan}, 0) for name in ("squeeze", "above", "volume")),
    ],
)
def test_a_table_of_breakouts(change: dict[str, float], side: int) -> None:
    seen = replace(QUIET, **{name: np.array([x]) for name, x in change.items()})
    assert BreakoutRule().side(seen).tolist() == [side]


def test_a_breakout_of_a_quiet_market_is_seen_at_its_candle_and_not_before() -> None:
    rng = np.random.default_rng(4)
    size = np.concatenate([np.full(300, 0.02), np.geomspace(0.02, 0.0002, 100)])
    close = 100 * np.exp(np.cumsum(rng.standard_normal(400) * size))
    close = np.append(close, close[-1] * 1.05)
    volume = np.append(rng.lognormal(3, 0.2, 400), 500.0)
    source = Candles(np.arange(401) * HOUR, close, close * 1.001, close * 0.999, close, volume)
    side = BreakoutRule().side(ranges(source))
    assert side[400] == 1
    assert (side[380:400] == 0).all()


def test_the_places_of_a_week() -> None:
    scores = np.array([[0.3, np.nan, 0.5, 0.5], [np.nan] * 4])
    place = places(scores)
    assert place[0, [0, 2, 3]].tolist() == [3, 1, 2]
    assert np.isnan(place[0, 1])
    assert np.isnan(place[1]).all()
    held = chosen(np.array([1.0, 2, 3, np.nan]), np.array([0.5, -0.1, 0.5, np.nan]), 2)
    assert held[:3].tolist() == [1, 0, 0]
    assert np.isnan(held[3])


def test_a_week_closes_on_sunday_night() -> None:
    # 2024-01-01 was a Monday.
    monday = np.datetime64("2024-01-01", "ns").astype(np.int64)
    assert (monday - MONDAY) % WEEK == 0
    dates = monday - 3 * HOUR + np.arange(6) * HOUR
    assert weekly(dates, HOUR).tolist() == [-1, -1, 2, 2, 2, 2]
    assert weekly(dates[[0, 1, 4]], HOUR).tolist() == [-1, -1, 2], "an outage over midnight"


def test_another_pairs_old_score_does_not_count() -> None:
    dates = np.arange(4) * DAY
    table = joined(dates, [(dates[:3], np.arange(3.0)), (dates[:0], np.empty(0))])
    assert table[:3, 0].tolist() == [0, 1, 2]
    assert np.isnan(table[3, 0])
    assert np.isnan(table[:, 1]).all()


def test_momentum_by_hand() -> None:
    rule = RotationRule(days=(2,), skip_days=0, volatility_days=2)
    close = np.array([100.0, 101, 103, 102, 106])
    source = Candles(np.arange(5) * DAY, close, close, close, close, np.ones(5))
    found = momentum(source, DAY, rule)
    daily = np.log(close[1:] / close[:-1])
    volatility = np.sqrt((daily[2] ** 2 + daily[3] ** 2) / 2)
    assert found.score[4] == pytest.approx(np.log(106 / 103) / 2 / volatility)
    assert found.volatility[4] == pytest.approx(volatility * np.sqrt(365))
    assert np.isnan(found.score[:2]).all()


def test_the_days_that_are_skipped_are_left_out_at_both_ends() -> None:
    rule = RotationRule(days=(2,), skip_days=1, volatility_days=2)
    close = np.array([100.0, 101, 103, 102, 106, 111])
    source = Candles(np.arange(6) * DAY, close, close, close, close, np.ones(6))
    found = momentum(source, DAY, rule)
    daily = np.log(close[1:] / close[:-1])
    # The score is of the two days up to yesterday, the volatility of the two up to today.
    volatility = np.sqrt((daily[3] ** 2 + daily[4] ** 2) / 2)
    assert found.score[5] == pytest.approx(np.log(106 / 103) / 2 / volatility)
    assert np.isnan(found.score[2])
    assert np.isfinite(found.score[3])


@pytest.mark.parametrize(("place", "in_it"), [(1.0, 1.0), (2.0, 1.0), (3.0, 0.0)])
def test_the_last_of_the_top_is_in_it(place: float, in_it: float) -> None:
    assert chosen(np.array([place]), np.array([0.5]), 2).tolist() == [in_it]
    assert chosen(np.array([place]), np.array([0.0]), 2).tolist() == [0.0], "without a rise"
