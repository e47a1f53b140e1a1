"""Indicators by name in a strategy's frame."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from candle_source import candles
from freqpilot.host.candles import rows as rows_module
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import words
from freqpilot.settings import Settings


def frame(rows: int = 600) -> pd.DataFrame:
    c = candles(7, rows)
    columns = {"open": c.open, "high": c.high, "low": c.low, "close": c.close, "volume": c.volume}
    return pd.DataFrame({"date": pd.to_datetime(c.date, utc=True), **columns})


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
