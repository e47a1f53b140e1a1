"""A run with an account, and trades that follow a target."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.shapes import Candles

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROW = pd.Series({"date": NOW - HOUR, "atr": 1.0, "confidence": 1.0, "composite": 1.0})


def call(**changes: Any) -> dict[str, Any]:
    asked = {"side": "long", "current_rate": 100.0, "leverage": 1.0, "min_stake": 5.0}
    return asked | {"max_stake": 5_000.0, "proposed_stake": 50.0, "current_time": NOW} | changes


def trade(amount: float, *orders: Any, **changes: Any) -> Any:
    fields = {"pair": "BTC/USDT", "amount": amount, "stake_amount": amount * 100.0}
    fields |= {"leverage": 1.0, "is_short": False, "has_open_orders": False, "entry_side": "buy"}
    fields |= {"orders": list(orders), "date_last_filled_utc": NOW - timedelta(days=1)}
    return SimpleNamespace(**fields | changes)


def order(price: float, amount: float, side: str = "buy") -> Any:
    return SimpleNamespace(safe_price=price, safe_filled=amount, ft_order_side=side)


def hourly(seed: int, length: int = 24 * 20, begin: int = 0) -> pd.DataFrame:
    date = pd.date_range("2024-01-01", periods=length, freq="1h", tz="UTC")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).standard_normal(length) * 0.01))
    frame = pd.DataFrame({"date": date, "open": close, "high": close, "low": close, "close": close})
    return frame.assign(volume=1.0).iloc[begin:].reset_index(drop=True)


def rise(candles: Candles) -> Any:
    return np.concatenate([np.full(24, np.nan), candles.close[24:] / candles.close[:-24] - 1])
