"""Ethereum's gas prices by Etherscan: https://docs.etherscan.io (gas tracker)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from freqpilot.facts.sources.base import (
    BadAnswer,
    Batch,
    Call,
    Gauge,
    Key,
    Reading,
    Source,
    Spec,
    decoded,
)

FIELDS = {
    "gas_safe": "SafeGasPrice",
    "gas_proposed": "ProposeGasPrice",
    "gas_fast": "FastGasPrice",
    "gas_base_fee": "suggestBaseFee",
}


@dataclass(frozen=True)
class Etherscan(Source):
    """Gas prices of now, in gwei, kept under ``ETH``; the answer bears no time."""

    base: str = "https://api.etherscan.io"
    chain: int = 1

    spec: ClassVar[Spec] = Spec(
        name="etherscan",
        about="Ethereum: gas prices",
        gauges=tuple(Gauge(metric, 0, 1e5) for metric in FIELDS),
        every=timedelta(minutes=5),
        max_age=timedelta(hours=1),
        key=Key("FREQPILOT_ETHERSCAN_KEY", "parameter", "apikey"),
    )

    def feeds(self) -> tuple[str, ...]:
        return ("gas",)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        params = {"chainid": str(self.chain), "module": "gastracker", "action": "gasoracle"}
        return Call(feed, f"{self.base}/v2/api", params)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        result = document["result"]
        if document["status"] != "1" or not isinstance(result, dict):
            raise BadAnswer(f"etherscan: {str(result)[:200]}")
        return Batch(
            [Reading("ETH", ours, result[name], fetched_at) for ours, name in FIELDS.items()]
        )
