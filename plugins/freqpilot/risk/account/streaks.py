"""Losing streaks that call for a pause."""

from datetime import datetime, timedelta
from typing import NamedTuple

from freqpilot.risk.account.record import Record
from freqpilot.risk.soundness import reached


class StreakLimits(NamedTuple):
    """``losses`` in a row, ``losses_of`` of the last ``trades``, or a net loss of ``net_loss``
    (share of equity) ``within`` a time."""

    losses: int
    losses_of: int
    trades: int
    net_loss: float
    within: timedelta


def streak(record: Record, now: datetime, limits: StreakLimits) -> str | None:
    """Return which limit the losing streak has come to, in plain words, or None.

    A streak is looked at when it goes on: after a trade that did not lose there is none.
    """
    in_a_row = record.losses_in_a_row
    if not in_a_row:
        return None
    if in_a_row >= limits.losses:
        return f"{in_a_row} losing trades in a row reached {limits.losses}"
    lost = record.losses_of(limits.trades)
    if lost >= limits.losses_of:
        return f"{lost} losing trades of the last {limits.trades} reached {limits.losses_of}"
    net = record.lost_since(now - limits.within)
    if reached(net, limits.net_loss):
        hours = limits.within.total_seconds() / 3600
        return f"a net loss of {net:.1%} in {hours:g} hours reached {limits.net_loss:.1%}"
    return None
