"""The volatility of the last day and week: exact, without the future, without a long memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import MUTATIONS, beside_market, candles, shuffled_after
from freqpilot.features.bank.realised import realised, startup
from freqpilot.shapes import Floats

seeds = st.integers(0, 10_000)
mutations = st.sampled_from(MUTATIONS)
MINUTES = 60


def columns(c: object) -> Floats:
    return np.array(realised(c, MINUTES))  # type: ignore[arg-type]


def test_the_figures_by_their_definition() -> None:
    c = candles(3, 500)
    found = realised(c, MINUTES)
    change = np.diff(np.log(c.close))
    day, week = change[-24:], change[-168:]
    assert found.day[-1] == pytest.approx(np.sqrt((day**2).sum()))
    assert found.ratio[-1] == pytest.approx(np.sqrt((day**2).mean() / (week**2).mean()))
    assert 0 <= found.adx[-1] <= 1
    assert np.isnan(found.ratio[:168]).all(), "not before a week is there"
    assert np.isfinite(np.array(found)[:, startup(MINUTES) :]).all()


@given(seeds, mutations, st.integers(1, 600))
def test_prefix_invariance(seed: int, mutation: str, cut: int) -> None:
    whole = beside_market(seed, 600, mutation)
    np.testing.assert_array_equal(columns(whole)[:, :cut], columns(whole.window(0, cut)))


@given(seeds, mutations, st.integers(1, 100))
def test_origin_invariance(seed: int, mutation: str, begin: int) -> None:
    whole = beside_market(seed, 700, mutation)
    settled = startup(MINUTES)
    a = columns(whole)[:, begin + settled :]
    b = columns(whole.window(begin))[:, settled:]
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-4)


@given(seeds, st.integers(1, 599))
def test_the_future_in_another_order_changes_nothing(seed: int, cut: int) -> None:
    whole = beside_market(seed, 600)
    other = shuffled_after(whole, cut, seed)
    np.testing.assert_array_equal(columns(whole)[:, :cut], columns(other)[:, :cut])


@pytest.mark.parametrize(("minutes", "settled"), [(5, 2016), (60, 168), (240, 42), (720, 14)])
def test_it_settles_after_a_week(minutes: int, settled: int) -> None:
    assert startup(minutes) >= settled
    c = candles(1, startup(minutes) + 2)
    assert np.isfinite(np.array(realised(c, minutes))[:, -1]).all()


def test_daily_candles_have_no_volatility_of_a_day() -> None:
    assert np.isnan(np.array(realised(candles(1, 50), 1_440))).all()
    assert startup(1_440) == 0
