"""What the tests of pairlists share: Freqtrade's manager on a stand-in for the exchange."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import CandleType, RunMode
from freqtrade.plugins.pairlist.IPairList import IPairList
from freqtrade.plugins.pairlistmanager import PairListManager
from freqtrade.resolvers import PairListResolver

import freqpilot

FOLDER = Path(freqpilot.__file__).parent / "pairlists"


class StubExchange:
    """Gives the books, candles and tickers it was built with, and counts what it was asked."""

    name = "stub"

    def __init__(self, pairs: list[str]) -> None:
        self.markets: dict[str, Any] = {pair: {"symbol": pair, "active": True} for pair in pairs}
        self.books: dict[str, Any] = {}
        self.tickers: dict[str, Any] = {}
        self.frames: dict[str, pd.DataFrame] = {}
        self.size = 1.0
        self.asked: Counter[str] = Counter()

    def exchange_has(self, name: str) -> bool:
        return True

    def get_markets(self, **_: Any) -> dict[str, Any]:
        return self.markets

    def get_tickers(self, **_: Any) -> dict[str, Any]:
        self.asked["tickers"] += 1
        return self.tickers

    def get_contract_size(self, pair: str) -> float:
        return self.size

    def fetch_l2_order_book(self, pair: str, limit: int) -> Any:
        self.asked[pair] += 1
        if isinstance(self.books[pair], Exception):
            raise self.books[pair]
        return self.books[pair]

    def ohlcv_candle_limit(self, timeframe: str, candle_type: CandleType) -> int:
        return 1000

    def refresh_latest_ohlcv(
        self, pair_list: list[tuple[str, str, CandleType]], *, since_ms: int, cache: bool
    ) -> dict[tuple[str, str, CandleType], pd.DataFrame]:
        assert not cache
        self.asked.update(pair for pair, _, _ in pair_list)
        since = pd.Timestamp(since_ms, unit="ms", tz="UTC")
        return {
            key: frame[frame["date"] >= since].reset_index(drop=True)
            for key in pair_list
            if (frame := self.frames.get(key[0])) is not None
        }


def manager(
    monkeypatch: pytest.MonkeyPatch,
    exchange: StubExchange,
    chain: list[dict[str, Any]],
    config: Mapping[str, Any] | None = None,
) -> PairListManager:
    """Return Freqtrade's manager of a chain that begins with all pairs of the exchange."""
    original = PairListResolver.build_search_paths.__func__

    def paths(cls: Any, *arguments: Any, **named: Any) -> list[Path]:
        return [*original(cls, *arguments, **named), FOLDER]

    monkeypatch.setattr(PairListResolver, "build_search_paths", classmethod(paths))
    whole = {
        "runmode": RunMode.DRY_RUN,
        "candle_type_def": CandleType.SPOT,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "dry_run": True,
        "timeframe": "1h",
        "exchange": {"pair_whitelist": list(exchange.markets), "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList", "allow_inactive": True}, *chain],
        **(config or {}),
    }
    return PairListManager(exchange, whole)


def kept(pairlists: PairListManager) -> list[str]:
    """Return what is left of the exchange's pairs."""
    pairlists.refresh_pairlist()
    return list(pairlists.whitelist)


def handler(pairlists: PairListManager) -> IPairList:
    """Return the pack's own filter of a chain."""
    return pairlists._pairlist_handlers[-1]
