"""How the collector and its feeds fare."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from freqpilot.facts.feeds import Feed
from freqpilot.facts.sources.base import Spec
from freqpilot.facts.store import FactStore
from freqpilot.store.database import WRITES
from freqpilot.store.tables import HeartbeatRow

CLOCK = timedelta(seconds=30)
"""A beat is written three times as often."""
BEAT = "collector"
MOST_SILENT = timedelta(minutes=2)
"""Without a beat for so long, the collector does not run."""
LATE_TURNS = 3
LEAST_LATE = timedelta(minutes=10)
FAILING = 3


@dataclass(frozen=True)
class Health:
    """A feed's state: ``well``, or ``late`` (no answer for three turns), ``silent`` (answers, but
    with nothing new), ``failing``, ``quarantined`` (the last turn held readings that were set
    aside), ``waiting`` (not asked yet)."""

    source: str
    feed: str
    state: str
    why: str = ""

    @property
    def well(self) -> bool:
        """Whether nobody needs to look."""
        return self.state in ("well", "waiting")


def health(spec: Spec, every: timedelta, name: str, feed: Feed | None, now: datetime) -> Health:
    """Return how a feed fares at a time."""

    def verdict(state: str, why: str = "") -> Health:
        return Health(spec.name, name, state, why)

    if feed is None:
        return verdict("waiting", "not asked yet")
    answered = feed.answered_at or feed.live_from
    if feed.failures >= FAILING or (feed.failures and feed.answered_at is None):
        return verdict("failing", f"{feed.failures} turns: {feed.error}")
    if now - answered > max(LATE_TURNS * every, LEAST_LATE):
        return verdict(
            "late", f"no answer since {answered:%Y-%m-%d %H:%M}: {feed.error}".rstrip(": ")
        )
    if feed.faulty:
        return verdict("quarantined", feed.reason)
    if feed.newest_event is None or now - feed.newest_event > spec.max_age:
        newest = f"{feed.newest_event:%Y-%m-%d %H:%M}" if feed.newest_event else "nothing"
        return verdict("silent", f"its newest is {newest}")
    return verdict("well", feed.error)


def save_beat(store: FactStore, now: datetime) -> None:
    """Note that the collector is alive."""
    row = HeartbeatRow
    with store.engine.execution_options(**WRITES).begin() as connection:
        values = {"source": BEAT, "beat_at": now}
        if not connection.execute(update(row).where(row.source == BEAT), values).rowcount:
            connection.execute(insert(row), values)


def last_beat(store: FactStore) -> datetime | None:
    """Return when the collector was last alive."""
    query = select(HeartbeatRow.beat_at).where(HeartbeatRow.source == BEAT)
    with store.engine.connect() as connection:
        return connection.scalar(query)


def by_feed(found: Iterable[Feed]) -> Mapping[tuple[str, str], Feed]:
    """Return feeds by source and name."""
    return {(each.source, each.feed): each for each in found}
