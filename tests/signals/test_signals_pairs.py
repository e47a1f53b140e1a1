"""Couples: what their tag keeps, when they are entered and left, and which of many count."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.signals.pairs import (
    NOTHING,
    Couple,
    Finding,
    PairsRule,
    chosen,
    discoveries,
    find,
)

A, B, C, D = "A/USDT:USDT", "B/USDT:USDT", "C/USDT:USDT", "D/USDT:USDT"
RULE = PairsRule()
names = st.sampled_from([A, B, C, "1000PEPE/USDC:USDC"])


@given(names, names, st.floats(0.2, 5.0), st.integers(1, 10_000), st.integers(0, 4_000_000_000))
def test_a_tag_holds_the_couple(first: str, second: str, hedge: float, hold: int, at: int) -> None:
    couple = Couple(first, second, round(hedge, 4), hold, at)
    assert Couple.parse(couple.tag) == couple
    assert len(couple.tag) < 255, "what Freqtrade keeps of a tag"


@given(st.floats(0.2, 5.0))
def test_both_legs_are_one_and_in_the_ratio_of_the_hedge(hedge: float) -> None:
    couple = Couple(A, B, hedge, 1, 0)
    assert couple.share(A) + couple.share(B) == pytest.approx(1)
    assert couple.share(B) / couple.share(A) == pytest.approx(hedge)
    assert couple.ratio(A) * couple.ratio(B) == pytest.approx(1)
    assert couple.ratio(B) == pytest.approx(hedge)
    assert (couple.partner(A), couple.partner(B)) == (B, A)
    with pytest.raises(ValueError, match="no leg"):
        couple.ratio(C)


@pytest.mark.parametrize(
    "tag", [None, "", "force_entry", "trend", "pairs A~B", "pairs A~B hedge x hold 1 at 2"]
)
def test_another_tag_is_no_couple(tag: str | None) -> None:
    assert Couple.parse(tag) is None


@pytest.mark.parametrize(
    ("before", "score", "side"),
    [
        (1.9, 2.1, -1),
        (-1.9, -2.1, 1),
        (-1.9, 2.1, -1),
        (2.0, 2.1, -1),
        (2.1, 2.2, 0),  # passed before
        (4.2, 3.9, 0),  # on its way back from the stop
        (1.9, 2.0, 0),
        (1.9, 4.0, 0),  # as far as its stop
        (math.nan, 2.1, 0),
        (1.9, math.nan, 0),
    ],
)
def test_a_table_of_entries(before: float, score: float, side: int) -> None:
    assert RULE.side(np.array([score]), np.array([before]))[0] == side


@pytest.mark.parametrize(
    ("side", "score", "age", "reason"),
    [
        (-1, 2.0, 1, None),
        (-1, 0.51, 1, None),
        (-1, 0.5, 1, None),
        (-1, 0.49, 1, "spread_closed"),
        (-1, -3.0, 1, "spread_closed"),
        (-1, 4.0, 1, None),
        (-1, 4.01, 1, "spread_stop"),
        (1, -0.51, 1, None),
        (1, -0.5, 1, None),
        (1, -0.49, 1, "spread_closed"),
        (1, 3.0, 1, "spread_closed"),
        (1, -4.01, 1, "spread_stop"),
        (1, -2.0, 9, None),
        (1, -2.0, 10, "spread_time"),
        (1, math.nan, 1, None),
        (1, math.nan, 10, "spread_time"),
    ],
)
def test_a_table_of_exits(side: int, score: float, age: float, reason: str | None) -> None:
    assert RULE.leave(side, score, age, 10) == reason


def test_of_many_tests_few_count() -> None:
    # 4 tests, level .1: the bounds are .1·k/(4·(1 + 1/2 + 1/3 + 1/4)) = .012, .024, .036, .048.
    assert discoveries([0.03, 0.9, 0.01, 0.035], 0.1).tolist() == [True, False, True, True]
    assert discoveries([0.03, 0.9, 0.02, 0.037], 0.1).tolist() == [False] * 4
    assert discoveries([0.04], 0.05).tolist() == [True], "one that was named is tested as one"
    assert discoveries([0.9, 1.0], 1.0).all(), "no test"
    assert not len(discoveries([], 0.05))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.5))
def test_a_stricter_level_finds_no_more(p: list[float], level: float) -> None:
    strict, wide = discoveries(p, level / 2), discoveries(p, level)
    assert not (strict & ~wide).any()
    assert not np.array(p)[wide].size or np.array(p)[wide].max() <= level


def test_no_pair_is_a_leg_twice_and_the_slow_ones_stay_out() -> None:
    couples = [(A, B), (A, C), (C, D), (B, D)]
    found = [Finding(1e-4, 5), Finding(1e-6, 5), Finding(1e-3, 50), Finding(1e-2, 5)]
    assert chosen(couples, found, 1.0, 100) == [1, 3]
    assert chosen(couples, found, 1.0, 4) == []
    assert chosen([(A, B)], [NOTHING], 1.0, 1e9) == []


def test_a_window_with_a_common_level_is_found_and_two_walks_are_not() -> None:
    rng = np.random.default_rng(5)
    x = 9 + np.cumsum(rng.standard_normal(1_000)) * 0.01
    gap = np.zeros(1_000)
    for i in range(1, 1_000):
        gap[i] = 0.9 * gap[i - 1] + 0.01 * rng.standard_normal()
    together = find(x + gap, x)
    assert together.p < 1e-4
    assert 4 < together.half_life < 10
    walks = 9 + np.cumsum(rng.standard_normal((100, 2, 1_000)), axis=2) * 0.01
    assert sum(find(*pair).p <= 0.05 for pair in walks) <= 8, "at most its level, and chance"
    assert find(9 - x, x) == NOTHING, "two that go opposite ways are no hedge"
    x[500] = np.nan
    assert find(x + gap, x) == NOTHING
