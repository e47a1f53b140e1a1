"""Regimes: named by hand-made markets, known from closed candles only, and stable for a while."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import HOUR, MUTATIONS, candles, shuffled_after
from freqpilot.features.bank.workspace import Workspace
from freqpilot.shapes import Candles, Floats
from freqpilot.signals import regimes
from freqpilot.signals.regimes import NAMES, NONE, STARTUP, Gauges, Regimes, confirmed, detect

seeds = st.integers(0, 10_000)
lengths = st.integers(600, 900)
mutations = st.sampled_from(MUTATIONS)
dwells = st.integers(1, regimes.MAX_DWELL)


def found(source: Candles, dwell: int = 6) -> Regimes:
    return detect(Workspace(source), dwell)


def market(returns: Floats, volume: Floats | None = None) -> Candles:
    """Return candles of these log returns."""
    n = len(returns)
    close = 100 * np.exp(np.cumsum(returns))
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.0005, np.minimum(opened, close) * 0.9995
    volume = np.ones(n) if volume is None else volume
    return Candles(np.arange(n) * HOUR, opened, high, low, close, volume)


def noise(n: int = 900, size: float = 0.005) -> Floats:
    """Return returns whose sums stay near 0 over any day."""
    each = np.random.default_rng(11).standard_normal(n) * size
    each[1::2] = -each[:-1:2] if n % 2 == 0 else -each[: n // 2 * 2 : 2]
    return each


def last_name(source: Candles) -> str:
    got = found(source)
    assert got.probability[-1] > 0.7
    return str(got.names()[-1])


def test_six_markets_have_their_names() -> None:
    assert last_name(market(noise())) == "range_bound"
    assert last_name(market(noise() + 0.0008)) == "trending_bullish"
    assert last_name(market(noise() - 0.0008)) == "trending_bearish"
    crash = noise()
    crash[-20:] -= 0.01
    assert last_name(market(crash)) == "capitulation"
    loud, volume = noise(), np.ones(900)
    loud[-24:] *= 2.5
    volume[-24:] = 3.0
    assert last_name(market(loud, volume)) == "high_volatility_breakout"
    quiet = noise()
    quiet[-36:] *= 0.15
    assert last_name(market(quiet)) == "low_volatility_compression"


def test_a_loud_day_without_volume_is_no_breakout() -> None:
    loud = noise()
    loud[-24:] *= 2.5
    assert found(market(loud)).names()[-1] != "high_volatility_breakout"


@given(seed=seeds, length=lengths, mutation=mutations, dwell=dwells, data=st.data())
def test_no_candle_sees_a_later_one(
    seed: int, length: int, mutation: str, dwell: int, data: st.DataObject
) -> None:
    whole = candles(seed, length, mutation)
    cut = data.draw(st.integers(1, length))
    full = found(whole, dwell)
    for other in (whole.window(0, cut), shuffled_after(whole, cut, seed)):
        part = found(other, dwell)
        np.testing.assert_array_equal(part.place[:cut], full.place[:cut])
        np.testing.assert_array_equal(part.probability[:cut], full.probability[:cut])


@given(seed=seeds, mutation=mutations, dwell=dwells, begin=st.integers(1, 100))
def test_nothing_is_remembered_beyond_the_startup(
    seed: int, mutation: str, dwell: int, begin: int
) -> None:
    whole = candles(seed, 900, mutation)
    full, late = found(whole, dwell), found(whole.window(begin), dwell)
    np.testing.assert_array_equal(late.place[STARTUP:], full.place[begin + STARTUP :])
    np.testing.assert_allclose(
        late.probability[STARTUP:], full.probability[begin + STARTUP :], atol=1e-6
    )


figures = st.floats(-20, 20)


@given(st.lists(st.tuples(*[figures] * 4), min_size=1, max_size=40))
def test_probabilities_are_shares_of_one(rows: list[tuple[float, ...]]) -> None:
    each = regimes.probabilities(Gauges(*np.array(rows).T))
    assert (each >= 0).all()
    assert (each <= 1).all()
    np.testing.assert_allclose(each.sum(axis=1), 1.0, atol=1e-9)


@pytest.mark.parametrize("missing", range(4))
def test_a_missing_figure_is_no_regime(missing: int) -> None:
    figures = [np.ones(30) for _ in range(4)]
    figures[missing][20:] = np.nan
    each = regimes.probabilities(Gauges(*figures))
    assert np.isfinite(each[:20]).all()
    assert np.isnan(each[20:]).any(axis=1).all()
    place = confirmed(each, 3)
    assert (place[2:20] != NONE).all()
    assert (place[20:] == NONE).all()


@given(
    dwell=dwells,
    stretches=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 60)), min_size=1, max_size=20),
)
def test_each_regime_lasts_its_dwell(dwell: int, stretches: list[tuple[int, int]]) -> None:
    first = np.concatenate([np.full(length, place) for place, length in stretches])
    place = confirmed(np.eye(len(NAMES))[first], dwell)
    edges = np.flatnonzero(np.diff(place)) + 1
    for begin, end in itertools.pairwise(edges):
        assert place[begin] == NONE or place[end] == NONE or end - begin >= dwell
    for row in np.flatnonzero(place != NONE):
        assert (first[max(0, row - regimes.HELD - dwell) : row + 1] == place[row]).sum() >= dwell


def test_what_is_not_confirmed_again_ends() -> None:
    first = np.zeros(200, dtype=int)
    first[10:] = np.arange(190) % 2 + 1  # never the same twice
    place = confirmed(np.eye(len(NAMES))[first], 6)
    assert (place[5 : 10 + regimes.HELD] == 0).all()
    assert (place[10 + regimes.HELD :] == NONE).all()


@pytest.mark.parametrize("dwell", [0, regimes.MAX_DWELL + 1])
def test_a_dwell_that_the_startup_has_no_room_for_is_refused(dwell: int) -> None:
    with pytest.raises(ValueError, match=f"a dwell of {dwell} candles"):
        found(candles(1, 10), dwell)


@pytest.mark.parametrize("length", [0, 1, 2, 10])
def test_tiny_inputs(length: int) -> None:
    got = found(candles(1, 20).window(0, length))
    assert got.place.shape == (length,)
    assert (got.place == NONE).all()
    assert list(got.names()) == [""] * length
