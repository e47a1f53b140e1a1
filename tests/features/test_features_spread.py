"""The spread of two log prices: what a plain regression says, from whatever candle it begins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.features.candles.cointegration import CRITICAL, p_value
from freqpilot.features.candles.spread import rolling_spread

WINDOW = 30


def logs(seed: int, length: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = 9.0 + np.cumsum(rng.standard_normal(length)) * 0.01
    return 0.8 * x + rng.standard_normal(length) * 0.01 + 2.0, x


def test_it_is_the_regression_of_its_window() -> None:
    y, x = logs(1)
    found = rolling_spread(y, x, WINDOW)
    assert np.isnan(found.score[: WINDOW - 1]).all()
    for i in range(WINDOW - 1, len(y)):
        span = slice(i - WINDOW + 1, i + 1)
        slope, level = np.polyfit(x[span], y[span], 1)
        left = y[span] - slope * x[span] - level
        assert found.hedge[i] == pytest.approx(slope, rel=1e-9)
        assert found.score[i] == pytest.approx(left[-1] / left.std(), rel=1e-7)


@given(st.integers(0, 10_000), st.integers(WINDOW, 90), st.integers(0, 60))
def test_it_looks_back_only_and_from_anywhere(seed: int, cut: int, skip: int) -> None:
    y, x = logs(seed)
    whole, part, later = (
        rolling_spread(y, x, WINDOW),
        rolling_spread(y[:cut], x[:cut], WINDOW),
        rolling_spread(y[skip:], x[skip:], WINDOW),
    )
    for a, b, c in zip(whole, part, later, strict=True):
        np.testing.assert_array_equal(a[:cut], b)
        np.testing.assert_array_equal(a[skip + WINDOW - 1 :], c[WINDOW - 1 :])


@given(st.integers(0, 10_000), st.floats(-5, 5), st.floats(0.2, 5))
def test_levels_do_not_matter_and_a_factor_moves_the_hedge(
    seed: int, shift: float, factor: float
) -> None:
    y, x = logs(seed)
    plain, moved = rolling_spread(y, x, WINDOW), rolling_spread(factor * y + shift, x, WINDOW)
    np.testing.assert_allclose(moved.hedge, factor * plain.hedge, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(moved.score, plain.score, rtol=1e-5, atol=1e-6)


def test_what_is_missing_or_does_not_move_has_no_spread() -> None:
    y, x = logs(3)
    x[50] = np.nan
    found = rolling_spread(y, x, WINDOW)
    assert np.isnan(found.score[50 : 50 + WINDOW]).all()
    assert np.isfinite(found.score[[49, 50 + WINDOW]]).all()
    assert np.isnan(rolling_spread(np.full(90, 2.0), x, WINDOW).hedge).all()
    assert np.isnan(rolling_spread(2 * y + 1, y, WINDOW).score).all(), "nothing is left"
    with pytest.raises(ValueError, match="no pair"):
        rolling_spread(y, x[1:], WINDOW)
    with pytest.raises(ValueError, match="deviation"):
        rolling_spread(y, x, 2)


def test_a_p_value_is_the_level_of_its_critical_value() -> None:
    for level, (limit, _, _) in CRITICAL.items():
        assert p_value(limit, 10**9) == pytest.approx(level, rel=0.02)
        assert p_value(limit, 200) > level, "few observations prove less"
    sure = [p_value(at, 1_000) for at in (-60.0, -12.0, -6.0, -4.0, -3.0)]
    assert sure == sorted(sure)
    assert sure[0] < 1e-6
    assert p_value(-2.0, 1_000) == p_value(float("nan"), 1_000) == p_value(-9.0, 0) == 1.0
