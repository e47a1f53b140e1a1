"""The trend ensemble: what it says of plain moves; it neither foresees nor remembers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import HOUR, MUTATIONS, candles
from freqpilot.shapes import Candles
from freqpilot.signals.trend import DAY, TrendRule, sized, trend

RULE = TrendRule(crosses=((1, 4), (2, 8)), channels=(3, 6), volatility_days=4, memory_days=12)
STARTUP = RULE.startup(4 * HOUR)
seeds = st.integers(0, 10_000)
mutations = st.sampled_from(MUTATIONS)


def moving(step: float, length: int = 1_300) -> Candles:
    noise = np.random.default_rng(1).standard_normal(length) * 0.002
    close = 100 * np.exp(np.cumsum(step + noise))
    return Candles(np.arange(length) * 4 * HOUR, close, close, close, close, np.ones(length))


@pytest.mark.parametrize("direction", [1, -1])
def test_all_rules_agree_on_a_steady_move(direction: int) -> None:
    found = trend(moving(0.005 * direction), 4 * HOUR, TrendRule())
    assert found.votes.shape == (1_300, 7)
    assert (found.votes[-1] == direction).all()
    assert found.strength[-1] == direction


def test_startup_is_the_first_row_with_a_vote() -> None:
    rule = TrendRule()
    found = trend(moving(0.001), 4 * HOUR, rule)
    first = int(np.flatnonzero(np.isfinite(found.strength) & np.isfinite(found.volatility))[0])
    assert first == rule.startup(4 * HOUR) - 1 == 200 * 6
    assert rule.startup(HOUR) + 4 < 5_000, "Freqtrade loads no more from Binance at a start"


def test_volatility_is_that_of_a_year() -> None:
    found = trend(moving(0.0), 4 * HOUR, TrendRule())
    assert abs(found.volatility[-1] / (0.002 * np.sqrt(365 * 6)) - 1) < 0.15


@given(seeds, mutations, st.data())
def test_prefix_invariance(seed: int, mutation: str, data: st.DataObject) -> None:
    whole = candles(seed, 300, mutation)
    cut = data.draw(st.integers(1, 300))
    full, part = (trend(c, 4 * HOUR, RULE) for c in (whole, whole.window(0, cut)))
    np.testing.assert_array_equal(part.votes, full.votes[:cut])
    np.testing.assert_array_equal(part.volatility, full.volatility[:cut])


@given(seeds, mutations, st.integers(1, 100))
def test_origin_invariance(seed: int, mutation: str, begin: int) -> None:
    whole = candles(seed, 300, mutation)
    full, late = (trend(c, 4 * HOUR, RULE) for c in (whole, whole.window(begin)))
    settled = slice(STARTUP - 1, None)
    np.testing.assert_allclose(
        late.volatility[settled], full.volatility[begin:][settled], rtol=0, atol=1e-9
    )
    # Two averages of a market that stands still are equal but for rounding: no cross to speak of.
    same = late.votes[settled] == full.votes[begin:][settled]
    same |= ~np.isfinite(late.votes[settled]) & ~np.isfinite(full.votes[begin:][settled])
    assert same.all() or mutation == "flat"


def test_a_candle_without_a_price_gives_no_target() -> None:
    whole = candles(1, 300, "nan")
    found = trend(whole, 4 * HOUR, RULE)
    target = sized(found.strength, found.volatility, 0.5)
    assert (target[150:160] == 0).all()
    assert np.isfinite(target).all()


@pytest.mark.parametrize(
    ("strength", "volatility", "wanted"),
    [
        (1.0, 1.0, 0.5),
        (-0.5, 1.0, -0.25),
        (1.0, 0.2, 1.0),  # no leverage
        (1.0, 0.0, 0.0),
        (np.nan, 1.0, 0.0),
        (1.0, np.nan, 0.0),
        (3.0, 0.5, 1.0),
    ],
)
def test_a_table_of_sizes(strength: float, volatility: float, wanted: float) -> None:
    assert sized(np.array([strength]), np.array([volatility]), 0.5).tolist() == [wanted]


def test_a_day_is_a_day() -> None:
    assert DAY == 24 * HOUR
