"""Bitcoin's daily charts of blockchain.com: https://www.blockchain.com/explorer/api/charts_api."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

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
    rows_of,
    seconds,
)

CHARTS = {
    "hash-rate": "hash_rate",
    "n-transactions": "transactions",
    "n-unique-addresses": "active_addresses",
    "transaction-fees": "fees",
}


@dataclass(frozen=True)
class Blockchain(Source):
    """``charts`` of Bitcoin, one value a day: the hash rate in TH/s, fees in BTC. A backup for
    ``coinmetrics`` and ``mempool``. Of a day in the past a day's lag is taken."""

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
        for place, row in enumerate(rows_of(document, "values")):
            try:
                begin = seconds(row["x"])
                if not begin <= fetched_at < begin + DAY:  # the day is not over
                    metric = self.charts[call.feed]
                    batch.readings.append(Reading("BTC", metric, row["y"], begin + DAY))
            except (KeyError, TypeError, ValueError) as error:
                batch.refused.append(f"row {place}: {type(error).__name__} {error}")
        return batch
