"""Couples under faults: how long is one leg held without the other?

Each seed is one day of a SYNTHETIC market on two perpetuals, four loops an hour, through the
unmodified ``freqtrade trade`` in live mode against the stand-in exchange, with orders that are
refused, lost, late, cut in half, requests refused for their number, and the bot killed. A couple is
in for two of three hours. The exchange's ledger decides; it says nothing about profit.

``python -m benchmarks pairs --seeds 20 --json``

Prints ORPHAN_LOOPS, the most ends of a loop in a row at which one leg was held alone; the target is
at most 1. Exits non-zero when it is missed, or when something else does not hold.
"""

import json
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.support.options import parser
from benchmarks.support.result import Result, at_most, exactly, finish, progress
from benchmarks.support.sessions import CONFIG, FUTURES, PAIRS, STRATEGIES
from freqpilot.host.boot.doors import config_dir
from freqpilot.rehearsal.bot.live import LiveSummary, rehearse_live
from freqpilot.rehearsal.plan.session import RehearsalOptions
from freqpilot.rehearsal.venue.spot import MIN_NOTIONAL, ZERO, VenueOrder

FAULTS = "lost,late,timeout,reject,stop,partial,limit,kill"
MARKET = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
SETTINGS: dict[str, Any] = {
    **CONFIG,
    **FUTURES,
    "entry_pricing": MARKET,
    "exit_pricing": MARKET,
    "stake_amount": "unlimited",
    "bot_name": "pairs",
}


@dataclass(frozen=True)
class Legs:
    """What a session's ledger says: how many loops ended with both legs, how many with one, the
    most of those in a row, and the longest time (s) for which one was held alone."""

    both: int
    one: int
    orphan_loops: int
    alone_seconds: float


def options_of(
    folder: Path, seed: int, faults: str, *, days: float = 1.0, strategy: str = "RestlessPairs"
) -> RehearsalOptions:
    """Return the options of one session; its files lie in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.json"
    config.write_text(json.dumps(SETTINGS), encoding="utf-8")
    return RehearsalOptions(
        userdir=folder,
        configs=(config, config_dir() / "freqpilot.json"),
        strategy=strategy,
        strategy_path=STRATEGIES,
        seed=seed,
        pairs=PAIRS,
        days=days,
        speed=0,
        history_days=12,
        faults=faults,
        run_dir=folder / "run",
    )


def legs_of(ledger: Sequence[VenueOrder], loop_ends: Iterable[int]) -> Legs:
    """Return how the legs of two perpetuals were held, by the exchange's fills alone.

    A position worth less than the least order cannot be closed and does not count as one.
    """
    fills = sorted((f.time, o.symbol, o.sign * f.amount, f.price) for o in ledger for f in o.fills)
    ends = sorted(loop_ends)
    held: dict[str, Decimal] = defaultdict(lambda: ZERO)
    price: dict[str, Decimal] = {}
    counts: list[int] = []
    begun: int | None = None
    longest, place = 0, 0

    def count() -> int:
        return sum(abs(amount) * price[symbol] >= MIN_NOTIONAL for symbol, amount in held.items())

    for time_ms, symbol, amount, paid in [*fills, (2**62, "", ZERO, ZERO)]:
        while place < len(ends) and ends[place] < time_ms:
            counts.append(count())
            place += 1
        if not symbol:
            break
        held[symbol] += amount
        price[symbol] = paid
        if count() == 1:
            begun = time_ms if begun is None else begun
            continue
        longest = max(longest, time_ms - begun) if begun is not None else longest
        begun = None
    runs = [len(list(run)) for alone, run in groupby(n == 1 for n in counts) if alone]
    return Legs(counts.count(2), counts.count(1), max(runs, default=0), longest / 1000)


@dataclass(frozen=True)
class Session:
    """One seed's session, what became of its legs, and its real seconds."""

    seed: int
    summary: LiveSummary
    legs: Legs
    seconds: float


def play(folder: Path, seed: int, faults: str, days: float = 1.0) -> Session:
    """Run one session; its files are removed unless something did not hold."""
    begun = time.monotonic()
    summary = rehearse_live(replace(options_of(folder, seed, faults), days=days))
    legs = legs_of(summary.ledger, summary.loop_ends)
    if legs.orphan_loops <= 1 and not summary.breaches:
        shutil.rmtree(folder)
    return Session(seed, summary, legs, time.monotonic() - begun)


def report(sessions: Sequence[Session]) -> Result:
    """Return the benchmark's result."""
    worst = max((s.legs.orphan_loops for s in sessions), default=0)
    breaches = Counter(b.rule for s in sessions for b in s.summary.breaches)
    idle = [s.seed for s in sessions if not s.legs.both]
    trades = [t for s in sessions for t in (*s.summary.run.trades, *s.summary.run.open_trades)]
    return Result(
        "pairs",
        targets={
            "loops that one leg was held alone": at_most(worst, 1),
            "breaches of what must always hold": exactly(sum(breaches.values()), 0),
            "sessions without a couple": exactly(len(idle), 0),
        },
        figures={
            "sessions": len(sessions),
            "orders": sum(s.summary.orders for s in sessions),
            "fills": sum(s.summary.fills for s in sessions),
            "kills": sum(s.summary.kills for s in sessions),
            "trades": len(trades),
            "loops with both legs": sum(s.legs.both for s in sessions),
            "loops with one leg": sum(s.legs.one for s in sessions),
            "longest time alone, s": max((s.legs.alone_seconds for s in sessions), default=0.0),
            "exits": dict(Counter(str(t.exit_reason) for t in trades)),
            "faults": dict(
                sorted(Counter(str(k.fault) for s in sessions for k in s.summary.strikes).items())
            ),
            "breaches": dict(breaches),
            "seeds to replay": [
                s.seed for s in sessions if s.legs.orphan_loops > 1 or s.summary.breaches
            ],
        },
        about={"synthetic": True, "ORPHAN_LOOPS": worst},
        strict=True,
    )


def main() -> int:
    """Run it; returns the exit status."""
    made = parser("pairs", __doc__)
    made.add_argument("--seeds", type=int, default=20)
    made.add_argument("--first-seed", type=int, default=1)
    made.add_argument("--days", type=float, default=1.0)
    made.add_argument("--faults", default=FAULTS)
    given = made.parse_args()
    say = progress()
    folder = Path(tempfile.mkdtemp(prefix="pairs-"))
    sessions = []
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        found = play(folder / str(seed), seed, given.faults, given.days)
        sessions.append(found)
        say(
            f"seed {seed}: {found.summary.orders} orders, {len(found.summary.strikes)} faults, "
            f"{found.legs} ({found.seconds:.1f} s) {'; '.join(map(str, found.summary.breaches))}"
        )
    return finish(report(sessions), given)


if __name__ == "__main__":
    sys.exit(main())
