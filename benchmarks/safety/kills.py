"""One position from entry to exit, with the bot killed at every single request, before it is
carried out and after: the end must be the same as without a kill.

``python -m benchmarks kills [--futures]``
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.support.options import parser
from benchmarks.support.result import Result, exactly, finish, progress
from benchmarks.support.sessions import options_of
from freqpilot.rehearsal.bot.live import LiveSummary, rehearse_live
from freqpilot.rehearsal.faults.requests import Call, FaultPlan
from freqpilot.rehearsal.plan.session import RehearsalOptions

SEED = 3
HOURS = 5
CASH_TOLERANCE = Decimal("0.5")
"""A restart takes seconds in which the price moves: so much of the stake currency (of a position of
100) may be between two ends that are the same otherwise."""


@dataclass(frozen=True)
class End:
    """How a session ended: its trades (pair, whether it is closed, why), cash and breaches."""

    trades: tuple[tuple[str, bool, str], ...]
    cash: Decimal
    coins: Decimal
    breaches: tuple[str, ...]

    @classmethod
    def of(cls, summary: LiveSummary) -> "End":
        """Return the end of a session."""
        whole = (*summary.run.trades, *summary.run.open_trades)
        return cls(
            tuple((t.pair, t.close_date is not None, t.exit_reason or "") for t in whole),
            summary.balances["USDT"],
            summary.balances.get("BTC", Decimal(0)),
            tuple(str(breach) for breach in summary.breaches),
        )

    def difference(self, other: "End") -> str:
        """Return what differs from ``other``, nothing when they are the same."""
        if self.breaches:
            return f"breaches: {'; '.join(self.breaches)}"
        if self.trades != other.trades:
            return f"trades {self.trades}, not {other.trades}"
        if abs(self.cash - other.cash) > CASH_TOLERANCE:
            return f"cash {self.cash}, not {other.cash}"
        return "" if abs(self.coins - other.coins) < Decimal("0.0001") else f"coins {self.coins}"


def life(folder: Path, *, futures: bool = False) -> RehearsalOptions:
    """Return the options of one entry-to-exit life on one pair, two loops an hour."""
    options = options_of(folder, SEED, "none", futures=futures, days=HOURS / 24)
    return replace(options, pairs=("BTC/USDT",), loop_seconds=1_800)


def play(
    folder: Path, kill_at: int = 0, *, after: bool = False, futures: bool = False
) -> tuple[End, FaultPlan]:
    """Play the life, killed at one request; returns its end and what happened to the requests."""
    faults = FaultPlan(kill_at=kill_at, kill_after=after)
    end = End.of(rehearse_live(life(folder, futures=futures), faults=faults))
    if not end.breaches:
        shutil.rmtree(folder)
    return end, faults


def cases_of(calls: Sequence[Call], every: int = 1) -> list[tuple[int, bool]]:
    """Return where to kill: before each request, and after each one that changes something (after
    one that only asks, the exchange is as it was before)."""
    numbers = range(1, len(calls) + 1, every)
    writes = [n for n, call in enumerate(calls, 1) if call.method != "GET"]
    return sorted([*((n, False) for n in numbers), *((n, True) for n in writes)])


def kills(
    folder: Path, cases: Sequence[tuple[int, bool]], workers: int = 2, *, futures: bool = False
) -> Iterator[tuple[str, End]]:
    """Yield the end of each killed life with what was killed."""

    def killed(case: tuple[int, bool]) -> tuple[str, End]:
        number, after = case
        end, faults = play(folder / f"{number}-{after}", number, after=after, futures=futures)
        return str(faults.strikes[0]) if faults.strikes else f"request {number} never came", end

    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(killed, cases)


def main() -> int:
    """Run it; returns the exit status."""
    made = parser("kills", __doc__)
    made.add_argument("--every", type=int, default=1, help="each so many requests")
    made.add_argument("--futures", action="store_true", help="a perpetual, leverage 2")
    made.add_argument("--workers", type=int, default=2)
    given = made.parse_args()
    say = progress()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    plain, faults = play(folder / "whole", futures=given.futures)
    again, _ = play(folder / "again", futures=given.futures)
    cases = cases_of(faults.calls, given.every)
    wrong: list[str] = []
    ends = kills(folder, cases, given.workers, futures=given.futures)
    for count, (what, end) in enumerate(ends, 1):
        if difference := end.difference(plain):
            wrong.append(f"{what}: {difference}")
            say(f"    {wrong[-1]}")
        if count % 10 == 0:
            say(f"{count}/{len(cases)} kills")
    figures: dict[str, Any] = {
        "requests of the life": faults.requests,
        "kills": len(cases),
        "trades": [list(trade) for trade in plain.trades],
        "different ends": wrong,
    }
    targets = {"kills with another end": exactly(len(wrong), 0)}
    about = {"synthetic": True}
    return finish(Result("kills", figures, targets, again == plain, about, strict=True), given)


if __name__ == "__main__":
    sys.exit(main())
