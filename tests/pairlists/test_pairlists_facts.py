"""The pairlists that read facts, through Freqtrade's own PairListManager."""

import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine
from freqtrade.enums import CandleType, RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.plugins.pairlist.IPairList import SupportsBacktesting
from freqtrade.plugins.pairlistmanager import PairListManager
from freqtrade.resolvers import PairListResolver

import fact_readers
from freqpilot.facts.store import FactStore
from freqpilot.host.boot.doors import door_dir
from freqpilot.settings import Settings
from freqpilot.shapes import Fact
from freqpilot.store.urls import facts_url

NOW = datetime(2024, 6, 1, 12, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
SAFE = {
    "contract_verified": 1.0,
    "liquidity_locked": 1.0,
    "top10_share": 0.3,
    "developer_moves": 0.0,
    "honeypot": 0.0,
}
NAMES = ("SocialVolume", "TokenSafety", "MemeMomentum")


class FakeExchange:
    """Has every pair on its list, and the candles it was given."""

    name = "fake"

    def __init__(self, pairs: list[str]) -> None:
        self.markets = {pair: {"active": True, "symbol": pair} for pair in pairs}
        self.candles: dict[str, pd.DataFrame] = {}
        self.asked: list[str] = []

    def get_markets(self, *_: Any, **__: Any) -> dict[str, Any]:
        return self.markets

    def market_is_tradable(self, market: dict[str, Any]) -> bool:
        return True

    def get_pair_quote_currency(self, pair: str) -> str:
        return pair.partition("/")[2]

    def refresh_latest_ohlcv(
        self, pair_list: list[tuple[str, str, CandleType]], *, since_ms: int, cache: bool
    ) -> dict[tuple[str, str, CandleType], pd.DataFrame]:
        assert not cache
        self.asked += [pair for pair, _, _ in pair_list]
        return {key: self.candles[key[0]] for key in pair_list if key[0] in self.candles}


class World:
    """Facts, an exchange and Freqtrade's manager over both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exchange = FakeExchange([])

    def know(self, *facts: Fact) -> None:
        store = FactStore.open(facts_url(Settings(), self.folder))
        store.append(facts, NOW)
        store.close()

    def manager(
        self, pairs: list[str], runmode: RunMode = RunMode.DRY_RUN, **options: Any
    ) -> PairListManager:
        self.exchange.markets = {pair: {"active": True, "symbol": pair} for pair in pairs}
        config = {
            "runmode": runmode,
            "user_data_dir": self.folder,
            "candle_type_def": CandleType.SPOT,
            "stake_currency": "USDT",
            "timeframe": "1h",
            "exchange": {"name": "fake", "pair_whitelist": pairs, "pair_blacklist": []},
            "pairlists": [{"method": "StaticPairList"}, options],
            "freqpilot": {},
        }
        return PairListManager(self.exchange, config)

    def passed(self, pairs: list[str], **options: Any) -> list[str]:
        manager = self.manager(pairs, **options)
        manager.refresh_pairlist()
        return list(manager.whitelist)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    original = PairListResolver.build_search_paths

    def build_search_paths(*args: Any, **kwargs: Any) -> list[Path]:
        return [*original(*args, **kwargs), door_dir("pairlists")]

    monkeypatch.setattr(PairListResolver, "build_search_paths", build_search_paths)
    with time_machine.travel(NOW, tick=False):
        yield World(tmp_path)
    fact_readers.forget()


def fact(coin: str, metric: str, value: float, hours: float = 1.0) -> Fact:
    time = NOW - hours * HOUR
    return Fact("test", coin, metric, value, time, time)


def mentions(coin: str, last: float, *, hours: float = 1.0, count: int = 30) -> list[Fact]:
    """Counts of about a hundred, a day apart, and the last one."""
    past = [fact(coin, "mentions", 100 + 5 * (-1) ** n, hours + 24 * n) for n in range(1, count)]
    return [*past, fact(coin, "mentions", last, hours)]


def safe(coin: str, **changes: float) -> list[Fact]:
    figures = {**SAFE, **changes}
    return [fact(coin, name, value) for name, value in figures.items() if not math.isnan(value)]


# --- SocialVolume


def test_pairs_are_sorted_by_how_unusual_their_mentions_are(world: World) -> None:
    world.know(*mentions("AAA", 101), *mentions("BBB", 300), *mentions("CCC", 150))
    pairs = ["AAA/USDT", "BBB/USDT", "CCC/USDT"]
    assert world.passed(pairs, method="SocialVolume") == ["BBB/USDT", "CCC/USDT", "AAA/USDT"]
    few = world.passed(pairs, method="SocialVolume", sort="none", number_assets=2)
    assert few == pairs[:2]
    unusual = world.passed(pairs, method="SocialVolume", min_zscore=3, sort="mentions")
    assert unusual == ["BBB/USDT", "CCC/USDT"]
    assert world.passed(pairs, method="SocialVolume", min_mentions=200) == ["BBB/USDT"]
    least = world.passed(pairs, method="SocialVolume", min_mentions=150)
    assert least == ["BBB/USDT", "CCC/USDT"], "as many are enough"


def test_many_mentions_are_not_unusual_ones(world: World) -> None:
    usual = [fact("BIG", "mentions", 1000 + 50 * (-1) ** n, 1 + 24 * n) for n in range(1, 30)]
    world.know(*usual, fact("BIG", "mentions", 1_010.0), *mentions("SMALL", 300))
    pairs = ["BIG/USDT", "SMALL/USDT"]
    assert world.passed(pairs, method="SocialVolume", sort="mentions") == pairs
    assert world.passed(pairs, method="SocialVolume", sort="zscore") == pairs[::-1]


def test_pairs_without_fresh_mentions_are_removed_and_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.know(*mentions("AAA", 100), *mentions("OLD", 900, hours=25), *mentions("NEW", 9, count=5))
    pairs = ["AAA/USDT", "OLD/USDT", "NEW/USDT", "NONE/USDT"]
    with caplog.at_level(logging.INFO):
        manager = world.manager(pairs, method="SocialVolume")
        for _ in range(2):
            manager.refresh_pairlist()
    assert manager.whitelist == ["AAA/USDT"]
    assert caplog.text.count("Removed OLD/USDT from whitelist, because its mentions are not") == 1
    assert caplog.text.count("Removed NONE/USDT") == 1
    assert "Removed NEW/USDT from whitelist, because it is not known how many" in caplog.text
    assert world.passed(pairs, method="SocialVolume", sort="mentions") == ["AAA/USDT", "NEW/USDT"]


def test_what_becomes_known_later_is_not_counted(world: World) -> None:
    late = replace(fact("AAA", "mentions", 900), available_at=NOW + timedelta(seconds=30))
    world.know(*mentions("AAA", 100, hours=2), late)
    assert world.passed(["AAA/USDT"], method="SocialVolume", min_mentions=500) == []
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        assert world.passed(["AAA/USDT"], method="SocialVolume", min_mentions=500) == ["AAA/USDT"]


def test_a_revised_count_is_one_count(world: World) -> None:
    counts = mentions("AAA", 200, count=15)
    revised = [
        replace(each, value=each.value + 1, available_at=each.available_at + HOUR / 2)
        for each in counts
    ]
    world.know(*counts, *revised)
    assert world.passed(["AAA/USDT"], method="SocialVolume") == []
    assert world.passed(["AAA/USDT"], method="SocialVolume", min_history=14) == ["AAA/USDT"]


def test_without_any_facts_no_pair_passes(world: World, caplog: pytest.LogCaptureFixture) -> None:
    assert world.passed(["AAA/USDT"], method="SocialVolume") == []
    assert "facts cannot be read" in caplog.text


def test_facts_are_read_once_a_refresh_period(world: World) -> None:
    world.know(*mentions("AAA", 100))
    with time_machine.travel(NOW, tick=False) as clock:
        manager = world.manager(["AAA/USDT"], method="SocialVolume", min_mentions=500)
        manager.refresh_pairlist()
        world.know(replace(fact("AAA", "mentions", 900), vintage=1))
        manager.refresh_pairlist()
        assert manager.whitelist == []
        clock.shift(1801)
        manager.refresh_pairlist()
        assert manager.whitelist == ["AAA/USDT"]


# --- TokenSafety


def test_a_token_that_passes_every_check_stays(world: World) -> None:
    world.know(*safe("AAA"), *safe("PEPE"))
    pairs = ["AAA/USDT", "1000PEPE/USDT"]
    assert world.passed(pairs, method="TokenSafety") == pairs


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"contract_verified": 0}, "its contract is not verified"),
        ({"liquidity_locked": 0}, "its liquidity is not locked"),
        ({"top10_share": 0.51}, "ten wallets hold too much"),
        ({"top10_share": -1}, "ten wallets hold too much"),
        ({"developer_moves": 1}, "its developers move"),
        ({"honeypot": 1}, "cannot be sold"),
        *(({name: math.nan}, f"{name} is not known") for name in SAFE),
    ],
)
def test_each_check_and_each_gap_removes(
    world: World, caplog: pytest.LogCaptureFixture, changes: dict[str, float], text: str
) -> None:
    world.know(*safe("AAA", **changes), *safe("BBB"))
    with caplog.at_level(logging.INFO):
        assert world.passed(["AAA/USDT", "BBB/USDT"], method="TokenSafety") == ["BBB/USDT"]
    assert text in caplog.text


def test_an_old_check_is_none(world: World) -> None:
    world.know(*safe("AAA", honeypot=math.nan), fact("AAA", "honeypot", 0, hours=49))
    assert world.passed(["AAA/USDT"], method="TokenSafety") == []
    assert world.passed(["AAA/USDT"], method="TokenSafety", max_age_hours=50) == ["AAA/USDT"]


def test_majors_are_exempt_by_setting(world: World) -> None:
    pairs = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "DOGE/USDT", "NEVERHEARD/USDT"]
    world.know(*safe("OTHER"))
    assert world.passed(pairs, method="TokenSafety") == pairs[:3]
    assert world.passed(pairs, method="TokenSafety", exempt_majors=False) == []


# --- MemeMomentum


def breakout(**changes: float) -> pd.DataFrame:
    """Candles around 1.00 of which the last closed breaks out; one is still open."""
    figures = {"close": 1.2, "volume": 600.0, "low": 0.95, "end": 0.0, **changes}
    count = 30
    end = datetime(2024, 6, 1, 12, tzinfo=UTC) - figures["end"] * HOUR
    date = pd.date_range(end=end, periods=count, freq="1h")
    frame = pd.DataFrame({"date": date, "open": 1.0, "high": 1.05, "low": 0.95, "close": 1.0})
    frame["volume"] = 100.0
    frame.loc[10, "low"] = figures["low"]
    frame.loc[count - 2, ["high", "close", "volume"]] = (
        1.3,
        figures["close"],
        figures["volume"],
    )
    # The open candle would be refused: what it shows does not count yet.
    frame.loc[count - 1, ["close", "volume"]] = (0.5, 0.0)
    return frame


def coming(coin: str = "AAA") -> list[Fact]:
    """What a coin shows that passes: mentions up sevenfold, small, safe."""
    return [*mentions(coin, 700), fact(coin, "market_cap", 20e6), *safe(coin)]


def passes(world: World, **options: Any) -> bool:
    world.exchange.candles.setdefault("AAA/USDT", breakout())
    return world.passed(["AAA/USDT"], method="MemeMomentum", **options) == ["AAA/USDT"]


def test_a_coin_that_shows_all_of_it_passes(world: World) -> None:
    world.know(*coming())
    assert passes(world)


def without(metric: str) -> list[Fact]:
    return [each for each in coming() if each.metric != metric]


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ([*mentions("AAA", 112), fact("AAA", "narrative", 1), *without("mentions")], "deviations"),
        (without("market_cap"), "market capitalisation is not known"),
        ([*without("market_cap"), fact("AAA", "market_cap", 100e6)], "is 100,000,000"),
        (without("honeypot"), "honeypot is not known"),
        ([*without("honeypot"), fact("AAA", "honeypot", 1)], "cannot be sold"),
        (without("mentions"), "nothing shows"),
        ([*mentions("AAA", 700, hours=25), *without("mentions")], "nothing shows"),
        ([*mentions("AAA", 300), *without("mentions")], "nothing shows"),
    ],
)
def test_each_fact_that_is_missing_or_wrong_removes(
    world: World, caplog: pytest.LogCaptureFixture, facts: list[Fact], text: str
) -> None:
    world.know(*facts)
    with caplog.at_level(logging.INFO):
        assert not passes(world)
    assert text in caplog.text
    assert world.exchange.asked == [], "no candles are asked for a coin whose facts refuse it"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"close": 1.05}, "not broken above"),
        ({"volume": 500.0}, "volume is 5.0 times"),
        ({"low": 0.5}, "which is no consolidation"),
        ({"low": math.nan}, "a candle has no price"),
        ({"end": 3.0}, "too old"),
    ],
)
def test_each_condition_of_the_candles_removes(
    world: World, caplog: pytest.LogCaptureFixture, changes: dict[str, float], text: str
) -> None:
    world.know(*coming())
    world.exchange.candles["AAA/USDT"] = breakout(**changes)
    with caplog.at_level(logging.INFO):
        assert not passes(world)
    assert text in caplog.text


@pytest.mark.parametrize(("seconds", "passing"), [(-1, False), (0, True), (1, True)])
def test_a_candle_counts_from_the_moment_of_its_close(
    world: World, seconds: int, passing: bool
) -> None:
    """The one that breaks out is the newest there is, as the exchange gives it at its close."""
    world.know(*coming())
    world.exchange.candles["AAA/USDT"] = breakout()[:-1]
    close = NOW.replace(minute=0)
    with time_machine.travel(close + timedelta(seconds=seconds), tick=False):
        world_facts = world.passed(["AAA/USDT"], method="MemeMomentum")
    assert (world_facts == ["AAA/USDT"]) == passing


def test_without_candles_it_does_not_pass(world: World) -> None:
    world.know(*coming())
    world.exchange.candles["AAA/USDT"] = breakout()[:0]
    assert not passes(world)
    world.exchange.candles["AAA/USDT"] = breakout()[-10:]
    assert not passes(world)


QUIET = [*mentions("AAA", 140), *without("mentions")]
"""More mentions than usual, but no candidate by them."""


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ([], False),
        ([fact("AAA", "listing", 1, hours=24 * 6)], True),
        ([fact("AAA", "listing", 1, hours=24 * 8)], False),
        ([fact("AAA", "influencers", 1)], True),
        ([fact("AAA", "influencers", 1, hours=30)], False),
        ([fact("AAA", "narrative", 1)], True),
        ([fact("AAA", "token_age_days", 10)], False),
        (
            [
                fact("AAA", "token_age_days", 10),
                fact("AAA", "holders", 900, 26),
                fact("AAA", "holders", 1000),
            ],
            True,
        ),
        (
            [
                fact("AAA", "token_age_days", 10),
                fact("AAA", "holders", 1000, 26),
                fact("AAA", "holders", 900),
            ],
            False,
        ),
        (
            [
                fact("AAA", "token_age_days", 30),
                fact("AAA", "holders", 900, 26),
                fact("AAA", "holders", 1000),
            ],
            False,
        ),
    ],
)
def test_what_makes_a_candidate(world: World, facts: list[Fact], wanted: bool) -> None:
    world.know(*QUIET, *facts)
    assert passes(world) is wanted


# --- all of them


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runmode", [RunMode.BACKTEST, RunMode.HYPEROPT])
def test_backtests_are_left_alone_and_told_so(
    world: World, caplog: pytest.LogCaptureFixture, name: str, runmode: RunMode
) -> None:
    pairs = ["AAA/USDT", "BBB/USDT"]
    assert world.passed(pairs, runmode=runmode, method=name) == pairs
    assert f"Pairlist Handlers {name} do not generate any changes" in caplog.text
    handler = world.manager(pairs, method=name)._pairlist_handlers[1]
    assert handler.supports_backtesting == SupportsBacktesting.NO_ACTION
    assert not handler.needstickers


@pytest.mark.parametrize("name", NAMES)
def test_it_describes_itself(world: World, name: str) -> None:
    handler = world.manager(["AAA/USDT"], method=name)._pairlist_handlers[1]
    parameters = handler.available_parameters()
    defaults = {key: parameter["default"] for key, parameter in parameters.items()}
    again = world.manager(["AAA/USDT"], method=name, **defaults)._pairlist_handlers[1]
    assert again.short_desc() == handler.short_desc()
    assert name in handler.short_desc()
    assert handler.description()
    assert "refresh_period" in parameters


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "SocialVolume", "min_zscor": 3}, "'min_zscor'; did you mean 'min_zscore'"),
        ({"method": "SocialVolume", "xyzzy": 3}, "'xyzzy'; it takes mentions, "),
        ({"method": "SocialVolume", "min_zscore": "3"}, "min_zscore to be a number"),
        ({"method": "SocialVolume", "min_mentions": math.nan}, "min_mentions"),
        ({"method": "SocialVolume", "number_assets": 1.5}, "number_assets to be a whole number"),
        ({"method": "SocialVolume", "sort": "name"}, "one of zscore, mentions, none"),
        ({"method": "SocialVolume", "mentions": "a b"}, "mentions: 'a b' names no metric"),
        ({"method": "SocialVolume", "refresh_period": 0}, "refresh_period"),
        ({"method": "TokenSafety", "max_top10_share": 50}, "at most 1"),
        ({"method": "TokenSafety", "exempt_majors": "yes"}, "true or false"),
        ({"method": "TokenSafety", "honeypott": "x"}, "did you mean 'honeypot'"),
        ({"method": "MemeMomentum", "timeframe": "3x"}, "3x"),
        ({"method": "MemeMomentum", "market_cap_max": 3}, "did you mean '"),
        ({"method": "MemeMomentum", "consolidation_candles": 2}, "at least 5"),
    ],
)
def test_a_bad_option_is_named(world: World, options: dict[str, Any], text: str) -> None:
    with pytest.raises(OperationalException, match=text):
        world.manager(["AAA/USDT"], **options)


def test_the_pure_rules_take_no_nan_for_a_yes() -> None:
    from freqpilot.risk.memes.candidates import MemeFigures, MemeRules, detected, refusal
    from freqpilot.risk.memes.safety import checks, unsafe
    from freqpilot.risk.memes.social import growth, spike

    unknown = MemeFigures(*(math.nan for _ in MemeFigures._fields))
    assert detected(unknown, MemeRules()) is None
    assert refusal(unknown, None, MemeRules())
    assert unsafe(dict.fromkeys(SAFE, math.nan), checks(0.5, 0))
    assert unsafe({}, checks(0.5, 0))
    assert math.isnan(growth(5, 0))
    assert math.isnan(spike(np.array([1.0, 1.0, 9.0]), 2))
    assert math.isnan(spike(np.array([1.0, np.nan, 9.0]), 2))
    assert spike(np.array([1.0, 3.0, 5.0]), 2) == pytest.approx(3 / math.sqrt(2))
