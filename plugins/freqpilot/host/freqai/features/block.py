"""One pair's features as columns: computed by a strategy's functions, lined up, and gathered into
one block in FreqAI's order."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.host.seams.freqtrade import Strategy
from freqpilot.shapes import Floats, Floats32, Ints

BASE = ("date", "open", "high", "low", "close", "volume")
"""The columns that FreqAI drops again after each merge."""


class Unfit(Exception):
    """Freqtrade's own path has to be taken; the message says why."""


@dataclass(frozen=True)
class Expanded:
    """Features of one pair on its own candles, before shifts and the names' last suffix.

    ``names`` are all columns in Freqtrade's order; ``values`` (float64, rows × candles) holds those
    of ``row``. ``rest`` has the columns of other types with ``date``, shifted already.
    """

    names: tuple[str, ...]
    values: Floats
    row: dict[str, int]
    rest: pd.DataFrame | None = None

    @property
    def size(self) -> int:
        """Bytes held, near enough."""
        rest = 0 if self.rest is None else int(self.rest.memory_usage(deep=True).sum())
        return self.values.nbytes + rest + 200 * len(self.names)


def bytes_of(column: pd.Series) -> Any:
    """Return the values of a column as an array of numbers.

    :raises Unfit: for a column whose bytes are not its values.
    """
    kind = column.dtype.kind
    if column.name == "date":
        # Live, candles of two sources meet and their dates may be plain objects.
        dates = column if kind == "M" else pd.to_datetime(column, utc=True)
        return dates.to_numpy(dtype="datetime64[ns]").view(np.int64)
    if kind not in "biuf" or not isinstance(column.dtype, np.dtype):
        raise Unfit(f"the candles have a column {column.name} of {column.dtype}")
    return np.ascontiguousarray(column.to_numpy())


def marks(frame: pd.DataFrame, columns: Iterable[str]) -> tuple[bytes, bytes]:
    """Return digests of the dates alone, and with the index and ``columns`` (bytes and types)."""
    dates = frame["date"]
    found = hashlib.blake2b(str(dates.dtype).encode(), digest_size=16)
    found.update(bytes_of(dates))
    alone = found.digest()
    index = frame.index
    if isinstance(index, pd.RangeIndex):
        found.update(repr((index.start, index.stop, index.step)).encode())
    elif index.dtype.kind in "iuf":
        found.update(np.ascontiguousarray(index.to_numpy()).data)
    else:
        raise Unfit(f"the candles have an index of {index.dtype}")
    for name in columns:
        if name != "date":
            column = frame[name]
            found.update(f"{name}\0{column.dtype}\0".encode())
            found.update(bytes_of(column))
    return alone, found.digest()


def examine(frame: pd.DataFrame, what: str) -> None:
    """Raise :class:`Unfit` for a frame that Freqtrade's merges might treat in a way of its own."""
    if not isinstance(frame, pd.DataFrame) or not len(frame):
        raise Unfit(f"{what} is empty")
    names = frame.columns.tolist()
    if len({*names}) != len(names) or not all(isinstance(name, str) for name in names):
        raise Unfit(f"{what} has columns of the same name, or unnamed ones")
    missing = [name for name in BASE if name not in names]
    if missing or "date_merge" in names or frame.attrs or frame.index.names != [None]:
        raise Unfit(f"{what} lacks {', '.join(missing) or 'a plain shape'}")


def join(left: Sequence[str], right: Sequence[str], suffix: str) -> list[str]:
    """Return which of ``right`` stay beside ``left`` in ``FreqaiDataKitchen.merge_features``."""
    from freqtrade.constants import ORDERFLOW_ADDED_COLUMNS

    suffixed = {f"{name}_{suffix}" for name in (*right, "date_merge")}
    known = suffixed.union(left)
    if len(known) != len(suffixed) + len(left):
        raise Unfit(f"columns of {suffix} exist already")
    dropped = {*BASE, *(name for name in ORDERFLOW_ADDED_COLUMNS if name in known)}
    return [name for name in right if name not in dropped]


