"""A frame with regimes and the settings that ask for them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from candle_source import candles
from freqpilot.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def frame(rows: int = 1_500, seed: int = 7) -> pd.DataFrame:
    c = candles(seed, rows)
    columns = {"open": c.open, "high": c.high, "low": c.low, "close": c.close, "volume": c.volume}
    return pd.DataFrame({"date": pd.to_datetime(c.date, utc=True), **columns})


def settings(**signals: Any) -> Settings:
    return Settings.from_config({"freqpilot": {"signals": signals}})
