"""The basket against plain formulas, with pairs listed late, and its invariance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.features.candles.basket import Basket, basket
from freqpilot.shapes import Floats

seeds = st.integers(0, 10_000)


def closes(seed: int, length: int = 400, pairs: int = 6, common: float = 0.7) -> Floats:
    """Return walks that share a part; the last pair is listed late, one misses a candle."""
    rng = np.random.default_rng(seed)
    own = rng.standard_normal((length, pairs)) * np.linspace(0.005, 0.02, pairs)
    moves = common * 0.01 * rng.standard_normal((length, 1)) + (1 - common) * own
    out = 100 * np.exp(np.cumsum(moves, axis=0))
    out[: length // 3, -1] = np.nan
    out[length // 2, 0] = np.nan
    return np.asarray(out)


def same(a: Basket, b: Basket) -> None:
    for name, left, right in zip(Basket._fields, a, b, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("weighted", [False, True])
def test_figures_of_one_candle_by_numpy(weighted: bool) -> None:
    prices, at = closes(1), 390
    weights = np.arange(1.0, 7.0) if weighted else None
    found = basket(prices, 60, weights)
    window = np.diff(np.log(prices), axis=0)[at - 24 : at]
    sigma = window.std(axis=0) * np.sqrt(365 * 24)
    share = np.full(6, 1 / 6) if weights is None else weights / weights.sum()
    middle = np.average(sigma, weights=weights) if weighted else np.median(sigma)
    assert found.volatility[at] == pytest.approx(middle)
    cov = np.cov(window.T, ddof=0)
    s = share * np.sqrt(np.diag(cov))
    pairs = np.outer(s, s)
    np.fill_diagonal(pairs, 0.0)
    expected = (np.corrcoef(window.T) * pairs).sum() / pairs.sum()
    assert found.correlation[at] == pytest.approx(expected)
    means = [prices[at - 199 : at + 1, k].mean() for k in range(1, 6)]
    assert found.breadth[at] == pytest.approx((prices[at, 1:] > means).mean())
    assert found.pairs[at] == 6


def test_pairs_that_are_one_and_the_same_are_correlated_fully_and_opposites_not_at_all() -> None:
    walk = closes(2, pairs=3)[:, 1:2]
    np.testing.assert_allclose(basket(np.repeat(walk, 4, 1), 60).correlation[30:], 1.0)
    two = basket(np.hstack([walk, 1 / walk]), 60)
    np.testing.assert_allclose(two.correlation[30:], -1.0)


def test_a_pair_listed_late_changes_nothing_before_it_has_a_window() -> None:
    prices = closes(3)
    prices[200, 0] = 100.0
    late, without = basket(prices, 60), basket(prices[:, :-1], 60)
    begin = 400 // 3
    for name in Basket._fields:
        a, b = getattr(late, name), getattr(without, name)
        np.testing.assert_array_equal(a[: begin + 24], b[: begin + 24], err_msg=name)
    assert late.pairs[begin + 24] == 6
    assert late.pairs[begin + 23] == 5


def test_the_year_is_counted_in_candles() -> None:
    hours, days = basket(closes(4), 60), basket(closes(4), 1_440)
    np.testing.assert_allclose(hours.volatility, days.volatility * np.sqrt(24))


@given(seeds, st.integers(1, 300), st.booleans())
def test_no_look_ahead_and_no_memory_beyond_the_window(seed: int, cut: int, weighted: bool) -> None:
    prices = closes(seed, 300)
    weights = np.arange(1.0, 7.0) if weighted else None
    full, part = basket(prices, 60, weights), basket(prices[:cut], 60, weights)
    same(part, Basket(*(column[:cut] for column in full)))
    late, startup = basket(prices[cut:], 60, weights), 200
    ends = [Basket(*(c[k + startup :] for c in b)) for b, k in ((full, cut), (late, 0))]
    same(*ends)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (1, 3), (30, 0), (30, 1)])
def test_tiny_baskets(shape: tuple[int, int]) -> None:
    for column in basket(np.full(shape, 100.0), 60):
        assert column.shape == shape[:1]
    assert np.isnan(basket(np.full(shape, 100.0), 60).correlation).all()


def test_no_infinite_value_and_nothing_of_what_rests_or_is_no_price() -> None:
    prices = closes(5)
    prices[100:200, 1] = 0.0
    prices[150, 2] = np.inf
    prices[250:] = 100.0
    found = basket(prices, 60)
    for column in found:
        assert not np.isinf(column).any()
    assert found.volatility[-1] == found.correlation[-1] == found.breadth[-1] == 0.0


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="dimensions"):
        basket(np.ones(5), 60)
    with pytest.raises(ValueError, match="do not fit 6 pairs"):
        basket(closes(1), 60, np.ones(5))
