"""Statistics against hand-computed values and the published examples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets import examples
from freqpilot.research import stats

RETURNS = np.array([0.02, -0.01, 0.03, 0.0])


def test_sharpe_by_hand() -> None:
    # mean .01, squared deviations .0001 + .0004 + .0004 + .0001 = .001, / 3
    assert stats.sharpe(RETURNS) == pytest.approx(0.01 / math.sqrt(0.001 / 3))
    assert stats.sharpe(RETURNS, 365) == pytest.approx(stats.sharpe(RETURNS) * math.sqrt(365))


def test_sortino_by_hand() -> None:
    assert stats.sortino(RETURNS) == pytest.approx(0.01 / math.sqrt(0.0001 / 4))
    assert stats.sortino(RETURNS, 4) == pytest.approx(2 * stats.sortino(RETURNS))
    assert math.isnan(stats.sortino(np.array([0.1, 0.2])))


@pytest.mark.parametrize(
    ("equity", "drawdown"),
    [
        ([100, 120, 90, 130, 117], 0.25),
        ([100, 110, 120], 0.0),
        ([100, -20, 50], 1.0),
        ([100], 0.0),
    ],
)
def test_max_drawdown(equity: list[float], drawdown: float) -> None:
    assert stats.max_drawdown(np.array(equity, dtype=float)) == pytest.approx(drawdown)


@pytest.mark.parametrize("equity", [[], [0, 1], [1, math.nan]])
def test_max_drawdown_undefined(equity: list[float]) -> None:
    assert math.isnan(stats.max_drawdown(np.array(equity, dtype=float)))


@pytest.mark.parametrize(
    ("profits", "drawdown"),
    [([], 0.0), ([-100], 0.1), ([500, -300], 0.2), ([-100, 200], 0.0), ([-2000], 1.0)],
)
def test_drawdown_now(profits: list[float], drawdown: float) -> None:
    assert stats.drawdown_now(np.array(profits, dtype=float), 1000) == pytest.approx(drawdown)


def test_daily_returns_count_idle_days() -> None:
    returns = stats.daily_returns(np.array([0, 2, 2]), np.array([100.0, 50.0, 60.0]), 4, 1000)
    assert returns == pytest.approx([0.1, 0.0, 0.1, 0.0])


def test_daily_returns_after_ruin() -> None:
    returns = stats.daily_returns(np.array([0, 1, 2]), np.array([-500.0, -700.0, 400.0]), 4, 1000)
    assert returns == pytest.approx([-0.5, -1.0, 0.0, 0.0])


def test_daily_returns_at_the_ends() -> None:
    returns = stats.daily_returns(np.array([-1, 9]), np.array([10.0, 20.2]), 2, 1000)
    assert returns == pytest.approx([0.01, 0.02])
    with pytest.raises(ValueError, match="0 days"):
        stats.daily_returns(np.array([0]), np.array([1.0]), 0, 1000)


def test_turnover() -> None:
    traded, equity = np.array([100.0, 0.0]), np.array([1000.0, 500.0])
    assert stats.turnover(traded, equity, 365) == pytest.approx(0.05 * 365)
    assert math.isnan(stats.turnover(traded, np.array([1000.0, 0.0])))


def test_moments_by_hand() -> None:
    returns = np.array([0.0, 0.0, 0.0, 4.0])  # deviations −1 −1 −1 3, variance 3
    assert stats.skewness(returns) == pytest.approx((27 - 3) / 4 / 3**1.5)
    assert stats.kurtosis(returns) == pytest.approx((81 + 3) / 4 / 9)


def test_probabilistic_sharpe_published_example() -> None:
    # Bailey and López de Prado (2012): 24 months, Sharpe .458, skew −2.448, kurtosis 10.164
    assert stats.probabilistic_sharpe(0.458, 0.0, 24) == pytest.approx(0.982, abs=1e-3)
    assert stats.probabilistic_sharpe(0.458, 0.0, 24, -2.448, 10.164) == pytest.approx(
        0.913, abs=1e-3
    )


def test_deflated_sharpe_published_example() -> None:
    # Bailey and López de Prado (2014): 100 trials, variance 1/2 a year, 1250 days, Sharpe 2.5 a
    # year, skew −3, kurtosis 10
    benchmark = stats.expected_max_sharpe(100, 0.5 / 250)
    assert benchmark == pytest.approx(0.1132, abs=5e-5)
    deflated = stats.probabilistic_sharpe(2.5 / math.sqrt(250), benchmark, 1250, -3, 10)
    assert deflated == pytest.approx(0.9004, abs=5e-5)


def test_expected_maximum_matches_simulation() -> None:
    best = np.random.default_rng(7).normal(scale=0.1, size=(20_000, 50)).max(axis=1).mean()
    assert stats.expected_max_sharpe(50, 0.01) == pytest.approx(best, rel=0.02)  # an approximation


def test_expected_maximum_ends() -> None:
    assert stats.expected_max_sharpe(1, 1.0) == 0.0
    assert math.isfinite(stats.expected_max_sharpe(10**18, 1.0))
    for trials, variance in [(0, 1.0), (10, -1.0), (10, math.nan)]:
        with pytest.raises(ValueError, match="trials"):
            stats.expected_max_sharpe(trials, variance)


def test_deflated_sharpe_agrees_with_its_parts() -> None:
    returns = np.random.default_rng(3).normal(0.001, 0.01, 500)
    expected = stats.probabilistic_sharpe(
        stats.sharpe(returns),
        stats.expected_max_sharpe(40, 1 / 499),
        500,
        stats.skewness(returns),
        stats.kurtosis(returns),
    )
    assert stats.deflated_sharpe(returns, 40) == pytest.approx(expected)
    given_variance = stats.deflated_sharpe(returns, 40, variance=0.01)
    assert given_variance < expected


def test_more_trials_prove_less() -> None:
    returns = np.random.default_rng(3).normal(0.001, 0.01, 500)
    values = [stats.deflated_sharpe(returns, trials) for trials in (1, 10, 100, 1000)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4


def test_luck_is_seldom_taken_for_skill() -> None:
    rng = np.random.default_rng(11)
    fooled = 0
    for _ in range(200):
        trials = rng.normal(0, 0.01, (20, 250))
        best = trials[np.argmax(trials.mean(axis=1) / trials.std(axis=1))]
        fooled += stats.deflated_sharpe(best, 20) > 0.95
    assert fooled / 200 < 0.06


@pytest.mark.parametrize(
    "returns",
    [[], [0.01], [0.01] * 50, [0.0] * 50, [0.01, math.nan, 0.02], [0.01, math.inf]],
)
def test_undefined_is_nan_and_no_evidence(returns: list[float]) -> None:
    values = np.array(returns)
    assert math.isnan(stats.sharpe(values))
    assert math.isnan(stats.deflated_sharpe(values, 10))
    assert stats.deflated_loss(values, 500, 10) == 90


def test_loss_orders_as_the_deflated_sharpe_does() -> None:
    rng = np.random.default_rng(5)
    trials = [rng.normal(mean, 0.01, 300) for mean in (-0.004, -0.001, 0.0005, 0.002)]
    losses = [stats.deflated_loss(returns, 100, 50) for returns in trials]
    probabilities = [stats.deflated_sharpe(returns, 50) for returns in trials]
    assert losses == sorted(losses, reverse=True)
    assert probabilities == sorted(probabilities)


def test_few_trades_are_no_evidence() -> None:
    returns = np.random.default_rng(5).normal(0.002, 0.01, 300)
    assert stats.deflated_loss(returns, 9, 50) == 90
    assert stats.deflated_loss(returns, 10, 50) < 30


@settings(max_examples=examples(150), deadline=None)
@given(
    returns=st.lists(st.floats(-1, 1), max_size=40),
    trades=st.integers(0, 100),
    trials=st.integers(-1, 10_000),
)
def test_loss_is_always_finite_and_below_best(
    returns: list[float], trades: int, trials: int
) -> None:
    loss = stats.deflated_loss(np.array(returns), trades, trials)
    assert -30 <= loss <= 90
