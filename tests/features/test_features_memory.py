"""Averages and breakouts that forget exactly."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from candle_source import candles
from freqpilot.features.bank.memory import last_break, windowed_ema

seeds = st.integers(0, 10_000)


@given(seeds, st.integers(1, 30), st.integers(30, 60))
def test_an_average_is_the_weighted_mean_of_its_window(seed: int, span: int, window: int) -> None:
    close = candles(seed, 150).close
    found = windowed_ema(close, span, window)
    weights = (1 - 2 / (span + 1)) ** np.arange(window)
    assert np.isnan(found[: window - 1]).all()
    for i in (window - 1, 100, 149):
        expected = (close[i - window + 1 : i + 1][::-1] * weights).sum() / weights.sum()
        assert abs(found[i] / expected - 1) < 1e-10


def test_a_long_window_is_pandas_own() -> None:
    close = candles(3, 900).close
    ours = windowed_ema(close, 10, 300)
    theirs = pd.Series(close).ewm(span=10, adjust=False).mean().to_numpy()
    np.testing.assert_allclose(ours[300:], theirs[300:], rtol=1e-9)


def test_a_table_of_breaks() -> None:
    close = np.array([5, 6, 4, 5, 7, 6, 5, 5, 5, 3, 4, 5, 6, 5, 5, 5, 5, 5, 5.0])
    #                          above the three before it: 7; below: 3; above: 5 (4, 3, 5)?
    found = last_break(close, 3, 7)
    assert np.isnan(found[:6]).all()
    # 7 at row 4 breaks up and is remembered for 7 − 3 rows, 3 at row 9 breaks down, 6 at 12 up.
    assert found[6:].tolist() == [1, 1, 0, -1, -1, -1, 1, 1, 1, 1, 0, 0, 0]


@given(seeds, st.integers(2, 20), st.integers(0, 100))
def test_a_break_depends_on_its_window_alone(seed: int, channel: int, begin: int) -> None:
    close, window = candles(seed, 200).close, 60
    full, late = last_break(close, channel, window), last_break(close[begin:], channel, window)
    np.testing.assert_array_equal(full[begin + window :], late[window:])


def test_a_missing_value_starts_anew() -> None:
    close = candles(3, 100).close.copy()
    close[50] = np.nan
    for found in (windowed_ema(close, 5, 20), last_break(close, 5, 20)):
        assert np.isnan(found[50:70]).all()
        assert np.isfinite(found[70:]).all()
    np.testing.assert_array_equal(
        windowed_ema(close, 5, 20)[70:], windowed_ema(close[51:], 5, 20)[19:]
    )
