"""What keeps a live run's store small and its counters current: to be called once a loop."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from freqpilot.host.account.interventions import Interventions
from freqpilot.host.run.run import Run

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
"""How often events that are too old are looked for."""
AT_ONCE = 2_000
"""Rows that are deleted in one transaction: it holds up an order's intent for milliseconds."""


class Upkeep:
    """When a run's store was last cleared, and the counters that it has."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._next: datetime | None = None
        self._counts: Mapping[str, int] = {}

    def step(self, now: datetime) -> None:
        """Save the counters where they have changed, and delete what is older than
        ``freqpilot.store.keep_days``. It never raises."""
        run = self._run
        if not run.live or not run.writes or run.store_fault is not None:
            return
        try:
            counts = run.counters.snapshot(now)["vetoes"]
            if counts != self._counts:
                run.store.save_counters(counts, now)
                self._counts = counts
            run.part(Interventions).save(run, now)
            if self._next is None or now >= self._next:
                before = now - timedelta(days=run.settings.store.keep_days)
                full = run.store.prune(before, AT_ONCE) >= AT_ONCE
                self._next = now if full else now + EVERY
        except Exception as error:
            logger.warning("The store could not be kept small (%s); the next loop tries", error)
