"""Facts in a store, and candles that they are joined to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.facts.store import FactStore
from freqpilot.settings import Settings
from freqpilot.shapes import Fact
from freqpilot.store.urls import facts_url

BEGIN = datetime(2024, 3, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = BEGIN + timedelta(days=60)
MODES = ("backtest", "live")


def config(folder: Path, runmode: str = "backtest", **signals: Any) -> dict[str, Any]:
    section = {"signals": signals}
    return {"user_data_dir": folder, "runmode": runmode, "timeframe": "1h", "freqpilot": section}


def keep(folder: Path, *facts: Fact) -> None:
    store = FactStore.open(facts_url(Settings(), folder))
    store.append(facts, NOW, scheduled=True)
    store.close()


def candles(count: int = 60) -> pd.DataFrame:
    date = pd.date_range(BEGIN, periods=count, freq="1h")
    return pd.DataFrame({"date": date, "close": np.arange(count, dtype=float)})
