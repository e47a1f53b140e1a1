"""Regimes by rules: of the past only, the same from any origin, and unknown where a figure is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.shapes import Candles
from freqpilot.signals.rules import (
    REGIMES,
    STARTUP,
    UNKNOWN,
    RegimeRules,
    efficiency_ratio,
    regime_now,
    regimes,
)

HOUR = 3_600_000_000_000


def walk(seed: int, count: int = 900) -> Candles:
    """Return candles whose volatility and drift change every 60 of them."""
    rng = np.random.default_rng(seed)
    blocks = -(-count // 60)
    size = np.repeat(rng.choice([0.001, 0.005, 0.02], blocks), 60)[:count]
    drift = np.repeat(rng.choice([-0.004, 0.0, 0.004], blocks), 60)[:count]
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1, count) * size + drift))
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    return Candles(np.arange(count) * HOUR, opened, high, low, close, np.ones(count))


def test_a_walk_comes_to_every_regime() -> None:
    found = np.concatenate([regimes(walk(seed)) for seed in range(12)])
    assert set(found.tolist()) == {UNKNOWN, *range(len(REGIMES))}


@given(st.integers(0, 50), st.integers(1, 899))
def test_the_future_changes_nothing(seed: int, end: int) -> None:
    whole = walk(seed)
    assert (regimes(whole.window(0, end)) == regimes(whole)[:end]).all()


@given(st.integers(0, 50), st.integers(1, 400))
def test_the_origin_changes_nothing_past_the_startup(seed: int, begin: int) -> None:
    whole = regimes(walk(seed))[begin + STARTUP :]
    part = regimes(walk(seed).window(begin))[STARTUP:]
    assert (part != UNKNOWN).all()
    # A figure within 1e-4 of a line may fall to either side of it.
    assert np.mean(part != whole) < 0.01


@pytest.mark.parametrize("count", [1, 24, STARTUP - 20])
def test_before_the_startup_nothing_is_known(count: int) -> None:
    assert (regimes(walk(1).window(0, count)) == UNKNOWN).all()
    assert regime_now(walk(1).window(0, count)) is None


def test_no_candles_and_a_nan_have_no_regime() -> None:
    whole = walk(1)
    assert regime_now(whole.window(0, 0)) is None
    assert regime_now(whole) is not None
    whole.close[-3] = np.nan
    assert regime_now(whole) is None


def test_a_market_that_stands_still_is_compressed() -> None:
    flat = np.full(900, 100.0)
    still = Candles(np.arange(900) * HOUR, flat, flat, flat, flat, np.ones(900))
    assert regime_now(still) == "compression"


def test_rules_move_the_lines() -> None:
    quiet = walk(3)
    calm = RegimeRules(trend_adx=2.0, high_ratio=1e9, low_ratio=0.0, capitulation_ratio=1e9)
    assert set(regimes(quiet, calm).tolist()) == {UNKNOWN, REGIMES.index("range")}


def test_the_efficiency_ratio() -> None:
    found = efficiency_ratio(np.array([1.0, 2.0, 3.0, 2.0, 2.0, 2.0]), 2)
    assert np.isnan(found[:2]).all()
    assert found[2:].tolist() == [1.0, 0.0, 1.0, 0.0]
