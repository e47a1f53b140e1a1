"""On-chain metrics of Glassnode: https://docs.glassnode.com/basic-api/endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    read_rows,
    rows_of,
    seconds,
)

METRICS = {
    "addresses/active_count": "active_addresses",
    "market/mvrv": "mvrv",
    "distribution/balance_exchanges": "exchange_reserve",
    "transactions/transfers_volume_exchanges_net": "exchange_netflow_coins",
}


@dataclass(frozen=True)
class Glassnode(Source):
    """Daily ``metrics`` (their path and our name) of each of ``assets``; a day's event is its end.
    Of a day in the past a day's lag is taken; what Glassnode revises is kept in every version.
    Ours may also be named ``long_term_supply``, ``realised_cap``, ``nvt`` and ``whale_addresses``,
    of the paths that an account may read."""

    base: str = "https://api.glassnode.com"
    assets: tuple[str, ...] = ("BTC", "ETH")
    metrics: Mapping[str, str] = field(default_factory=lambda: dict(METRICS))

    spec: ClassVar[Spec] = Spec(
        name="glassnode",
        about="on-chain metrics of coins, daily: addresses, MVRV, balance of exchanges",
        gauges=(
            Gauge("active_addresses", 0, 1e9, 50),
            Gauge("mvrv", 0, 100, 5),
            Gauge("exchange_reserve", 0, 1e12, 5),
            Gauge("exchange_netflow_coins", -1e12, 1e12),
            Gauge("long_term_supply", 0, 1e12, 5),
            Gauge("realised_cap", 1, 1e14, 5),
            Gauge("nvt", 0, 1e5),
            Gauge("whale_addresses", 0, 1e8, 10),
        ),
        every=timedelta(hours=1),
        lag=DAY,
        max_age=4 * DAY,
        overlap=7 * DAY,
        key=Key("FREQPILOT_GLASSNODE_KEY", "header", "X-Api-Key"),
    )

    def feeds(self) -> tuple[str, ...]:
        return tuple(f"{asset}:{path}" for asset in self.assets for path in self.metrics)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        asset, _, path = feed.partition(":")
        begin = (since or now - 7 * DAY) - DAY
        params = {
            "a": asset,
            "i": "24h",
            "s": str(int(begin.timestamp())),
            "timestamp_format": "unix",
        }
        return Call(feed, f"{self.base}/v1/metrics/{path}", params)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        asset, _, path = call.feed.partition(":")
        batch = Batch()

        def read(row: Any) -> list[Reading]:
            begin = seconds(row["t"])
            if row["v"] is None or begin <= fetched_at < begin + DAY:
                return []
            return [Reading(asset, self.metrics[path], row["v"], begin + DAY)]

        read_rows(batch, rows_of(decoded(body)), "row", read)
        return batch
