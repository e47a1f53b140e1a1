"""The edge monitor: it sees no future, keeps what works, silences what does not, and asks for new
evidence before it listens again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from candle_source import HOUR, candles
from freqpilot.features.labels.targets import forward_return
from freqpilot.models.edge import monitor
from freqpilot.settings import EdgeSettings, LabelSettings

LABELS = LabelSettings()
EDGE = EdgeSettings()
LENGTH = EDGE.block * LABELS.horizon
ROWS = 2_400
DEVIATION = 0.15
"""Of the scores of a real pair."""


def leans(seed: int, rows: int = ROWS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = np.convolve(rng.standard_normal(rows + 5), np.ones(6) / 6, mode="valid")
    noise[rng.random(rows) < 0.05] = np.nan
    return noise


def found(seed: int = 1, mutation: str = "none", lean: np.ndarray | None = None) -> monitor.Blocks:
    source = candles(seed, ROWS, mutation)
    said = leans(seed) if lean is None else lean
    return monitor.blocks(source.date, source.close, said, LABELS, EDGE)


def scores(mean_ic: float, seed: int, count: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(count) * DEVIATION
    return mean_ic / monitor.IC_OF_SCORE + noise


def factors(seen: monitor.Blocks, edge: EdgeSettings, rows: int) -> np.ndarray:
    return monitor.factors(seen, monitor.follow(seen.score, edge), rows)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20), st.integers(1, ROWS), st.sampled_from(["none", "gap", "nan", "jump"]))
def test_no_factor_sees_a_later_candle_or_forecast(seed: int, cut: int, mutation: str) -> None:
    source, lean = candles(seed, ROWS, mutation), leans(seed)
    hard = EdgeSettings(evidence=10, min_ic=0.5)
    full = monitor.blocks(source.date, source.close, lean, LABELS, hard)
    part = monitor.blocks(source.date[:cut], source.close[:cut], lean[:cut], LABELS, hard)
    np.testing.assert_array_equal(factors(part, hard, cut), factors(full, hard, ROWS)[:cut])
    assert (part.row < cut).all()
    close = source.date[part.row] + HOUR
    assert (close >= (part.number + 1) * LENGTH * HOUR).all(), "a block is judged when it is over"


def test_a_block_counts_from_the_candle_at_whose_close_it_is_over() -> None:
    hard, seen = EdgeSettings(evidence=10, min_ic=0.5), found()
    moved = factors(seen, hard, ROWS)
    after = monitor.follow(seen.score, hard).factor
    np.testing.assert_array_equal(moved[seen.row], after)
    np.testing.assert_array_equal(moved[seen.row - 1], [1.0, *after[:-1]])
    assert np.mean(moved < 0.9) > 0


def test_a_score_is_that_of_its_own_block_wherever_the_candles_begin() -> None:
    source, lean, cut = candles(3, ROWS), leans(3), 333
    whole = found(3)
    late = monitor.blocks(source.date[cut:], source.close[cut:], lean[cut:], LABELS, EDGE)
    settled = (whole.row >= cut + EDGE.memory * LABELS.horizon + 2 * LENGTH) & (whole.row < ROWS)
    same = np.isin(late.number, whole.number[settled])
    assert same.sum() > 15
    np.testing.assert_allclose(late.score[same], whole.score[settled], atol=1e-9)


def test_scores_of_neighbours_share_no_candle() -> None:
    source = candles(4, ROWS)
    before = found(4)
    place = source.date // HOUR % LENGTH
    inside = place + LABELS.horizon < LENGTH
    lean = leans(4)
    outcome = forward_return(source, LABELS)
    ends = source.date // HOUR + LABELS.horizon
    assert (ends[inside] // LENGTH == (source.date // HOUR)[inside] // LENGTH).all()
    # The forecasts at a block's end are judged by candles of the next one: they never count.
    last = np.flatnonzero(~inside & (source.date // HOUR // LENGTH == before.number[-1]))
    lean[last] = 50.0 * np.sign(outcome[last])
    np.testing.assert_array_equal(found(4, lean=lean).score, before.score)


def test_scores_are_the_rank_correlation_with_what_followed() -> None:
    source = candles(5, 20_000)
    outcome = forward_return(source, LABELS)
    rng = np.random.default_rng(0)
    lean = 0.5 * outcome + rng.standard_normal(len(outcome))
    got = monitor.blocks(source.date, source.close, lean, LABELS, EDGE).score
    known = np.isfinite(outcome)
    wanted = spearmanr(lean[known], outcome[known]).statistic
    assert np.mean(got) * monitor.IC_OF_SCORE == pytest.approx(wanted, abs=0.05)
    against = monitor.blocks(source.date, source.close, -lean, LABELS, EDGE).score
    np.testing.assert_allclose(against, -got, atol=1e-9)


@given(
    st.floats(-1, 1), st.floats(0.01, 0.5), st.sampled_from(list(monitor.STAKES)), st.floats(0, 1)
)
def test_a_bet_gains_nothing_while_the_edge_is_there(
    low: float, ic: float, stake: float, part: float
) -> None:
    """Whatever the scores' distribution: two values with the mean that counts as an edge."""
    least = ic / monitor.IC_OF_SCORE / monitor.MOST
    low = min(low, least)
    high = least + part * (1 - least)
    if high - low < 1e-6:
        return
    chance = (least - low) / (high - low)
    low_gain, high_gain = 1 + stake * (least - low), 1 + stake * (least - high)
    assert min(low_gain, high_gain) > 0
    assert (1 - chance) * low_gain + chance * high_gain <= 1 + 1e-9


