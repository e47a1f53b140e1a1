"""A backtest's candles by place give what Freqtrade's cut-out frame gives, and no candle more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.host.account.begin import begin
from freqpilot.host.candles import rows
from freqpilot.host.candles.rows import closed_row
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run

STEP = timedelta(hours=1)
START = datetime(2024, 3, 6, tzinfo=UTC)
CONFIG = {"freqpilot": {}, "dry_run": True}


def frame(count: int, unit: str = "ns") -> pd.DataFrame:
    dates = pd.date_range(START, periods=count, freq="1h").as_unit(unit)
    words = pd.Series([f"regime {n}" for n in range(count)], dtype="object")
    return pd.DataFrame({"date": dates, "atr": np.arange(count) + 0.5, "regime": words})


class Provider:
    """Freqtrade's, as it is in a backtest: candles until the one that is being traded."""

    def __init__(self, whole: pd.DataFrame) -> None:
        self.whole, self.upto, self.asked = whole, len(whole), 0

    def get_analyzed_dataframe(self, pair: str, timeframe: str) -> tuple[pd.DataFrame, datetime]:
        self.asked += 1
        return self.whole.iloc[max(0, self.upto - 1000) : self.upto], START


@pytest.fixture
def backtest() -> Iterator[Run]:
    yield begin(CONFIG, live=False)
    end()


@given(
    st.integers(1, 60),
    st.timedeltas(timedelta(hours=-3), timedelta(hours=64)),
    st.sampled_from(["ns", "us", "ms", "s"]),
)
def test_the_last_closed_candle_is_the_same(count: int, later: timedelta, unit: str) -> None:
    data, time = frame(count, unit), START + later
    closed = [date for date in data["date"] if date + STEP <= time]
    row = closed_row(data, time, STEP)
    if not closed:
        assert row is None
        return
    assert row is not None
    assert row["date"] == closed[-1]
    assert dict(row) == data.iloc[len(closed) - 1].to_dict()
    assert [type(row[name]) for name in row] == [type(data[name].iloc[0]) for name in data]


def test_a_backtest_looks_its_candles_up(backtest: Run) -> None:
    data = frame(1500)
    provider = Provider(data)
    rows.keep("BTC/USDT", "1h", data)
    for upto in (1, 700, 1500):
        provider.upto = upto
        time = START + upto * STEP
        row = rows.latest(provider, "BTC/USDT", "1h", time, STEP)
        assert provider.asked == 0
        plain = closed_row(provider.get_analyzed_dataframe("", "")[0], time, STEP)
        assert row is not None
        assert plain is not None
        assert dict(row) == dict(plain)
        assert row["date"] + STEP == time, "nothing of the candle that is being traded"
        provider.asked = 0
    assert rows.latest(provider, "BTC/USDT", "1h", START, STEP) is None


def test_another_pair_or_timeframe_is_asked_for(backtest: Run) -> None:
    rows.keep("BTC/USDT", "1h", frame(5))
    provider = Provider(frame(3))
    for pair, timeframe in (("ETH/USDT", "1h"), ("BTC/USDT", "4h")):
        row = rows.latest(provider, pair, timeframe, START + 9 * STEP, STEP)
        assert row is not None
        assert row["atr"] == 2.5
    assert provider.asked == 2


def test_the_next_run_begins_without_them(backtest: Run) -> None:
    rows.keep("BTC/USDT", "1h", frame(5))
    begin(CONFIG, live=False)
    provider = Provider(frame(3))
    assert rows.latest(provider, "BTC/USDT", "1h", START + 9 * STEP, STEP) is not None
    assert provider.asked == 1


def test_a_live_bot_and_no_run_keep_none(tmp_path: Any) -> None:
    end()
    rows.keep("BTC/USDT", "1h", frame(5))
    live = begin(CONFIG | {"user_data_dir": tmp_path}, live=True)
    rows.keep("BTC/USDT", "1h", frame(5))
    assert live.tables == {}
    live.store.close()
    end()
