"""Import and as-of join of many facts: ``python -m benchmarks facts_join --rows 10000000``.

In SQLite, in a PostgreSQL server of its own (``--postgres``, with that server's defaults: it waits
for the disk) or in an empty database that is there (``--url postgresql://…``).

SYNTHETIC facts: one coin with 20 metrics every five minutes of a year (a fifth of all rows at
most), the rest hourly metrics of other coins for two years, a tenth of all revisions. The join is
compared with a plain loop. Prints one JSON object last and exits non-zero when they differ.
"""

import math
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import text

from benchmarks.support.options import parser
from benchmarks.support.postgres import DURABLE, cluster
from benchmarks.support.result import Result, at_most, finish
from freqpilot.facts.append import micros
from freqpilot.facts.check import Columns
from freqpilot.facts.importer import import_file
from freqpilot.facts.join import HOUR, MICROSECONDS, AsOf, as_of, states
from freqpilot.facts.store import FactStore
from freqpilot.shapes import Ints

METRICS = 20
YEAR = 105_120
"""Five-minute candles."""
STEP = 300 * MICROSECONDS
BEGIN = micros(datetime(2023, 1, 1, tzinfo=UTC))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLE = 200_000
"""Rows of the csv and parquet files."""
TARGET = 1.0


def batch(coin: str, metric: int, rows: int, step: int, rng: np.random.Generator) -> Columns:
    """Return facts of one metric, a tenth of them revisions of an earlier event."""
    place = np.arange(rows)
    revised = rng.random(rows) < 0.1
    event = BEGIN + step * np.where(revised, rng.integers(0, rows, rows), place)
    lag = rng.integers(1, 4 * HOUR, rows) + np.where(revised, 24 * HOUR, 0)
    source, asset, name = (
        np.full(rows, word, dtype=object) for word in ("bench", coin, f"metric_{metric}")
    )
    vintage = np.zeros(rows, np.int64)
    return Columns(source, asset, name, event, event + lag, vintage, rng.normal(size=rows))


