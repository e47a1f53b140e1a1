"""The test of Engle and Granger on processes whose answer is known."""

import math

import numpy as np
import pytest

from freqpilot.features.candles.cointegration import critical_value, engle_granger
from freqpilot.shapes import Floats


def reverting(seed: int, length: int, keeps: float) -> tuple[Floats, Floats]:
    """Return y = 1 + 2x + u with u an AR(1) that keeps ``keeps`` of itself, x a random walk."""
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal(length))
    u = np.zeros(length)
    for i, shock in enumerate(rng.standard_normal(length)):
        u[i] = keeps * u[i - 1] + shock
    return 1 + 2 * x + u, x


@pytest.mark.parametrize(
    ("level", "observations", "value"),
    [(0.05, 10**9, -3.3361), (0.01, 10**9, -3.8964), (0.10, 10**9, -3.0445), (0.05, 100, -3.3979)],
)
def test_critical_values_of_the_table(level: float, observations: int, value: float) -> None:
    assert critical_value(level, observations) == pytest.approx(value, abs=1e-4)


def test_as_often_as_the_level_says_walks_of_their_own_are_taken_for_a_pair() -> None:
    rng = np.random.default_rng(1)
    walks = np.cumsum(rng.standard_normal((2, 2_000, 250)), axis=2)
    found = [engle_granger(y, x, 1) for y, x in zip(*walks, strict=True)]
    for level in (0.01, 0.05, 0.10):
        share = np.mean([each.holds(level) for each in found])
        assert share == pytest.approx(level, abs=4 * math.sqrt(level * (1 - level) / 2_000))


def test_a_spread_that_reverts_is_found_with_its_hedge_and_half_life() -> None:
    found = [engle_granger(*reverting(seed, 500, 0.8)) for seed in range(100)]
    assert np.mean([each.holds(0.01) for each in found]) > 0.99
    assert np.median([each.hedge for each in found]) == pytest.approx(2.0, abs=0.02)
    assert np.median([each.half_life for each in found]) == pytest.approx(
        math.log(0.5) / math.log(0.8), rel=0.15
    )


def test_the_statistic_is_that_of_the_regression_written_out() -> None:
    y, x = reverting(3, 300, 0.9)
    slope, level = np.polyfit(x, y, 1)
    u = y - slope * x - level
    d = np.diff(u)
    design = np.column_stack([u[2:-1], d[1:-1], d[:-2]])
    b, rest, *_ = np.linalg.lstsq(design, d[2:], rcond=None)
    error = np.sqrt(rest[0] / (len(design) - 3) * np.linalg.inv(design.T @ design)[0, 0])
    found = engle_granger(y, x, 2)
    assert found.statistic == pytest.approx(b[0] / error, rel=1e-9)
    assert found.observations == len(design)
    assert found.intercept == pytest.approx(level)


def test_nothing_to_test_is_nan_and_never_holds() -> None:
    y, x = reverting(4, 300, 0.9)
    for pair in ((x, x), (np.ones(300), x), (y[:5], x[:5]), (y[:0], x[:0])):
        found = engle_granger(*pair)
        assert math.isnan(found.statistic)
        assert not found.holds()
    assert math.isfinite(engle_granger(y, np.ones(300)).statistic), "the level alone"


def test_a_missing_price_is_left_out() -> None:
    y, x = reverting(5, 300, 0.8)
    holed = y.copy()
    holed[100:103] = np.nan
    there = np.isfinite(holed)
    assert engle_granger(holed, x, 1) == engle_granger(y[there], x[there], 1)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no critical value at 0\.02"):
        critical_value(0.02, 100)
    with pytest.raises(ValueError, match="are no pair"):
        engle_granger(np.ones(5), np.ones(4))
