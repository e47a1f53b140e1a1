"""A market day with many pairs, live against the stand-in exchange: ``python -m benchmarks load``.

Each number of pairs is played with Freqpilot and without it: seconds a loop (the stand-in's time
is in both), the process's memory, rows and bytes of the store, and how many refusals stand in how
many rows. Then exits are sent while another process holds the store's lock: how long each waits
before it leaves. The market is invented. Prints one JSON object last.
"""

import json
import logging
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.support.options import parser
from benchmarks.support.result import Result, Say, Target, at_most, finish, progress
from benchmarks.support.sessions import CONFIG, options_of
from freqpilot.rehearsal.bot.live import rehearse_live
from freqpilot.rehearsal.plan.session import RehearsalProgress

NAME = "load"
PAIRS = (100, 500)
LOOP = 300
"""Virtual seconds a loop."""
EVERY = 24
EXITS = 5
SECONDS = 1.0
"""Most that an exit may wait for the store before it leaves."""
PAIR_ROWS = 40.0
"""Most rows that a pair may leave in the store in a day."""


@dataclass(frozen=True)
class Day:
    """A session: loops, seconds of the mean and of the slowest loop, most MiB, rows by table, bytes
    of the store, orders, refusals that were counted, breaches."""

    loops: int
    mean: float
    slowest: float
    memory: float
    rows: dict[str, int]
    size: int
    orders: int
    refused: int
    breaches: tuple[str, ...]


