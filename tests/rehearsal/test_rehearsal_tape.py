"""The tape: candles played back, and never a look at the future."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from budgets import examples
from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.intervals import INTERVAL_MINUTES, MINUTE_MS
from freqpilot.rehearsal.market import quotes
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Klines, NotListed, PairTape, Tape

HOUR = 60 * MINUTE_MS
MARKET = SyntheticMarket(pairs=["BTC/USDT", "XRP/USDT"], candles=400, seed=3)
TAPE = Tape.from_market(MARKET)
BTC = TAPE.symbol("BTCUSDT")
START = int(BTC.base.date[0])
moments = st.integers(START + 1, START + 399 * HOUR)
intervals = st.sampled_from(["1m", "5m", "15m", "30m", "1h", "2h", "4h", "1d", "1w"])


def other_future(now: int) -> PairTape:
    """The same tape up to the candle that runs at ``now``, another market after it."""
    frame = MARKET.frames["BTC/USDT"].copy()
    later = frame["date"].astype("int64") >= now
    frame.loc[later, ["open", "high", "low", "close"]] *= 3
    frame.loc[later, "volume"] *= 7
    return PairTape("BTC/USDT", frame, HOUR)


def as_lists(found: Klines) -> list[list[float]]:
    return [column.tolist() for column in found]


@settings(max_examples=examples(40), deadline=None)
@given(now=moments, interval=intervals, limit=st.integers(1, 1_000))
@example(now=START + 100 * HOUR, interval="15m", limit=10)
def test_nothing_served_depends_on_the_future(now: int, interval: str, limit: int) -> None:
    changed = other_future(now)
    query = {"limit": limit}
    assert as_lists(BTC.klines(interval, now, limit=limit)) == as_lists(
        changed.klines(interval, now, limit=limit)
    )
    assert quotes.ticker(BTC, now) == quotes.ticker(changed, now)
    assert quotes.depth(BTC, now, 20) == quotes.depth(changed, now, 20)
    assert quotes.trades(BTC, now, query) == quotes.trades(changed, now, query)


@settings(max_examples=examples(40), deadline=None)
@given(now=moments, interval=intervals, start=st.integers(START - HOUR, START + 500 * HOUR))
def test_no_answer_carries_a_later_time(now: int, interval: str, start: int) -> None:
    for found in (BTC.klines(interval, now), BTC.klines(interval, now, start=start)):
        assert (found.date < now).all()
    trades = quotes.trades(BTC, now, {"startTime": start, "limit": 50})
    assert all(start <= trade["time"] <= now for trade in trades)


@settings(max_examples=examples(40), deadline=None)
@given(now=moments, interval=intervals)
def test_klines_are_whole_candles_of_the_tape(now: int, interval: str) -> None:
    found = BTC.klines(interval, now, limit=1_000)
    length = INTERVAL_MINUTES[interval] * MINUTE_MS
    assert (np.diff(found.date) == length).all()
    assert (found.high >= np.maximum(found.open, found.close)).all()
    assert (found.low <= np.minimum(found.open, found.close)).all()
    assert found.close[-1] == pytest.approx(BTC.price(now))
    assert found.date[-1] + length >= now


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "30m"])
def test_cut_candles_join_to_the_base(interval: str) -> None:
    now = START + 10 * HOUR
    parts = BTC.klines(interval, now, limit=1_000)
    whole = BTC.klines("1h", now, limit=10)
    hour = parts.date // HOUR
    for row, date in enumerate(whole.date):
        inside = hour == date // HOUR
        assert parts.open[inside][0] == whole.open[row]
        assert parts.close[inside][-1] == whole.close[row]
        assert parts.high[inside].max() == whole.high[row]
        assert parts.low[inside].min() == whole.low[row]
        assert parts.volume[inside].sum() == pytest.approx(whole.volume[row])


@pytest.mark.parametrize(("interval", "rule"), [("4h", "4h"), ("1d", "1D"), ("1w", "W-MON")])
def test_joined_candles_are_those_of_pandas(interval: str, rule: str) -> None:
    frame = MARKET.frames["BTC/USDT"].set_index("date")
    expected = frame.resample(rule, label="left", closed="left").agg(
        {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    )
    found = BTC.klines(interval, TAPE.end, limit=1_000)
    assert found.date.tolist() == expected.index.as_unit("ms").asi8.tolist()
    for name in ("open", "high", "low", "close"):
        assert getattr(found, name).tolist() == expected[name].tolist()
    np.testing.assert_allclose(found.volume, expected["volume"])


def test_start_end_and_limit_follow_binance() -> None:
    now = START + 100 * HOUR
    dates = [START + hour * HOUR for hour in range(100)]
    assert BTC.klines("1h", now, limit=3).date.tolist() == dates[-3:]
    assert BTC.klines("1h", now, start=dates[5], limit=3).date.tolist() == dates[5:8]
    assert BTC.klines("1h", now, start=dates[5] + 1, limit=1).date.tolist() == [dates[6]]
    assert BTC.klines("1h", now, end=dates[5], limit=3).date.tolist() == dates[3:6]
    assert BTC.klines("1h", now, start=dates[5], end=dates[7]).date.tolist() == dates[5:8]
    assert BTC.klines("1h", now, start=now).date.tolist() == []
    cut = BTC.klines("15m", now, end=dates[5] + 14 * MINUTE_MS, limit=2)
    assert cut.date.tolist() == [dates[5] - 15 * MINUTE_MS, dates[5]]


def test_running_candle_is_its_path_so_far() -> None:
    opened = START + 50 * HOUR
    highest, lowest = -np.inf, np.inf
    for minute in range(1, 61):
        now = opened + minute * MINUTE_MS
        running = BTC.klines("1h", now, limit=1)
        price = BTC.price(now)
        highest, lowest = max(highest, price), min(lowest, price)
        assert running.date[0] == opened
        assert running.close[0] == price
        assert running.high[0] >= highest
        assert running.low[0] <= lowest
    assert running.high[0] == BTC.base.high[50]
    assert running.low[0] == BTC.base.low[50]
    assert running.volume[0] == BTC.base.volume[50]


def test_the_first_extreme_does_not_tell_the_close() -> None:
    from freqpilot.rehearsal.market.path import low_first

    low = low_first(BTC.base.date)
    rises = BTC.base.close > BTC.base.open
    assert 0.35 < low.mean() < 0.65
    assert abs(rises[low].mean() - rises[~low].mean()) < 0.2


@settings(max_examples=30, deadline=None)
@given(now=moments)
def test_book_is_ordered_and_on_the_tick(now: int) -> None:
    for tape in TAPE.pairs.values():
        book = quotes.depth(tape, now, 20)
        bids = [float(level[0]) for level in book["bids"]]
        asks = [float(level[0]) for level in book["asks"]]
        assert bids == sorted(set(bids), reverse=True)
        assert asks == sorted(set(asks))
        assert bids[0] < tape.price(now) < asks[0]
        assert asks[0] / bids[0] < 1.001
        for price in (*bids, *asks):
            assert round(price, tape.decimals) == price


def test_a_gap_stays_a_gap() -> None:
    frame = MARKET.frames["BTC/USDT"].drop(index=range(10, 14))
    tape = PairTape("BTC/USDT", frame, HOUR)
    inside = START + 12 * HOUR
    assert tape.price(inside) == frame["close"].loc[9]
    assert START + 10 * HOUR not in tape.klines("1h", START + 20 * HOUR).date
    assert len(tape.klines("15m", inside, start=START + 10 * HOUR).date) == 0


def test_nothing_before_the_first_candle() -> None:
    with pytest.raises(NotListed):
        BTC.price(START)
    with pytest.raises(NotListed):
        BTC.klines("1h", START)


def test_folder_of_candles(tmp_path: Path) -> None:
    MARKET.write_candles(tmp_path)
    tape = Tape.from_folder(tmp_path, "1h")
    assert set(tape.pairs) == {"BTC/USDT", "XRP/USDT"}
    assert tape.synthetic
    assert as_lists(tape.symbol("BTCUSDT").klines("1h", TAPE.end)) == as_lists(
        BTC.klines("1h", TAPE.end)
    )
    with pytest.raises(RefuseToStart, match=r"DOGE/USDT.*download-data"):
        Tape.from_folder(tmp_path, "1h", ["DOGE/USDT"])
    with pytest.raises(RefuseToStart, match="timeframe"):
        Tape.from_folder(tmp_path, "61m")
    (tmp_path / "BTC_USDT-1h.feather").write_bytes(b"no feather")
    with pytest.raises(RefuseToStart, match="no readable feather"):
        Tape.from_folder(tmp_path, "1h", ["BTC/USDT"])


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (3, "high", 1.0, "high or low"),
        (3, "close", np.nan, "missing"),
        (3, "volume", -1.0, "volume"),
        (3, "date", pd.Timestamp("2026-01-01", tz="UTC"), "doubled"),
    ],
)
def test_broken_candles_are_named(row: int, column: str, value: object, message: str) -> None:
    frame = MARKET.frames["BTC/USDT"].copy()
    frame.loc[row, column] = value
    with pytest.raises(RefuseToStart, match=message):
        PairTape("BTC/USDT", frame, HOUR)
