"""RegimeFilter, NewListing and SectorCap, on candles of a stand-in for the exchange."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine
from freqtrade.exchange import date_minus_candles
from pairlist_stage import StubExchange, kept, manager

from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.settings import Settings
from freqpilot.signals.hmm import detect, startup
from freqpilot.signals.regimes import NAMES

NOW = datetime(2024, 3, 6, 12, 30, tzinfo=UTC)
LAST = NOW.replace(minute=0)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
MEMES, LAYERS = ["DOGE", "SHIB", "PEPE", "WIF"], ["SOL", "ADA", "AVAX", "ETH"]
COINS = ["BTC", *MEMES, *LAYERS, "XRP", "XLM", "LTC", "BCH", "XYZ"]


def frame(steps: Any, step: timedelta = HOUR, end: datetime = LAST) -> Any:
    """Return candles that moved by these log returns, the newest of which closed at ``end``."""
    close = 100 * np.exp(np.cumsum(steps))
    dates = [end - step * (len(close) - n) for n in range(len(close))]
    opened = np.concatenate([[100.0], close[:-1]])
    return pd.DataFrame(
        {
            "date": pd.DatetimeIndex(dates),
            "open": opened,
            "high": np.maximum(opened, close) * 1.001,
            "low": np.minimum(opened, close) * 0.999,
            "close": close,
            "volume": 1.0,
        }
    )


def noise(seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 0.005, 600)


def market() -> dict[str, Any]:
    """Return candles of each regime, by its name."""
    drift = np.full(600, 0.0)
    drift[-150:] = 0.002
    quiet, loud = np.ones(600), np.ones(600)
    quiet[-60:], loud[-20:] = 0.1, 4.0
    fall = np.zeros(600)
    fall[-30:] = np.tile([-0.06, 0.01], 15)
    wild = noise() * loud
    wild[-20:] -= wild[-20:].mean()
    busy = np.ones(600)
    busy[-24:] = 4.0
    return {
        "trending_bullish": frame(noise() * 0.5 + drift),
        "trending_bearish": frame(noise() * 0.5 - drift),
        "range_bound": frame(noise(3) - noise(3).mean()),
        "low_volatility_compression": frame(noise() * quiet),
        "high_volatility_breakout": frame(wild).assign(volume=busy),
        "capitulation": frame(noise() * 0.3 + fall),
    }


def pair_of(regime: str) -> str:
    """Return a pair named after a regime; Freqtrade takes no underscore in a name."""
    return f"{regime.replace('_', '').upper()}/USDT"


@pytest.fixture
def exchange() -> StubExchange:
    frames = market()
    found = StubExchange([pair_of(name) for name in frames])
    found.frames = dict(zip(found.markets, frames.values(), strict=True))
    return found


def ask(monkeypatch: pytest.MonkeyPatch, stub: StubExchange, method: str, **options: Any) -> Any:
    with time_machine.travel(NOW, tick=False):
        return kept(manager(monkeypatch, stub, [{"method": method, **options}]))


def test_each_regime_is_told(monkeypatch: pytest.MonkeyPatch, exchange: StubExchange) -> None:
    for name in market():
        assert ask(monkeypatch, exchange, "RegimeFilter", regimes=[name]) == [pair_of(name)]
    left = ask(monkeypatch, exchange, "RegimeFilter")
    assert left == [p for p in exchange.markets if "BEAR" not in p and "CAPIT" not in p]


def test_a_regime_that_is_not_sure_enough_removes_nothing(
    monkeypatch: pytest.MonkeyPatch, exchange: StubExchange
) -> None:
    left = ask(monkeypatch, exchange, "RegimeFilter", min_probability=1, regimes=["range_bound"])
    assert left == [*exchange.markets]


def test_a_regime_that_cannot_be_told_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = market()["range_bound"]
    stub = StubExchange(["OLD/USDT", "FEW/USDT", "GAP/USDT", "BACK/USDT", "NONE/USDT", "OK/USDT"])
    stub.frames = {
        "OLD/USDT": whole.iloc[:-3],
        "FEW/USDT": whole.iloc[-100:],
        "GAP/USDT": whole.assign(close=whole["close"].where(whole.index != 595)),
        "BACK/USDT": pd.concat([whole, whole.tail(1)]),
        "OK/USDT": whole,
    }
    with caplog.at_level(logging.INFO):
        assert ask(monkeypatch, stub, "RegimeFilter") == ["OK/USDT"]
    for words in ("its candles are old", "too few", "is not later", "there are no candles"):
        assert words in caplog.text


def regime_of(whole: Any) -> tuple[str, float]:
    """Return the regime of a pair's newest candle and its probability."""
    settings = Settings().signals.regimes
    since = date_minus_candles("1h", startup(settings) + 24)
    given = whole[whole["date"] >= since].reset_index(drop=True)
    found, _ = detect(Workspace(candles_from_frame(given)), settings, ())
    return NAMES[found.place[-1]], float(found.probability[-1])


