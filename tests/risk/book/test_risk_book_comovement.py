"""What a view knows: how much history is enough, which pairs are of now, and its shapes."""

import math

import numpy as np
import pytest

from freqpilot.risk.book.comovement import View, view
from freqpilot.risk.book.covariance import Returns
from freqpilot.risk.book.value_at_risk import draws
from freqpilot.shapes import Floats

NOISE = draws(1, 3, 50, 4)


def moves(*rows: str) -> Floats:
    """Return returns from a row of x and . for each pair, NaN for a dot."""
    there = np.array([list(row) for row in rows]).T == "x"
    return np.where(there, np.random.default_rng(2).normal(0, 0.01, there.shape), np.nan)


def seen(per_day: int, *rows: str) -> View:
    return view(Returns(tuple("ABC"[: len(rows)]), moves(*rows)), per_day, NOISE)


@pytest.mark.parametrize(
    ("rows", "known"),
    [
        (("xxxxxxxx", "....xxxx"), "AB"),  # half of the rows
        (("xxxxxxxx", ".....xxx"), "A"),
        (("xxxxxxxx", "xxxx....", "....xxxx"), "AB"),
        (("....xxx.", ".....xxx"), ""),
    ],
)
def test_half_of_the_rows_is_enough(rows: tuple[str, ...], known: str) -> None:
    assert "".join(seen(2, *rows).known) == known


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ("x.x.x.x.xx..", False),  # half of the rows, and hardly a whole day
        ("x.x.x.xxx...", False),
        ("x.x.xxxx....", True),  # three days, a quarter of the rows
        ("x.xxx.xxx...", True),
        ("xxx", True),
        ("xxxx..", True),
    ],
)
def test_a_quarter_of_the_rows_are_whole_days_and_two_at_least(row: str, known: bool) -> None:
    found = seen(2, row)
    assert (found.known == ("A",)) is known
    assert found.counts == {"A": row.count("x")}
    days = row.count("xx") + row.count("xxx") + 2 * row.count("xxxx")
    assert found.history.shape[0] == (1 if known else 0), days


def test_one_whole_day_tells_nothing() -> None:
    assert seen(3, "xxx").known == ()
    assert seen(2, "xxx").history.shape == (1, 2)


def test_a_pair_is_of_now_with_a_return_of_the_last_day() -> None:
    found = seen(3, "xxxxxxxx", "xxxxxx..", "xxxxx...")
    assert found.fresh == {"A", "B"}
    assert found.counts == {"A": 8, "B": 6, "C": 5}


@pytest.mark.parametrize("rows", [("x.......",), ("x.x.x.x.", "x.x.x.x.")])
def test_where_nothing_is_known_there_is_a_day_without_pairs(rows: tuple[str, ...]) -> None:
    found = seen(2, *rows)
    assert found.known == ()
    assert (found.volatility.shape, found.correlation.shape) == ((0,), (0, 0))
    assert (found.history.shape, found.drawn.shape) == ((0, 1), (0, 50))
    assert math.isnan(found.between("A", "A"))


def test_a_days_covariance_is_that_of_its_candles() -> None:
    values = moves("xxxxxxxx", "xxxxxxxx")
    found = view(Returns(("A", "B"), values), 4, NOISE)
    assert found.volatility == pytest.approx(2 * values.std(axis=0))
    assert found.between("A", "B") == pytest.approx(np.corrcoef(values.T)[0, 1])
    assert found.history[:, -1] == pytest.approx(np.expm1(values[-4:].sum(axis=0)))
