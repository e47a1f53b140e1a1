"""A book of weights by hand, and against plain compounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.research.portfolio import book_path, log_returns

FEE = 0.001


def test_a_table_of_two_pairs() -> None:
    price = np.array([[100.0, 50], [110, 50], [110, 40], [110, 40]])
    target = np.array([[0.5, 0.0], [0.5, -0.2], [0.0, -0.2], [0.0, 0.0]])
    path = book_path(target, price, FEE, 0.0)
    grown = 1.05
    drifted = 0.55 / grown
    traded = [0.5, drifted - 0.5 + 0.2, 0.5 + abs(-0.2 - -0.16 / 1.04) - 0.5 + 0.5 / 1.04, 0.2]
    assert path.returns[0] == pytest.approx(-0.5 * FEE)
    assert path.returns[1] == pytest.approx(grown * (1 - traded[1] * FEE) - 1)
    assert path.traded[1] == pytest.approx(traded[1])
    # −20 % of the short's 20 % earns 4 %; the long is sold at its drifted weight.
    assert path.returns[2] == pytest.approx(1.04 * (1 - (0.5 / 1.04 + 0.2 - 0.16 / 1.04) * FEE) - 1)
    assert path.held[2].tolist() == [0.0, -0.2]


@given(st.integers(0, 10_000))
def test_one_pair_fully_held_is_the_pair(seed: int) -> None:
    price = 100 * np.exp(np.cumsum(np.random.default_rng(seed).standard_normal((50, 1)) * 0.02, 0))
    path = book_path(np.ones((50, 1)), price, 0.0, 0.0)
    np.testing.assert_allclose(np.cumprod(1 + path.returns), (price / price[0])[:, 0])
    np.testing.assert_allclose(
        log_returns(path, price, 0.0).sum(), np.log(price[-1, 0] / price[0, 0])
    )


def test_a_band_trades_less_and_an_exit_is_never_put_off() -> None:
    rng = np.random.default_rng(1)
    price = 100 * np.exp(np.cumsum(rng.standard_normal((400, 3)) * 0.02, 0))
    target = np.clip(0.2 + np.cumsum(rng.standard_normal((400, 3)) * 0.005, 0), 0, 0.33)
    target[300:] = 0.0
    tight, wide = (book_path(target, price, FEE, band) for band in (0.0, 0.05))
    assert wide.traded.sum() < 0.5 * tight.traded.sum()
    assert (wide.held[300:] == 0).all()
    assert (np.abs(wide.held - target) < 0.05 + 1e-12).all()


def test_a_difference_as_wide_as_the_band_is_traded() -> None:
    price = np.ones((5, 1))
    target = np.array([[0.5], [0.5625], [0.625], [0.53125], [0.5]])
    path = book_path(target, price, 0.0, 0.125)
    assert path.held[:, 0].tolist() == [0.5, 0.5, 0.625, 0.625, 0.5]
    assert path.traded.tolist() == [0.5, 0.0, 0.125, 0.0, 0.125]


def test_a_turn_to_the_other_side_is_never_put_off() -> None:
    path = book_path(np.array([[0.05], [-0.05]]), np.ones((2, 1)), 0.0, 0.2)
    assert path.held[:, 0].tolist() == [0.0, 0.0], "no entry within the band"
    path = book_path(np.array([[0.2], [-0.05]]), np.ones((2, 1)), 0.0, 0.2)
    assert path.held[:, 0].tolist() == [0.2, -0.05]


def test_what_is_missing_is_not_held() -> None:
    price = np.array([[np.nan, 1.0], [100, 1], [np.nan, 1], [120, 1]])
    target = np.array([[0.5, np.nan], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    path = book_path(target, price, 0.0, 0.0)
    assert path.held[0].tolist() == [0.0, 0.0]
    assert path.held[1].tolist() == [0.5, 0.5]
    assert path.held[2].tolist() == [0.0, 0.5]
    assert np.isfinite(path.returns).all()


def test_tables_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        book_path(np.ones((3, 2)), np.ones((3, 1)), FEE, 0.0)
