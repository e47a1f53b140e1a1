"""Returns by open time, and the shrunk covariance against the paper's sums written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.book.covariance import Closes, aligned, known, over_days, resampled, shrunk
from freqpilot.shapes import Floats

HOUR = 3_600


def closes(first: int, *prices: float) -> Closes:
    return Closes(np.arange(len(prices)) * HOUR + first * HOUR, np.array(prices, dtype=float))


def market(rows: int = 200, pairs: int = 5, seed: int = 1) -> Floats:
    random = np.random.default_rng(seed)
    common = random.standard_normal((rows, 1))
    own = random.standard_normal((rows, pairs))
    return (common + own) * np.linspace(0.5, 2.0, pairs) / 100


def test_returns_stand_at_their_candle_and_a_hole_costs_two() -> None:
    given_ = {"A": closes(0, 1, 2, 4, 8, 16), "B": closes(1, 5, 5, math.nan, 10)}
    found = aligned(given_, HOUR, 5 * HOUR, HOUR)
    two = math.log(2)
    assert found.values[:, 0] == pytest.approx([two] * 4)
    assert found.values[:, 1] == pytest.approx([math.nan, 0, math.nan, math.nan], nan_ok=True)


def test_what_comes_after_the_end_changes_nothing() -> None:
    short = aligned({"A": closes(0, 1, 2, 4)}, HOUR, 3 * HOUR, HOUR)
    longer = aligned({"A": closes(0, 1, 2, 4, 400)}, HOUR, 3 * HOUR, HOUR)
    np.testing.assert_array_equal(short.values, longer.values)


def test_a_pair_without_candles_is_all_missing() -> None:
    found = aligned({"A": closes(0)}, HOUR, 3 * HOUR, HOUR)
    assert np.isnan(found.values).all()


def test_longer_candles_need_their_last_part() -> None:
    short = Closes(np.arange(7) * HOUR, np.arange(7) + 1.0)
    found = resampled(short, HOUR, 2 * HOUR)
    assert found.date.tolist() == [0, 2 * HOUR, 4 * HOUR]
    assert found.close.tolist() == [2.0, 4.0, 6.0]


def test_short_histories_are_left_out_until_enough_rows_are_complete() -> None:
    values = np.ones((10, 3))
    values[:6, 1] = np.nan
    values[8:, 2] = np.nan
    chosen, rows = known(aligned({}, 0, 0, HOUR)._replace(pairs=("A", "B", "C"), values=values), 5)
    assert chosen.tolist() == [True, False, True]
    assert rows.sum() == 8


def by_hand(x: Floats) -> tuple[Floats, float]:
    """Return Ledoit & Wolf's estimate with every sum of appendix B as a loop."""
    rows, count = x.shape
    x = x - x.mean(axis=0)
    s = np.array([[np.mean(x[:, i] * x[:, j]) for j in range(count)] for i in range(count)])
    each = [(i, j) for i in range(count) for j in range(count)]
    r = np.mean([s[i, j] / math.sqrt(s[i, i] * s[j, j]) for i, j in each if i != j])
    f = np.array([[r * math.sqrt(s[i, i] * s[j, j]) for j in range(count)] for i in range(count)])
    np.fill_diagonal(f, np.diag(s))
    pi = {(i, j): np.mean((x[:, i] * x[:, j] - s[i, j]) ** 2) for i, j in each}

    def theta(k: int, i: int, j: int) -> float:
        return float(np.mean((x[:, k] ** 2 - s[k, k]) * (x[:, i] * x[:, j] - s[i, j])))

    rho = sum(pi[i, i] for i in range(count)) + sum(
        r
        / 2
        * (
            math.sqrt(s[j, j] / s[i, i]) * theta(i, i, j)
            + math.sqrt(s[i, i] / s[j, j]) * theta(j, i, j)
        )
        for i, j in each
        if i != j
    )
    gamma = sum((f[i, j] - s[i, j]) ** 2 for i, j in each)
    delta = max(0.0, min(1.0, (sum(pi.values()) - rho) / gamma / rows))
    return delta * f + (1 - delta) * s, delta


def factions(rows: int) -> Floats:
    """Return two groups that move against each other, so that one mean correlation fits badly."""
    random = np.random.default_rng(3)
    a, b = random.standard_normal((2, rows, 1))
    own = random.standard_normal((rows, 5))
    moves = [a + own[:, :1], a + own[:, 1:2], b + own[:, 2:3], b - a / 2 + own[:, 3:4]]
    return np.column_stack([*moves, own[:, 4:] - b]) * [0.5, 1.0, 2.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("values", "least", "most"),
    [
        (market(30, 3), 0, 1),
        (market(200, 5), 0, 1),
        (market(15, 8), 0, 1),
        (factions(100), 0.1, 0.2),
        (factions(400), 0.01, 0.03),
    ],
)
def test_the_shrunk_covariance_is_the_papers(values: Floats, least: float, most: float) -> None:
    expected, delta = by_hand(values)
    found = shrunk(values)
    assert least < found.intensity <= most
    assert found.intensity == pytest.approx(delta)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-9)


def test_variances_are_not_shrunk_and_few_pairs_not_at_all() -> None:
    values = market(50, 4)
    np.testing.assert_allclose(np.diag(shrunk(values).covariance), values.var(axis=0))
    two = shrunk(values[:, :2])
    assert two.intensity == 0
    np.testing.assert_allclose(two.correlation, np.corrcoef(values[:, :2].T))