class Meter:
    """The length of each loop, and the most memory of the bot's processes; says how far the market
    is each ``EVERY``-th of the way.

    :param name: what is played.
    """

    def __init__(self, name: str = "", say: Say = lambda _: None) -> None:
        self.loops: list[float] = []
        self.memory = 0.0
        self._last = (0, 0.0)
        self._name, self._say, self._shown = name, say, 0

    def note(self, step: RehearsalProgress) -> None:
        """Take a report of the session."""
        import psutil

        loops, seconds = self._last
        if step.loops > loops:
            self.loops.append((step.wall_seconds - seconds) / (step.loops - loops))
            self._last = (step.loops, step.wall_seconds)
        sizes = []
        for child in psutil.Process().children(recursive=True):
            try:
                sizes.append(child.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        self.memory = max(self.memory, max(sizes, default=0) / 2**20)
        if int(step.share * EVERY) > self._shown:
            self._shown = int(step.share * EVERY)
            left = step.wall_seconds * (1 / step.share - 1) / 60
            self._say(
                f"{self._name}: {step.share:.0%}, {step.wall_seconds / step.loops:.1f} s a loop, "
                f"{self.memory:.0f} MiB, {left:.0f} minutes left"
            )


def title(count: int, *, plain: bool) -> str:
    """Return what is played, in words."""
    return f"{count} pairs, {'alone' if plain else 'with Freqpilot'}"


def names(count: int) -> tuple[str, ...]:
    """Return as many pairs."""
    return ("BTC/USDT", *(f"C{number:03d}/USDT" for number in range(1, count)))


def play(folder: Path, count: int, hours: float, *, plain: bool, say: Say, loop: int = LOOP) -> Day:
    """Play a market day with so many pairs."""
    options = options_of(folder, 3, "none", plain=plain, days=hours / 24)
    pairs = names(count)
    exchange = {"name": "binance", "pair_whitelist": list(pairs)}
    config = {**CONFIG, "exchange": exchange, "dry_run_wallet": 10_000, "max_open_trades": 12}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    meter = Meter(title(count, plain=plain), say)
    done = rehearse_live(replace(options, pairs=pairs, loop_seconds=loop), meter.note)
    store = options.run_dir / "freqpilot.sqlite" if options.run_dir else Path()
    rows, counters = rows_of(store)
    return Day(
        loops=done.run.loops,
        mean=done.run.wall_seconds / max(1, done.run.loops),
        slowest=max(meter.loops[1:], default=0.0),
        memory=meter.memory,
        rows=rows,
        size=store.stat().st_size if store.is_file() else 0,
        orders=done.orders,
        refused=counters,
        breaches=tuple(str(breach) for breach in done.breaches),
    )


def tables_of(database: Path) -> dict[str, int]:
    """Return the rows of each table that has any; none where there is no such file."""
    if not database.is_file():
        return {}
    with closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'")
        found = {
            name: connection.execute(f'select count(*) from "{name}"').fetchone()[0]  # noqa: S608
            for (name,) in tables.fetchall()
        }
    return {name: number for name, number in found.items() if number}


def rows_of(store: Path) -> tuple[dict[str, int], int]:
    """Return the rows of each table of a store, and the sum of its counters."""
    found = tables_of(store)
    if not found:
        return {}, 0
    with closing(sqlite3.connect(store)) as connection:
        counted = connection.execute("select coalesce(sum(value), 0) from counter").fetchone()[0]
    return found, int(counted)


def exit_delays(folder: Path, exits: int = EXITS) -> list[float]:
    """Return how many seconds exits wait one after the other while the store is locked, each until
    its order leaves."""
    import ccxt
    from freqtrade.persistence import init_db

    from freqpilot.host.account.begin import begin
    from freqpilot.host.orders.sending import Sending, send, sending

    init_db(f"sqlite:///{folder / 'trades.sqlite'}")
    config = {"dry_run": False, "user_data_dir": folder, "exchange": {"name": "binance"}}
    run = begin({**config, "freqpilot": {}, "stake_currency": "USDT"}, live=True)
    order: dict[str, Any] = {"symbol": "BTC/USDT", "type": "market", "side": "sell"}
    left: list[float] = []

    def original(**_: Any) -> dict[str, Any]:
        left.append(time.perf_counter())
        return {"id": str(len(left)), "status": "open"}

    waited = []
    try:
        with closing(sqlite3.connect(folder / "freqpilot.sqlite", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            for number in range(exits):
                begun = time.perf_counter()
                with sending(Sending("exit", number, 1.0)):
                    send(ccxt.binance(), original, **order, amount=1.0, price=None, params={})
                waited.append(left[-1] - begun)
            holder.execute("ROLLBACK")
    finally:
        run.store.close()
    return waited


def targets_of(days: dict[int, tuple[Day, Day]], waited: Sequence[float]) -> dict[str, Target]:
    """Return the targets: what is kept a pair, and how long an exit waits."""
    found = {
        f"rows a pair and day, {count} pairs": at_most(sum(ours.rows.values()) / count, PAIR_ROWS)
        for count, (ours, _) in days.items()
    }
    return {**found, "seconds of an exit under a held lock": at_most(max(waited), SECONDS)}


def main() -> int:
    """Run it; returns the exit status."""
    made = parser(NAME, __doc__)
    made.add_argument("--pairs", type=int, nargs="+", default=list(PAIRS))
    made.add_argument("--hours", type=float, default=24.0, help="of the market")
    made.add_argument("--loop", type=int, default=LOOP, help="virtual seconds a loop")
    given = made.parse_args()
    say, days = progress(), {}
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        for count in given.pairs:
            both = []
            for plain in (False, True):
                folder = Path(name) / f"{count}-{plain}"
                session = play(folder, count, given.hours, plain=plain, say=say, loop=given.loop)
                both.append(session)
                say(f"{title(count, plain=plain)}: {session}")
            days[count] = (both[0], both[1])
        (Path(name) / "exits").mkdir()
        waited = exit_delays(Path(name) / "exits")
    figures: dict[str, Any] = {
        f"{count} pairs": {"with Freqpilot": vars(ours), "alone": vars(alone)}
        for count, (ours, alone) in days.items()
    }
    figures["seconds of exits under a held lock"] = [round(each, 3) for each in waited]
    parity = not any(each.breaches for both in days.values() for each in both)
    about = {"synthetic": True, "hours": given.hours, "loop seconds": given.loop}
    return finish(Result(NAME, figures, targets_of(days, waited), parity, about), given)


if __name__ == "__main__":
    sys.exit(main())
