"""TA-Lib's candle patterns as features."""

import numpy as np
import pytest
import talib
from talib import abstract
from tests.candle_source import candles as random_candles

from freqpilot.features.candles.candlesticks import PATTERNS, STARTUP, candle_patterns
from freqpilot.shapes import Candles


def on_ticks(seed: int, length: int) -> Candles:
    """Return candles on a grid of prices, where equal bodies and wicks are common."""
    candles = random_candles(seed, length)
    columns = [np.round(column, 1) for column in candles[1:5]]
    return Candles(candles.date, *columns, candles.volume)


def test_all_of_talibs_patterns_are_there() -> None:
    names = talib.get_function_groups()["Pattern Recognition"]
    assert len(PATTERNS) == len(names) == 61
    assert max(abstract.Function(name).lookback for name in names) + 1 == STARTUP


def test_they_are_talibs() -> None:
    candles = on_ticks(1, 2_000)
    frame = candle_patterns(candles)
    assert frame.names == tuple(PATTERNS)
    for place, name in enumerate(frame.names):
        theirs = (PATTERNS[name](*candles[1:5]) / 200).astype(np.float32)
        np.testing.assert_array_equal(frame.values[STARTUP - 1 :, place], theirs[STARTUP - 1 :])
    assert np.abs(frame.values[STARTUP:]).sum() > 100
    assert np.nanmax(np.abs(frame.values)) <= 1


def test_no_candle_sees_the_next_ones() -> None:
    candles = on_ticks(2, 600)
    whole = candle_patterns(candles).values
    for end in (1, STARTUP, 100, 333, 599):
        part = candle_patterns(candles.window(0, end)).values
        np.testing.assert_array_equal(part, whole[:end])


def test_past_the_startup_the_origin_is_forgotten() -> None:
    candles = on_ticks(3, 3_000)
    whole = candle_patterns(candles).values
    for begin in (1, 7, 1_000, 2_500):
        part = candle_patterns(candles.window(begin, 3_000)).values
        np.testing.assert_array_equal(part[STARTUP - 1 :], whole[begin + STARTUP - 1 :])


def test_a_missing_figure_begins_anew() -> None:
    candles = on_ticks(4, 300)
    candles.high[150] = np.nan
    frame = candle_patterns(candles, ["engulfing", "doji"]).values
    assert np.isnan(frame[150 : 150 + STARTUP]).all()
    behind = candle_patterns(candles.window(151, 300), ["engulfing", "doji"]).values
    np.testing.assert_array_equal(frame[151:], behind)


@pytest.mark.parametrize("length", [0, 1, STARTUP - 1])
def test_too_few_candles_give_nothing(length: int) -> None:
    frame = candle_patterns(on_ticks(5, 300).window(0, length))
    assert frame.values.shape == (length, 61)
    assert np.isnan(frame.values).all()


def test_an_unknown_pattern_is_named() -> None:
    with pytest.raises(KeyError, match="no candle pattern hammerhead; there are 2crows"):
        candle_patterns(on_ticks(6, 50), ["hammerhead"])
