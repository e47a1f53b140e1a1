"""Indicators by name in a strategy's frame."""

import numpy as np
import pandas as pd
import pytest
import talib

from candle_source import candles
from freqpilot.errors import Degraded
from freqpilot.host import frames


def frame(rows: int = 600) -> pd.DataFrame:
    c = candles(7, rows)
    columns = {"open": c.open, "high": c.high, "low": c.low, "close": c.close, "volume": c.volume}
    return pd.DataFrame({"date": pd.to_datetime(c.date, utc=True), **columns})


def test_indicators_by_name_stand_beside_the_candles() -> None:
    before = frame()
    after = frames.add_indicators(before, ["rsi_14", "macd_12_26", "ema_21@volume"])
    assert after.columns.tolist() == [*before.columns, "rsi_14", "macd_12_26", "ema_21@volume"]
    pd.testing.assert_frame_equal(after[before.columns], before)
    theirs = talib.RSI(before["close"].to_numpy(), 14)
    np.testing.assert_allclose(after["rsi_14"].iloc[400:], theirs[400:], rtol=1e-5)
    assert after["rsi_14"].isna().sum() > 100, "not before it has settled"


def test_a_bad_name_or_frame_says_so() -> None:
    with pytest.raises(KeyError, match="no indicator foo_3"):
        frames.add_indicators(frame(), ["foo_3"])
    with pytest.raises(Degraded, match="no column close"):
        frames.add_indicators(frame().drop(columns="close"), ["rsi_14"])
