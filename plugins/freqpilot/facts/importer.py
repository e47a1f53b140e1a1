"""Facts from csv and parquet files, in parts, so that millions need little memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from freqpilot.facts.append import micros
from freqpilot.facts.check import UNKNOWN_TIME, BadFact, Columns, faults
from freqpilot.facts.store import FactStore
from freqpilot.shapes import Ints

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 250_000
NAMES = ("source", "asset", "metric")
REQUIRED = (*NAMES, "value", "event_time", "available_at")
KNOWN = (*REQUIRED, "vintage")
SHOWN = 5
"""Faults that a message lists; the rest are counted."""
Progress = Callable[[Path, int], None]


@dataclass(frozen=True)
class Imported:
    """What became of a file's rows: new, there already, without a value, refused; ``faults`` are
    the first of the refused, with their rows."""

    added: int = 0
    known: int = 0
    empty: int = 0
    refused: int = 0
    faults: tuple[str, ...] = ()


def import_file(
    store: FactStore,
    file: Path,
    now: datetime,
    *,
    defaults: dict[str, str] | None = None,
    scheduled: bool = False,
    skip_bad: bool = False,
    progress: Progress = lambda file, rows: None,
) -> Imported:
    """Append the facts of a ``.csv`` (also compressed) or ``.parquet`` file.

    Its columns are source, asset, metric, value, event_time, available_at and, optionally, vintage;
    times are ISO 8601 (UTC without a zone) or timestamps. Rows without a value are no facts and are
    counted. The file is kept in parts of 250,000 rows; importing it again adds nothing twice.

    :param defaults: source, asset or metric of all rows where the file has no such column.
    :param skip_bad: go on without the rows that are refused instead of stopping.
    :param progress: is told the file and how many of its rows are read.
    :raises BadFact: naming the rows; the parts before theirs are kept.
    """
    done, rows = Imported(), 0
    for frame in _chunks(file, dict(defaults or {})):
        first = rows + _first_row(file)
        rows += len(frame)
        columns, places, empty = _columns_of(frame, first)
        wrong = faults(columns, micros(now), scheduled=scheduled)
        if wrong:
            told = tuple(f"row {places[row]}: {reason}" for row, reason in wrong.items())
            if not skip_bad:
                raise BadFact(_refusal(file, told))
            good = np.ones(len(columns), np.bool_)
            good[list(wrong)] = False
            columns, places = columns.take(good), places[good]
            done = replace(
                done, refused=done.refused + len(told), faults=(done.faults + told)[:SHOWN]
            )
        kept = _append(store, file, columns, places, now, scheduled=scheduled)
        done = replace(
            done, added=done.added + kept[0], known=done.known + kept[1], empty=done.empty + empty
        )
        progress(file, rows)
    return done


def _append(
    store: FactStore, file: Path, columns: Columns, places: Ints, now: datetime, *, scheduled: bool
) -> tuple[int, int]:
    try:
        kept = store.append_columns(columns, now, scheduled=scheduled)
    except BadFact as fault:
        row = "?" if fault.row is None else places[fault.row]
        raise BadFact(
            f"{file}, row {row}: {fault}; the parts of the file before are kept"
        ) from None
    return kept.added, kept.known


def _refusal(file: Path, told: tuple[str, ...]) -> str:
    more = f" (and {len(told) - SHOWN} more)" if len(told) > SHOWN else ""
    return (
        f"{file}: {'; '.join(told[:SHOWN])}{more}. Nothing of these rows' part was kept; mend the "
        "file and import it again, or leave bad rows out with --skip-bad"
    )


def _first_row(file: Path) -> int:
    """Return the number of the first row as an editor counts it: behind a csv's header."""
    return 1 if file.suffix == ".parquet" else 2


def _chunks(file: Path, defaults: dict[str, str]) -> Iterator["pd.DataFrame"]:
    if not file.is_file():
        raise BadFact(f"there is no file {file}; nothing was imported from it, check the path")
    try:
        for frame in _parquet(file) if file.suffix == ".parquet" else _csv(file):
            frame.columns = [str(name).strip() for name in frame.columns]
            for name, value in defaults.items():
                if name not in frame:
                    frame[name] = value
            _check_columns(file, list(frame.columns))
            yield frame
    except (OSError, ValueError, UnicodeDecodeError) as error:  # what pandas and pyarrow raise
        raise BadFact(f"{file} cannot be read: {error}") from None


def _csv(file: Path) -> Iterator["pd.DataFrame"]:
    import pandas as pd

    # As text: what is no number or time shall be named, and a coin called NAN stays a coin.
    with pd.read_csv(file, dtype=str, keep_default_na=False, chunksize=CHUNK) as chunks:
        yield from chunks


def _parquet(file: Path) -> Iterator["pd.DataFrame"]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(file) as source:
        for batch in source.iter_batches(batch_size=CHUNK):
            yield batch.to_pandas()


def _check_columns(file: Path, found: list[str]) -> None:
    if missing := [name for name in REQUIRED if name not in found]:
        hint = [f"--{name}" for name in missing if name in NAMES]
        ways = f" (or give {' '.join(hint)})" if hint else ""
        raise BadFact(
            f"{file} has no column {', '.join(missing)}{ways}; it has {', '.join(found)}. Without "
            "available_at nobody knows what was known when"
        )
    if unknown := [name for name in found if name not in KNOWN]:
        raise BadFact(
            f"{file} has columns that are not known: {', '.join(unknown)}; it takes "
            f"{', '.join(KNOWN)}"
        )


def _columns_of(frame: "pd.DataFrame", first: int) -> tuple[Columns, Ints, int]:
    """Return a part's facts, the row of each, and how many rows have no value."""
    text = frame["value"]
    empty = text.isna().to_numpy()
    if not _numeric(text):
        empty = empty | (text.astype(str).str.strip() == "").to_numpy()
    places = np.flatnonzero(~empty)
    frame = frame[~empty]
    columns = Columns(
        frame["source"].to_numpy(dtype=object),
        frame["asset"].to_numpy(dtype=object),
        frame["metric"].to_numpy(dtype=object),
        _times(frame["event_time"]),
        _times(frame["available_at"], date_only=False),
        _vintages(frame),
        _numbers(frame["value"]),
    )
    return columns, places + first, int(empty.sum())


def _numeric(column: "pd.Series[Any]") -> bool:
    return column.dtype.kind in "iuf"


def _numbers(column: "pd.Series[Any]") -> Any:
    import pandas as pd

    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)


def _vintages(frame: "pd.DataFrame") -> Ints:
    if "vintage" not in frame:
        return np.zeros(len(frame), np.int64)
    found = _numbers(frame["vintage"])
    whole = np.isfinite(found) & (found == np.floor(found)) & (np.abs(found) < 2**31)
    return np.where(whole, found, -1).astype(np.int64)


def _times(column: "pd.Series[Any]", *, date_only: bool = True) -> Ints:
    """Return microseconds since the epoch, UNKNOWN_TIME for what is no time.

    Numbers are not guessed at (seconds? milliseconds?), and a bare date is no time at which
    something came to be known: taken as midnight it would tell a day's value at its beginning.
    """
    import pandas as pd

    if _numeric(column):
        return np.full(len(column), UNKNOWN_TIME, np.int64)
    if column.dtype.kind != "M":
        text = column.astype(str).str.strip()
        usable = text.str.contains("-", regex=False)
        if not date_only:
            usable &= text.str.len() > len("2024-01-01")
        column = text.where(usable, None)
    found = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    times = found.dt.as_unit("us").dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return np.where(np.isnat(times), UNKNOWN_TIME, times.astype(np.int64))
