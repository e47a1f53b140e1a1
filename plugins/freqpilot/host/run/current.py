"""The run under way in this process, for those who are called by Freqtrade and handed none.

Only seams, callbacks of strategies and protections ask here; everything else is handed its run.
"""

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


def make_current(run: Run) -> None:
    """Let ``run`` take the place of the one under way, which ends."""
    end()
    _runs.append(run)


def end() -> None:
    """End the run under way, where there is one, and close its databases."""
    while _runs:
        former = _runs.pop()
        former.store.close()
        if former.shared is not None:
            former.shared.close()
