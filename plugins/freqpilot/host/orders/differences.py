"""Differences between the exchange and the database: confirmed, reported, counted, mended.

What one look shows may be an order on its way. Only what two looks agree on, some seconds apart,
is a difference; what the second one does not show any more is counted and no one hears of it.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from freqpilot.errors import NoEntry
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Trade

APART = timedelta(seconds=5)
"""How far apart two looks have to be to confirm each other."""
TOLERANCE = 1e-6
"""By how much, relatively, the figures of two looks that agree may differ."""

Kind = Literal[
    "unknown order",
    "stranger's order",
    "order left behind",
    "order gone",
    "position missing",
    "position of nobody",
    "coins missing",
    "coins of nobody",
]


@dataclass(frozen=True)
class Difference:
    """Something in which the exchange and the database do not agree.

    ``about`` is what it is of within its pair (an order's number), ``figures`` what two looks have
    to agree on, ``text`` what a person reads of it, ``waits`` whether entries of the pair wait
    while it lasts. ``subject`` is what mends it: an order, a trade.
    """

    kind: Kind
    pair: str
    text: str
    about: str = ""
    figures: tuple[float, ...] = ()
    level: str = "WARNING"
    waits: bool = False
    subject: Any = field(default=None, compare=False, repr=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two of them the same."""
        return self.kind, self.pair, self.about

    def agrees(self, other: "Difference") -> bool:
        """Tell whether another look shows the same figures."""
        return len(self.figures) == len(other.figures) and all(
            math.isclose(mine, theirs, rel_tol=TOLERANCE, abs_tol=1e-12)
            for mine, theirs in zip(self.figures, other.figures, strict=True)
        )


@dataclass
class Sighting:
    """A difference and when a look first showed it with these figures; whether a second one has
    confirmed them, and whether it was confirmed with any."""

    difference: Difference
    since: datetime
    confirmed: bool = False
    stands: bool = False


class Differences:
    """The differences of a run, by what was looked at."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seen: dict[str, dict[tuple[str, str, str], Sighting]] = {}
        self._reported: dict[tuple[str, ...], date] = {}

    def confirm(
        self,
        place: str,
        found: Iterable[Difference],
        now: datetime,
        unseen: Collection[str] = (),
    ) -> list[Difference]:
        """Take in what a look at a place has shown; returns what two looks agree on.

        :param unseen: pairs that the look has left out: what they showed before stands.
        """
        before = self._seen.get(place, {})
        after = {key: seen for key, seen in before.items() if seen.difference.pair in unseen}
        for difference in found:
            seen = before.get(difference.key)
            if seen is None or not seen.difference.agrees(difference):
                stands = seen is not None and seen.stands
                after[difference.key] = Sighting(difference, now, stands=stands)
                continue
            seen.difference = difference
            if not seen.confirmed and abs(now - seen.since) >= APART:
                seen.confirmed = seen.stands = True
                self._run.counters.count(f"found: {difference.kind}")
            after[difference.key] = seen
        for key, seen in before.items():
            if key not in after and not seen.stands:
                self._run.counters.count("books passed")
        self._seen[place] = after
        shown = [seen for seen in after.values() if seen.difference.pair not in unseen]
        return [seen.difference for seen in shown if seen.confirmed]

    def doubts(self, place: str) -> bool:
        """Tell whether a place shows something that no second look has confirmed yet."""
        return any(not seen.confirmed for seen in self._seen.get(place, {}).values())

    def mended(self, place: str, difference: Difference) -> None:
        """Take note that a difference is no more."""
        self._seen.get(place, {}).pop(difference.key, None)
        self._run.counters.count("books mended")

    def reported_today(self, about: tuple[str, ...]) -> bool:
        """Tell whether a person has heard of this today (UTC)."""
        return self._reported.get(about) == datetime.now(UTC).date()

    def mark_reported(self, about: tuple[str, ...]) -> None:
        """Take note that a person has heard of this, or need not today."""
        today = datetime.now(UTC).date()
        self._reported = {each: day for each, day in self._reported.items() if day == today}
        self._reported[about] = today

    def require_none(self, pair: str) -> None:
        """Let an entry pass only when the books of its pair agree.

        :raises NoEntry: while they do not.
        """
        for seen in (each for place in self._seen.values() for each in place.values()):
            if seen.stands and seen.difference.waits and seen.difference.pair == pair:
                raise NoEntry(f"the books do not agree: {seen.difference.text}")


def report(run: Run, text: str, level: str, data: dict[str, Any]) -> None:
    """Keep a difference, count it and let a person hear of it."""
    alerts.record(run, "difference", level, text, data)
    run.counters.count("differences")


def report_daily(run: Run, about: tuple[str, ...], text: str, level: str, **data: Any) -> None:
    """As :func:`report`, once a day: it lasts until a person does something about it.

    :param about: what makes it the same as the one before, its pair first.
    """
    differences = run.part(Differences)
    if not differences.reported_today(about):
        differences.mark_reported(about)
        report(run, text, level, {"pair": about[0], **data})


def owner_of(run: Run, pair: str) -> str | None:
    """Return who else holds a position in a pair on this exchange, by what the other bots of the
    shared database say; None for nobody."""
    positions = run.others or ()
    held = any(each.pair == pair and each.exchange == run.exchange for each in positions)
    return "another bot of the pack" if held else None


def recount(run: Run, trade: Trade, owned: float) -> None:
    """Bring a trade's amount to what its orders say, where that is nearer to what the account owns.

    A bot killed between its two commits has the fills of an order but not their effect on the
    trade; Freqtrade would notice only for lack of coins, and then count a partial exit twice.
    """
    from freqtrade.persistence import Trade

    before = float(trade.amount)
    trade.recalc_trade_from_orders()
    if abs(float(trade.amount) - owned) >= abs(before - owned):
        Trade.rollback()
        return
    Trade.commit()
    report(
        run,
        f"trade {trade.id} in {trade.pair} said {before:g}, its filled orders say "
        f"{float(trade.amount):g}; it was corrected",
        "WARNING",
        {"pair": trade.pair, "trade": int(trade.id)},
    )
