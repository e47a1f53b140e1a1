"""The edge monitor of groups and of trades: it counts a stretch of the clock once, sees no future
and does not hang on who comes first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candle_source import HOUR, candles
from freqpilot.features.labels.targets import forward_return
from freqpilot.models.edge import groups, monitor
from freqpilot.models.edge.groups import Scores
from freqpilot.settings import EdgeSettings, LabelSettings

LABELS = LabelSettings()
EDGE = EdgeSettings(evidence=10, min_ic=0.4)
LENGTH = EDGE.block * LABELS.horizon * HOUR
ROWS = 2_400
ENDS = np.flatnonzero((candles(1, ROWS).date + HOUR) % LENGTH == 0)
AT_ENDS = [int(row) + more for row in ENDS[15:] for more in (1, 2, 3) if row + more <= ROWS]
"""Rows of candles up to, one behind and two behind the end of a block."""


def leans(seed: int, rows: int = ROWS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.convolve(rng.standard_normal(rows + 5), np.ones(6) / 6, mode="valid")


def member(seed: int, rows: int, mutation: str = "none", by: monitor.By = "candles") -> Scores:
    source = candles(seed, ROWS, mutation)
    date = source.date[:rows]
    found = monitor.blocks(date, source.close[:rows], leans(seed)[:rows], LABELS, EDGE, by)
    return groups.on_time(date, found, LABELS, EDGE)


def factors(rows: int, mutation: str, by: monitor.By) -> np.ndarray:
    of = groups.pooled(
        {
            "A": member(1, rows, by=by),
            "B": member(2, rows, mutation, by),
            "C": member(3, rows, by=by),
        }
    )
    course = monitor.follow(of.score, EDGE)
    return groups.factors_at(candles(1, ROWS).date[:rows], of, course, LABELS, EDGE)


@settings(max_examples=20)
@given(st.integers(2, ROWS), st.sampled_from(["none", "gap", "nan"]), st.sampled_from(monitor.BY))
def test_no_factor_sees_a_later_candle(cut: int, mutation: str, by: monitor.By) -> None:
    np.testing.assert_array_equal(factors(cut, mutation, by), factors(ROWS, mutation, by)[:cut])


@settings(max_examples=20)
@given(st.sampled_from(AT_ENDS), st.sampled_from(monitor.BY))
def test_it_is_the_same_whoever_is_analysed_first(cut: int, by: monitor.By) -> None:
    """Live, others' newest candle has not been analysed yet when a pair's is."""
    ahead = groups.pooled({"A": member(1, cut, by=by), "B": member(2, cut, by=by)})
    behind = groups.pooled({"A": member(1, cut, by=by), "B": member(2, cut - 1, by=by)})
    date = candles(1, ROWS).date[:cut]
    one, other = (
        groups.factors_at(date, of, monitor.follow(of.score, EDGE), LABELS, EDGE)
        for of in (ahead, behind)
    )
    np.testing.assert_array_equal(one, other)


def test_a_block_counts_one_candle_after_its_end() -> None:
    of = groups.pooled({"A": member(1, ROWS), "B": member(2, ROWS)})
    course = monitor.follow(of.score, EDGE)
    date = candles(1, ROWS).date
    moved = groups.factors_at(date, of, course, LABELS, EDGE)
    assert (course.factor < 1).any()
    before = 1.0
    for number, factor in zip(of.number, course.factor, strict=True):
        row = int(np.searchsorted(date, (number + 1) * LENGTH))
        if row < ROWS:
            assert moved[row - 1] == before
            assert moved[row] == factor
        before = factor


def test_a_group_is_the_mean_of_its_pairs_by_the_clock() -> None:
    one = Scores(np.array([3, 4]), np.array([0.1, 0.2]))
    two = Scores(np.array([4, 6]), np.array([0.4, -0.1]))
    got = groups.pooled({"A": one, "B": two})
    np.testing.assert_array_equal(got.number, [4])
    np.testing.assert_allclose(got.score, [0.3])
    assert len(groups.pooled({}).number) == 0
    assert len(groups.pooled({"A": one}).number) == 0, "one pair is no group"


@pytest.mark.parametrize("missing", [1, 2])
def test_a_pair_that_comes_late_to_a_blocks_end_is_not_waited_for(missing: int) -> None:
    """By one candle or more: the first that is there opens at the block's end or behind it."""
    source = candles(4, ROWS)
    end = int(np.flatnonzero((source.date + HOUR) % LENGTH == 0)[20])
    number = int((source.date[end] + HOUR) // LENGTH) - 1
    kept = np.delete(np.arange(ROWS), end + np.arange(missing))
    whole, holed = (
        groups.on_time(
            source.date[rows],
            monitor.blocks(source.date[rows], source.close[rows], leans(4)[rows], LABELS, EDGE),
            LABELS,
            EDGE,
        )
        for rows in (np.arange(ROWS), kept)
    )
    assert number in whole.number
    assert number not in holed.number


def test_trades_have_the_scores_of_an_edge() -> None:
    """A planted correlation has the same mean score by trades as by candles, at more noise."""
    source = candles(5, 40_000)
    outcome = np.nan_to_num(forward_return(source, LABELS))
    lean = 0.5 * outcome + np.random.default_rng(0).standard_normal(len(outcome))
    wide = EdgeSettings()
    found = {
        by: monitor.blocks(source.date, source.close, lean, LABELS, wide, by) for by in monitor.BY
    }
    means = {by: float(each.score.mean()) for by, each in found.items()}
    assert means["trades"] == np.clip(
        means["trades"], 0.8 * means["candles"], 1.2 * means["candles"]
    )
    assert found["trades"].score.std() > found["candles"].score.std()
    against = monitor.blocks(source.date, source.close, -lean, LABELS, wide, "trades")
    np.testing.assert_allclose(against.score, -found["trades"].score, atol=1e-9)


def test_a_weak_forecast_is_no_trade() -> None:
    source, lean = candles(6, ROWS), leans(6)
    before = monitor.blocks(source.date, source.close, lean, LABELS, EDGE, "trades")
    middle = np.abs(lean - lean.mean()) < 0.1
    nudged = np.where(middle, lean + 1e-4 * np.sign(lean), lean)
    after = monitor.blocks(source.date, source.close, nudged, LABELS, EDGE, "trades")
    np.testing.assert_allclose(after.score, before.score, atol=1e-3)


def test_what_is_bad_at_its_strongest_is_silenced_by_trades() -> None:
    """Right in the middle and wrong at its strongest: all forecasts look well, trades do not."""
    source = candles(7, 20_000)
    outcome = np.nan_to_num(forward_return(source, LABELS))
    noise = np.random.default_rng(1).standard_normal(len(outcome))
    strong = np.abs(noise) > 1.6
    lean = np.where(strong, 3 * np.abs(noise) * -np.sign(outcome), 0.3 * noise + outcome)
    edge = EdgeSettings()
    turns = {
        by: monitor.follow(
            monitor.blocks(source.date, source.close, lean, LABELS, edge, by).score, edge
        ).silenced
        for by in monitor.BY
    }
    assert turns["trades"]
    assert not turns["candles"] or turns["candles"][0] > turns["trades"][0]


def test_together_they_are_silenced_sooner_than_alone() -> None:
    rng = np.random.default_rng(2)
    edge = EdgeSettings()
    alone = [Scores(np.arange(600), rng.standard_normal(600) * 0.15) for _ in range(8)]
    waits = [monitor.follow(each.score, edge).silenced[0] for each in alone]
    group = groups.pooled({str(k): each for k, each in enumerate(alone)})
    assert monitor.follow(group.score, edge).silenced[0] < np.median(waits)


def test_no_candle_is_no_fault() -> None:
    of = groups.pooled({})
    course = monitor.follow(of.score, EDGE)
    for rows in (0, 1, 5):
        date = candles(1, 5).date[:rows]
        assert (groups.factors_at(date, of, course, LABELS, EDGE) == 1).all()
    nothing = monitor.blocks(date[:0], np.empty(0), np.empty(0), LABELS, EDGE)
    assert len(groups.on_time(date[:0], nothing, LABELS, EDGE).number) == 0
