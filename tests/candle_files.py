"""Candle files for tests, named as Freqtrade names them."""

from pathlib import Path

import pandas as pd

from candle_source import candles
from freqpilot.journal.candles import candle_file

COLUMNS = ("open", "high", "low", "close", "volume")


def write_candles(folder: Path, pair: str, frame: pd.DataFrame, timeframe: str = "1h") -> Path:
    """Write the candles of a pair, of spot or of a perpetual, and return their file."""
    file = candle_file(folder, pair, timeframe)
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.reset_index(drop=True).to_feather(file)
    return file


def random_walk(seed: int, first: pd.Timestamp, hours: int) -> pd.DataFrame:
    """Return so many hours of the seed's random walk, from ``first`` on."""
    source = candles(seed, hours)
    frame = pd.DataFrame({name: getattr(source, name) for name in COLUMNS})
    frame.insert(0, "date", pd.date_range(first, periods=hours, freq="h"))
    return frame
