"""Freqtrade's locks that a person's release ends."""

import logging
from datetime import UTC, datetime
from typing import Any

from freqpilot.host.run.run import Run

logger = logging.getLogger(__name__)

HELD = "entries wait until a person runs `freqpilot release`"
"""The end of the reason of such a lock."""


def follow(run: Run) -> None:
    """End the locks that wait for a person and are older than the last release.

    It looks at the database once at a start and once after each release.
    """
    released = run.state.rebased_at
    if released is None or released == run.unlocked:
        return
    for lock in _held(datetime.now(UTC)):
        if lock.lock_time.replace(tzinfo=UTC) <= released:
            lock.active = False
            logger.warning("Released with the halt: %s", lock.reason)
    _commit()
    run.unlocked = released


def _held(now: datetime) -> list[Any]:
    from freqtrade.persistence import PairLocks

    locks = PairLocks.get_pair_locks(None, now)
    return [lock for lock in locks if (lock.reason or "").endswith(HELD)]


def _commit() -> None:
    from freqtrade.persistence import Trade

    Trade.commit()
