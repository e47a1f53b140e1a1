"""The protections that look at candles, the models and the whitelist of a run."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import CandleType
from freqtrade.exceptions import ConfigurationError
from freqtrade.persistence import FtNoDBContext, PairLocks
from freqtrade.persistence.models import PairLock
from protection_stage import HOUR, NOON, START, StubFeed, candles, know, manager, trade

from candle_files import write_candles
from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.candles import feeds
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run

LIVE = {"runmode": "live"}
FLAT = [100.0] * 200
SOL = "SOL/USDT"


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    with FtNoDBContext("1h"):
        PairLocks.reset_locks()
        yield begin({}, live=False)
        PairLocks.reset_locks()
    end()


def all_locked(protections: Any, now: datetime = NOON) -> PairLock | None:
    return protections.global_stop(now, "long", START)


def shock(monkeypatch: pytest.MonkeyPatch, run: Any, frame: Any, **options: Any) -> Any:
    run.feed = StubFeed({"BTC/USDT": frame})
    return all_locked(manager(monkeypatch, "MarketShock", **options))


@pytest.mark.parametrize(
    ("change", "hours_ago", "options", "trips"),
    [
        (0.931, 0, {}, False),
        (0.930, 0, {}, True),
        (0.930, 22, {}, True),
        (0.930, 24, {}, False),  # the pause of 24 hours is over
        (0.960, 0, {"fall": 0.04}, True),
        (1.080, 0, {}, False),  # up is no fall, and the range rule is out of reach here
    ],
)
def test_a_fall_of_the_index(
    monkeypatch: pytest.MonkeyPatch,
    run: Any,
    change: float,
    hours_ago: int,
    options: dict[str, Any],
    trips: bool,
) -> None:
    closes = list(FLAT)
    for back in range(1, hours_ago + 2):
        closes[-back] = 100.0 * change
    frame = candles(closes, NOON)
    frame["low"] = frame[["open", "close"]].min(axis=1)
    lock = shock(monkeypatch, run, frame, range_multiple=1e9, **options)
    assert (lock is not None) == trips
    if lock:
        assert lock.lock_end_time == NOON + HOUR * (25 - hours_ago)
        assert "BTC" in lock.reason


@pytest.mark.parametrize(("share", "trips"), [(0.9951, False), (0.994, True)])
def test_a_range_out_of_the_ordinary(
    monkeypatch: pytest.MonkeyPatch, run: Any, share: float, trips: bool
) -> None:
    # Ranges of .1 % of the price; a low of .994 makes one of .65 %.
    lock = shock(monkeypatch, run, candles(FLAT, NOON, {3: share}))
    assert (lock is not None) == trips
    if lock:
        assert lock.lock_end_time == NOON + HOUR * 23
        assert "6 times" in lock.reason


def test_a_candle_that_is_not_closed_is_not_seen(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    closes = [*FLAT, 50.0]
    assert shock(monkeypatch, run, candles(closes, NOON + HOUR)) is None
    assert shock(monkeypatch, run, candles(closes, NOON)) is not None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda frame: frame.iloc[:50],  # too few
        lambda frame: frame[frame["date"] < pd.Timestamp(NOON - 4 * HOUR)],  # old
        lambda frame: frame.assign(low=frame["low"].where(frame.index != 190)),  # a NaN
    ],
)
def test_missing_candles_lock_live_and_stop_a_backtest(
    monkeypatch: pytest.MonkeyPatch, run: Any, spoil: Any
) -> None:
    run.feed = StubFeed({"BTC/USDT": spoil(candles(FLAT, NOON))})
    with pytest.raises(ConfigurationError, match="download-data"):
        all_locked(manager(monkeypatch, "MarketShock"))
    lock = all_locked(manager(monkeypatch, "MarketShock", LIVE))
    assert lock is not None
    assert lock.lock_end_time == NOON + 2 * HOUR


def test_without_the_index_or_a_feed_it_fails_closed(
    monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    run.feed = StubFeed({})
    assert "BTC" in all_locked(manager(monkeypatch, "MarketShock", LIVE)).reason
    with pytest.raises(ConfigurationError, match="no candles of ETH/USDT"):
        all_locked(manager(monkeypatch, "MarketShock", pair="ETH/USDT"))
    run.feed = None
    PairLocks.reset_locks()
    assert all_locked(manager(monkeypatch, "MarketShock", LIVE)) is not None


def test_long_timeframes_look_at_hours(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    asked = []

    class Feed(StubFeed):
        def candles(self, pair: str, timeframe: str, now: datetime) -> Any:
            asked.append(timeframe)
            return super().candles(pair, timeframe, now)

    run.feed = Feed({"BTC/USDT": candles(FLAT, NOON)})
    assert all_locked(manager(monkeypatch, "MarketShock", {"timeframe": "4h"})) is None
    assert asked == ["1h"]


def stale(
    monkeypatch: pytest.MonkeyPatch,
    run: Any,
    minutes: float = 70,
    analysed: float = 70,
    model: float | None = None,
    config: Any = None,
) -> Any:
    feed = StubFeed({})
    feed.late[SOL] = NOON - timedelta(minutes=minutes)
    frame = pd.DataFrame({"date": [pd.Timestamp(NOON - timedelta(minutes=analysed))]})
    feed.analysed_at[SOL] = frame if model is None else frame.assign(do_predict=model)
    run.feed = feed
    protections = manager(monkeypatch, "StaleData", {**LIVE, **(config or {})})
    return protections.stop_per_pair(SOL, NOON, "long", START)


FREQAI = {"freqai": {"enabled": True}}


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"minutes": 122}, None),
        ({"minutes": 122.1}, "closed candle"),
        ({"analysed": 122}, None),
        ({"analysed": 122.1}, "analysed candle"),
        ({"model": 1, "config": FREQAI}, None),
        ({"model": 0, "config": FREQAI}, None),  # an outlier is no age
        ({"model": 2, "config": FREQAI}, "model"),
        ({"model": math.nan, "config": FREQAI}, "model"),
        ({"config": FREQAI}, "model"),
        ({"model": 2}, None),  # FreqAI is off
    ],
)
def test_stale_data(
    monkeypatch: pytest.MonkeyPatch, run: Any, seen: dict[str, Any], words: str | None
) -> None:
    lock = stale(monkeypatch, run, **seen)
    assert (lock is not None) == (words is not None)
    if lock:
        assert words in lock.reason
        assert lock.pair == SOL
        assert lock.lock_end_time == NOON + 2 * HOUR


def test_pairs_that_nobody_has_seen_are_stale(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    run.feed = StubFeed({})
    run.feed.late[SOL] = None
    run.feed.analysed_at[SOL] = pd.DataFrame()
    protections = manager(monkeypatch, "StaleData", LIVE)
    assert "no closed candle" in protections.stop_per_pair(SOL, NOON, "long", START).reason
    assert protections.stop_per_pair("GONE/USDT", NOON, "long", START) is not None  # a fault
    run.feed = None
    PairLocks.reset_locks()
    assert protections.stop_per_pair(SOL, NOON, "long", START) is not None
    assert all_locked(protections) is not None


@pytest.mark.parametrize(("late", "trips"), [(0, False), (1, False), (2, True), (4, True)])
def test_half_of_the_whitelist_locks_all(
    monkeypatch: pytest.MonkeyPatch, run: Any, late: int, trips: bool
) -> None:
    feed = StubFeed({})
    for number in range(4):
        pair = f"P{number}/USDT"
        feed.late[pair] = NOON - HOUR * (5 if number < late else 1)
        feed.analysed_at[pair] = pd.DataFrame({"date": [pd.Timestamp(NOON - HOUR)]})
    run.feed = feed
    assert (all_locked(manager(monkeypatch, "StaleData", LIVE)) is not None) == trips
    PairLocks.reset_locks()
    assert all_locked(manager(monkeypatch, "StaleData")) is None  # in a backtest nothing is late


def wavy(day: float) -> Any:
    """Return candles whose last day moves ``day`` times as much as the six before it."""
    size = np.where(np.arange(200) >= 176, 0.001 * day, 0.001)
    steps = size * np.where(np.arange(200) % 2, 1.0, -1.0)
    return candles(list(100 * np.exp(np.cumsum(steps))), NOON)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(1.0, 4), (1.36, 4), (1.40, 8), (2.75, 8), (2.9, 16)],  # ratios 1, 1.28, 1.31, 1.97, 2.02
)
def test_a_pair_rests_longer_in_a_fast_market(
    monkeypatch: pytest.MonkeyPatch, run: Any, day: float, hours: int
) -> None:
    run.feed = StubFeed({SOL: wavy(day)})
    know(monkeypatch, trade(-1, NOON))
    protections = manager(monkeypatch, "CooldownByRegime")
    lock = protections.stop_per_pair(SOL, NOON, "long", START)
    assert lock.lock_end_time == NOON + HOUR * (hours + 1)
    assert not PairLocks.is_pair_locked("BTC/USDT", NOON)
    assert all_locked(protections) is None


@pytest.mark.parametrize(
    ("trades", "trips"),
    [
        ([(1, NOON, SOL)], False),
        ([(-1, NOON, SOL)], True),
        ([(0.5, NOON, SOL, "trailing_stop_loss")], True),
        ([(0.5, NOON, SOL, "stoploss_on_exchange")], True),
        ([(-1, NOON - HOUR, SOL), (1, NOON, SOL)], False),  # the newest has won
        ([(1, NOON - HOUR, SOL), (-1, NOON, "BTC/USDT")], False),
        ([(-1, NOON - 4 * HOUR, SOL)], False),  # it has rested
        ([], False),
    ],
)
def test_which_trades_let_a_pair_rest(
    monkeypatch: pytest.MonkeyPatch, run: Any, trades: list[Any], trips: bool
) -> None:
    run.feed = StubFeed({SOL: wavy(1.0)})
    know(monkeypatch, *(trade(*each) for each in trades))
    lock = manager(monkeypatch, "CooldownByRegime").stop_per_pair(SOL, NOON, "long", START)
    assert (lock is not None) == trips


@pytest.mark.parametrize("frame", [None, wavy(1.0).iloc[-100:], wavy(1.0).iloc[:-5]])
def test_an_unknown_volatility_rests_longest(
    monkeypatch: pytest.MonkeyPatch, run: Any, frame: Any
) -> None:
    run.feed = None if frame is None else StubFeed({SOL: frame})
    know(monkeypatch, trade(-1, NOON))
    lock = manager(monkeypatch, "CooldownByRegime").stop_per_pair(SOL, NOON, "long", START)
    assert lock.lock_end_time == NOON + HOUR * 17
    assert "not known" in lock.reason


def test_a_day_of_daily_candles_has_no_volatility(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="6h or less"):
        manager(monkeypatch, "CooldownByRegime", {"timeframe": "1d"})


def test_the_backtests_feed_ends_at_the_time_that_is_asked_about(tmp_path: Path) -> None:
    columns = ["date", "open", "high", "low", "close", "volume"]
    write_candles(tmp_path, "BTC/USDT", candles(FLAT, NOON)[columns])
    config = {
        "datadir": tmp_path,
        "dataformat_ohlcv": "feather",
        "candle_type_def": CandleType.SPOT,
    }
    feed = feeds.BacktestFeed({**config, "timerange": "20240306-20240307"})
    assert feed.first(["ETH/USDT", "BTC/USDT"], "1h") == "BTC/USDT"
    assert feed.first(["ETH/USDT"], "1h") is None
    for now, newest in [(NOON, NOON - HOUR), (NOON - HOUR / 2, NOON - 2 * HOUR)]:
        assert feed.candles("BTC/USDT", "1h", now)["date"].iloc[-1] == newest
    assert len(feed.candles("BTC/USDT", "1h", NOON)) == len(FLAT)  # before the backtest as well
    assert feed.candles("BTC/USDT", "1h", NOON - 300 * HOUR).empty


def test_the_live_feed_reads_what_the_bot_has() -> None:
    known = candles(FLAT, NOON + HOUR)  # an exchange may give a candle that is not closed
    exchange = SimpleNamespace(
        _config={"candle_type_def": "spot"},
        markets={"BTC/USDT:USDT": {"active": False}, "BTC/USDT": {}},
        klines=lambda key, copy: known if key[0] == "BTC/USDT" else pd.DataFrame(),
        refresh_latest_ohlcv=lambda keys: None,
    )
    bot = SimpleNamespace(
        exchange=exchange,
        config={"candle_type_def": "spot"},
        strategy=SimpleNamespace(timeframe="1h"),
        dataprovider=SimpleNamespace(
            current_whitelist=lambda: [SOL],
            get_analyzed_dataframe=lambda pair, timeframe: (known, NOON),
        ),
    )
    feed = feeds.LiveFeed(bot)
    assert feed.first(["BTC/USDT:USDT", "BTC/USDT"], "1h") == "BTC/USDT"
    assert feed.first(["XYZ/USDT"], "1h") is None
    assert feed.candles("BTC/USDT", "1h", NOON)["date"].iloc[-1] == NOON - HOUR
    assert feed.newest("BTC/USDT") == NOON
    assert feed.newest(SOL) is None
    assert feed.pairs() == [SOL]
    assert len(feed.analysed(SOL)) == len(known)
    with pytest.raises(NoEntry):
        feed.candles(SOL, "1h", NOON)
