"""An invented source, hour by hour, and what a collector has kept of it."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from freqpilot.facts import feeds
from freqpilot.facts.collector import Collector, Plan
from freqpilot.facts.sources.base import (
    Answer,
    Batch,
    Call,
    Gauge,
    Key,
    Reading,
    Source,
    Spec,
    decoded,
    item,
    seconds,
)
from freqpilot.facts.store import FactStore

BEGIN = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Hourly(Source):
    """An invented source: rows of time and value, pages of three, oldest or newest first."""

    rising: bool = True
    posts: bool = False

    spec: ClassVar[Spec] = Spec(
        name="hourly",
        about="test",
        gauges=(Gauge("m", -1000, 1000, 100),),
        lag=HOUR / 2,
        max_age=3 * HOUR,
    )

    @property
    def ascending(self) -> bool:  # type: ignore[override]
        return self.rising

    def feeds(self) -> tuple[str, ...]:
        return ("f",)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        return Call(feed, "", {"since": (since or BEGIN).isoformat(), "page": "0"})

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        batch = Batch()
        for row in document["rows"]:
            try:
                time = seconds(row[0])
                if self.posts:
                    batch.items.append(item("hourly", str(row[0]), row[1], time, fetched_at))
                else:
                    batch.readings.append(Reading("btc", "m", row[1], time))
            except (TypeError, ValueError, IndexError) as error:
                batch.refused.append(str(error))
        if document["more"]:
            page = str(int(call.params["page"]) + 1)
            batch.next_page = Call(call.feed, "", {**call.params, "page": page})
        return batch


class World:
    """What happened, hour by hour, served in pages; ``faults`` meet one request each."""

    def __init__(self, *, rising: bool = True) -> None:
        self.now = BEGIN + 10 * HOUR
        self.values: dict[datetime, Any] = {}
        self.faults: list[Callable[[list[Any]], Any] | Exception | None] = []
        self.rising = rising
        self.asked = 0

    def get(self, call: Call, *, key: Key | None, pause: timedelta) -> Answer:
        self.asked += 1
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        since = datetime.fromisoformat(call.params["since"])
        rows = [[t.timestamp(), v] for t, v in sorted(self.values.items()) if since <= t]
        rows = rows if self.rising else rows[::-1]
        begin = 3 * int(call.params["page"])
        page = {"rows": rows[begin : begin + 3], "more": len(rows) > begin + 3}
        body = page if fault is None else fault(json.loads(json.dumps(page)))
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Answer(raw, self.now)


def turn(store: FactStore, world: World, source: Source | None = None) -> feeds.Feed:
    plan = Plan(source or Hourly(rising=world.rising), HOUR)
    made = Collector(store, [plan], world, stop=threading.Event(), now=lambda: world.now)
    return made.turn(plan, "f")


def versions(store: FactStore) -> list[tuple[datetime, datetime, float]]:
    """Return event, availability and value of all that is kept or set aside (NaN)."""
    catalogue = store.catalogue()
    if not catalogue:
        return []
    found = store.observations(catalogue["hourly", "BTC", "m"])
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        (start + timedelta(microseconds=int(e)), start + timedelta(microseconds=int(a)), float(v))
        for e, a, v in zip(*found, strict=True)
    ]


def events(store: FactStore) -> dict[datetime, float]:
    return {event: value for event, _, value in versions(store)}


def hours(count: int, begin: int = 0) -> dict[datetime, float]:
    return {BEGIN + HOUR * place: float(place + 1) for place in range(begin, begin + count)}
