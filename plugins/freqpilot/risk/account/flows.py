"""Deposits and withdrawals: told apart from profit and loss by what the trades explain.

Money that neither a trade's result nor its open profit explains has come from outside, or is gone.
A rise is held back at once and taken as a deposit when it has stayed; a fall is a loss until a
person declares it. A declaration explains what is seen, before or afterwards, and no more than
that: a trade's loss cannot be declared away.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, Self

from freqpilot.settings import FlowSettings


class Fall(NamedTuple):
    """Money that is gone unexplained and counts as a loss until it is declared: when it was seen,
    how much, the ``equity`` before, the day and Monday that the account's starts belonged to then,
    the highest equity since, and the ``worst`` drawdown that the account's tier had before."""

    time: datetime
    amount: float
    equity: float
    day: date | None
    week: date | None
    high: float
    worst: float = 0.0


@dataclass(frozen=True)
class Flows:
    """What is open between the account and its declarations, money in stake currency.

    ``falls``: unexplained and not declared, oldest first. ``withdrawal`` and ``deposit``: declared
    and not seen yet, which lapses at ``until``. ``unclaimed``: taken as deposits and not declared.
    ``read``: the last declaration that was taken in. ``total``: all flows so far, deposits
    positive. ``capital`` and ``trades`` are those of the last settled :class:`Reading`.
    """

    falls: tuple[Fall, ...] = ()
    withdrawal: float = 0.0
    deposit: float = 0.0
    until: datetime | None = None
    unclaimed: float = 0.0
    read: int = 0
    total: float = 0.0
    capital: float | None = None
    trades: int = 0

    @property
    def missing(self) -> float:
        """Return what is gone unexplained and not declared."""
        return sum(fall.amount for fall in self.falls)

    def seen(self, equity: float) -> Self:
        """Return the flows after the account was seen with ``equity``."""
        if not self.falls or equity <= min(fall.high for fall in self.falls):
            return self
        falls = tuple(fall._replace(high=max(fall.high, equity)) for fall in self.falls)
        return replace(self, falls=falls)

    def accepted(self) -> Self:
        """Return the flows after a person took the loss for one: what is gone stays gone."""
        return replace(self, falls=())

    def lapsed(self, now: datetime) -> Self:
        """Return the flows without declarations that nothing was seen of in time."""
        if self.until is None or now < self.until:
            return self
        return replace(self, withdrawal=0.0, deposit=0.0, until=None)

    def returned(self, amount: float) -> tuple[Self, float]:
        """Return the flows after ``amount`` came in, and what of it is new: what was gone comes
        back first, the newest first."""
        falls = list(self.falls)
        while falls and amount > 0:
            last = falls.pop()
            if last.amount > amount:
                falls.append(last._replace(amount=last.amount - amount))
            amount = max(0.0, amount - last.amount)
        return replace(self, falls=tuple(falls)), amount

    def to_dict(self) -> dict[str, Any]:
        """Return the flows as JSON has them."""
        plain = asdict(self)
        plain["until"] = self.until and self.until.isoformat()
        plain["falls"] = [
            [part.isoformat() if isinstance(part, date) else part for part in fall]
            for fall in self.falls
        ]
        return plain

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Return the flows that :meth:`to_dict` gave.

        :raises ValueError: or TypeError, when they are no such flows.
        """
        falls = tuple(
            Fall(
                datetime.fromisoformat(time),
                float(amount),
                float(equity),
                date.fromisoformat(day) if day else None,
                date.fromisoformat(week) if week else None,
                float(high),
                *map(float, worst),
            )
            for time, amount, equity, day, week, high, *worst in saved["falls"]
        )
        until = saved["until"]
        found = cls(
            **{**saved, "falls": falls, "until": until and datetime.fromisoformat(until)},
        )
        figures = [found.withdrawal, found.deposit, found.unclaimed, found.total]
        figures.append(found.capital or 0.0)
        for fall in falls:
            figures += [fall.amount, fall.equity, fall.high, fall.worst]
        if not all(math.isfinite(figure) for figure in figures) or min(figures[:3]) < 0:
            raise ValueError(f"flows {figures}")
        return found


class Reading(NamedTuple):
    """The account as it is now. ``capital`` is its equity less all that trades have brought, closed
    and open: it stays the same but for flows, fees' rounding aside. ``trades`` is how many the
    database holds; ``settled`` that no order is being filled, whose money could count twice."""

    capital: float
    trades: int
    settled: bool


class Days(NamedTuple):
    """The day and the Monday that an account's starts belong to."""

    day: date | None
    week: date | None


@dataclass(frozen=True)
class Watch:
    """What is remembered from reading to reading: the last settled one's ``capital`` and
    ``trades``; a difference to it that is not taken yet, ``pending``, since when it was seen
    unchanged, and what would be kept of it were it a fall."""

    capital: float | None = None
    trades: int = 0
    pending: float = 0.0
    since: datetime | None = None
    draft: Fall | None = None


class Step(NamedTuple):
    """What a reading came to: the ``watch`` from now on, what of the equity is held back, a
    ``rise`` or a ``fall`` that is taken now."""

    watch: Watch
    held: float = 0.0
    rise: float = 0.0
    fall: Fall | None = None


def look(
    watch: Watch,
    reading: Reading,
    now: datetime,
    equity: float,
    days: Days,
    settings: FlowSettings,
    usd: float | None = 1.0,
    worst: float = 0.0,
) -> Step:
    """Return what an account's reading comes to.

    A jump counts from ``threshold`` of the equity and ``least`` on. It is taken once it has stayed
    for ``seconds`` without an order being filled; until then a rise is held back and a fall is
    there. What is smaller is given as a rise and forgotten as a fall: rounding, and fees that are
    paid in another coin. With fewer trades than before it is another database, whose results
    explain nothing of the past.

    :param usd: dollars that one unit of the stake currency is worth, None while nobody knows.
    :param worst: the worst drawdown of the account's tier so far, a fraction.
    """
    if watch.capital is None or reading.trades < watch.trades:
        return Step(Watch(reading.capital, reading.trades) if reading.settled else watch)
    jump, least = reading.capital - watch.capital, bar(equity, settings, usd)
    taken = Watch(reading.capital, reading.trades)
    if abs(jump) < least:
        if not reading.settled:
            return Step(Watch(watch.capital, watch.trades))
        return Step(taken, rise=max(0.0, jump))
    draft = watch.draft
    if draft is None or jump * watch.pending < 0:
        draft = Fall(now, 0.0, equity - jump, days.day, days.week, equity, worst)
    steady = watch.since is not None and abs(jump - watch.pending) < least
    since = (watch.since if steady else now) if reading.settled else None
    if since is None or now - since < timedelta(seconds=settings.seconds):
        pending = Watch(watch.capital, watch.trades, jump, since, draft)
        return Step(pending, held=max(0.0, jump))
    if jump > 0:
        return Step(taken, rise=jump)
    return Step(taken, fall=draft._replace(amount=-jump, high=max(draft.high, equity)))


def bar(equity: float, settings: FlowSettings, usd: float | None = 1.0) -> float:
    """Return from how much money on a jump is none of fees and rounding."""
    share = settings.threshold * equity
    return share if usd is None else max(settings.least / usd, share)
