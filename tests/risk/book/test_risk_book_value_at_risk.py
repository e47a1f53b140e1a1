"""VaR and CVaR: by hand, and what makes CVaR a coherent measure."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from freqpilot.risk.book.value_at_risk import draws, largest, simulated, tail

SIZE = 40
SAMPLES = hnp.arrays(np.float64, SIZE, elements=st.floats(-1, 1))
LEVELS = st.sampled_from([0.5, 0.9, 0.95, 0.99])


@pytest.mark.parametrize(
    ("confidence", "var", "cvar"),
    [
        (0.90, 0.9, 1.0),
        (0.80, 0.8, 0.95),
        (0.85, 0.9, (1.0 * 0.10 + 0.9 * 0.05) / 0.15),
        (0.99, 1.0, 1.0),
    ],
)
def test_the_tail_by_hand(confidence: float, var: float, cvar: float) -> None:
    losses = np.array([0.3, 1.0, 0.1, 0.7, 0.9, 0.2, 0.5, 0.4, 0.8, 0.6])
    assert tail(losses, confidence) == pytest.approx((var, cvar))


def test_a_book_that_only_gains_has_no_value_at_risk() -> None:
    assert tail(np.array([-1.0, -2.0]), 0.95) == (0.0, 0.0)


@pytest.mark.parametrize("losses", [[], [1.0, math.nan], [math.inf]])
def test_losses_that_are_no_numbers_are_refused(losses: list[float]) -> None:
    with pytest.raises(ValueError, match="numbers"):
        tail(np.array(losses), 0.95)


@given(SAMPLES, LEVELS)
def test_the_mean_of_the_tail_is_no_less_than_where_it_begins(losses, level) -> None:  # type: ignore[no-untyped-def]
    found = tail(losses, level)
    assert found.cvar >= found.var >= 0


@given(SAMPLES, LEVELS, st.floats(0, 10))
def test_twice_the_book_loses_twice(losses, level, times) -> None:  # type: ignore[no-untyped-def]
    once, scaled = tail(losses, level), tail(losses * times, level)
    assert scaled == pytest.approx((once.var * times, once.cvar * times), abs=1e-9)


@given(SAMPLES, SAMPLES, LEVELS)
def test_two_books_together_are_no_worse_than_apart(first, second, level) -> None:  # type: ignore[no-untyped-def]
    together = tail(first + second, level).cvar
    assert together <= tail(first, level).cvar + tail(second, level).cvar + 1e-9


def test_draws_have_the_covariance_and_the_tails_they_should() -> None:
    noise = draws(7, 4, 200_000, 6)
    np.testing.assert_array_equal(noise[:2], draws(7, 2, 200_000, 6))
    covariance = np.array([[4.0, 1.0, 0.0], [1.0, 1.0, -0.5], [0.0, -0.5, 2.0]]) * 1e-4
    found = simulated(covariance, noise)
    assert found.mean(axis=1) == pytest.approx([0, 0, 0], abs=1e-12)  # mirrored
    np.testing.assert_allclose(np.cov(found), covariance, atol=6e-6)
    # Student t with 6 degrees of freedom: quantile 3.1427 at 99 %, over its deviation sqrt(1.5).
    measured = tail(-found[0], 0.99)
    assert measured.var == pytest.approx(0.02 * 3.1427 / math.sqrt(1.5), rel=0.02)
    assert measured.cvar == pytest.approx(0.02 * 4.0325 / math.sqrt(1.5), rel=0.03)


def test_nothing_loses_more_than_all() -> None:
    assert simulated(np.array([[9.0]]), draws(1, 1, 2_000, 3)).min() == -1.0


@given(SAMPLES, SAMPLES, st.floats(0, 0.5))
def test_the_largest_stake_fits_and_is_not_far_below_the_edge(base, more, limit) -> None:  # type: ignore[no-untyped-def]
    def risk(stake: float) -> float:
        return tail(base + stake * more, 0.9).cvar

    found = largest(risk, limit, 2.0, steps=40)
    assert 0 <= found <= 2
    if 0 < found < 2:
        assert risk(found) <= limit + 1e-9
        assert risk(found + 0.05) > limit or risk(found) > limit - 0.05
    elif found == 0:
        assert risk(0.0) >= limit - 1e-9
    else:
        assert risk(2.0) <= max(limit, risk(0.0)) + 1e-9


def test_the_tail_of_all_is_the_mean() -> None:
    assert tail(np.array([3.0, 1.0, 2.0]), 0.0) == pytest.approx((1.0, 2.0))


def test_as_many_draws_as_were_asked_for() -> None:
    noise = draws(1, 3, 8, 4)
    assert noise.shape == (3, 8)
    np.testing.assert_array_equal(noise[:, 4:], -noise[:, :4])


def test_a_covariance_that_rounding_left_a_little_indefinite() -> None:
    found = simulated(
        np.array([[1.0, 1.0 + 1e-12], [1.0 + 1e-12, 1.0]]) * 1e-4, draws(1, 2, 100, 4)
    )
    assert np.isfinite(found).all()
    assert found[0] == pytest.approx(found[1], abs=1e-7)


class TestLargest:
    """Which stakes are asked for on the way: each costs a pass over all draws."""

    def asked(
        self, risk: Callable[[float], float], limit: float, wanted: float, **steps: int
    ) -> tuple[float, list[float]]:
        seen: list[float] = []

        def noted(stake: float) -> float:
            seen.append(stake)
            return risk(stake)

        return largest(noted, limit, wanted, **steps), seen

    def test_what_fits_is_asked_for_once(self) -> None:
        assert self.asked(lambda stake: stake, 2.0, 2.0) == (2.0, [2.0])

    def test_a_risk_above_the_limit_that_the_stake_does_not_raise(self) -> None:
        assert self.asked(lambda _: 0.5, 0.1, 2.0) == (2.0, [2.0, 0.0])
        assert self.asked(lambda stake: 0.5 + stake, 0.5, 2.0) == (0.0, [2.0, 0.0])

    def test_a_straight_line_is_found_with_one_chord(self) -> None:
        assert self.asked(lambda stake: stake, 0.5, 2.0) == (0.5, [2.0, 0.0, 0.5])

    def test_at_most_six_chords(self) -> None:
        found, seen = self.asked(lambda stake: stake**4, 0.5, 1.0)
        assert len(seen) == 2 + 6
        assert found == seen[-1] < 0.5**0.25

    @pytest.mark.parametrize("wanted", [0.5, 1.0, 4.0])
    def test_it_ends_with_the_first_chord_that_hardly_adds(self, wanted: float) -> None:
        def kinked(stake: float) -> float:
            return max(stake, 3 * stake - wanted)

        found, seen = self.asked(kinked, 0.5 * wanted, wanted, steps=99)
        added = np.diff(seen[1:]) / wanted
        assert (added[:-1] >= 1e-4).all()
        assert 0 < added[-1] < 1e-4
        assert found == pytest.approx(0.5 * wanted, rel=1e-3)


@pytest.mark.parametrize("pairs", [1, 2, 8, 16, 40])
def test_drawn_returns_do_not_depend_on_how_many_are_drawn_at_once(pairs: int) -> None:
    """The product is made in parts, none of which OpenBLAS spreads over threads."""
    random = np.random.default_rng(3)
    covariance = np.atleast_2d(np.cov(random.normal(size=(pairs, 60)) / 50))
    noise = draws(7, pairs, 4_000, 5.0)
    found = simulated(covariance, noise)
    values, vectors = np.linalg.eigh(covariance)
    whole = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T @ noise
    assert np.allclose(found, np.maximum(whole, -1.0), rtol=0, atol=1e-12)
    part = simulated(covariance, noise[:, :1_000])
    assert np.allclose(part, found[:, :1_000], rtol=0, atol=1e-12)
