"""A second bot that is started on what the first one owns: it must be refused."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freqpilot.rehearsal.books.spot import Breach, rows
from freqpilot.rehearsal.plan.session import DATABASE
from freqpilot.rehearsal.venue.spot import Venue

SECOND_DATABASE, SECOND_LOG, SECOND_OVERLAY = "second.sqlite", "second.log", "second.json"
LOOPS = 2
"""How many loops it may do if nobody refuses it: enough to adopt, to enter and to place stops."""
SECONDS = 120.0
"""Real seconds after which it is killed."""
OWNED = {
    "order_intent": "client_id, state, order_id",
    "risk_state": "key, state",
    "trades": "id, is_open, amount, stop_loss",
    "orders": "order_id, ft_is_open, filled",
}
"""What is the first bot's, in its store and its trades database."""


@dataclass(frozen=True)
class Belongings:
    """What the first bot has: orders on the exchange, and rows by table."""

    orders: int
    tables: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, venue: Venue, store: Path, database: Path) -> "Belongings":
        """Read them."""
        tables = {
            name: rows(store if name in ("order_intent", "risk_state") else database, name, columns)
            for name, columns in OWNED.items()
        }
        return cls(len(venue.orders) + len(getattr(venue, "algos", ())), tables)

    def differences(self, after: "Belongings") -> Iterator[str]:
        """Yield what is not as it was."""
        if after.orders != self.orders:
            yield f"{after.orders - self.orders} orders were sent"
        for name, before in self.tables.items():
            if after.tables[name] != before:
                yield f"{name} was changed"


def play_second(run_dir: Path, url: str, now: float, database: str) -> int:
    """Start a second bot on the run's store and wait for its end; returns its exit status, 0 when
    nobody refused it."""
    context = multiprocessing.get_context("forkserver")
    child = context.Process(target=_child, args=(run_dir, url, now, database), daemon=True)
    child.start()
    child.join(SECONDS)
    if child.is_alive():
        child.kill()
        child.join()
    return child.exitcode or 0


def breaches_of(
    status: int, before: Belongings, after: Belongings, database: str, now: int
) -> Iterator[Breach]:
    """Yield what a second bot was allowed to do."""
    where = "the same trades database" if database == DATABASE else "a trades database of its own"
    at = datetime.fromtimestamp(now / 1000, UTC)
    head = f"a bot with {where} on the store of a living one, at {at:%Y-%m-%d %H:%M:%S}"
    if not status:
        yield Breach("second bot", f"{head}, was not refused")
    for difference in before.differences(after):
        yield Breach("second bot", f"{head}: {difference}")


class _Loops:
    """Takes the place of a stepper: some loops a second apart, and the end."""

    def __init__(self, clock: Any) -> None:
        self._clock, self.count = clock, 0

    def loop_end(self, _seconds: float, _bot: Any) -> None:
        self.count += 1
        if self.count >= LOOPS:
            raise KeyboardInterrupt
        self._clock.advance(1.0)


def _child(run_dir: Path, url: str, now: float, database: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})

    from freqpilot.rehearsal.clock import VirtualClock
    from freqpilot.rehearsal.plan.session import clean_environment, load_plan
    from freqpilot.rehearsal.plan.trading import name_error_codes, trade

    clean_environment(os.environ)
    name_error_codes(url)
    with (run_dir / SECOND_LOG).open("a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    with VirtualClock(datetime.fromtimestamp(now, UTC)) as clock:
        loops = _Loops(clock)
        status = trade(
            load_plan(run_dir), run_dir, loops, database=database, overlay=SECOND_OVERLAY
        )
    sys.exit(0 if loops.count else status)
