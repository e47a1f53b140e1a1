"""Releases of what a ledger has latched: by a person, and in a backtest by a simulated operator."""

from dataclasses import replace
from datetime import datetime, timedelta

from freqpilot.risk.account.ledger import CLOSING, DRAWDOWN, STREAK_REVIEW, Ledger
from freqpilot.risk.account.record import Outcome, Record
from freqpilot.settings import RiskSettings


def release(state: Ledger, now: datetime) -> Ledger:
    """Return the ledger without its latch, and with no entry waiting for a person; unchanged when
    there is neither, or no money is left.

    After a loss the peak is re-based to the last equity, and so is the start where it was measured
    from there: otherwise the same loss would set the latch again at once. Sizes begin at the first
    of ``restore_steps``. Entries still wait for the other limits. What the account has to show for
    the next tier counts anew: the loss that a person has looked at does not bar it for ever.
    """
    if state.equity <= 0:
        return state
    if state.halted is None:
        if state.wait_until is None:
            return state
        return replace(state, wait_until=None, releases=state.releases + 1)
    free = replace(
        state,
        halted=None,
        cause=None,
        halted_at=None,
        wait_until=None,
        releases=state.releases + 1,
        record=state.record.review(),
        flows=state.flows.accepted(),
    )
    if state.cause not in CLOSING:
        return free
    return replace(
        free,
        tier_peak=state.equity,
        tier_drawdown=0.0,
        tier_trades=free.record.total,
        peak=state.equity,
        start=state.start if state.cause == DRAWDOWN else state.equity,
        rebased_at=now,
        level=0,
        restore=0.0,
        restore_at=now,
        restore_equity=state.equity,
    )


def reviewed(state: Ledger) -> Ledger:
    """Return the ledger whose losing streak a person has looked at: it counts anew, and so do its
    cut and its threshold. A halt stays, and so does every other limit."""
    return replace(state, record=state.record.review(), releases=state.releases + 1)


def retry(state: Ledger) -> Ledger:
    """Return the ledger whose record counts its edge anew: a person's act, as a release is."""
    return replace(state, record=state.record.retry(), releases=state.releases + 1)


def operate(state: Ledger, now: datetime, settings: RiskSettings) -> Ledger:
    """Act as the simulated operator of a backtest: ``simulated_operator_hours`` after a latch was
    set release it, and as long after the trade by which a losing streak came to its second phase,
    or a later one, review the streak. Live, only a person does that."""
    hours = timedelta(hours=settings.simulated_operator_hours)
    if state.halted_at is not None:
        return release(state, now) if now - state.halted_at >= hours else state
    begun = _diagnosed(state.record, settings)
    return reviewed(state) if begun is not None and now - begun.time >= hours else state


def released(before: Ledger, after: Ledger) -> str | None:
    """Return the cause of what the simulated operator has released between two ledgers: that of
    the latch, or ``streak_review``; None for nothing."""
    if after.releases == before.releases:
        return None
    return before.cause or STREAK_REVIEW


def _diagnosed(record: Record, settings: RiskSettings) -> Outcome | None:
    """Return the trade by which a losing streak came to the last phase it is in that calls for a
    person: any after the first, which only cuts sizes."""
    reached = [record.lost_in_a_row(phase.losses) for phase in settings.streak_phases[1:]]
    return next((outcome for outcome in reversed(reached) if outcome is not None), None)
