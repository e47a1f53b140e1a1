"""Candles for the charts and for buy and hold, from Freqtrade's feather files."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

SYNTHETIC_MARKER = "SYNTHETIC.md"


def is_synthetic(datadir: Path) -> bool:
    """Tell whether the folder is marked as invented market data."""
    return (datadir / SYNTHETIC_MARKER).is_file()


def prices(
    datadir: Path, pairs: Sequence[str], timeframe: str, timerange: tuple[datetime, datetime]
) -> dict[str, pd.Series]:
    """Return each pair's price by the time it was known: the first candle's open, then every close
    at the end of its candle, UTC. A pair whose file is missing, unreadable or empty in the
    timerange is left out."""
    found = {
        pair: _price(candle_file(datadir, pair, timeframe), timeframe, timerange) for pair in pairs
    }
    return {pair: price for pair, price in found.items() if price is not None}


def candle_file(datadir: Path, pair: str, timeframe: str) -> Path:
    """Return where Freqtrade keeps the candles of a pair, there or not."""
    # Freqtrade's own rule for file names.
    name = re.sub(r"[/ .@$+:]", "_", pair)
    if ":" in pair:
        return datadir / "futures" / f"{name}-{timeframe}-futures.feather"
    return datadir / f"{name}-{timeframe}.feather"


def _price(file: Path, timeframe: str, timerange: tuple[datetime, datetime]) -> pd.Series | None:
    if not file.is_file():
        return None
    try:
        frame = pd.read_feather(file, columns=["date", "open", "close"])
        step = pd.Timedelta(timeframe)
    except (OSError, ValueError, KeyError):
        return None
    begin, end = (pd.Timestamp(time) for time in timerange)
    inside = frame[(frame["date"] >= begin) & (frame["date"] < end)].dropna()
    if inside.empty:
        return None
    known = pd.DatetimeIndex(inside["date"]) + step
    index = known.insert(0, inside["date"].iloc[0]).as_unit("ms")
    values = [float(inside["open"].iloc[0]), *inside["close"].astype(float)]
    return pd.Series(values, index=index, name="price")
