"""A month of the market under faults in one session: what grows in process, store and log?

``python -m benchmarks endure`` plays 30 days of a SYNTHETIC market, a loop an hour, through the
unmodified ``freqtrade trade`` in live mode against the stand-in exchange, under each fault but the
kill, which would clear the memory, and those that end the trading of a pair or of the account.
Events are kept for five days, so that their retention shows.
Each five days the rows of each table, the bytes of the store and of the decision log and the
bot's memory are noted.

Orders' intents and trades' decisions grow with the orders and trades; nothing else may grow by more
than ``ROWS`` from the tenth day on, and the memory by no more than ``MEMORY`` MiB from the fifth.
Prints one JSON object last.
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from benchmarks.safety.load import tables_of
from benchmarks.support.options import parser
from benchmarks.support.result import Result, Say, Target, at_most, finish, progress
from benchmarks.support.sessions import CONFIG, options_of
from freqpilot.rehearsal.bot.live import LiveSummary, rehearse_live
from freqpilot.rehearsal.faults.requests import Fault, parse_faults
from freqpilot.rehearsal.plan.session import RehearsalProgress

NAME = "endure"
DAYS, EVERY = 30.0, 5
LOOP = 3_600
"""Virtual seconds a loop."""
KEEP_DAYS = 5
OF_ORDERS = ("order_intent", "decision")
"""Tables with a row for each order or trade."""
ROWS = 1.5
"""What the rows of another table may be of their number on the tenth day, or ``FEW`` more."""
FEW = 50
NEVER = {Fault.KILL, Fault.DELISTED, Fault.GAP}
RISK = {"streak_halt": 1_000, "drawdown_cut": 0.5, "drawdown_half": 0.6, "drawdown_halt": 0.7}
STAKE = 20
"""Of a thousand: small enough for what a losing streak leaves of the limits, so that the account
goes on trading for the whole month."""
A_TRADE = 12.0
"""Most intents for each trade: its entry and exit, its stop, what was refused or sent again."""
MEMORY = 64.0
LOG = 60 * 2**20
"""Bytes of the decision log: a file of ten million and five old ones."""


@dataclass(frozen=True)
class Mark:
    """What there was at the end of a day: rows by table, bytes of the store and of the decision
    log, MiB of the bot's process, trades so far."""

    day: int
    rows: dict[str, int]
    store: int
    log: int
    memory: float
    trades: int


class Marks:
    """Notes a mark each ``EVERY`` days of a session; its times are the market's."""

    def __init__(self, run_dir: Path, say: Say) -> None:
        self.run_dir, self.say = run_dir, say
        self.found: list[Mark] = []
        self._begun: datetime | None = None

    def note(self, step: RehearsalProgress) -> None:
        """Take a report of the session."""
        self._begun = self._begun or step.now
        day = (step.now - self._begun + timedelta(hours=2)) // timedelta(days=1)
        if day >= EVERY * (len(self.found) + 1):
            self.take(EVERY * (len(self.found) + 1))

    def take(self, day: int) -> None:
        """Note what there is now."""
        store = self.run_dir / "freqpilot.sqlite"
        rows = {name.removesuffix("_away"): rows for name, rows in tables_of(store).items()}
        trades = tables_of(self.run_dir / "trades.sqlite")
        mark = Mark(
            day=day,
            rows=rows,
            store=_size([store, store.with_name(f"{store.name}-wal")]),
            log=_size(self.run_dir.glob("decisions.jsonl*")),
            memory=_memory(),
            trades=trades.get("trades", 0),
        )
        self.found.append(mark)
        self.say(f"day {day}: {mark}")


def _size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def _memory() -> float:
    """Return the MiB of the largest process below this one: the bot's."""
    sizes = []
    for child in psutil.Process().children(recursive=True):
        try:
            sizes.append(child.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
    return round(max(sizes, default=0) / 2**20, 1)


def play(folder: Path, days: float, seed: int, say: Say) -> tuple[LiveSummary, list[Mark]]:
    """Play the session; returns its summary and the marks."""
    faults = ",".join(sorted(parse_faults("all") - NEVER))
    options = options_of(folder, seed, faults, days=days)
    pilot = {"risk": RISK, "store": {"keep_days": KEEP_DAYS}}
    config = {**CONFIG, "stake_amount": STAKE, "freqpilot": pilot}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert options.run_dir is not None
    marks = Marks(options.run_dir, say)
    return rehearse_live(replace(options, loop_seconds=LOOP), marks.note), marks.found


def targets_of(marks: list[Mark]) -> dict[str, Target]:
    """Return what may grow, and by how much."""
    if len(marks) < 2:
        return {}
    early, last = marks[1], marks[-1]
    found = {}
    for name in sorted({name for mark in marks for name in mark.rows} - set(OF_ORDERS)):
        most = max(ROWS * early.rows.get(name, 0), early.rows.get(name, 0) + FEW)
        found[f"rows of {name} on the last day"] = at_most(last.rows.get(name, 0), most)
    intents = last.rows.get("order_intent", 0) / max(1, last.trades)
    return {
        **found,
        "intents a trade": at_most(round(intents, 2), A_TRADE),
        "decisions a trade": at_most(last.rows.get("decision", 0) / max(1, last.trades), 1.0),
        "MiB of memory more than on the fifth day": at_most(
            round(last.memory - marks[0].memory, 1), MEMORY
        ),
        "bytes of the decision log": at_most(last.log, LOG),
    }


def main() -> int:
    """Run it; returns the exit status."""
    made = parser(NAME, __doc__)
    made.add_argument("--days", type=float, default=DAYS, help="of the market, at least ten")
    made.add_argument("--seed", type=int, default=1)
    given = made.parse_args()
    with tempfile.TemporaryDirectory() as name:
        begun = datetime.now(UTC)
        done, marks = play(Path(name), given.days, given.seed, progress())
        seconds = (datetime.now(UTC) - begun).total_seconds()
    figures: dict[str, Any] = {
        "marks": [vars(mark) for mark in marks],
        "loops": done.run.loops,
        "orders": done.orders,
        "faults": len(done.strikes),
        "breaches": [str(breach) for breach in done.breaches],
        "seconds": round(seconds, 1),
    }
    about = {"synthetic": True, "days": given.days, "seed": given.seed, "loop seconds": LOOP}
    parity = not done.breaches
    return finish(Result(NAME, figures, targets_of(marks), parity, about, strict=True), given)


if __name__ == "__main__":
    sys.exit(main())
