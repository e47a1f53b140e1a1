"""What keeps a live run's store small and its counters current: to be called once a loop."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from freqpilot.control.tally import CUT, REFUSED, TODAY, Tally
from freqpilot.host.account.interventions import Interventions
from freqpilot.host.account.shadows import Shadows
from freqpilot.host.run.run import Run

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
"""How often events that are too old are looked for."""
PACE = timedelta(minutes=1)
"""How often the counters are saved: a loop of five seconds with refusals changes them each time."""
AT_ONCE = 2_000
"""Rows that are deleted in one transaction: it holds up an order's intent for milliseconds."""


class Upkeep:
    """When a run's store was last cleared, and the counters that it has."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._next: datetime | None = None
        self._counts: Mapping[str, int] = {}
        self._tally: Tally | None = None
        self._saved: datetime | None = None

    def step(self, now: datetime) -> None:
        """Save the counters where they have changed, and delete what is older than
        ``freqpilot.store.keep_days``. It never raises."""
        run = self._run
        if not run.live or not run.writes or run.store_fault is not None:
            return
        try:
            self._save_counters(now)
            run.part(Interventions).save(run, now)
            run.part(Shadows).save()
            if self._next is None or now >= self._next:
                before = now - timedelta(days=run.settings.store.keep_days)
                full = run.store.prune(before, AT_ONCE) >= AT_ONCE
                self._next = now if full else now + EVERY
        except Exception as error:
            logger.warning("The store could not be kept small (%s); the next loop tries", error)

    def _save_counters(self, now: datetime) -> None:
        """Save what was counted, on top of what earlier runs have counted."""
        if self._saved is not None and timedelta() <= now - self._saved < PACE:
            return
        run, figures = self._run, self._run.counters.snapshot(now)
        refused = {f"{REFUSED}{rule}": count for rule, count in figures["vetoes"].items()}
        cut = {f"{CUT}{rule}": count for rule, count in figures["cuts"].items()}
        counts = {**figures["counts"], **refused, **cut}
        if counts == self._counts:
            return
        key = f"{run.key}{TODAY}"
        if self._tally is None:
            self._tally = Tally.begin(run.store.counters(), run.store.load_state(key))
        tally = self._tally.count(counts, now.date())
        run.store.save_counters(tally.total, now)
        run.store.save_state(key, tally.today, now)
        self._tally, self._counts, self._saved = tally, counts, now
