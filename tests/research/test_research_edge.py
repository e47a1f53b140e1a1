"""Figures of forecasts agree with their textbooks, and luck is taken off."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from freqpilot.research import edge


def grid(seed: int, steps: int = 400, pairs: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    forecast = rng.standard_normal((steps, pairs))
    outcome = 0.3 * forecast + rng.standard_normal((steps, pairs))
    forecast[rng.random(forecast.shape) < 0.1] = np.nan
    return forecast, outcome


@given(st.integers(0, 2**20))
def test_the_mean_of_products_is_spearmans_correlation(seed: int) -> None:
    forecast, outcome = np.round(grid(seed, 40), 1)
    both = np.isfinite(forecast)
    values = edge.products(forecast, outcome)
    weights = edge.counts(forecast, outcome)
    there = weights > 0
    found = np.average(values[there], weights=weights[there])
    assert found == pytest.approx(spearmanr(forecast[both], outcome[both])[0], abs=1e-9)


def test_across_pairs_each_step_counts_alone() -> None:
    forecast = np.array([[1.0, 2, 3], [3, 2, 1], [1, 2, np.nan]])
    outcome = np.array([[1.0, 2, 3], [1, 2, 3], [1, 2, 3]])
    np.testing.assert_allclose(edge.cross_products(forecast, outcome), [1, -1, np.nan])


def test_the_error_of_a_mean_is_that_of_its_blocks() -> None:
    rng = np.random.default_rng(1)
    ones = np.ones(2_000)
    alone = edge.figure(rng.standard_normal(2_000), ones, 1, 1)
    assert alone.error == pytest.approx(1 / np.sqrt(2_000), rel=0.15)
    slow = np.repeat(rng.standard_normal(100), 20)
    assert edge.figure(slow, ones, 60, 1).error > 3 * alone.error
    assert alone.low < alone.value < alone.high


def test_more_trials_take_more_off() -> None:
    values, ones = np.random.default_rng(2).standard_normal(500) + 0.1, np.ones(500)
    one, many = (edge.figure(values, ones, 5, 1, trials) for trials in (1, 50))
    assert one.deflated == (one.value, one.low, one.high)
    assert many.deflated[0] == pytest.approx(many.value - many.luck)
    assert many.luck == pytest.approx(2.25 * many.error, rel=0.05)
    assert np.isnan(edge.figure(values[:1], ones[:1], 5, 1).t)


def test_the_calibration_error_is_the_distance_of_stated_from_seen() -> None:
    rng = np.random.default_rng(3)
    chance = rng.random(20_000)
    happened = (rng.random(20_000) < chance).astype(float)
    assert edge.calibration_error(chance, happened) < 0.02
    half = np.repeat([0.0, 1.0], 500)
    assert edge.calibration_error(np.full(1_000, 0.8), half) == pytest.approx(0.5)
    assert np.isnan(edge.calibration_error(chance[:50], happened[:50]))


def test_a_book_pays_for_what_it_trades_and_never_sees_the_step_it_decides_on() -> None:
    signal = np.array([[1.0], [0.0], [0.0], [0.0]])
    returns = np.array([[0.1], [0.2], [0.4], [np.nan]])
    alone = edge.book(signal, returns, 1, 0.01)
    np.testing.assert_allclose(alone.net, [0.1 - 0.01, -0.01, 0, 0])
    held = edge.book(signal, returns, 2, 0.0)
    np.testing.assert_allclose(held.net, [0.05, 0.1, 0, 0])
    np.testing.assert_allclose(held.traded, [0.5, 0, 0.5, 0])
    steady = edge.book(np.ones((10, 1)), np.zeros((10, 1)), 5, 0.01)
    assert steady.traded.sum() == pytest.approx(1.0), "a signal that stays is traded once"


def test_days_without_a_step_are_days_of_nothing() -> None:
    np.testing.assert_array_equal(
        edge.by_day(np.array([1.0, 2.0, 4.0]), np.array([7, 7, 9])), [3.0, 0.0, 4.0]
    )
