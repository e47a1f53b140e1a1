"""A clock that was ahead and is set back: by the time service, or when a machine wakes up.

A ledger that takes no time before its last one would be blind until the clock is there again, also
after a restart. So it goes back as well: the peak, the latch and every start stay, what lies in the
future has happened now, and a wait goes on for as long as it still had to last.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from freqpilot.risk.account.flows import Flows
from freqpilot.risk.account.ledger import Ledger
from freqpilot.risk.account.record import Record

JITTER = timedelta(seconds=5)
"""A clock that is corrected a little goes back by less, which needs no cure."""


def went_back(state: Ledger, now: datetime) -> bool:
    """Tell whether the clock is behind the ledger by more than a correction."""
    return state.stamp is not None and state.stamp - now > JITTER


def set_back(state: Ledger, now: datetime) -> Ledger:
    """Return the ledger of an account that was last seen later than ``now``.

    A wait that began while the clock was ahead ends as long after ``now`` as it would have ended
    after the last look; one that began before keeps its end. The starts of day and week stay, as
    those of today: a clock that goes wrong renews no loss limit.
    """
    if state.stamp is None:
        return state
    ahead, day = state.stamp, now.astimezone(UTC).date()
    return replace(
        state,
        stamp=now,
        day=_until(state.day, day),
        week=_until(state.week, day - timedelta(days=day.weekday())),
        halted_at=_past(state.halted_at, now),
        rebased_at=_past(state.rebased_at, now),
        restore_at=_past(state.restore_at, now),
        wait_until=_coming(state.wait_until, ahead, now),
        record=_record(state.record, now),
        flows=_flows(state.flows, ahead, now),
    )


def _past(time: datetime | None, now: datetime) -> datetime | None:
    return None if time is None else min(time, now)


def _coming(time: datetime | None, ahead: datetime, now: datetime) -> datetime | None:
    return now + (time - ahead) if time is not None and time > ahead else time


def _until(day: date | None, today: date) -> date | None:
    return None if day is None else min(day, today)


def _record(record: Record, now: datetime) -> Record:
    outcomes = tuple(each.not_after(now) for each in record.outcomes)
    return replace(record, outcomes=outcomes)


def _flows(flows: Flows, ahead: datetime, now: datetime) -> Flows:
    today = now.astimezone(UTC).date()
    monday = today - timedelta(days=today.weekday())
    falls = tuple(
        fall._replace(
            time=min(fall.time, now), day=_until(fall.day, today), week=_until(fall.week, monday)
        )
        for fall in flows.falls
    )
    return replace(flows, falls=falls, until=_coming(flows.until, ahead, now))
