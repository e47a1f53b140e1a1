"""The correlation filter as Freqtrade's resolver loads it, on a stand-in for the exchange."""

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine
from freqtrade.configuration.load_config import load_config_file
from freqtrade.enums import CandleType, RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.plugins.pairlist.IPairList import IPairList, SupportsBacktesting
from freqtrade.resolvers import PairListResolver

import freqpilot
from freqpilot.host.boot.doors import config_dir

FOLDER = Path(freqpilot.__file__).parent / "pairlists"
CANDLES = 720


class FakeExchange:
    """Gives the candles it was built with, and counts what it was asked."""

    def __init__(self, candles: dict[str, pd.DataFrame], limit: int = 1000) -> None:
        self.candles = candles
        self.limit = limit
        self.asked: list[list[str]] = []

    def ohlcv_candle_limit(self, timeframe: str, candle_type: CandleType) -> int:
        return self.limit

    def refresh_latest_ohlcv(
        self, pair_list: list[tuple[str, str, CandleType]], *, since_ms: int, cache: bool
    ) -> dict[tuple[str, str, CandleType], pd.DataFrame]:
        assert not cache
        self.asked.append([pair for pair, _, _ in pair_list])
        return {key: self.candles[key[0]] for key in pair_list if key[0] in self.candles}


def frame(returns: np.ndarray[Any, np.dtype[np.float64]]) -> pd.DataFrame:
    date = pd.date_range("2024-01-01", periods=returns.size, freq="1h", tz="UTC")
    return pd.DataFrame({"date": date, "close": 100 * np.exp(np.cumsum(returns))})


def market() -> dict[str, pd.DataFrame]:
    """Five pairs that follow one factor, one that goes its own way, one with few candles."""
    rng = np.random.default_rng(1)
    factor = rng.normal(0, 0.01, CANDLES)
    crowd = {f"C{n}/USDT": frame(factor + rng.normal(0, 0.001, CANDLES)) for n in range(5)}
    few = frame(rng.normal(0, 0.01, CANDLES))[-100:]
    return {**crowd, "OWN/USDT": frame(rng.normal(0, 0.01, CANDLES)), "NEW/USDT": few}


def make(
    exchange: FakeExchange | None = None,
    runmode: RunMode = RunMode.DRY_RUN,
    **options: Any,
) -> IPairList:
    config = {"runmode": runmode, "candle_type_def": CandleType.SPOT, "stake_currency": "USDT"}
    (found,) = [
        item["class"]
        for item in PairListResolver._search_all_objects(FOLDER, enum_failed=False)
        if item["name"] == "CorrelationFilter"
    ]
    handler = found(
        exchange or FakeExchange({}),
        None,
        config,
        {"method": "CorrelationFilter", **options},
        1,
    )
    assert isinstance(handler, IPairList)
    return handler


def test_the_crowd_is_cut_and_the_order_kept(caplog: pytest.LogCaptureFixture) -> None:
    pairs = ["C0/USDT", "OWN/USDT", "C1/USDT", "C2/USDT", "C3/USDT", "GONE/USDT", "NEW/USDT"]
    with caplog.at_level(logging.INFO):
        kept = make(FakeExchange(market())).filter_pairlist(pairs, {})
    assert kept == ["C0/USDT", "OWN/USDT", "C1/USDT", "C2/USDT"]
    text = caplog.text
    assert "Removed C3/USDT" in text
    assert "Removed GONE/USDT from whitelist, because of only 0 usable returns" in text
    assert "Removed NEW/USDT from whitelist, because of only 99 usable returns" in text


def test_options_move_the_limit() -> None:
    pairs = ["C0/USDT", "C1/USDT", "C2/USDT"]
    exchange = FakeExchange(market())
    assert make(exchange, max_correlated=1).filter_pairlist(pairs, {}) == ["C0/USDT"]
    assert make(exchange, max_correlated=2).filter_pairlist(pairs, {}) == pairs[:2]
    assert (
        make(exchange, max_correlated=1, max_correlation=0.999).filter_pairlist(pairs, {}) == pairs
    )


