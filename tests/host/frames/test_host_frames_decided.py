"""Indicators by name in a strategy's frame."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import talib

from candle_source import candles
from freqpilot.errors import Degraded
from freqpilot.features.bank.library import market_features
from freqpilot.host.candles import rows as rows_module
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import features, words
from freqpilot.settings import Settings


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


def test_a_row_is_what_pandas_would_have_given() -> None:
    data = frames.add_decisions(frame(), Settings()).assign(tag="up")
    step = timedelta(hours=1)
    for place in (0, 300, len(data) - 1):
        time = data["date"].iloc[place].to_pydatetime() + step
        row = rows_module.closed_row(data, time + timedelta(minutes=59), step)
        assert row is not None
        assert set(row) == set(data.columns)
        assert len(row) == len(data.columns)
        assert "atr" in row
        assert "nothing" not in row
        for name, figure in row.items():
            expected = data[name].iloc[place]
            assert figure == expected or (np.isnan(figure) and np.isnan(expected)), name
    first = data["date"].iloc[0].to_pydatetime()
    assert rows_module.closed_row(data, first + timedelta(minutes=59), step) is None
    since = rows_module.closed_since(data, first + 2 * step, first + 5 * step, step)
    assert data["date"][since].tolist() == [data["date"].iloc[n] for n in (2, 3, 4)]


def test_candles_alone_cover_enough_to_decide() -> None:
    decided = frames.add_decisions(frame(1_200), Settings(), "BTC/USDT").iloc[frames.STARTUP :]
    assert decided["coverage"].min() == pytest.approx(0.60 / 1.45)
    assert decided["coverage"].min() >= Settings().signals.min_coverage
    assert set(words.contributions(decided)) == {
        "technical_trend",
        "technical_momentum",
        "volume_confirmation",
        "mean_reversion",
        "pattern_recognition",
    }
    np.testing.assert_allclose(
        decided.filter(like="contrib_").sum(axis=1), decided["composite"], atol=1e-12
    )


def test_facts_are_read_where_someone_has_joined_them() -> None:
    plain = frame(1_200)
    after = frames.add_decisions(plain.assign(fact_sentiment=0.9, delta=0.0), Settings(), "X/USDT")
    before = frames.add_decisions(plain, Settings(), "X/USDT")
    gained = (after["coverage"] - before["coverage"]).iloc[-1]
    assert gained == pytest.approx((0.15 + 0.10 + 0.05) / 1.45)
    assert after["contrib_sentiment_score"].iloc[-1] > 0
    silent = frames.add_decisions(plain.assign(fact_sentiment=np.nan), Settings(), "X/USDT")
    np.testing.assert_array_equal(silent["composite"], before["composite"])


def test_the_class_of_the_pair_has_its_weights() -> None:
    section = {"signals": {"class_weights": {"meme": {"technical_trend": 0.0}}}}
    settings = Settings.from_config({"freqpilot": section})
    meme, major = (frames.add_decisions(frame(), settings, p) for p in ("PEPE/USDT", "BTC/USDT"))
    assert "contrib_technical_trend" not in meme
    assert "contrib_technical_trend" in major
