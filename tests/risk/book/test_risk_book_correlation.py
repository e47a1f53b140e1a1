"""Correlation of returns, and which pairs it leaves."""

import math

import numpy as np
import pytest

from freqpilot.risk.book.correlation import correlation, log_returns, uncrowded
from freqpilot.shapes import Floats, Ints

DATES = np.arange(200, dtype=np.int64)


def series(values: Floats, dates: Ints = DATES) -> tuple[Ints, Floats]:
    return dates, values


def mixed(common: Floats, share: float, seed: int) -> tuple[Ints, Floats]:
    """Returns with a given share of a common factor."""
    own = np.random.default_rng(seed).normal(size=common.size)
    return series(share * common + math.sqrt(1 - share**2) * own)


def test_returns_skip_gaps_and_bad_closes() -> None:
    date = np.array([0, 60, 120, 240, 300, 360, 420], dtype=np.int64)
    close = np.array([1.0, 2.0, 4.0, 8.0, np.nan, 8.0, 16.0])
    dates, returns = log_returns(date, close, 60)
    assert dates.tolist() == [60, 120, 420]
    assert returns == pytest.approx([math.log(2)] * 3)


def test_correlation_matches_numpy_on_common_dates() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=200), rng.normal(size=200)
    later = DATES + 50
    expected = np.corrcoef(x[50:], y[:150])[0, 1]
    assert correlation(series(x), series(y, later), 100) == pytest.approx(expected)


def test_correlation_ends() -> None:
    x = np.random.default_rng(2).normal(size=200)
    assert correlation(series(x), series(2 * x + 1), 10) == pytest.approx(1)
    assert correlation(series(x), series(-x), 10) == pytest.approx(-1)


def test_unknown_correlation_is_nan() -> None:
    x = np.random.default_rng(3).normal(size=200)
    assert math.isnan(correlation(series(x), series(x, DATES + 150), 51))
    assert math.isfinite(correlation(series(x), series(x, DATES + 150), 50))
    assert math.isnan(correlation(series(x), series(np.zeros(200)), 10))


def test_the_fourth_of_a_crowd_is_dropped() -> None:
    common = np.random.default_rng(4).normal(size=200)
    returns = {pair: mixed(common, 0.99, seed) for seed, pair in enumerate("ABCDE")}
    returns["X"] = mixed(common, 0.1, 99)
    kept, dropped = uncrowded(list("ABCXDE"), returns, 0.8, 3, 100)
    assert kept == list("ABCX")
    assert set(dropped) == {"D", "E"}
    assert "A, B, C" in dropped["D"]
    assert uncrowded(list("ABCXDE"), returns, 0.8, 4, 100)[0] == list("ABCXD")


def test_opposite_pairs_are_no_crowd() -> None:
    x = np.random.default_rng(5).normal(size=200)
    assert uncrowded(["A", "B"], {"A": series(x), "B": series(-x)}, 0.8, 1, 100)[0] == ["A", "B"]


def test_a_pair_without_enough_returns_is_dropped() -> None:
    x = np.random.default_rng(6).normal(size=200)
    returns = {"A": series(x), "B": (DATES[:99], x[:99])}
    kept, dropped = uncrowded(["B", "C", "A"], returns, 0.8, 3, 100)
    assert kept == ["A"]
    assert "99" in dropped["B"]
    assert "0" in dropped["C"]


def test_unknown_counts_as_correlated() -> None:
    x = np.random.default_rng(7).normal(size=200)
    returns = {"A": series(x), "B": series(x[::-1].copy(), DATES + 150)}
    assert uncrowded(["A", "B"], returns, 0.8, 1, 100)[0] == ["A"]
