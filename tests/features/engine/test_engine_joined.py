"""Steps that join several: the plain formula over each window, from any origin the same bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import candles
from freqpilot.features.bank import formulas as f
from freqpilot.features.bank import rolling
from freqpilot.features.bank.indicators import indicator
from freqpilot.features.bank.registry import evaluate
from freqpilot.features.engine.graph import CLOSE, HIGH, LOW, OPEN, VOLUME
from freqpilot.shapes import Candles, Floats

NAMES = (
    "stochastic_d_14_3_3",
    "mfi_14",
    "correlation_20",
    "correlation_30",
    "correlation_31",
    "total_30@volume",
    "ultimate_7_14_28",
    "highest_30",
    "lowest_30",
    "williams_14",
    "deviation_20",
)
"""Indicators that depend on a window alone."""
windows = st.integers(1, 130)
seeds = st.integers(0, 10_000)


def over_windows(x: Floats, window: int) -> Floats:
    """Return each whole window of ``x``, a row each."""
    return np.lib.stride_tricks.sliding_window_view(x, window)


@given(seeds, windows)
def test_extremes_and_sums_are_those_of_the_window(seed: int, window: int) -> None:
    c = candles(seed, 300, "nan")
    nodes = [
        rolling.highest(HIGH, window),
        rolling.lowest(LOW, window),
        rolling.total(VOLUME, window),
    ]
    top, bottom, total = evaluate(nodes, c)
    known = slice(window - 1, None)
    np.testing.assert_array_equal(top[known], over_windows(c.high, window).max(axis=1))
    np.testing.assert_array_equal(bottom[known], over_windows(c.low, window).min(axis=1))
    np.testing.assert_allclose(total[known], over_windows(c.volume, window).sum(axis=1), rtol=1e-13)
    assert np.isnan([top[: window - 1], bottom[: window - 1], total[: window - 1]]).all()
    assert [each.startup for each in nodes] == [window] * 3


@given(
    seeds, st.integers(4, 64), st.sampled_from([1.0, 1e-9, 1e9]), st.sampled_from([0.0, 1e4, 1e6])
)
def test_a_correlation_loses_no_more_to_the_level_than_the_price_has_digits(
    seed: int, window: int, unit: float, level: float
) -> None:
    c = candles(seed, 200)
    scaled = Candles(c.date, c.open, c.high * unit, level + c.low, c.close, c.volume)
    node = rolling.correlation(HIGH, LOW, window)
    assert node.startup == window
    ours = evaluate([node], scaled)[0]
    assert np.isnan(ours[: window - 1]).all()
    for i in range(window - 1, 200, 13):
        part = slice(i - window + 1, i + 1)
        x, y = (column[part].astype(np.longdouble) for column in (scaled.high, scaled.low))
        x, y = x - x.mean(), y - y.mean()
        expected = float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))
        assert ours[i] == pytest.approx(expected, abs=1e-12 + 1e-14 * level)
        assert abs(ours[i]) <= 1.0


@pytest.mark.parametrize("window", range(4, 40))
def test_what_rests_correlates_with_nothing_and_itself_wholly(window: int) -> None:
    c = candles(1, 120)
    # 0.1 has no last binary digit: what is lost in a sum of it would show.
    still = Candles(c.date, c.open, c.high, np.full(120, 0.1), c.close, c.volume)
    nodes = [
        rolling.correlation(HIGH, LOW, window),
        rolling.correlation(LOW, HIGH, window),
        rolling.correlation(LOW, LOW, window),
        rolling.correlation(HIGH, HIGH, window),
        rolling.correlation(HIGH, -HIGH, window),
    ]
    rows = evaluate(nodes, still)[:, window - 1 :]
    np.testing.assert_array_equal(rows[:3], 0.0)
    np.testing.assert_allclose(rows[3:], np.array([[1.0], [-1.0]]) + rows[:2], rtol=1e-13)


@given(seeds, st.integers(1, 90), st.sampled_from(["random", "nan", "no volume"]))
def test_any_origin_gives_the_same_bits(seed: int, begin: int, mutation: str) -> None:
    c = candles(seed, 400, mutation)
    for name in NAMES:
        node = indicator(name)
        whole, late = evaluate([node], c)[0], evaluate([node], c.window(begin))[0]
        np.testing.assert_array_equal(
            late[node.startup - 1 :], whole[begin + node.startup - 1 :], err_msg=name
        )


def test_a_missing_candle_is_missing_for_its_window_alone() -> None:
    c = candles(2, 300)
    for column in (c.open, c.high, c.low, c.close, c.volume):
        column[100] = np.nan
    for name in NAMES:
        node = indicator(name)
        row = evaluate([node], c)[0]
        assert np.isfinite(row[node.startup : 100]).all(), name
        assert np.isnan(row[100]), name
        assert np.isfinite(row[100 + node.startup :]).all(), name


def test_the_typical_price_and_the_place_in_the_channel() -> None:
    c = candles(4, 100)
    price, place = evaluate([f.typical(), f.channel_place(20)], c)
    np.testing.assert_array_equal(price, 1.0 / 3.0 * (c.high + c.low + c.close))
    top, bottom = (
        over_windows(c.high, 20).max(axis=1),
        over_windows(c.low, 20).min(axis=1),
    )
    expected = (2 * c.close[19:] - top - bottom) / (top - bottom)
    np.testing.assert_array_equal(place[19:], expected)
    three = evaluate([rolling.mean(CLOSE, 3), rolling.mean(OPEN * 0.0 + 0.1, 3)], c)
    np.testing.assert_allclose(three[0, 2:], over_windows(c.close, 3).mean(axis=1), rtol=1e-15)
    np.testing.assert_array_equal(three[1, 2:], 0.1)
