"""The run under way in this process, for those who are called by Freqtrade and handed none."""

from freqpilot.errors import NoEntry
from freqpilot.host.run.run import Run

_runs: list[Run] = []


def current() -> Run:
    """Return the current run.

    :raises NoEntry: when no run has begun; entries are refused then.
    """
    if not _runs:
        raise NoEntry("no run has begun, so there is no ledger to judge an order by")
    return _runs[0]


def has_begun() -> bool:
    """Tell whether a run has begun."""
    return bool(_runs)


def require_sight() -> None:
    """:raises NoEntry: while a live run does not see the account, or may not write into its
    store."""
    run = current()
    if run.sight.blind is not None:
        raise NoEntry(run.sight.blind)
    if not run.writes:
        lost = run.owner.lost if run.owner else None
        raise NoEntry(lost or "the freqpilot store cannot be used, so no order can be written down")
