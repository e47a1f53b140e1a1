"""Fear & Greed index of alternative.me: https://alternative.me/crypto/fear-and-greed-index/#api."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqpilot.facts.sources.base import (
    DAY,
    Batch,
    Call,
    Gauge,
    Reading,
    Source,
    Spec,
    decoded,
    read_rows,
    rows_of,
    seconds,
)


@dataclass(frozen=True)
class AlternativeMe(Source):
    """One value a day, 0 (extreme fear) … 100 (extreme greed), stamped at its day's begin. When it
    came out in the past is not recorded: six hours are taken."""

    base: str = "https://api.alternative.me"

    spec: ClassVar[Spec] = Spec(
        name="alternative_me",
        about="Fear & Greed index, daily",
        gauges=(Gauge("fear_greed", 0, 100),),
        every=timedelta(hours=1),
        lag=timedelta(hours=6),
        max_age=timedelta(hours=54),
        overlap=3 * DAY,
    )

    def feeds(self) -> tuple[str, ...]:
        return ("index",)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        days = 2 if since is None else max(0, (now - since).days) + 2
        return Call(feed, f"{self.base}/fng/", {"limit": str(days)})

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        batch = Batch()

        def read(row: Any) -> list[Reading]:
            return [Reading("*", "fear_greed", row["value"], seconds(row["timestamp"]))]

        read_rows(batch, rows_of(decoded(body), "data"), "row", read)
        return batch
