"""Indicators and features by name in a strategy's frame."""

import numpy as np
import pandas as pd
import pytest
import talib

from candle_source import candles
from freqpilot.errors import Degraded
from freqpilot.features.bank.library import market_features
from freqpilot.host.frames import features


def frame(rows: int = 600) -> pd.DataFrame:
    c = candles(7, rows)
    columns = {"open": c.open, "high": c.high, "low": c.low, "close": c.close, "volume": c.volume}
    return pd.DataFrame({"date": pd.to_datetime(c.date, utc=True), **columns})


def test_indicators_by_name_stand_beside_the_candles() -> None:
    before = frame()
    after = features.add_indicators(before, ["rsi_14", "macd_12_26", "ema_21@volume"])
    assert after.columns.tolist() == [*before.columns, "rsi_14", "macd_12_26", "ema_21@volume"]
    pd.testing.assert_frame_equal(after[before.columns], before)
    theirs = talib.RSI(before["close"].to_numpy(), 14)
    np.testing.assert_allclose(after["rsi_14"].iloc[400:], theirs[400:], rtol=1e-5)
    assert after["rsi_14"].isna().sum() > 100, "not before it has settled"


def test_candle_patterns_stand_beside_the_candles() -> None:
    before = frame()
    after = features.add_candle_patterns(before, ["engulfing", "doji"])
    assert list(after.columns[-2:]) == ["cdl_engulfing", "cdl_doji"]
    assert 0 < after["cdl_engulfing"].abs().max() <= 0.5
    assert len(features.add_candle_patterns(before).columns) == len(before.columns) + 61
    with pytest.raises(KeyError, match="no candle pattern comet"):
        features.add_candle_patterns(before, ["comet"])


def test_a_bad_name_or_frame_says_so() -> None:
    with pytest.raises(KeyError, match="no indicator foo_3"):
        features.add_indicators(frame(), ["foo_3"])
    with pytest.raises(Degraded, match="no column close"):
        features.add_indicators(frame().drop(columns="close"), ["rsi_14"])


def test_features_against_a_pair_with_holes_and_another_start() -> None:
    whole, other = frame(1_200), frame(1_300)
    other["date"] -= pd.Timedelta(hours=50)  # starts earlier and ends 50 candles later
    other["close"] *= np.linspace(1, 2, 1_300) ** np.sin(np.arange(1_300))
    pair = whole.drop(index=range(300, 340)).drop(index=[700]).reset_index(drop=True)
    reference = other.drop(index=[850, 851])
    after = features.add_market_features(pair, reference)
    added = list(after.columns.difference(pair.columns))
    assert sorted(added) == sorted(f"%-{name}" for name in market_features())
    pd.testing.assert_frame_equal(after[pair.columns], pair)
    beta = after.set_index("date")["%-beta_60"]
    assert beta.isna().sum() == 60 + 2 + 60, (
        "before it settles, and while the hole is in the window"
    )
    joined = pair.merge(other[["date", "close"]], on="date", suffixes=("", "_market"))
    end = 1_000
    r, s = (
        np.diff(np.log(joined[c].to_numpy()))[end - 60 : end] for c in ("close", "close_market")
    )
    assert after["%-beta_60"].iloc[end] == pytest.approx(np.polyfit(s, r, 1)[0], rel=1e-4)
    late = features.add_market_features(pair.iloc[400:], reference.iloc[200:])
    np.testing.assert_array_equal(late[added].iloc[300:], after[added].iloc[700:])
    own = features.add_market_features(whole, whole)
    assert (own["%-beta_240"].iloc[241:] == 1).all()


def test_a_reference_that_ends_early_or_is_longer() -> None:
    pair = frame()
    after = features.add_market_features(pair, pair.iloc[:500])
    assert after["%-beta_60"].iloc[500:].isna().all()
    daily = pair.iloc[::24]
    with pytest.raises(ValueError, match="are 60 minutes long, those of the reference pair 1440"):
        features.add_market_features(pair, daily)
