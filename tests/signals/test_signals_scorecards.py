"""Scorecards: by hand, known only when they are over, moved by little, and forgotten in time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import HOUR, MUTATIONS, candles, shuffled_after
from freqpilot.features.bank.workspace import Workspace
from freqpilot.settings import ScorecardSettings
from freqpilot.shapes import Candles, Floats, Signal
from freqpilot.signals import analysts
from freqpilot.signals.scorecards import (
    Judged,
    bounded,
    factors,
    judged,
    scorecard,
    startup,
    steps,
    targets,
)

TABLE = ScorecardSettings()
SHORT = ScorecardSettings(horizon=4, opinions=20, step_hours=6, step=0.05, prior=5)
LENGTH = 900


def steady(value: Floats, confidence: float = 1.0, name: str = "technical_trend") -> Signal:
    n = len(value)
    return Signal(name, value, np.full(n, confidence), ("",), np.zeros(n, dtype=np.int64))


def flat(length: int, drift: float = 0.0) -> Candles:
    close = 100 * np.exp(np.arange(length) * drift)
    columns = [close.copy() for _ in range(4)]
    return Candles(np.arange(length) * HOUR, *columns, np.ones(length))


def zigzag(length: int, good: float, seed: int = 1) -> tuple[Signal, Candles]:
    """Return opinions of which the share ``good`` is right about the next stretch, 1 % each."""
    rng = np.random.default_rng(seed)
    stretch = SHORT.horizon
    side = rng.choice([-1.0, 1.0], length // stretch + 1)
    right = np.where(rng.random(len(side)) < good, side, -side)
    steps_ = np.concatenate([[0.0], right.repeat(stretch)[: length - 1] * 0.01 / stretch])
    source = flat(length)
    close = 100 * np.exp(np.cumsum(steps_))
    return steady(side.repeat(stretch)[:length] * 0.9), Candles(
        source.date, close, close, close, close, source.volume
    )


def test_an_opinion_is_judged_by_hand() -> None:
    source = flat(40, 0.001)
    value = np.zeros(40)
    value[[0, 1, 5, 13]] = 0.8, 0.9, -0.8, 0.7
    found = judged(steady(value), source, SHORT)
    # 1 repeats 0, at 13 it is no more than strong, the rest is weak
    assert found.row.tolist() == [0, 5]
    np.testing.assert_allclose(found.worth, [0.004 - 0.002, -0.004 - 0.002])
    assert judged(steady(value, 0.0), source, SHORT).row.tolist() == []
    late = np.zeros(40)
    late[[32, 36]] = 0.8
    assert judged(steady(late), source, SHORT).row.tolist() == [32], "36 is not over by 39"


def test_a_target_is_a_shrunken_t_statistic() -> None:
    signal, source = zigzag(400, 0.75)
    found = judged(signal, source, SHORT)
    at = np.array([399])
    over = found.row + SHORT.horizon
    recent = found.worth[(over <= 399) & (over > 399 - 80)]
    n = len(recent)
    t = recent.mean() / (recent.std(ddof=1) / math.sqrt(n))
    aim = 1 + 0.25 * t * n / (n + SHORT.prior)
    assert targets(found, at, SHORT)[0] == pytest.approx(aim)
    assert 1.05 < aim < 1.45, "or the bounds would tell nothing of it"
    assert n <= SHORT.opinions


def test_what_is_right_gains_and_what_is_wrong_loses() -> None:
    good, bad = (
        factors([zigzag(LENGTH, share)[0]], zigzag(LENGTH, share)[1], SHORT)["technical_trend"]
        for share in (0.9, 0.2)
    )
    assert good[-1] > 1.45
    assert bad[-1] < 0.6
    assert good[: SHORT.horizon].tolist() == [1.0] * SHORT.horizon


def test_an_analyst_that_says_nothing_keeps_its_weight() -> None:
    source = candles(3, LENGTH)
    got = factors([steady(np.full(LENGTH, 0.6))], source, SHORT)
    assert (got["technical_trend"] == 1).all()


seeds, mutations = st.integers(0, 10_000), st.sampled_from(MUTATIONS)


def moved(source: Candles) -> dict[str, Floats]:
    names = {"technical_trend", "technical_momentum", "mean_reversion"}
    return factors(analysts.opinions(Workspace(source), names=names), source, SHORT)


@given(seed=seeds, mutation=mutations, cut=st.integers(1, LENGTH))
def test_no_candle_sees_a_later_one(seed: int, mutation: str, cut: int) -> None:
    source = candles(seed, LENGTH, mutation)
    full = moved(source)
    for other in (source.window(0, cut), shuffled_after(source, cut, seed)):
        for name, factor in moved(other).items():
            np.testing.assert_array_equal(factor[:cut], full[name][:cut])


@given(seed=seeds, mutation=mutations, begin=st.integers(1, 100))
def test_nothing_is_remembered_beyond_the_startup(seed: int, mutation: str, begin: int) -> None:
    source = candles(seed, LENGTH, mutation)
    memory = analysts.STARTUP + startup(SHORT, 60)
    assert memory < LENGTH - 100
    full, late = moved(source), moved(source.window(begin))
    for name, factor in late.items():
        np.testing.assert_allclose(factor[memory:], full[name][begin + memory :], atol=1e-6)


@given(seed=seeds, step=st.sampled_from((0.01, 0.03, 0.05)), hours=st.sampled_from((1, 6, 24)))
def test_a_step_is_small_rare_and_within_the_bounds(seed: int, step: float, hours: int) -> None:
    settings = SHORT.model_copy(update={"step": step, "step_hours": hours})
    signal, source = zigzag(LENGTH, (seed % 11) / 10, seed)
    factor = factors([signal], source, settings)["technical_trend"]
    assert ((factor >= settings.low) & (factor <= settings.high)).all()
    change = factor[1:] / factor[:-1]
    assert np.abs(np.log(change)).max() <= math.log1p(step) + 1e-12
    rows = np.flatnonzero(change != 1) + 1
    closes = source.date[rows] // HOUR + 1
    assert (closes % hours == 0).all(), "only at the first close of a step"


def test_the_number_of_steps_is_the_way_between_the_bounds() -> None:
    assert steps(TABLE) == 23
    assert (1 + TABLE.step) ** 23 >= TABLE.high / TABLE.low
    assert startup(TABLE, 60) == 24 * 24 + 102 * 12


def test_a_scorecard_by_hand() -> None:
    signal, source = zigzag(LENGTH, 0.75)
    card = scorecard(signal, source, SHORT)
    found = judged(signal, source, SHORT)
    recent = found.row + SHORT.horizon > LENGTH - 1 - SHORT.opinions * SHORT.horizon
    side, worth = found.side[recent], found.worth[recent]
    assert card.opinions == ((side == 1).sum(), (side == -1).sum())
    assert sum(card.opinions) <= SHORT.opinions
    assert card.win_rate[0] == pytest.approx((worth[side == 1] > 0).mean())
    assert card.worth[1] == pytest.approx(worth[side == -1].mean())
    assert card.false_positives == pytest.approx((worth < -0.002).mean())
    assert card.decay == SHORT.horizon, "each stretch goes one way to its end"
    silent = scorecard(steady(np.zeros(LENGTH)), source, SHORT)
    assert silent.opinions == (0, 0)
    assert math.isnan(silent.win_rate[0])
    assert (silent.decay, silent.factor, silent.target) == (0, 1.0, 1.0)


def test_regime_and_scorecards_stay_within_the_bounds_together() -> None:
    regime = {"technical_momentum": np.array([1.3, 0.6, 1.0])}
    scored = {"technical_momentum": np.array([1.4, 0.6, 1.1]), "events": np.array([0.5, 1.0, 1.5])}
    got = bounded(regime, scored, TABLE)
    np.testing.assert_allclose(got["technical_momentum"], [1.5, 0.5, 1.1])
    np.testing.assert_allclose(got["events"], scored["events"])


@pytest.mark.parametrize("length", [0, 1, 2, 5])
def test_tiny_inputs(length: int) -> None:
    got = factors([steady(np.full(length, 0.9))], candles(1, 10).window(0, length), SHORT)
    assert (got["technical_trend"] == 1).all()
    assert got["technical_trend"].shape == (length,)


def test_an_opinion_counts_from_the_candle_at_which_it_is_over() -> None:
    horizon, span = SHORT.horizon, SHORT.opinions * SHORT.horizon
    found = Judged(np.array([2, 8]), np.ones(2), np.array([0.01, 0.02]))
    over = found.row + horizon
    at = np.array([over[1] - 1, over[1], over[0] + span - 1, over[0] + span])
    known = targets(found, at, SHORT) != 1
    # Two are needed to tell; the first is forgotten when its candles are over.
    assert known.tolist() == [False, True, True, False]


def test_a_move_that_earns_less_than_its_cost_is_no_false_positive() -> None:
    value = np.zeros(40)
    value[[0, 8, 16]] = 0.9, 0.9, -0.9
    card = scorecard(steady(value), flat(40, 0.25 * SHORT.cost / SHORT.horizon), SHORT)
    assert card.opinions == (2, 1)
    assert card.win_rate == (0.0, 0.0)
    assert card.false_positives == pytest.approx(1 / 3)
