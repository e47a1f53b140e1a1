"""Candle files that hold two markets: where one was written on by another exchange, its price steps
between one candle's close and the next one's open, which a market that trades does not do."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.errors import RefuseToStart
from freqpilot.host.seams.freqtrade import CandleFiles
from freqpilot.host.seams.seam import Place, Seam

logger = logging.getLogger(__name__)

LARGEST_STEP = 0.2
"""Largest step from a close to the next open that one market makes, a fraction. In 171 files of
Binance (spot and perpetuals, 2018 to 2024, 1h and 5m) it is .144, in the first hours of ETH's
perpetual; on spot it is .064."""
PRICES = ("spot", "futures", "mark", "index")
"""Kinds of candles that are prices; a funding rate may step as it likes."""
MOST_NAMED = 3

_named: set[tuple[Path, "Step"]] = set()


@dataclass(frozen=True)
class Step:
    """A step from the ``close`` of the candle that opens at ``before`` to the ``open`` of the next
    one, at ``after``; ``count`` is how many steps there are, this one first. Times are UTC."""

    before: pd.Timestamp
    close: float
    after: pd.Timestamp
    open: float
    count: int

    def __str__(self) -> str:
        more = f", and {self.count - 1} more" if self.count > 1 else ""
        return (
            f"{self.before:%Y-%m-%d %H:%M} closes at {self.close:g}, {self.after:%Y-%m-%d %H:%M} "
            f"opens at {self.open:g} ({self.open / self.close - 1:+.0%}){more}"
        )


def step_of(candles: pd.DataFrame) -> Step | None:
    """Return the first step of more than :data:`LARGEST_STEP` between two candles that follow each
    other without a gap; None without one.

    :param candles: with the columns date, open and close.
    """
    if len(candles) < 2:
        return None
    opens, closes = candles["open"].to_numpy(float), candles["close"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = opens[1:] / closes[:-1]
        large = (ratio < 1 - LARGEST_STEP) | (ratio > 1 / (1 - LARGEST_STEP))
    if not large.any():
        return None  # times are looked at only where there is something to look for
    times = pd.DatetimeIndex(candles["date"])
    passed = np.diff(times.asi8)
    usual = passed[passed > 0].min(initial=np.iinfo(np.int64).max)
    rows = np.flatnonzero(large & np.isfinite(ratio) & (ratio > 0) & (passed == usual))
    if not len(rows):
        return None
    row = int(rows[0])
    return Step(
        times[row], float(closes[row]), times[row + 1], float(opens[row + 1]), count=len(rows)
    )


def describe(folder: Path) -> list[str]:
    """Return a line for each feather file of candles in ``folder`` that holds two markets; a file
    that cannot be read is left to those who need it."""
    found = []
    for file in sorted([*folder.glob("*.feather"), *folder.glob("futures/*.feather")]):
        kind = file.stem.rpartition("-")[2] if file.parent.name == "futures" else "spot"
        if kind not in PRICES or file.stem.endswith("-trades"):
            continue
        try:
            candles = pd.read_feather(file, columns=["date", "open", "close"])
        except (OSError, ValueError, KeyError):
            continue
        if step := step_of(candles):
            found.append(f"{file.name}: {step}")
    return found


def _warn(file: Path, pair: str, timeframe: str, candles: pd.DataFrame) -> None:
    step = step_of(candles)
    if step is None or (file, step) in _named:
        return
    _named.add((file, step))
    logger.warning(
        "The candle file %s holds two markets: %s. Another exchange has written into it, the "
        "stand-in perhaps; what is computed from it is wrong, open trades are untouched. Delete it "
        "and download it again: rm '%s' && freqtrade download-data -c config.json --pairs %s "
        "--timeframes %s",
        file,
        step,
        file,
        pair,
        timeframe,
    )


def _make(original: Callable[..., Any]) -> Callable[..., Any]:
    def load(
        self: CandleFiles,
        pair: str,
        timeframe: str,
        timerange: object = None,
        candle_type: object = "spot",
    ) -> Any:
        candles = original(self, pair, timeframe, timerange, candle_type)
        try:
            if str(candle_type) in PRICES:
                file = self._pair_data_filename(self._datadir, pair, timeframe, candle_type)
                _warn(file, pair, timeframe, candles)
        except Exception as error:  # the candles are there; only the look at them failed
            logger.warning("The candles of %s could not be checked: %s", pair, error)
        return candles

    return load


def read_candles(
    folder: Path,
    pair: str,
    timeframe: str,
    kind: Any,
    *,
    form: str = "feather",
    period: tuple[int, int] = (0, 0),
    fill: bool = False,
) -> pd.DataFrame:
    """Return a pair's candles from Freqtrade's files; an empty frame where there are none.

    :param kind: Freqtrade's candle type, or its name.
    :param form: Freqtrade's data format.
    :param period: from when to when, in seconds since the epoch; 0 is an open end.
    :param fill: put a candle without volume where one is missing.
    """
    from freqtrade.configuration import TimeRange
    from freqtrade.data.history import load_pair_history
    from freqtrade.enums import CandleType

    bounds = TimeRange(*("date" if each else None for each in period), *period)
    frame: pd.DataFrame = load_pair_history(
        pair,
        timeframe,
        Path(folder),
        timerange=bounds if any(period) else None,
        fill_up_missing=fill,
        data_format=form,
        candle_type=CandleType.from_string(str(kind)),
    )
    return frame


def candles_of(datadir: Path, pair: str, timeframe: str) -> pd.DataFrame:
    """Return a pair's candles, of futures or of spot as its name says.

    :raises RefuseToStart: when there are none.
    """
    frame = read_candles(datadir, pair, timeframe, "futures" if ":" in pair else "spot")
    if frame.empty:
        raise RefuseToStart(
            f"no {timeframe} candles of {pair} in {datadir}; nothing was written and a bot runs "
            "on as before. Run freqtrade download-data, or name others by --pair"
        )
    return frame


HANDLERS = "freqtrade.data.history.datahandlers"
LOADERS = (
    f"{HANDLERS}.featherdatahandler:FeatherDataHandler",
    f"{HANDLERS}.parquetdatahandler:ParquetDataHandler",
    f"{HANDLERS}.jsondatahandler:JsonDataHandler",
)
"""The classes of Freqtrade that read candles from a file."""
SEAMS = (
    Seam(
        "candles.files",
        "name candle files that hold two markets",
        until="Freqtrade refuses to write one exchange's candles into another's file",
        places=tuple(
            place
            for loader in LOADERS
            for place in (
                Place(
                    f"{loader}._ohlcv_load",
                    ["pair", "timeframe", "timerange", "candle_type"],
                    _make,
                ),
                Place(
                    f"{loader}._pair_data_filename",
                    ["datadir", "pair", "timeframe", "candle_type"],
                ),
            )
        ),
    ),
)