def fill(store: FactStore, rows: int, rng: np.random.Generator) -> tuple[int, float]:
    """Append ``rows`` facts; return how many there are and the seconds."""
    done, seconds, coins = 0, 0.0, 0
    heavy = min(YEAR, rows // 5 // METRICS)
    while done < rows:
        name, count, step = (
            ("HEAVY", heavy, STEP) if coins == 0 else (f"COIN{coins}", 2 * 8760, HOUR)
        )
        for metric in range(METRICS):
            columns = batch(name, metric, max(1, min(count, rows - done)), step, rng)
            begun = time.perf_counter()
            done += store.append_columns(columns, NOW).added
            seconds += time.perf_counter() - begun
            if done >= rows:
                break
        coins += 1
    return done, seconds


def join(reader: FactStore, coin: str, closes: Ints) -> tuple[list[AsOf], float, float]:
    """Return a coin's columns, and the seconds to read its facts and to join them."""
    begun = time.perf_counter()
    wanted = [number for (_, asset, _), number in reader.catalogue().items() if asset == coin]
    read = [reader.observations(series, int(closes[0]), int(closes[-1])) for series in wanted]
    between = time.perf_counter()
    columns = [as_of(states(each), closes) for each in read]
    return columns, between - begun, time.perf_counter() - between


def parity(reader: FactStore, coin: str, column: AsOf, closes: Ints) -> bool:
    """Compare 200 candles of the first metric with a loop over all of its versions."""
    (number,) = [
        n
        for (_, asset, name), n in reader.catalogue().items()
        if (asset, name) == (coin, "metric_0")
    ]
    found = reader.observations(number)
    known = np.maximum(found.event, found.available)
    for place in np.linspace(0, closes.size - 1, 200).astype(int):
        rows = np.flatnonzero(known <= closes[place])
        # Rows are in the order of event and availability, so the last one is the state.
        wanted = float(found.value[rows[-1]]) if rows.size else math.nan
        if not np.array_equal([wanted], [column.value[place]], equal_nan=True):
            return False
    return True


def from_files(
    folder: Path, rows: int, rng: np.random.Generator, url: str | None
) -> dict[str, float]:
    """Return rows a second of a csv and of a parquet file."""
    columns = batch("FILE", 0, rows, HOUR // 60, rng)
    frame = pd.DataFrame(
        {
            "asset": columns.asset,
            "metric": columns.metric,
            "value": columns.value,
            "event_time": pd.to_datetime(columns.event, unit="us", utc=True),
            "available_at": pd.to_datetime(columns.available, unit="us", utc=True),
        }
    )
    frame.to_parquet(folder / "facts.parquet")
    for name in ("event_time", "available_at"):
        frame[name] = frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    frame.to_csv(folder / "facts.csv", index=False)
    speed: dict[str, float] = {}
    for kind in ("csv", "parquet"):
        store = FactStore.open(url or f"sqlite:///{folder}/{kind}.sqlite")
        begun = time.perf_counter()
        # Each of a source of its own: in one database the second's facts would be known already.
        done = import_file(store, folder / f"facts.{kind}", NOW, defaults={"source": kind})
        speed[kind] = round((done.added + done.known) / (time.perf_counter() - begun))
        store.close()
    return speed


def size_of(store: FactStore, folder: Path) -> int:
    """Return how many bytes the facts and their index take."""
    if store.engine.dialect.name == "sqlite":
        return (folder / "facts.sqlite").stat().st_size
    with store.engine.connect() as connection:
        return int(connection.scalar(text("SELECT pg_total_relation_size('fact')")) or 0)


def measure(rows: int, folder: Path, server: str | None = None) -> Result:
    """Fill a database, that of a server or a file, compare, and time."""
    rng = np.random.default_rng(7)
    url = server or f"sqlite:///{folder}/facts.sqlite"
    store = FactStore.open(url)
    if store.catalogue():
        store.close()
        sys.exit("the database holds facts already, which would mix the figures: name an empty one")
    kept, seconds = fill(store, rows, rng)
    store.close()
    reader = FactStore.open(url, writes=False)
    closes = BEGIN + STEP * np.arange(1, YEAR + 1)
    equal, times = True, {}
    for coin in ("HEAVY", "COIN1"):
        columns, reading, joining = join(reader, coin, closes)
        equal &= parity(reader, coin, columns[0], closes)
        times[coin] = (round(reading, 3), round(joining, 3))
    begun = time.perf_counter()
    live = closes[-1000:]
    join(reader, "HEAVY", live)
    live_time = time.perf_counter() - begun
    size = size_of(reader, folder)
    reader.close()
    whole = sum(times["COIN1"])
    return Result(
        "facts_join",
        parity=equal,
        targets={"a year of 5m candles, 20 hourly metrics of one pair, s": at_most(whole, TARGET)},
        figures={
            "facts": kept,
            "appended a second": round(kept / seconds),
            "file, bytes a fact": round(size / kept, 1),
            "hourly metrics: read, joined, s": times["COIN1"],
            "metrics every 5m: read, joined, s": times["HEAVY"],
            "20 metrics of 1000 candles (live), s": round(live_time, 4),
            "rows a second from files": from_files(folder, min(rows, SAMPLE), rng, server),
        },
        about={"synthetic": True, "database": reader.engine.dialect.name},
    )


def main() -> int:
    """Measure and print; returns the exit status."""
    made = parser("facts_join", __doc__)
    made.add_argument("--rows", type=int, default=1_000_000)
    where = made.add_mutually_exclusive_group()
    where.add_argument("--url", help="an empty database of a server")
    where.add_argument("--postgres", action="store_true", help="start a server for it")
    given = made.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = given.url
        if given.postgres:
            url = stack.enter_context(cluster(DURABLE)).create("facts")
        return finish(measure(given.rows, folder, url), given)


if __name__ == "__main__":
    sys.exit(main())
