"""Netting and budgets: their algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.signals.netting import BOUNDS, MIN_DAYS, inverse_volatility, net, shares

COUNT = st.integers(1, 8)


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    budget = rng.dirichlet(np.ones(count)) * rng.uniform(0.2, 1.0)
    return rng.uniform(-1, 1, count), rng.uniform(0.01, 1, count), budget, rng.random(count) > 0.3


@given(st.integers(0, 2**32 - 1), COUNT)
def test_the_net_is_the_sum_within_the_budgets_in_any_order(seed: int, count: int) -> None:
    want, slot, budget, active = drawn(seed, count)
    found = shares(want, slot, budget, active)
    assert net(found, can_short=True) == pytest.approx(sum(want * slot * budget * active))
    assert abs(net(found, can_short=True)) <= budget.sum() + 1e-12
    assert np.all(np.abs(found) <= budget * slot + 1e-15)
    order = np.random.default_rng(seed + 1).permutation(count)
    other = shares(want[order], slot[order], budget[order], active[order])
    assert net(other, can_short=True) == pytest.approx(net(found, can_short=True), abs=1e-12)
    assert net(found, can_short=False) == max(net(found, can_short=True), 0.0)


@pytest.mark.parametrize("unknown", [np.nan, np.inf, -np.inf])
def test_what_is_not_known_wants_nothing(unknown: float) -> None:
    two = np.ones(2)
    found = shares(np.array([unknown, 0.5]), two, two / 2, np.array([True, True]))
    assert found.tolist() == [0.0, 0.25]


def test_a_sleeve_asks_for_no_more_than_its_slot() -> None:
    one = np.ones(1)
    assert shares(one * 7, one / 4, one / 2, np.array([True])).tolist() == [0.125]


@given(st.integers(0, 2**32 - 1), COUNT)
def test_inverse_volatility_keeps_the_sum_and_the_bounds(seed: int, count: int) -> None:
    _, _, budget, _ = drawn(seed, count)
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.001, 0.2, count)
    returns = rng.standard_normal((60, count)) * spread
    found = inverse_volatility(budget, returns)
    assert found.sum() == pytest.approx(budget.sum())
    assert np.all(found >= BOUNDS[0] * budget - 1e-12)
    assert np.all(found <= BOUNDS[1] * budget + 1e-12)
    risk = returns.std(axis=0, ddof=1)
    ranked = np.argsort(risk)
    assert np.all(np.diff((found / budget)[ranked]) <= 1e-9), "the calmer, the more"


def test_inverse_volatility_between_the_bounds_is_equal_risk() -> None:
    rng = np.random.default_rng(5)
    returns = rng.standard_normal((60, 2)) * [0.02, 0.03]
    found = inverse_volatility(np.array([0.4, 0.4]), returns)
    risk = found * returns.std(axis=0, ddof=1)
    assert risk[0] == pytest.approx(risk[1], rel=1e-6)


def test_without_a_record_the_budgets_stay() -> None:
    budget = np.array([0.5, 0.25])
    rng = np.random.default_rng(1)
    returns = rng.standard_normal((MIN_DAYS, 2)) * 0.01
    assert inverse_volatility(budget, returns[:-1]).tolist() == budget.tolist()
    returns[:, 1] = 0.0
    assert inverse_volatility(budget, returns).tolist() == budget.tolist()
    returns[0, 1] = np.nan
    assert inverse_volatility(budget, returns).tolist() == budget.tolist()
