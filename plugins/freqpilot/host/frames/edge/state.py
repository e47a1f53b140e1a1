"""What the store remembers of silenced models, and what follows when a verdict is new: an alert and
an entry in the store. The verdicts themselves are computed without either."""

import logging
from collections.abc import Sequence

from freqpilot.host.alerts import events as alerts
from freqpilot.host.frames.edge.verdicts import (
    GROUPS,
    PAIRS,
    EdgeMemory,
    EdgeVerdict,
    GroupSilence,
)
from freqpilot.host.run.run import Run

logger = logging.getLogger(__name__)


def remembered(run: Run) -> EdgeMemory:
    """Return what the store of a live run remembers of silenced models; a backtest's is empty.

    :raises Exception: what the store raises where it cannot be read.
    """
    if not run.live:
        return EdgeMemory()
    groups = run.store.load_state(GROUPS) or {}
    return EdgeMemory(
        pairs=run.store.load_state(PAIRS) or {},
        groups={
            name: GroupSilence(bool(each["silenced"]), int(each["block"]))
            for name, each in groups.items()
        },
    )


def act_on(run: Run, verdicts: Sequence[EdgeVerdict]) -> None:
    """Alert the operator and write into the store what has changed; a backtest's turns are one line
    of its log."""
    for verdict in verdicts:
        if run.live:
            if verdict.changed:
                _keep(run, verdict)
        elif verdict.turned_at:
            days = ", ".join(f"{time:%Y-%m-%d}" for time in verdict.turned_at)
            log_turns(verdict.subject, days)


def log_turns(subject: str, days: str) -> None:
    """Log on which days a backtest's model was silenced and heard again."""
    logger.info("%s: the model was silenced, and heard again, by turns: %s", subject, days)


def _keep(run: Run, verdict: EdgeVerdict) -> None:
    alerts.record(run, "model edge", "WARNING", verdict.text, verdict.data, time=verdict.time)
    stored = run.store.load_state(verdict.key) or {}
    entry = (
        verdict.silenced
        if verdict.key == PAIRS
        else {"silenced": verdict.silenced, "block": verdict.block}
    )
    run.store.save_state(verdict.key, {**stored, verdict.name: entry}, verdict.time)
