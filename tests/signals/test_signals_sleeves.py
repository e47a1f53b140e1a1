"""What sleeves want: tables of candles, nothing from the future, bounded memory."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candle_source import HOUR, MUTATIONS, candles, shuffled_after
from freqpilot.settings import RiskSettings, Sleeve
from freqpilot.shapes import Candles
from freqpilot.signals import breakout
from freqpilot.signals.rotation import RotationRule
from freqpilot.signals.sleeves import (
    ROTATION,
    PairCandles,
    Wants,
    followed,
    startup,
    virtual,
    wants,
)

RISK = RiskSettings()
DAYS = 10.0
EVENTS = ("MeanReversion", "Breakout")
LENGTHS = {"TrendFollowing": 6_000, "MomentumRotation": 3_000, "Rebalancer": 1_500}


def sleeve(strategy: str, **fields: Any) -> Sleeve:
    return Sleeve.model_validate({"name": "one", "strategy": strategy, "budget": 1} | fields)


LOOSE = {
    "MeanReversion": {"far": 1.5, "strength": 0.2, "direction": 0.6},
    "Breakout": {"squeeze": 0.5, "margin": 0.0, "volume": 0.0},
}


def wanted(strategy: str, source: Candles, **fields: Any) -> Wants:
    rng = np.random.default_rng(0)
    place = np.repeat(rng.integers(1, 8, len(source) // 168 + 1), 168)[: len(source)]
    score = np.repeat(rng.standard_normal(len(source) // 168 + 1), 168)[: len(source)]
    seen = PairCandles(source, HOUR, score, place.astype(np.float64))
    return wants(sleeve(strategy, **fields), seen, RISK, DAYS)


def prefix_of(strategy: str, source: Candles, cut: int, seed: int, **fields: Any) -> None:
    whole = wanted(strategy, source, **fields)
    for other in (source.window(0, cut), shuffled_after(source, cut, seed)):
        found = wanted(strategy, other, **fields)
        for name in ("want", "due", "side"):
            np.testing.assert_array_equal(getattr(found, name)[:cut], getattr(whole, name)[:cut])


@given(
    st.sampled_from(EVENTS),
    st.integers(0, 10_000),
    st.integers(1_600, 2_300),
    st.sampled_from(MUTATIONS),
    st.sampled_from([None, "4h"]),
)
@settings(max_examples=12)
def test_virtual_positions_know_no_future(
    strategy: str, seed: int, cut: int, mutation: str, timeframe: str | None
) -> None:
    source, loose = candles(seed, 2_400, mutation), LOOSE[strategy]
    prefix_of(strategy, source, cut, seed, timeframe=timeframe, parameters=loose)


@pytest.mark.parametrize("strategy", LENGTHS)
def test_targets_know_no_future(strategy: str) -> None:
    length = LENGTHS[strategy]
    prefix_of(strategy, candles(3, length), length - 301, 3)


@pytest.mark.parametrize("strategy", [*LENGTHS, *EVENTS])
def test_where_the_candles_begin_changes_nothing_past_the_startup(strategy: str) -> None:
    own = sleeve(strategy, parameters=LOOSE.get(strategy, {}))
    needed = startup(own, HOUR, DAYS)
    source = candles(11, needed + 700)
    # Ranks are given from outside: those of the first candles fall away with them.
    rng = np.random.default_rng(2)
    week = (source.date + HOUR - 4 * 24 * HOUR) // (168 * HOUR)
    place = rng.integers(1, 8, week.max() - week.min() + 1)[week - week.min()].astype(float)
    score = rng.standard_normal(week.max() - week.min() + 1)[week - week.min()]
    whole = wants(own, PairCandles(source, HOUR, score, place), RISK, DAYS)
    for cut in (1, 37, 200):
        seen = PairCandles(source.window(cut), HOUR, score[cut:], place[cut:])
        late = wants(own, seen, RISK, DAYS)
        begin = needed + cut
        np.testing.assert_allclose(late.want[needed:], whole.want[begin:], rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(late.due[needed:], whole.due[begin:])
    assert np.any(whole.want != 0)


@pytest.mark.parametrize("strategy", EVENTS)
def test_a_virtual_position_asks_for_an_entry_where_it_begins_and_nowhere_else(
    strategy: str,
) -> None:
    found = wanted(strategy, candles(3, 2_400), parameters=LOOSE[strategy])
    before = np.concatenate([[0.0], found.want[:-1]])
    begins = (found.want != before) & (found.want != 0)
    assert begins.sum() > 3
    np.testing.assert_array_equal(found.side, np.where(begins, found.want, 0.0))
    np.testing.assert_array_equal(found.due, found.want != before)


def test_what_sleeves_need_before() -> None:
    one = breakout.STARTUP + 1
    assert startup(sleeve("Breakout"), HOUR, 10.0) == one + 10 * 24 + 1
    assert startup(sleeve("Breakout", timeframe="4h"), HOUR, 10.0) == 4 * one + 10 * 24 + 1
    assert RotationRule(days=(30, 60, 90), skip_days=1, volatility_days=30) == ROTATION


def table(*rows: str) -> list[np.ndarray]:
    """Return columns of a table: side, leave, open, high, low, distance."""
    return [
        np.array(column, dtype=float) for column in zip(*(r.split() for r in rows), strict=True)
    ]


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        pytest.param(
            ("1 0 100 101 99 5", "0 0 100 101 96 5", "0 0 97 98 95 5", "0 0 95 96 94 5"),
            [1, 1, 0, 0],
            id="stopped at 95, counted from the open behind the signal",
        ),
        pytest.param(
            ("1 0 100 101 99 50", "0 0 100 101 91 5", "0 0 92 93 90 5"),
            [1, 1, 0],
            id="the hard stop of a tenth is nearer",
        ),
        pytest.param(
            ("1 0 100 101 99 nan", "0 0 100 101 90 5"), [1, 0], id="no ATR: the hard stop"
        ),
        pytest.param(
            ("-1 0 100 101 99 5", "0 0 100 104 99 5", "0 0 100 105 99 5"),
            [-1, -1, 0],
            id="a short is stopped above",
        ),
        pytest.param(
            ("1 0 100 101 99 5", "0 -1 100 101 99 5", "0 1 100 101 99 5"),
            [1, 1, 0],
            id="left on its own exit, not on a short's",
        ),
        pytest.param(("1 0 100 101 99 5", "0 2 100 101 99 5"), [1, 0], id="both are left"),
        pytest.param(("1 1 100 101 99 5", "0 0 100 101 99 5"), [0, 0], id="entry and exit at once"),
        pytest.param(
            ("1 0 100 101 99 5", "0 0 100 nan nan 5", "0 0 100 101 99 5"),
            [1, 0, 0],
            id="no prices, no position",
        ),
        pytest.param(
            ("1 0 100 101 99 5", *["0 0 100 101 99 5"] * 4), [1, 1, 1, 0, 0], id="at most three"
        ),
        pytest.param(("1 0 100 101 99 5", "-1 1 100 101 99 5"), [1, -1], id="turned round at once"),
    ],
)
def test_a_table_of_virtual_positions(rows: tuple[str, ...], held: list[float]) -> None:
    side, leave, opened, high, low, distance = table(*rows)
    found = virtual(side, leave, opened, high, low, distance, 0.1, 3)
    assert found.tolist() == held


def test_a_target_is_followed_when_it_is_due_and_left_at_once() -> None:
    target = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.3, 0.3, 0.3])
    known = np.array([1, 1, 1, 1, 0, 0, 0, 1], dtype=bool)
    due = np.array([0, 1, 0, 0, 1, 0, 0, 1], dtype=bool)
    leave = np.array([0, 0, -1, 0, 0, 0, 0, 0], dtype=float)
    assert followed(target, known, due, leave, 2).tolist() == [0, 0.6, 0.6, 0.6, 0.6, 0.6, 0, 0.3]
    leave[3] = 1
    assert followed(target, known, due, leave, 2).tolist() == [0, 0.6, 0.6, 0, 0, 0, 0, 0.3]


def test_a_longer_timeframe_acts_when_its_candle_closes() -> None:
    found = wanted("Breakout", candles(5, 3_000), timeframe="4h", parameters=LOOSE["Breakout"])
    closes = (candles(5, 3_000).date + HOUR) % (4 * HOUR) == 0
    assert found.due.sum() > 4
    assert not (found.due & ~closes).any()
    assert not (found.side[~closes]).any()
    assert startup(sleeve("Breakout", timeframe="4h"), HOUR, DAYS) > 4 * 284
