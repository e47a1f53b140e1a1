"""Frames with a model's forecasts, right or wrong."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from candle_source import candles
from freqpilot.features.labels.targets import forward_return
from freqpilot.settings import LabelSettings, Settings

ROWS = 3_000
QUICK = {"evidence": 10, "min_ic": 0.3}
PAIR = "BTC/USDT"


def frame(sign: float, back: int = 0) -> pd.DataFrame:
    """Return candles with a model that is right (1) or wrong (−1), and right after row ``back``."""
    source = candles(7, ROWS)
    outcome = np.nan_to_num(forward_return(source, LabelSettings()))
    signs = np.where(np.arange(ROWS) < (back or ROWS), sign, 1.0)
    lean = np.tanh(signs * outcome) / 2
    prices = {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(
        {"date": pd.to_datetime(source.date, utc=True), **prices}
        | {"up": 0.4 + lean / 2, "down": 0.4 - lean / 2, "flat": 0.2, "do_predict": 1}
    )


def model(drawer: Any, live: bool = True) -> Any:
    return SimpleNamespace(live=live, dd=drawer, identifier="one")


def settings(**monitored: Any) -> Settings:
    return Settings.from_config({"freqpilot": {"models": {"edge": {**QUICK, **monitored}}}})
