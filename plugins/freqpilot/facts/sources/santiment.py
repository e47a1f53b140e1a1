"""Metrics of Santiment by its GraphQL API: https://academy.santiment.net/sanapi/accessing-the-api."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqpilot.errors import RefuseToStart
from freqpilot.facts.sources.base import (
    DAY,
    BadAnswer,
    Batch,
    Call,
    Gauge,
    Key,
    Reading,
    Source,
    Spec,
    decoded,
    iso,
    plain,
    read_rows,
    rows_of,
)

SLUGS = {"BTC": "bitcoin", "ETH": "ethereum"}
METRICS = {
    "daily_active_addresses": "active_addresses",
    "dev_activity": "development_activity",
    "social_volume_total": "mentions",
}
QUERY = (
    '{{ getMetric(metric: "{metric}") {{ timeseriesData(slug: "{slug}" from: "{begin}" '
    'to: "{end}" interval: "1d") {{ datetime value }} }} }}'
)
_WORD = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Santiment(Source):
    """Daily ``metrics`` (their name and ours) of each of ``slugs`` (our coin and their name); a
    day's event is its end. Of a day in the past a day's lag is taken. What an account may not see
    is missing: many plans leave out the newest days. Ours may also be named ``exchange_inflow``,
    ``exchange_outflow``, ``mvrv``, ``nvt`` and ``whale_transactions``."""

    base: str = "https://api.santiment.net"
    slugs: Mapping[str, str] = field(default_factory=lambda: dict(SLUGS))
    metrics: Mapping[str, str] = field(default_factory=lambda: dict(METRICS))

    spec: ClassVar[Spec] = Spec(
        name="santiment",
        about="active addresses, development and mentions in social media by coin, daily",
        gauges=(
            Gauge("active_addresses", 0, 1e9, 50),
            Gauge("development_activity", 0, 1e6),
            Gauge("mentions", 0, 1e9),
            Gauge("exchange_inflow", 0, 1e12),
            Gauge("exchange_outflow", 0, 1e12),
            Gauge("mvrv", -10, 100),
            Gauge("nvt", 0, 1e5),
            Gauge("whale_transactions", 0, 1e8),
        ),
        every=timedelta(hours=1),
        lag=DAY,
        max_age=4 * DAY,
        overlap=7 * DAY,
        key=Key("FREQPILOT_SANTIMENT_KEY", "header", "Authorization", "Apikey "),
    )

    def __post_init__(self) -> None:
        for name in (*self.slugs.values(), *self.metrics):
            if not _WORD.fullmatch(name):
                raise RefuseToStart(
                    f"config: freqpilot.facts.sources.santiment: {name!r} is no name of "
                    "Santiment's; those are of letters, digits, _ and -"
                )

    def feeds(self) -> tuple[str, ...]:
        return tuple(f"{asset}:{metric}" for asset in self.slugs for metric in self.metrics)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        asset, _, metric = feed.partition(":")
        begin = (since or now - 7 * DAY) - DAY
        query = QUERY.format(
            metric=metric,
            slug=self.slugs[asset],
            begin=f"{begin:%Y-%m-%dT00:00:00Z}",
            end=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        )
        return Call(feed, f"{self.base}/graphql", post=query, content_type="application/graphql")

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        asset, _, metric = call.feed.partition(":")
        document = decoded(body)
        if errors := document.get("errors"):
            # They come with status 200.
            raise BadAnswer(f"santiment/{call.feed}: {plain(errors[0]['message'])[:200]}")
        batch = Batch()

        def read(row: Any) -> list[Reading]:
            begin = iso(row["datetime"])
            if row["value"] is None or begin <= fetched_at < begin + DAY:
                return []
            return [Reading(asset, self.metrics[metric], row["value"], begin + DAY)]

        read_rows(batch, rows_of(document, "data", "getMetric", "timeseriesData"), "row", read)
        return batch
