"""What the tests of protections share: Freqtrade's manager, closed trades, candles of a run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.persistence import Trade
from freqtrade.plugins.protectionmanager import ProtectionManager
from freqtrade.resolvers import ProtectionResolver

from freqpilot.host.boot.doors import door_dir

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)
CONFIG = {"timeframe": "1h", "runmode": "backtest", "stake_currency": "USDT"}
START = 1000.0


def manager(
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    config: Mapping[str, Any] | None = None,
    **options: Any,
) -> ProtectionManager:
    """Return Freqtrade's manager with one protection of the pack, found by its own resolver."""

    def paths(*_: Any, **__: Any) -> list[Any]:
        return [door_dir("protections")]

    monkeypatch.setattr(ProtectionResolver, "build_search_paths", paths)
    return ProtectionManager({**CONFIG, **(config or {})}, [{"method": method, **options}])


def trade(profit: float, closed: datetime, pair: str = "SOL/USDT", why: str = "exit_signal") -> Any:
    """Return a closed trade."""
    return SimpleNamespace(
        pair=pair,
        close_profit_abs=profit,
        close_date=closed,
        close_date_utc=closed,
        exit_reason=why,
    )


def know(monkeypatch: pytest.MonkeyPatch, *trades: Any) -> None:
    """Let Freqtrade know these closed trades; it gives them in no order."""

    def proxy(*, pair: str | None = None, is_open: bool) -> list[Any]:
        assert not is_open
        return [each for each in trades[::-1] if pair in (None, each.pair)]

    monkeypatch.setattr(Trade, "get_trades_proxy", staticmethod(proxy))


def hourly(monkeypatch: pytest.MonkeyPatch, *profits: float, end: datetime = NOON) -> None:
    """Let Freqtrade know trades that closed one an hour, the last of them at ``end``."""
    count = len(profits)
    know(
        monkeypatch,
        *(trade(profit, end - HOUR * (count - 1 - n)) for n, profit in enumerate(profits)),
    )


def candles(closes: list[float], end: datetime, wide: Mapping[int, float] | None = None) -> Any:
    """Return hourly candles, the newest of which closed at ``end``; ``wide`` gives the low of a
    row, counted from the newest (1), as a share of its close."""
    count = len(closes)
    dates = [end - HOUR * (count - n) for n in range(count)]
    frame = pd.DataFrame({"date": pd.DatetimeIndex(dates), "close": closes, "volume": 1.0})
    frame["open"] = frame["close"].shift(1, fill_value=closes[0])
    frame["high"] = frame[["open", "close"]].max(axis=1) * 1.0005
    frame["low"] = frame[["open", "close"]].min(axis=1) * 0.9995
    for back, share in (wide or {}).items():
        frame.loc[count - back, "low"] = closes[-back] * share
    return frame


class StubFeed:
    """The candles of a run, by pair."""

    def __init__(self, frames: Mapping[str, Any]) -> None:
        self.frames = dict(frames)
        self.late: dict[str, datetime | None] = {}
        self.analysed_at: dict[str, Any] = {}

    def first(self, pairs: Any, timeframe: str) -> str | None:
        return next((pair for pair in pairs if pair in self.frames), None)

    def candles(self, pair: str, timeframe: str, now: datetime) -> Any:
        frame = self.frames[pair]
        return frame[frame["date"] + HOUR <= now]

    def newest(self, pair: str) -> datetime | None:
        return self.late[pair]

    def analysed(self, pair: str) -> Any:
        return self.analysed_at[pair]

    def pairs(self) -> list[str]:
        return list(self.late)
