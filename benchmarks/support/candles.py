"""Candle files: which pairs a folder has, and their candles."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.journal.candles import candle_file
from freqpilot.shapes import Candles

SUFFIX = "_USDT-1h.feather"


def pairs_in(datadir: Path) -> tuple[str, ...]:
    """Return the USDT spot pairs of which a folder has 1h candles, by name."""
    files = sorted(datadir.glob(f"*{SUFFIX}"))
    return tuple(f"{file.name.removesuffix(SUFFIX)}/USDT" for file in files)


def file_of(datadir: Path, pair: str, timeframe: str = "1h") -> Path:
    """Return where the candles of a pair lie, there or not."""
    return candle_file(datadir, pair, timeframe)


def frame_of(datadir: Path, pair: str) -> pd.DataFrame:
    """Return the 1h candles of a pair, of spot or of a perpetual (``BTC/USDT:USDT``)."""
    return pd.read_feather(file_of(datadir, pair))


def frame_in(datadir: Path, pair: str, timeframe: str) -> pd.DataFrame:
    """Return the candles of a pair in a timeframe."""
    return pd.read_feather(file_of(datadir, pair, timeframe))


def candles_of(datadir: Path, pair: str) -> Candles:
    """Return the 1h candles of a pair as arrays."""
    return candles_from_frame(frame_of(datadir, pair))


def data_digest(datadir: Path, pairs: Sequence[str]) -> str:
    """Return a short digest of the 1h candle files of ``pairs``."""
    digest = hashlib.sha256()
    for pair in sorted(pairs):
        file = file_of(datadir, pair)
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()[:12]
