"""Bitcoin's daily charts of blockchain.com: https://www.blockchain.com/explorer/api/charts_api."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqpilot.facts.sources.base import (
    DAY,
    BadAnswer,
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

CHARTS = {
    "hash-rate": "hash_rate",
    "n-transactions": "transactions",
    "n-unique-addresses": "active_addresses",
    "transaction-fees": "fees",
    "estimated-transaction-volume-usd": "transfer_volume",
    "miners-revenue": "miner_revenue",
}


@dataclass(frozen=True)
class Blockchain(Source):
    """``charts`` of Bitcoin, one value a day: the hash rate in TH/s, fees in BTC, transfers
    and miners' revenue in USD. A backup for ``coinmetrics`` and ``mempool``. Of a day in the past
    a day's lag is taken."""

    base: str = "https://api.blockchain.info"
    charts: Mapping[str, str] = field(default_factory=lambda: dict(CHARTS))

    spec: ClassVar[Spec] = Spec(
        name="blockchain",
        about="Bitcoin: hash rate, transactions, addresses, fees, daily",
        gauges=(
            Gauge("hash_rate", 1e-6, 1e15, 5),
            Gauge("transactions", 0, 1e8, 50),
            Gauge("active_addresses", 0, 1e9, 50),
            Gauge("fees", 0, 1e6),
            Gauge("transfer_volume", 0, 1e13),
            Gauge("miner_revenue", 0, 1e10),
        ),
        every=timedelta(hours=2),
        lag=DAY,
        max_age=4 * DAY,
        overlap=3 * DAY,
        pause=timedelta(seconds=10),
    )

    def feeds(self) -> tuple[str, ...]:
        return tuple(self.charts)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        days = 7 if since is None else (now - since).days + 2
        params = {"timespan": f"{days}days", "format": "json", "sampled": "false"}
        return Call(feed, f"{self.base}/charts/{feed}", params)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        if document.get("status") != "ok" or document.get("period") != "day":
            raise BadAnswer(f"blockchain/{call.feed}: the answer is no chart by day")
        batch = Batch()

        def read(row: Any) -> list[Reading]:
            begin = seconds(row["x"])
            if begin <= fetched_at < begin + DAY:
                return []  # the day is not over
            return [Reading("BTC", self.charts[call.feed], row["y"], begin + DAY)]

        read_rows(batch, rows_of(document, "values"), "row", read)
        return batch
