"""Daily candles, live and of files: the same days."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from candle_files import random_walk, write_candles
from freqpilot.host.candles.daily import fetched_days, stored_days
from freqpilot.risk.exits.dailyrange import NONE

FIRST = pd.Timestamp(datetime(2026, 1, 1, tzinfo=UTC))
CONFIG = {"dataformat_ohlcv": "feather", "candle_type_def": "spot"}


def days(hours: pd.DataFrame) -> pd.DataFrame:
    """As an exchange makes days of hours."""
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    found: pd.DataFrame = hours.resample("D", on="date").agg(how).reset_index()
    return found


@pytest.mark.parametrize("files", [["1h"], ["1d"], ["1d", "1h"], ["15m"]])
def test_days_are_the_same_from_whatever_is_there(tmp_path: Path, files: list[str]) -> None:
    hours = random_walk(3, FIRST, 240)
    for timeframe in files:
        frame = days(hours) if timeframe == "1d" else hours
        write_candles(tmp_path, "BTC/USDT", frame, timeframe)

    def fetch(keys: list[Any], *, since_ms: int, cache: bool) -> dict[Any, Any]:
        assert (since_ms, cache) == (7_000, False)
        return {keys[0]: days(hours)}

    exchange: Any = SimpleNamespace(_config=CONFIG, refresh_latest_ohlcv=fetch)
    live = fetched_days(exchange)("BTC/USDT", 7)
    stored = stored_days({**CONFIG, "datadir": str(tmp_path)}, "15m")("BTC/USDT", 7)
    assert len(live.date) == 10
    for one, other in zip(live, stored, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_pair_without_files_has_no_days(tmp_path: Path) -> None:
    assert stored_days({**CONFIG, "datadir": str(tmp_path)}, "1h")("BTC/USDT", 0) is NONE
    exchange: Any = SimpleNamespace(_config=CONFIG, refresh_latest_ohlcv=lambda *_, **__: {})
    assert fetched_days(exchange)("BTC/USDT", 0) is NONE
