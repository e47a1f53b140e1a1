"""Every analyst: bounded, no look-ahead, no memory beyond its startup, silent without input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import MUTATIONS, candles, shuffled_after
from freqpilot.features.workspace import Workspace
from freqpilot.shapes import Candles, Signal
from freqpilot.signals.analysts import MISSING, STARTUP, TECHNICAL, Analyst, ModelForecast

seeds = st.integers(0, 10_000)
lengths = st.integers(480, 700)
mutations = st.sampled_from(MUTATIONS)
every = pytest.mark.parametrize("analyst", [cls() for cls in TECHNICAL], ids=lambda a: a.name)


def opinion(analyst: Analyst, source: Candles) -> Signal:
    return analyst.evaluate(Workspace(source))


@every
@given(seed=seeds, length=lengths, mutation=mutations, data=st.data())
def test_prefix_invariance(
    analyst: Analyst, seed: int, length: int, mutation: str, data: st.DataObject
) -> None:
    whole = candles(seed, length, mutation)
    cut = data.draw(st.integers(1, length))
    full, part = opinion(analyst, whole), opinion(analyst, whole.window(0, cut))
    np.testing.assert_array_equal(part.value, full.value[:cut])
    np.testing.assert_array_equal(part.confidence, full.confidence[:cut])
    other = opinion(analyst, shuffled_after(whole, cut, seed))
    np.testing.assert_array_equal(other.value[:cut], full.value[:cut])


@every
@given(seed=seeds, length=lengths, mutation=mutations, begin=st.integers(1, 100))
def test_origin_invariance(
    analyst: Analyst, seed: int, length: int, mutation: str, begin: int
) -> None:
    whole = candles(seed, length, mutation)
    full, late = opinion(analyst, whole), opinion(analyst, whole.window(begin))
    settled = analyst.startup
    for a, b in ((full.value, late.value), (full.confidence, late.confidence)):
        np.testing.assert_allclose(b[settled:], a[begin + settled :], rtol=0, atol=1e-4)


@every
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_bounded_and_silent_without_input(analyst: Analyst, mutation: str) -> None:
    signal = opinion(analyst, candles(5, 900, mutation))
    assert (np.abs(signal.value) <= 1).all()
    assert ((signal.confidence >= 0) & (signal.confidence <= 1)).all()
    assert signal.confidence[0] == 0
    assert signal.reason(0) == "an input is missing"
    if mutation == "nan":
        assert (signal.confidence[450:496] == 0).all()
    assert (signal.confidence[analyst.startup : 440] > 0).all()
    missing = signal.reason_index == MISSING
    assert (signal.confidence[missing] == 0).all()


@every
@pytest.mark.parametrize("direction", [1, -1])
def test_a_steady_move_is_seen(analyst: Analyst, direction: int) -> None:
    n = 600
    # A drift with a little noise: a straight line has no volatility to measure it in.
    noise = np.random.default_rng(1).standard_normal(n) * 0.002
    close = 100 * np.exp(np.cumsum(0.004 * direction + noise))
    low, high = close * 0.999, close * 1.001
    place = high if direction > 0 else low  # the close lies where the candle went
    source = Candles(np.arange(n), close, high, low, place.copy(), np.ones(n))
    signal = opinion(analyst, source)
    assert signal.value[-1] * direction > 0.4
    assert signal.reason(n - 1) == analyst.words[1 + direction]


def test_startup_is_the_longest() -> None:
    assert max(cls.startup for cls in TECHNICAL) == STARTUP


def test_the_models_opinion_by_hand() -> None:
    up = np.array([0.5, 0.3, 0.45, np.nan, 0.5, 0.0])
    down = np.array([0.1, 0.3, 0.35, 0.1, 0.1, 0.0])
    valid = np.array([True, True, True, True, False, True])
    signal = ModelForecast().evaluate(up, down, valid)
    np.testing.assert_allclose(signal.value, [1, 0, 0.4, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(signal.confidence, [1, 0.5, 0.7, 0, 0, 0], atol=1e-12)
    assert signal.reason(0) == "the model expects a rise"
    assert signal.reason(3) == "an input is missing"


@every
@given(seed=seeds, length=lengths)
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