@pytest.mark.parametrize(("beyond", "removed"), [(-1e-9, True), (0.0, True), (1e-9, False)])
def test_a_regime_counts_from_the_least_probability_on(
    monkeypatch: pytest.MonkeyPatch, beyond: float, removed: bool
) -> None:
    stub = StubExchange(["OK/USDT"])
    whole = stub.frames["OK/USDT"] = market()["trending_bullish"]
    with time_machine.travel(NOW, tick=False):
        name, sure = regime_of(whole)
    assert (name, 0.5 < sure < 1 - 1e-6) == ("trending_bullish", True)
    options = {"regimes": ["range_bound"], "min_probability": sure + beyond}
    assert (ask(monkeypatch, stub, "RegimeFilter", **options) == []) == removed


def test_the_regime_is_that_of_the_newest_candle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The candle in which a regime began, and the one before it, each as the newest."""
    whole = market()["trending_bullish"]
    found, _ = detect(Workspace(candles_from_frame(whole)), Settings().signals.regimes, ())
    wanted = NAMES.index("trending_bullish")
    begin = int(np.flatnonzero(found.place != wanted)[-1]) + 1
    stub = StubExchange(["BEFORE/USDT", "AFTER/USDT"])
    for pair, stop in (("BEFORE/USDT", begin), ("AFTER/USDT", begin + 1)):
        part = whole.iloc[:stop]
        stub.frames[pair] = part.assign(date=part["date"] + (LAST - HOUR - part["date"].iloc[-1]))
    options = {"regimes": ["trending_bullish"], "min_probability": 0}
    left = ask(monkeypatch, stub, "RegimeFilter", **options)
    assert left == ["AFTER/USDT"]


@pytest.mark.parametrize(
    ("age", "passing"), [(3 * HOUR - SECOND, True), (3 * HOUR, True), (3 * HOUR + SECOND, False)]
)
def test_candles_are_old_once_three_of_them_are_missing(
    monkeypatch: pytest.MonkeyPatch, age: timedelta, passing: bool
) -> None:
    """The newest candle's open is three steps ago at most: two may be missing besides it."""
    whole = market()["range_bound"]
    stub = StubExchange(["OK/USDT"])
    shifted = whole["date"] + (NOW - age - whole["date"].iloc[-1])
    stub.frames["OK/USDT"] = whole.assign(date=shifted)
    assert (ask(monkeypatch, stub, "RegimeFilter") == ["OK/USDT"]) == passing


def listed(days: float) -> Any:
    """Return daily candles of a pair whose first day was so many days ago."""
    end = NOW.replace(hour=0, minute=0)
    return frame(np.zeros(int(days)), DAY, end)


