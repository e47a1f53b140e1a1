"""Every analyst, a new one as well: bounded, no look-ahead, no memory beyond its startup, silent
without input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import MUTATIONS, candles, shuffled_after
from freqpilot.features.bank.workspace import Workspace
from freqpilot.settings import SignalSettings
from freqpilot.shapes import Candles, Signal
from freqpilot.signals.analysts import (
    ANALYSTS,
    COLUMNS,
    MISSING,
    OUTSIDE,
    STARTUP,
    TECHNICAL,
    Analyst,
    ModelForecast,
    TechnicalMomentum,
    TechnicalTrend,
    VolumeConfirmation,
    opinions,
)
from freqpilot.signals.analysts.base import Columns

seeds = st.integers(0, 10_000)
lengths = st.integers(850, 1_000)
mutations = st.sampled_from(MUTATIONS)
every = pytest.mark.parametrize("analyst", [cls() for cls in ANALYSTS], ids=lambda a: a.name)


def facts(source: Candles, seed: int = 3) -> Columns:
    """Return a column of plausible size for each name; NaN where the candle is."""
    rng = np.random.default_rng(seed)
    # Of each date, not of each place: another origin has to see the same facts.
    rows = len(source)
    hole = source.close * 0.0
    walk = np.sin(np.arange(rows) / 17.0 + seed) + 0.3 * rng.standard_normal(rows)
    size = rng.lognormal(1, 1, rows)
    return {
        "sentiment": np.clip(0.5 * walk, -1, 1) + hole,
        "mentions": np.floor(20 * size) + hole,
        "exchange_netflow": 1e6 * walk + hole,
        "whale_deposits": size + hole,
        "whale_withdrawals": size[::-1] + hole,
        "funding_rate": 1e-4 + 4e-4 * walk + hole,
        "open_interest": 1e6 * np.exp(0.1 * walk) + hole,
        "premium": 1e-3 * walk + hole,
        "delta": 0.4 * source.volume * np.tanh(walk),
        "event_impact": np.clip(walk, -1, 1) + hole,
        "event_confidence": np.abs(np.tanh(walk)) + hole,
    }


def cut_to(columns: Columns, begin: int, end: int | None = None) -> Columns:
    return {name: column[begin:end] for name, column in columns.items()}


def opinion(analyst: Analyst, source: Candles, columns: Columns | None = None) -> Signal:
    return analyst.evaluate(Workspace(source), facts(source) if columns is None else columns)


@every
@given(seed=seeds, length=lengths, mutation=mutations, data=st.data())
def test_prefix_invariance(
    analyst: Analyst, seed: int, length: int, mutation: str, data: st.DataObject
) -> None:
    whole = candles(seed, length, mutation)
    columns = facts(whole, seed)
    cut = data.draw(st.integers(1, length))
    full = opinion(analyst, whole, columns)
    part = opinion(analyst, whole.window(0, cut), cut_to(columns, 0, cut))
    np.testing.assert_array_equal(part.value, full.value[:cut])
    np.testing.assert_array_equal(part.confidence, full.confidence[:cut])
    later = {name: np.append(x[:cut], x[cut:][::-1]) for name, x in columns.items()}
    other = opinion(analyst, shuffled_after(whole, cut, seed), later)
    np.testing.assert_array_equal(other.value[:cut], full.value[:cut])
    np.testing.assert_array_equal(other.confidence[:cut], full.confidence[:cut])


@every
@given(seed=seeds, length=lengths, mutation=mutations, begin=st.integers(1, 100))
def test_origin_invariance(
    analyst: Analyst, seed: int, length: int, mutation: str, begin: int
) -> None:
    whole = candles(seed, length, mutation)
    columns = facts(whole, seed)
    full = opinion(analyst, whole, columns)
    late = opinion(analyst, whole.window(begin), cut_to(columns, begin))
    settled = analyst.startup
    said, sure = full.value[begin + settled :], full.confidence[begin + settled :]
    value, confidence = late.value[settled:], late.confidence[settled:]
    np.testing.assert_allclose(value, said, rtol=0, atol=1e-4)
    np.testing.assert_allclose(value * confidence, said * sure, rtol=0, atol=1e-4)
    # How well two opinions agree is a ratio: where both are weak, what the older candles still
    # weigh is divided by little. The composite takes the product, above.
    np.testing.assert_allclose(confidence, sure, rtol=0, atol=2e-3)


@every
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_bounded_and_silent_without_input(analyst: Analyst, mutation: str) -> None:
    signal = opinion(analyst, candles(5, 1_800, mutation))
    assert (np.abs(signal.value) <= 1).all()
    assert ((signal.confidence >= 0) & (signal.confidence <= 1)).all()
    if analyst.startup > 1:
        assert signal.confidence[0] == 0
        assert signal.reason(0) == "an input is missing"
    if mutation == "nan":
        assert (signal.confidence[900:990] == 0).all()
    assert (signal.confidence[analyst.startup : 890] > 0).all()
    missing = signal.reason_index == MISSING
    assert (signal.confidence[missing] == 0).all()


@every
def test_an_input_that_is_missing_silences(analyst: Analyst) -> None:
    source = candles(5, 900)
    whole = facts(source)
    for name in analyst.inputs:
        without = {key: column for key, column in whole.items() if key != name}
        assert (opinion(analyst, source, without).confidence == 0).all(), name
        hole = whole[name].copy()
        hole[-1] = np.nan
        assert opinion(analyst, source, {**whole, name: hole}).confidence[-1] == 0, name
        with pytest.raises(ValueError, match=f"column {name} has the shape"):
            opinion(analyst, source, {**whole, name: hole[1:]})
    if analyst.optional:
        alone = opinion(analyst, source, {name: whole[name] for name in analyst.inputs})
        assert (alone.confidence[analyst.startup :] > 0).all()


@every
@given(seed=seeds, length=st.integers(850, 900))
def test_a_candle_without_a_trade_has_nothing_to_say(
    analyst: Analyst, seed: int, length: int
) -> None:
    source = candles(seed, length)
    stopped = length - 60
    for column in (source.open, source.high, source.low, source.close):
        column[stopped:] = source.close[stopped - 1]
    source.volume[stopped:] = 0.0
    signal = opinion(analyst, source)
    assert (signal.confidence[stopped:] == 0).all(), "not only once the averages have died away"
    assert signal.confidence[stopped - 1] > 0


@pytest.mark.parametrize("cls", [TechnicalTrend, TechnicalMomentum, VolumeConfirmation])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_steady_move_is_seen(cls: type[Analyst], direction: int) -> None:
    n = 600
    # A drift with a little noise: a straight line has no volatility to measure it in.
    noise = np.random.default_rng(1).standard_normal(n) * 0.002
    close = 100 * np.exp(np.cumsum(0.004 * direction + noise))
    low, high = close * 0.999, close * 1.001
    place = high if direction > 0 else low  # the close lies where the candle went
    source = Candles(np.arange(n), close, high, low, place.copy(), np.ones(n))
    analyst = cls()
    signal = opinion(analyst, source)
    assert signal.value[-1] * direction > 0.4
    assert signal.reason(n - 1) == analyst.words[1 + direction]


def test_every_analyst_has_a_weight_and_a_name_of_its_own() -> None:
    names = [cls.name for cls in ANALYSTS] + [ModelForecast.name]
    assert sorted(names) == sorted(SignalSettings().weights)
    assert sorted(COLUMNS) == sorted(facts(candles(1, 5)))


def test_startup_is_the_longest() -> None:
    assert max(cls.startup for cls in TECHNICAL) == STARTUP <= 480


def test_only_those_that_are_asked_and_have_their_inputs_speak() -> None:
    source = candles(5, 900)
    assert [s.analyst for s in opinions(Workspace(source))] == [cls.name for cls in TECHNICAL]
    everybody = opinions(Workspace(source), facts(source))
    assert [s.analyst for s in everybody] == [cls.name for cls in (*TECHNICAL, *OUTSIDE)]
    assert [s.analyst for s in opinions(Workspace(source), names={"mean_reversion", "events"})] == [
        "mean_reversion"
    ]


@pytest.mark.parametrize("length", [0, 1, 2, 5])
def test_tiny_inputs(length: int) -> None:
    source = candles(1, 20).window(0, length)
    for signal in opinions(Workspace(source), cut_to(facts(candles(1, 20)), 0, length)):
        assert signal.value.shape == signal.confidence.shape == (length,)


def test_the_models_opinion_by_hand() -> None:
    up = np.array([0.5, 0.3, 0.45, np.nan, 0.5, 0.0])
    down = np.array([0.1, 0.3, 0.35, 0.1, 0.1, 0.0])
    valid = np.array([True, True, True, True, False, True])
    signal = ModelForecast().evaluate(up, down, valid)
    np.testing.assert_allclose(signal.value, [1, 0, 0.4, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(signal.confidence, [1, 0.5, 0.7, 0, 0, 0], atol=1e-12)
    assert signal.reason(0) == "the model expects a rise"
    assert signal.reason(3) == "an input is missing"