def test_an_edge_is_kept_and_a_lost_one_is_silenced() -> None:
    kept = [bool(monitor.follow(scores(0.1, k, 550), EDGE).silenced) for k in range(100)]
    assert np.mean(kept) < 0.08, "three years"
    lost = [monitor.follow(scores(0.0, k, 550), EDGE).silenced for k in range(100)]
    waits = [places[0] if places else 10_000 for places in lost]
    assert 60 < np.median(waits) < 300
    wrong = [monitor.follow(scores(-0.1, k, 550), EDGE).silenced[0] for k in range(20)]
    assert np.median(wrong) < np.median(waits) / 1.5


def test_an_edge_that_dies_late_is_noticed_as_soon() -> None:
    """What was won before is not staked: no credit puts off the alarm."""
    early = monitor.follow(scores(0.0, 5, 400), EDGE).silenced[0]
    late = monitor.follow(np.concatenate([scores(0.3, 6, 800), scores(0.0, 5, 400)]), EDGE)
    assert 0 <= late.silenced[0] - 800 <= early + 5


def test_only_new_evidence_brings_it_back() -> None:
    dead = np.concatenate([np.full(60, -0.3), np.zeros(500)])
    course = monitor.follow(dead, EDGE)
    assert course.silenced
    assert not course.revived
    assert (course.factor[course.silenced[0] :] == 0).all()
    back = monitor.follow(np.concatenate([dead, np.full(60, 0.3)]), EDGE)
    assert len(back.revived) == 1
    assert back.revived[0] >= len(dead)
    assert back.factor[-1] == 1
    assert (back.factor[back.silenced[0] : back.revived[0]] == 0).all()


def test_one_that_was_silenced_before_begins_so() -> None:
    course = monitor.follow(np.concatenate([np.zeros(50), np.full(60, 0.3)]), EDGE, silent=True)
    assert course.before == 0
    assert (course.factor[:50] == 0).all()
    assert course.factor[-1] == 1
    assert len(course.revived) == 1


@given(st.lists(st.floats(-1, 1), max_size=300))
def test_a_factor_is_a_share_and_falls_before_it_is_nothing(given_scores: list[float]) -> None:
    course = monitor.follow(np.array(given_scores), EDGE)
    assert ((course.factor >= 0) & (course.factor <= 1)).all()
    for place in course.silenced:
        assert course.factor[place] == 0
    assert 0 <= len(course.silenced) - len(course.revived) <= 1


def test_no_evidence_moves_nothing_and_a_forecast_that_stands_still_is_none() -> None:
    nothing = found(lean=np.full(ROWS, np.nan))
    assert len(nothing.score) == 0
    assert (factors(nothing, EDGE, ROWS) == 1).all()
    still = found(lean=np.full(ROWS, 0.3))
    assert len(still.score) > 30
    assert (np.abs(still.score) < 1e-9).all()
    quick = EdgeSettings(evidence=10, min_ic=0.5)
    assert factors(still, quick, ROWS)[-1] == 0, "it knows nothing, so it is silenced"
    empty = np.empty(0)
    assert len(monitor.blocks(empty.astype(np.int64), empty, empty, LABELS, EDGE).score) == 0
