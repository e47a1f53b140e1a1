"""Looks at what the bot's ledger says of the account: that it is true, and that it stays.

A wrong price and a clock that is ahead must leave no trace in it: no peak and no halt that the
market never saw, and no time in which it takes nothing in.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from freqpilot.rehearsal.books.report import LoopReport, Meanwhile
from freqpilot.rehearsal.books.spot import rows

NEAR = Decimal("0.01")
"""How far from the true one a peak, or a fall that halts, may be: the bot's look is a moment
earlier, and counts fees of exits that are to come."""
LOOKS = 3
"""Loop ends whose worst counts for a halt: it is judged by two looks, of which the first was before
the loop."""
JITTER_MS = 5_000
ROUNDING = 1e-9


class Judge(Protocol):
    """Counts a loop in which a rule is broken."""

    def __call__(
        self, rule: str, about: str, wrong: bool, excused: bool, now: int, text: str
    ) -> None:
        """See :class:`~freqpilot.rehearsal.books.watchman.Watchman`."""


class LedgerWatch:
    """Watches a bot's ledger from loop to loop.

    :param limit: returns the equity at which a bot has to halt, by the highest there was.
    """

    def __init__(
        self, judge: Judge, store: Path | None, start: Decimal, limit: Callable[[Decimal], Decimal]
    ) -> None:
        self._judge, self._store, self._limit = judge, store, limit
        self._highest = start
        self._seen: list[Decimal] = []
        self._kept: tuple[float, str | None] = (0.0, None)
        self._keeper = 0
        self._before = LoopReport()
        self._ahead_of = 0
        self._turned = False

    def loop_ended(
        self, now: int, equity: Decimal, report: LoopReport, meanwhile: Meanwhile, *, excused: bool
    ) -> None:
        """Look at the ledger.

        :param equity: the account's, by the market.
        """
        self._highest = max(self._highest, equity)
        self._seen = [*self._seen[1 - LOOKS :], equity]
        self._watch_truth(now, report)
        self._watch_kept(now, report, meanwhile)
        self._watch_clock(now, report, meanwhile, excused=excused)
        self._before = report

    def _watch_truth(self, now: int, report: LoopReport) -> None:
        peak, highest = report.peak or 0.0, self._highest
        text = f"the bot's peak is {peak:.2f}, the account was never above {highest:.2f}"
        self._judge("false peak", "", peak > highest * (1 + NEAR), False, now, text)
        worst = min(self._seen)
        limit = self._limit(self._highest * (1 + NEAR)) * (1 + NEAR)
        new = report.halted is not None and report.halted != self._before.halted
        text = f"the bot is halted ({report.halted}), the account was never below {worst:.2f}"
        money = new and not any(word in str(report.halted) for word in ("row", "streak"))
        self._judge("false halt", "", money and worst > limit, False, now, text)

    def _watch_kept(self, now: int, report: LoopReport, meanwhile: Meanwhile) -> None:
        """A peak and a latch that were there with a store stay: nobody has released this bot.

        A new process knows of none while it has no store; it must when the store is back.
        """
        if meanwhile.restored:
            self._kept = 0.0, None
        peak, halted = self._kept
        blank = meanwhile.store_out and report.process != self._keeper
        lower = report.peak is not None and report.peak < peak * (1 - ROUNDING)
        text = f"the bot's peak is {report.peak}, it was {peak}"
        self._judge("peak lost", "", lower, blank, now, text)
        lost = halted is not None and not report.halted
        text = f"the bot was halted ({halted}) and is not any more"
        self._judge("latch lost", "", lost, blank, now, text)
        if not meanwhile.store_out:
            self._kept, self._keeper = (report.peak or 0.0, report.halted), report.process

    def _watch_clock(
        self, now: int, report: LoopReport, meanwhile: Meanwhile, *, excused: bool
    ) -> None:
        """After a clock that was ahead the ledger takes in the present again, and a person hears
        of it."""
        if report.process != self._before.process:
            self._ahead_of = 0  # what it has seen ended with it
        if meanwhile.ahead:
            self._turned = True
            if report.stamp is not None and report.stamp > now + JITTER_MS:
                self._ahead_of = now
            return
        stuck = self._turned and report.stamp is not None and report.stamp > now + JITTER_MS
        text = f"the clock is right again, the bot's ledger is at {report.stamp}, later than now"
        self._judge("clock", "ledger", stuck, excused, now, text)
        silent = self._ahead_of > 0 and not self._clock_event(self._ahead_of)
        text = "the clock went back, and the store holds no event that says so"
        self._judge("clock", "event", silent, excused or meanwhile.store_out, now, text)
        if not silent:
            self._ahead_of = 0

    def _clock_event(self, since: int) -> bool:
        """Tell whether the store has a CRITICAL event of a clock that went back."""
        from freqpilot.rehearsal.books.spot import milliseconds

        if self._store is None:
            return True
        return any(
            row["kind"] == "clock" and row["level"] == "CRITICAL"
            for row in rows(self._store, "event", "kind, level, time")
            if milliseconds(row["time"]) >= since
        )
