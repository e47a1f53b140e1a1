"""How many assets that move together may be open, and how much may be in them."""

import math

import pytest

from freqpilot.risk.book.clusters import Correlation, clusters, crowd, room

NAN = math.nan


def by(**known: float) -> Correlation:
    """Return correlations by names of two letters; others are 0."""

    def between(first: str, second: str) -> float:
        return 1.0 if first == second else known.get(first + second, known.get(second + first, 0.0))

    return between


ALL = by(AB=0.9, AC=0.9, AD=0.9, BC=0.9, BD=0.9, CD=0.9)


@pytest.mark.parametrize(
    ("between", "held", "direction", "found"),
    [
        (ALL, {"A": 1, "B": 1, "C": 1}, 1, ("A", "B", "C")),
        (ALL, {"A": 1, "B": 1}, 1, ()),
        (ALL, {"A": 1, "B": 1, "C": 0}, 1, ()),  # an order that is not filled yet
        (by(AB=0.9, AD=0.9, BD=0.9, CD=0.9), {"A": 1, "B": 1, "C": 1}, 1, ()),
        (by(AB=0.8, AC=0.9, AD=0.9, BC=0.9, BD=0.9, CD=0.9), dict.fromkeys("ABC", 1), 1, ()),
        (
            by(AB=NAN, AC=0.9, AD=NAN, BC=0.9, BD=0.9, CD=0.9),
            dict.fromkeys("ABC", 1),
            1,
            tuple("ABC"),
        ),
        (ALL, {"A": 1, "B": 1, "C": -1}, 1, ()),  # a short against longs is a hedge
        (ALL, {"A": -1, "B": -1, "C": -1}, -1, ("A", "B", "C")),
        (ALL, {"A": -1, "B": -1, "C": -1}, 1, ()),
        (
            by(AB=0.9, AC=-0.9, AD=0.9, BC=-0.9, BD=0.9, CD=-0.9),
            {"A": 1, "B": 1, "C": -1},
            1,
            ("A", "B", "C"),
        ),
    ],
)
def test_the_fourth_that_moves_with_three(
    between: Correlation, held: dict[str, float], direction: int, found: tuple[str, ...]
) -> None:
    assert crowd("D", direction, held, between, 0.8, 3) == found


def test_a_pair_that_is_held_does_not_crowd_itself() -> None:
    assert crowd("A", 1, {"A": 1, "B": 1, "C": 1}, ALL, 0.8, 3) == ()


@pytest.mark.parametrize(
    ("between", "held", "direction", "left"),
    [
        (ALL, {}, 1, 30),
        (ALL, {"A": 10, "B": 5}, 1, 15),
        (ALL, {"A": 10, "B": -5}, 1, 25),
        (ALL, {"A": 10}, -1, 40),
        (by(AD=-0.9), {"A": 10}, 1, 40),
        (by(AD=-0.9), {"A": -10}, 1, 20),
        (by(AD=0.8), {"A": 25}, 1, 30),
        (by(AD=NAN), {"A": -25}, 1, 5),  # what is not known is no hedge
        (by(AD=0.9, AB=0.9), {"A": 5, "B": 20}, 1, 5),  # around A there are A, B and D
        (ALL, {"D": 20}, 1, 10),
        (ALL, {"A": 40}, 1, -10),
    ],
)
def test_room_around_a_pair(
    between: Correlation, held: dict[str, float], direction: int, left: float
) -> None:
    found, members = room("D", direction, held, between, 0.8, 30)
    assert found == pytest.approx(left)
    assert "D" in members


def test_the_groups_of_a_book() -> None:
    between = by(AB=0.9, BC=0.9, DE=-0.9)
    found = clusters({"A": 5, "B": 5, "C": 5, "D": 4, "E": -4, "F": 0}, between, 0.8)
    assert found == [(("A", "B", "C"), 15), (("D", "E"), 8)]


@pytest.mark.parametrize(
    ("between", "held", "direction"),
    [
        (ALL, {"A": -1, "B": -1, "C": 0}, -1),  # a short order that is not filled yet
        (ALL, {"A": -0.5, "B": -0.5, "C": -0.5}, 1),  # small shorts are shorts
        (by(AB=0.5, AC=0.5, AD=0.5, BC=0.5, BD=0.5, CD=0.5), dict.fromkeys("ABC", -1), -1),
    ],
)
def test_shorts_crowd_only_shorts_that_move_with_them(
    between: Correlation, held: dict[str, float], direction: int
) -> None:
    assert crowd("D", direction, held, between, 0.8, 3) == ()


def test_every_pair_in_the_cluster_is_looked_around() -> None:
    between = by(AD=0.9, AC=0.9)
    assert room("D", 1, {"B": 1, "A": 5, "C": 20}, between, 0.8, 30) == (5, ("D", "A", "C"))


def test_of_two_clusters_with_as_much_room_the_pairs_own_is_named() -> None:
    between = by(AD=0.9, AB=0.9, AC=0.9)
    assert room("D", 1, {"A": 10, "B": 5, "C": -5}, between, 0.8, 30) == (20, ("D", "A"))


def test_its_own_money_hedges_a_pair_whose_correlations_are_not_known() -> None:
    assert room("D", -1, {"D": 10}, lambda *_: NAN, 0.8, 30) == (40, ("D",))


@pytest.mark.parametrize("side", [1, -1])
def test_a_pair_of_unknown_direction_hedges_no_cluster(side: int) -> None:
    """A may move with both, either way: the two hold 35 before D is asked for,
    whichever way D goes."""
    between = by(AD=NAN, AB=NAN)
    for asked in (1, -1):
        left, members = room("D", asked, {"A": side * 20, "B": 15}, between, 0.8, 30)
        assert (left, members) == (-5, ("D", "A", "B"))


def test_a_group_of_shorts_is_as_full_as_one_of_longs() -> None:
    assert clusters({"D": -4, "E": -4}, by(DE=0.9), 0.8) == [(("D", "E"), 8)]