def test_candles_are_asked_for_once_a_refresh_period() -> None:
    exchange = FakeExchange(market())
    handler = make(exchange)
    pairs = ["C0/USDT", "GONE/USDT"]
    handler.filter_pairlist(pairs, {})
    handler.filter_pairlist(pairs, {})
    handler.filter_pairlist(["C0/USDT", "C1/USDT"], {})
    assert exchange.asked == [["C0/USDT", "GONE/USDT"], ["C1/USDT"]]


def test_the_answer_follows_the_list_that_is_asked_about() -> None:
    handler = make(FakeExchange(market()), max_correlated=1)
    first = handler.filter_pairlist(["C0/USDT", "C1/USDT"], {})
    first.append("mine")
    assert handler.filter_pairlist(["C0/USDT", "C1/USDT"], {}) == ["C0/USDT"]
    assert handler.filter_pairlist(["C1/USDT", "C0/USDT"], {}) == ["C1/USDT"]
    assert handler.filter_pairlist([], {}) == []


def test_old_candles_are_fetched_anew() -> None:
    exchange = FakeExchange(market())
    handler = make(exchange, refresh_period=60, max_correlated=1)
    start = time.time()
    for after, asked in [(0, 1), (59, 1), (61, 2)]:
        with time_machine.travel(start + after, tick=False):
            handler.filter_pairlist(["C0/USDT", "C1/USDT"], {})
        assert len(exchange.asked) == asked


@pytest.mark.parametrize("runmode", [RunMode.BACKTEST, RunMode.HYPEROPT])
def test_backtests_are_left_alone_and_told_so(runmode: RunMode) -> None:
    exchange = FakeExchange(market())
    handler = make(exchange, runmode=runmode, max_correlated=1)
    pairs = ["C0/USDT", "C1/USDT"]
    assert handler.filter_pairlist(pairs, {}) == pairs
    assert exchange.asked == []
    assert handler.supports_backtesting == SupportsBacktesting.NO_ACTION


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_correlation": 0}, "max_correlation"),
        ({"max_correlation": 1.0}, "max_correlation"),
        ({"max_correlation": "high"}, "max_correlation"),
        ({"max_correlation": float("nan")}, "max_correlation"),
        ({"max_correlated": 0}, "max_correlated"),
        ({"max_correlated": 1.5}, "max_correlated"),
        ({"lookback_days": 1}, "lookback_days"),
        ({"timeframe": "3x"}, "3x"),
        ({"lookback_days": 10, "timeframe": "1d"}, "20"),
        ({"refresh_period": 0}, "refresh_period"),
        ({"max_corelation": 0.5}, "max_corelation"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, Any], text: str) -> None:
    with pytest.raises(OperationalException, match=text):
        make(**options)


def test_what_the_exchange_does_not_give_at_once_is_not_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    base = load_config_file(str(config_dir() / "base.json"))
    (options,) = [each for each in base["pairlists"] if each["method"] == "CorrelationFilter"]
    handler = make(FakeExchange(market(), limit=499), **options)  # Binance futures
    assert "over the last 499 candles of 1h" in handler.short_desc()
    assert "30 days of 1h are 720 candles; the exchange gives 499 at once" in caplog.text
    assert "the last 21 days are measured" in caplog.text
    with pytest.raises(OperationalException, match="gives 19 at once; at least 20 are needed"):
        make(FakeExchange(market(), limit=19), **options)


def test_it_describes_itself() -> None:
    handler = make(max_correlation=0.7)
    assert "0.7" in handler.short_desc()
    assert handler.description()
    parameters = handler.available_parameters()
    assert set(parameters) == {
        "lookback_days",
        "timeframe",
        "max_correlation",
        "max_correlated",
        "refresh_period",
    }
    defaults = {name: parameter["default"] for name, parameter in parameters.items()}
    assert make(**defaults).short_desc() == make().short_desc()