@pytest.mark.parametrize(
    ("days", "options", "passing"),
    [
        (1, {}, True),
        (29, {}, True),
        (30, {}, False),  # 30 days and the half of today
        (900, {}, False),
        (6, {"min_days": 7}, False),
        (7, {"min_days": 7}, True),
        (900, {"min_days": 7, "max_days": None}, True),
        (3, {"min_days": 7, "max_days": None}, False),
    ],
)
def test_new_listing_by_candles(
    monkeypatch: pytest.MonkeyPatch, days: int, options: Any, passing: bool
) -> None:
    stub = StubExchange(["NEW/USDT"])
    stub.frames["NEW/USDT"] = listed(days)
    assert (ask(monkeypatch, stub, "NewListing", **options) == ["NEW/USDT"]) == passing


@pytest.mark.parametrize(("days", "passing"), [(29, True), (30, True), (31, False), (900, False)])
def test_at_midnight_an_older_pair_is_told_from_one_of_the_most_days(
    monkeypatch: pytest.MonkeyPatch, days: int, passing: bool
) -> None:
    """There is no half of today by which it would be older."""
    midnight = NOW.replace(hour=0, minute=0)
    stub = StubExchange(["NEW/USDT"])
    stub.frames["NEW/USDT"] = listed(days)
    with time_machine.travel(midnight, tick=False):
        left = kept(manager(monkeypatch, stub, [{"method": "NewListing"}]))
    assert (left == ["NEW/USDT"]) == passing


@pytest.mark.parametrize(("days", "passing"), [(0.9, False), (1.1, True), (29, True), (31, False)])
def test_new_listing_by_the_market(
    monkeypatch: pytest.MonkeyPatch, days: float, passing: bool
) -> None:
    stub = StubExchange(["NEW/USDT"])
    stub.markets["NEW/USDT"]["created"] = int((NOW - DAY * days).timestamp() * 1000)
    assert (ask(monkeypatch, stub, "NewListing") == ["NEW/USDT"]) == passing
    assert stub.asked == {}


def test_a_listing_that_nobody_knows_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = StubExchange(["NONE/USDT", "EMPTY/USDT", "NEW/USDT"])
    stub.frames = {"EMPTY/USDT": listed(5).iloc[:0], "NEW/USDT": listed(5)}
    with time_machine.travel(NOW, tick=False) as clock:
        pairlists = manager(monkeypatch, stub, [{"method": "NewListing"}])
        assert kept(pairlists) == ["NEW/USDT"]
        clock.shift(31 * 60)
        assert kept(pairlists) == ["NEW/USDT"]
    assert stub.asked["NEW/USDT"] == 1  # a listing does not change


def test_sector_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = StubExchange([f"{coin}/USDT" for coin in COINS])

    def left(**options: Any) -> str:
        found = ask(monkeypatch, stub, "SectorCap", **options)
        return " ".join(pair.partition("/")[0] for pair in found)

    assert left() == "BTC DOGE SHIB PEPE SOL ADA AVAX XRP XLM LTC BCH XYZ"
    assert left(max_per_sector=1) == "BTC DOGE SOL XRP XLM LTC BCH XYZ"
    assert left(max_per_sector=None) == " ".join(COINS)
    assert left(max_per_sector=None, max_per_class=2) == "BTC DOGE SHIB SOL ADA ETH XYZ"
    # A pair that goes for its class takes no place of its sector.
    assert left(max_per_sector=2, max_per_class=1) == "BTC DOGE SOL ETH XYZ"


def test_sector_cap_knows_the_settings_coins(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = StubExchange(["DOGE/USDT", "XYZ/USDT"])
    settings = {"risk": {"taxonomy": {"XYZ": {"class": "meme", "sector": "meme"}}}}
    chain = [{"method": "SectorCap", "max_per_sector": 1}]
    assert kept(manager(monkeypatch, stub, chain)) == ["DOGE/USDT", "XYZ/USDT"]
    assert kept(manager(monkeypatch, stub, chain, {"freqpilot": settings})) == ["DOGE/USDT"]
