"""Meme momentum: the rules for columns are those for single coins, and each one leaves."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from candle_source import MUTATIONS, candles
from freqpilot.risk.memes import candidates as memes
from freqpilot.signals.memes import (
    LEAVES,
    Attention,
    Breakout,
    MemeLeaves,
    MemeRules,
    breakout,
    detected,
    entry,
    leaves,
)

RULES, LIMITS = MemeRules(), MemeLeaves()
FIGURES = memes.MemeFigures._fields
NAMES = tuple(Attention.__dataclass_fields__)


def attention(**values: Any) -> Attention:
    """Return the attention of as many candles as the longest of ``values``; NaN but for those."""
    given = {name: np.atleast_1d(np.asarray(each, np.float64)) for name, each in values.items()}
    rows = max((len(each) for each in given.values()), default=1)
    nothing = np.full(rows, np.nan)
    return Attention(**{name: np.broadcast_to(given.get(name, nothing), rows) for name in NAMES})


GOOD: dict[str, float] = {"narrative": 1.0, "zscore": 3.1, "market_cap": 5e7, "safe": 1.0}
figure = st.one_of(
    st.just(float("nan")),
    st.sampled_from([0.0, 1.0, 3.0, 5.0, 7.0, 30.0, 100e6]),
    st.floats(-1, 200e6),
)


@given(st.builds(memes.MemeFigures, *[figure] * len(FIGURES)))
def test_columns_are_judged_as_single_coins(figures: memes.MemeFigures) -> None:
    seen = attention(**figures._asdict(), safe=1.0)
    known = memes.detected(figures, RULES) is not None
    assert detected(seen, RULES).tolist() == [known]
    refused = memes.refusal(figures, None, RULES) is not None
    assert entry(seen, np.array([True]), RULES).tolist() == [known and not refused]


@given(st.integers(0, 9), st.sampled_from(MUTATIONS), st.sampled_from([5, 24]))
@example(1, "none", 24)
@example(2, "none", 5)
def test_a_breakout_is_that_of_single_coins(seed: int, mutation: str, width: int) -> None:
    rules = replace(RULES, volume_multiple=1.5, consolidation_range=0.01 * width)
    c = candles(seed, 120, mutation)
    found = breakout(c.high, c.low, c.close, c.volume, width, rules)
    for row in range(120):
        part = (x[: row + 1] for x in (c.high, c.low, c.close, c.volume))
        alone = memes.no_breakout(*part, width, rules)
        assert found.out[row] == (alone is None), alone


@pytest.mark.parametrize(
    "broken",
    [
        {"narrative": 0.0},
        {"narrative": np.nan},
        {"zscore": 3.0},
        {"zscore": np.nan},
        {"market_cap": 100e6},
        {"market_cap": np.nan},
        {"safe": 0.0},
        {"safe": np.nan},
    ],
)
def test_one_condition_less_is_no_entry(broken: dict[str, float]) -> None:
    assert entry(attention(**GOOD), np.array([True]), RULES).all()
    assert not entry(attention(**GOOD), np.array([False]), RULES).any()
    assert not entry(attention(**{**GOOD, **broken}), np.array([True]), RULES).any()


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"velocity": -0.01}, "sentiment"),
        ({"influencers": 0.0, "spoke_hours": 72.0}, "influencers"),
        ({"influencer_sales": 1.0, "influencers": 5.0}, "influencers"),
        ({"inflow": 3.1}, "inflow"),
        ({}, None),
        ({"velocity": 0.0, "inflow": 3.0}, None),
        ({"influencers": 0.0}, None),
        ({"influencers": 0.0, "spoke_hours": 72.1}, None),
        ({"influencers": 1.0, "spoke_hours": 1.0}, None),
    ],
)
def test_each_rule_leaves_and_what_is_not_known_is_silent(
    facts: dict[str, float], why: str | None
) -> None:
    none = Breakout(np.zeros(1, np.bool_), np.ones(1))
    (row,) = leaves(attention(**facts), none, np.ones(1), LIMITS)
    assert [name for name, wants in zip(LEAVES, row, strict=True) if wants] == [why] * bool(why)


def test_a_failed_breakout_is_below_the_last_level_for_a_while() -> None:
    found = Breakout(np.array([0, 1, 0, 0, 0], np.bool_), np.array([9.0, 10, 11, 11, 11]))
    limits = replace(LIMITS, breakout_candles=2)
    close = np.array([1.0, 10.5, 9.9, 10.0, 1.0])
    wants = leaves(attention(velocity=[np.nan] * 5), found, close, limits)[:, 3]
    assert wants.tolist() == [False, False, True, False, False]


def test_a_breakout_counts_for_its_candles_and_no_longer() -> None:
    found = Breakout(np.array([1, 0, 0, 0], np.bool_), np.array([10.0, 11, 11, 11]))
    limits = replace(LIMITS, breakout_candles=2)
    close = np.array([10.5, 9.0, 9.0, 9.0])
    wants = leaves(attention(velocity=[np.nan] * 4), found, close, limits)[:, 3]
    assert wants.tolist() == [False, True, True, False]


def test_of_several_breakouts_the_last_level_counts() -> None:
    broken = np.array([0, 1, 0, 1, 0, 0], np.bool_)
    found = Breakout(broken, np.array([1.0, 5, 30, 10, 40, 50]))
    close = np.array([9.0] * 5 + [10.5])
    wants = leaves(attention(velocity=[np.nan] * 6), found, close, LIMITS)[:, 3]
    assert wants.tolist() == [False, False, False, True, True, False]