def expand(
    strategy: Strategy,
    candles: pd.DataFrame,
    metadata: dict[str, str],
    periods: Sequence[int],
    shifts: int,
) -> Expanded:
    """Run the strategy's functions on copies of ``candles`` and line their columns up."""
    dates = candles["date"]
    stamps = bytes_of(dates)
    names = candles.columns.tolist()
    columns = {name: candles[name] for name in names}

    def add(frame: pd.DataFrame, suffix: str) -> None:
        examine(frame, f"the strategy's frame of {suffix}")
        theirs = frame["date"]
        if theirs.dtype != dates.dtype or not np.array_equal(bytes_of(theirs), stamps):
            raise Unfit(f"the strategy's frame of {suffix} has other candles")
        for name in join(names, frame.columns.tolist(), suffix):
            columns[f"{name}_{suffix}"] = frame[name]
            names.append(f"{name}_{suffix}")

    for period in periods:
        add(
            strategy.feature_engineering_expand_all(candles.copy(), period, metadata=metadata),
            f"{period}",
        )
    add(strategy.feature_engineering_expand_basic(candles.copy(), metadata=metadata), "gen")
    names = [name for name in names if name not in BASE]
    floats = [name for name in names if columns[name].dtype == np.float64]
    values = np.empty((len(floats), len(candles)))
    for place, name in enumerate(floats):
        values[place] = columns[name].to_numpy()
    values.flags.writeable = False
    row = {name: place for place, name in enumerate(floats)}
    others = [name for name in names if name not in row]
    rest = None
    if others:
        whole = {name: columns[name].reset_index(drop=True) for name in ("date", *others)}
        rest = pd.DataFrame(whole).copy()
        moved = rest[[name for name in others if name.startswith("%")]]
        shifted = [moved.shift(k).add_suffix(f"_shift-{k}") for k in range(1, shifts + 1)]
        rest = pd.concat([rest, *shifted], axis=1)
    return Expanded(tuple(names), values, row, rest)


def rows_of(main: pd.Series, dates: pd.Series, timeframe: str, informative: str) -> Ints:
    """Return for each main candle the row of the informative candle it may know, or -1.

    Freqtrade's own merge is asked, once for all columns, so its rules hold by construction.
    """
    from freqtrade.strategy import merge_informative_pair

    left = pd.DataFrame({"date": main.reset_index(drop=True)})
    right = pd.DataFrame({"date": dates.reset_index(drop=True), "row": np.arange(len(dates))})
    merged = merge_informative_pair(
        left, right, timeframe, informative, append_timeframe=False, suffix="inf", ffill=True
    )
    if len(merged) != len(left) or not merged["date"].equals(left["date"]):
        raise Unfit("the main candles are not in order")
    rows: Ints = merged["row_inf"].fillna(-1).to_numpy(dtype=np.int64)
    if (np.diff(rows) < 0).any():
        raise Unfit("the informative candles are not in order")
    return rows


def _gather(values: Floats, places: Ints, rows: Ints, shift: int, out: Floats | Floats32) -> None:
    """Write the columns ``places`` of ``values`` at ``rows`` less ``shift`` to ``out``, NaN where
    there is no such row; ``rows`` do not fall."""
    begin = int(np.searchsorted(rows, shift))
    out[:, :begin] = np.nan
    if begin == len(rows):
        return
    low, high = int(rows[begin]) - shift, int(rows[-1]) - shift
    if high - low + 1 == len(rows) - begin and (np.diff(rows[begin:]) == 1).all():
        for target, place in zip(out, places, strict=True):
            target[begin:] = values[place, low : high + 1]
        return
    starts = begin + np.flatnonzero(np.diff(rows[begin:], prepend=-1))
    _kernel()(values, places, rows[starts] - shift, starts, out)


def _repeat(values: Floats, places: Ints, rows: Ints, starts: Ints, out: Floats | Floats32) -> None:
    """Fill each stretch of ``out`` from one of ``starts`` to the next with its row's value."""
    for column in range(places.shape[0]):
        source, target = values[places[column]], out[column]
        for j in range(starts.shape[0]):
            end = starts[j + 1] if j + 1 < starts.shape[0] else target.shape[0]
            value = source[rows[j]]
            for i in range(starts[j], end):
                target[i] = value


@cache
def _kernel() -> Any:
    """Return :func:`_repeat` compiled, when it is first needed: not every start runs FreqAI."""
    from numba import njit

    return njit(cache=True, nogil=True)(_repeat)


class Block:
    """Columns of one type, to be gathered into one array."""

    def __init__(self, kind: type[np.floating[Any]]) -> None:
        self.names: list[str] = []
        self._kind = kind
        self._plan: list[tuple[Expanded, Ints, int, list[int]]] = []

    def add(self, expanded: Expanded, rows: Ints, shift: int, name: str, shown: str) -> None:
        """Add the column ``name`` of ``expanded`` at ``rows`` less ``shift``, as ``shown``."""
        if not self._plan or self._plan[-1][0] is not expanded or self._plan[-1][2] != shift:
            self._plan.append((expanded, rows, shift, []))
        self._plan[-1][3].append(expanded.row[name])
        self.names.append(shown)

    def frame(self, count: int) -> pd.DataFrame:
        """Return them, of ``count`` rows."""
        out = np.empty((len(self.names), count), self._kind)
        begin = 0
        for expanded, rows, shift, places in self._plan:
            part = out[begin : begin + len(places)]
            _gather(expanded.values, np.array(places, dtype=np.int64), rows, shift, part)
            begin += len(places)
        return pd.DataFrame(out.T, columns=self.names, copy=False)
