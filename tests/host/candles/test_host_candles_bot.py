"""The candles that a live bot has are asked for anew only where they are old or missing."""

from typing import Any

import pandas as pd
import pytest

from freqpilot.errors import NoEntry
from freqpilot.host.candles.bot import candles, index_pairs

NOW = 1_767_225_600.0


class Exchange:
    """Has candles whose last begins ``age`` seconds ago; a request brings newer ones."""

    def __init__(self, age: float | None, newer: float | None) -> None:
        self._config = {"candle_type_def": "spot"}
        self.ages, self.asked = (age, newer), 0
        self.keys: list[Any] = []

    def klines(self, key: Any, *, copy: bool) -> pd.DataFrame:
        self.keys.append(key)
        age = self.ages[self.asked]
        stamps = [] if age is None else [NOW - age]
        return pd.DataFrame({"date": pd.to_datetime(stamps, unit="s", utc=True)})

    def refresh_latest_ohlcv(self, keys: list[Any]) -> None:
        assert keys == self.keys[:1]
        self.asked += 1


@pytest.mark.parametrize(
    ("age", "asked"), [(0.0, 0), (7_200.0, 0), (7_201.0, 1), (None, 1)], ids=str
)
def test_candles_are_asked_for_where_two_timeframes_are_over(age: float | None, asked: int) -> None:
    exchange: Any = Exchange(age, 0.0)
    found = candles(exchange, "BTC/USDT", "1h", NOW)
    assert exchange.asked == asked
    assert exchange.keys[0] == ("BTC/USDT", "1h", "spot")
    assert len(found) == 1


def test_without_candles_there_is_no_entry() -> None:
    exchange: Any = Exchange(None, None)
    with pytest.raises(NoEntry, match="no 1h candles of BTC/USDT"):
        candles(exchange, "BTC/USDT", "1h", NOW)


def test_a_coins_price_comes_from_its_own_future_first() -> None:
    assert index_pairs("BTC", "USDC") == (
        "BTC/USDC:USDC",
        "BTC/USDC",
        "BTC/USDT",
        "BTC/USD",
    )