def test_a_pair_that_does_not_move_has_no_correlation() -> None:
    values = market(50, 4)
    values[:, 2] = 0.0
    found = shrunk(values).correlation
    assert np.isnan(found[2]).all()
    assert np.isfinite(found[[0, 1, 3]][:, [0, 1, 3]]).all()


@given(st.integers(3, 40), st.integers(2, 7), st.integers(0, 99))
def test_it_is_always_a_covariance(rows: int, pairs: int, seed: int) -> None:
    found = shrunk(market(rows, pairs, seed))
    assert np.linalg.eigvalsh(found.covariance).min() >= -1e-12
    assert np.abs(found.correlation).max() <= 1
    assert np.diag(found.correlation) == pytest.approx(1)


def test_a_day_is_the_product_of_its_candles() -> None:
    values = np.log(np.array([[1.1], [1.2], [0.5], [np.nan], [1.0], [2.0]]))
    found = over_days(values, 2)[:, 0]
    expected = [1.1 * 1.2 - 1, 1.2 * 0.5 - 1, math.nan, math.nan, 1.0]
    assert found == pytest.approx(expected, nan_ok=True)
    assert over_days(values, 7).shape == (0, 1)


def known_in(least: int, *rows: str) -> tuple[list[bool], int]:
    """Return which pairs are known and in how many rows, from a row of x and . for each pair."""
    values = np.where(np.array([list(row) for row in rows]).T == "x", 0.01, np.nan)
    names = tuple("ABCDE"[: len(rows)])
    chosen, complete = known(aligned({}, 0, 0, HOUR)._replace(pairs=names, values=values), least)
    return chosen.tolist(), int(complete.sum())


@pytest.mark.parametrize(
    ("least", "rows", "chosen", "complete"),
    [
        (5, ["xxxxxxxxxx", "xxxxx....."], [True, True], 5),  # just enough
        (5, ["xxxxxxxxxx", "xxxx......"], [True, False], 10),
        (5, ["xxxxxxxxxx", "xxxxxxx...", "..xxxxxxxx"], [True, True, True], 5),
        (5, ["xxxxxxxxxx", "xxxxxx....", "....xxxxxx"], [True, True, False], 6),
        (5, ["xxxxxxxxxx", "xxxxxx....", "xxxxxx....", "....xxxxxx"], [True, True, True, False], 6),
        (5, ["xxxxxxxxxx", "xxxxx.....", "....xxxxxx", "xxxxxxxxxx"], [True, False, True, True], 6),
        (2, ["xxx.", ".xxx"], [True, True], 2),
        (1, ["xx..", "xx.."], [True, True], 2),  # two returns are the least of all
        (1, ["xxx.", ".xxx"], [True, True], 2),
        (1, ["xx.", ".xx"], [True, False], 2),
        (1, ["x..", "x.."], [False, False], 3),
        (5, ["x", "x"], [False, False], 1),
    ],
)
def test_which_pairs_have_enough_history_together(
    least: int, rows: list[str], chosen: list[bool], complete: int
) -> None:
    assert known_in(least, *rows) == (chosen, complete)


def test_only_sound_closes_on_the_grid_count() -> None:
    date = np.array([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) * HOUR
    close = np.array([1.0, 2, math.inf, 2, 0, 2, -0.5, 2, 2, 9, 2, 4])
    date[9] += 60  # a candle between two of the grid
    found = aligned({"A": Closes(date, close)}, 5 * HOUR, 16 * HOUR, HOUR).values[:, 0]
    nan, two = math.nan, math.log(2)
    expected = [two, nan, nan, nan, nan, nan, nan, 0.0, nan, nan, two]
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_longer_candle_is_known_with_its_last_quarter() -> None:
    short = Closes(np.arange(9) * HOUR, np.arange(9) + 1.0)
    found = resampled(short, HOUR, 4 * HOUR)
    assert (found.date.tolist(), found.close.tolist()) == ([0, 4 * HOUR], [4.0, 8.0])


def test_one_or_two_pairs_are_never_shrunk() -> None:
    for seed in range(20):
        found = shrunk(market(12, 2, seed))
        assert found.intensity == 0
        np.testing.assert_allclose(found.covariance, np.cov(market(12, 2, seed).T, bias=True))
    assert shrunk(market(12, 1)).correlation == pytest.approx(1)


def test_pairs_that_move_as_one_are_their_own_target() -> None:
    found = shrunk(np.array([[1.0, -1.0, 1.0, -1.0]] * 3).T)
    assert found.intensity == 0
    assert (found.covariance == 1.0).all()


def test_a_target_that_errs_with_the_sample_gets_no_weight() -> None:
    """The paper's weight is below 0 here, by a pair that moves a thousand times as much."""
    steps = [[1, 1, 2], [-1, -2, 0], [2, 1, 1], [-1, -1, -1], [2, 2, 1], [1, -1, 0]]
    values = np.array(steps) * [0.1, 100.0, 1.0]
    found = shrunk(values)
    assert found.intensity == by_hand(values)[1] == 0.0
    np.testing.assert_allclose(found.covariance, np.cov(values.T, bias=True))


def test_a_correlation_is_never_beyond_minus_one() -> None:
    for seed in range(30):
        random = np.random.default_rng(seed)
        moves = random.standard_normal(12)
        found = shrunk(np.column_stack([moves, -moves * random.uniform(0.1, 9)])).correlation
        assert found.min() == pytest.approx(-1)
        assert found.min() >= -1


def test_as_many_candles_as_a_day_are_one_day() -> None:
    assert over_days(np.log(np.array([[2.0], [1.5]])), 2).tolist() == [[pytest.approx(2.0)]]
