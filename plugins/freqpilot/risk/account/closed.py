"""What closed trades alone say of the account: for when nobody has seen its equity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from freqpilot.risk.account.ledger import Ledger
from freqpilot.risk.account.record import KEPT, Outcome, Record


class Close(NamedTuple):
    """A trade's close: when (UTC), and its profit after fees in stake currency."""

    time: datetime
    profit: float


@dataclass(frozen=True)
class Losses:
    """Losses as shares of where they are counted from (0 for a gain): the UTC day's start, Monday's
    and the account's."""

    day: float
    week: float
    total: float


def record_of(closes: Sequence[Close], start: float, since: datetime | None = None) -> Record:
    """Return the record of the closes after ``since``, oldest first.

    :param start: equity before the first of all closes; a share is of the equity before its trade.
    """
    equity, outcomes = start, []
    for number, (time, profit) in enumerate(closes):
        # Without money left a loss is one of all that there was.
        share = profit / equity if equity > 0 else -1.0
        equity += profit
        if since is None or time > since:
            outcomes.append(Outcome(number, time, profit, share))
    return Record(tuple(outcomes[-KEPT:]), len(outcomes))


def reviewed_until(record: Record) -> datetime | None:
    """Return when the newest trade closed that a person has reviewed, or None."""
    older = len(record.outcomes) - len(record.fresh)
    return record.outcomes[older - 1].time if older else None


def day_of(now: datetime) -> datetime:
    """Return 00:00 UTC of the day."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def monday_of(now: datetime) -> datetime:
    """Return 00:00 UTC of the week's Monday."""
    return day_of(now) - timedelta(days=now.astimezone(UTC).weekday())


def start_of(closes: Sequence[Close], starting_balance: float, ledger: Ledger | None) -> float:
    """Return the equity before the first close.

    Freqtrade's live starting balance is cut by ``tradable_balance_ratio``, so that losses as shares
    of it would be too large; what the ledger saw last comes first.
    """
    return start_before(sum(close.profit for close in closes), starting_balance, ledger)


def start_before(earned: float, starting_balance: float, ledger: Ledger | None) -> float:
    """Return the same where the sum of all closes is known."""
    if ledger is None or ledger.stamp is None:
        return starting_balance
    return ledger.equity - earned


def losses(
    closes: Sequence[Close], starting_balance: float, now: datetime, ledger: Ledger | None = None
) -> Losses:
    """Return the larger losses of those that closed trades and those that the ledger show.

    The ledger counts open profit, and for the loss in all, whose start a release can move, it
    decides alone.
    """
    start = start_of(closes, starting_balance, ledger)
    equity = start + sum(close.profit for close in closes)
    day, week = (
        _share(equity, equity - sum(c.profit for c in closes if c.time >= since))
        for since in (day_of(now), monday_of(now))
    )
    if ledger is None or ledger.stamp is None:
        return Losses(day, week, _share(equity, start))
    if ledger.day == day_of(now).date():
        day = max(day, _share(ledger.equity, ledger.day_start))
    if ledger.week == monday_of(now).date():
        week = max(week, _share(ledger.equity, ledger.week_start))
    return Losses(day, week, _share(ledger.equity, ledger.start))


def _share(equity: float, base: float) -> float:
    """Return how far equity is below its base; all of it where there is no sound base."""
    if not (base > 0 and math.isfinite(equity)):
        return 1.0
    return max(0.0, 1.0 - equity / base)
