"""Bitcoin's hash rate, waiting transactions and fees by mempool.space:
https://mempool.space/docs/api/rest."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
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
    number,
    read_rows,
    rows_of,
    seconds,
)

PATHS = {"mempool": "/api/mempool", "fees": "/api/v1/fees/recommended"}
PERIODS = {30: "1m", 90: "3m", 180: "6m", 365: "1y", 730: "2y", 1095: "3y"}
"""Days and the name of the shortest answer that holds them."""
TERA = 1e12


@dataclass(frozen=True)
class Mempool(Source):
    """``hash_rate`` of each day in TH/s; ``mempool_transactions`` and ``mempool_vbytes`` that wait
    now; ``fee_fast`` and ``fee_hour`` in sat/vB. Of a day in the past a day's lag is taken."""

    base: str = "https://mempool.space"

    spec: ClassVar[Spec] = Spec(
        name="mempool",
        about="Bitcoin: hash rate, waiting transactions, fees",
        gauges=(
            Gauge("hash_rate", 1e-6, 1e15, 5),
            Gauge("mempool_transactions", 0, 1e8),
            Gauge("mempool_vbytes", 0, 1e11),
            Gauge("fee_fast", 0, 1e5),
            Gauge("fee_hour", 0, 1e5),
        ),
        every=timedelta(minutes=10),
        lag=DAY,
        max_age=3 * DAY,
        overlap=3 * DAY,
    )

    def feeds(self) -> tuple[str, ...]:
        return ("hash_rate", *PATHS)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        if feed in PATHS:
            return Call(feed, f"{self.base}{PATHS[feed]}")
        days = 7 if since is None else (now - since).days + 1
        period = next((name for most, name in PERIODS.items() if days <= most), "all")
        return Call(feed, f"{self.base}/api/v1/mining/hashrate/{period}")

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        if call.feed == "hash_rate":
            return _hash_rates(document, fetched_at)
        if call.feed == "mempool":
            names = {"mempool_transactions": "count", "mempool_vbytes": "vsize"}
        else:
            names = {"fee_fast": "fastestFee", "fee_hour": "hourFee"}
        # These answers bear no time: they are of now.
        return Batch(
            [Reading("BTC", ours, document[name], fetched_at) for ours, name in names.items()]
        )


def _hash_rates(document: Any, fetched_at: datetime) -> Batch:
    batch = Batch()

    def read(row: Any) -> list[Reading]:
        end = seconds(row["timestamp"]) + DAY
        rate = number(row["avgHashrate"])
        value = rate / TERA if isfinite(rate) else row["avgHashrate"]
        if end - DAY <= fetched_at < end:
            return []  # the day is not over
        return [Reading("BTC", "hash_rate", value, end)]

    read_rows(batch, rows_of(document, "hashrates"), "row", read)
    return batch
