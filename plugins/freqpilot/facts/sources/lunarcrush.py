"""Social activity about coins by LunarCrush: https://lunarcrush.com/developers/api/endpoints."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqpilot.facts.sources.base import (
    DAY,
    Batch,
    Call,
    Gauge,
    Key,
    Reading,
    Source,
    Spec,
    decoded,
    number,
    read_rows,
    rows_of,
    seconds,
)

FIELDS = {
    "posts_created": "mentions",
    "interactions": "engagement",
    "contributors_active": "contributors",
}
SHARES = {"sentiment": "positive_share", "social_dominance": "social_dominance"}
"""Theirs in percent, ours as fractions."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class LunarCrush(Source):
    """Posts, engagement and contributors of each hour about each of ``coins``, with the share that
    is positive and that of all talk; an hour's event is its end. Of the past an hour's lag is
    taken."""

    base: str = "https://lunarcrush.com/api4/public"
    coins: tuple[str, ...] = ("BTC", "ETH", "SOL")

    spec: ClassVar[Spec] = Spec(
        name="lunarcrush",
        about="mentions and engagement in social media by coin, hourly",
        gauges=(
            Gauge("mentions", 0, 1e9),
            Gauge("engagement", 0, 1e12),
            Gauge("contributors", 0, 1e9),
            Gauge("positive_share", 0, 1),
            Gauge("social_dominance", 0, 1),
        ),
        every=timedelta(minutes=15),
        lag=HOUR,
        max_age=6 * HOUR,
        overlap=6 * HOUR,
        pause=timedelta(seconds=6),
        key=Key("FREQPILOT_LUNARCRUSH_KEY", "header", "Authorization", "Bearer "),
    )

    def feeds(self) -> tuple[str, ...]:
        return self.coins

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        begin = (since or now - DAY) - HOUR
        params = {
            "bucket": "hour",
            "start": str(int(begin.timestamp())),
            "end": str(int(now.timestamp())),
        }
        return Call(feed, f"{self.base}/coins/{feed}/time-series/v2", params)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        batch = Batch()

        def read(row: Any) -> list[Reading]:
            begin = seconds(row["time"])
            if begin <= fetched_at < begin + HOUR:
                return []  # the hour is not over
            values = {ours: row.get(name) for name, ours in FIELDS.items()}
            for name, ours in SHARES.items():
                share = row.get(name)
                values[ours] = None if share is None else number(share) / 100
            return [
                Reading(call.feed, metric, value, begin + HOUR)
                for metric, value in values.items()
                if value is not None
            ]

        read_rows(batch, rows_of(decoded(body), "data"), "row", read)
        return batch
