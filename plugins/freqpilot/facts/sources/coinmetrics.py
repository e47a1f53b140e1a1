"""Coin Metrics' community data: https://docs.coinmetrics.io/api/v4 (timeseries/asset-metrics)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
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
    day,
    decoded,
    iso,
    number,
    rows_of,
    seconds,
)

METRICS = {
    "AdrActCnt": "active_addresses",
    "CapMVRVCur": "mvrv",
    "CapMrktCurUSD": "market_cap",
    "FeeTotNtv": "fees",
    "FlowInExUSD": "exchange_inflow",
    "FlowOutExUSD": "exchange_outflow",
    "HashRate": "hash_rate",
    "SplyExNtv": "exchange_reserve",
    "TxCnt": "transactions",
}
"""Theirs and ours; flows in USD, fees and reserve in coins, the hash rate in TH/s."""
COMPLETION = "AssetCompletionTime"


@dataclass(frozen=True)
class CoinMetrics(Source):
    """Daily on-chain metrics of each of ``assets``; a day's event is its end.

    Where the answer holds the day's ``AssetCompletionTime``, that is when history became known;
    else 94 hours are taken, the longest that was seen. Exchange flows are revised for days: each
    version is kept.
    """

    base: str = "https://community-api.coinmetrics.io"
    assets: tuple[str, ...] = ("btc", "eth")
    metrics: Mapping[str, str] = field(default_factory=lambda: dict(METRICS))

    spec: ClassVar[Spec] = Spec(
        name="coinmetrics",
        about="on-chain metrics of coins, daily: flows to and from exchanges, MVRV, addresses …",
        gauges=(
            Gauge("active_addresses", 0, 1e9, 50),
            Gauge("mvrv", 0, 100, 5),
            Gauge("market_cap", 1, 1e14, 10),
            Gauge("fees", 0, 1e9),
            Gauge("exchange_inflow", 0, 1e12),
            Gauge("exchange_outflow", 0, 1e12),
            Gauge("exchange_netflow", -1e12, 1e12),
            Gauge("exchange_reserve", 0, 1e12, 5),
            Gauge("hash_rate", 0, 1e15, 10),
            Gauge("transactions", 0, 1e10, 50),
        ),
        every=DAY / 24,
        lag=94 * DAY / 24,
        max_age=5 * DAY,
        overlap=7 * DAY,
        licence="CC BY-NC 4.0: not for commercial use",
    )

    def feeds(self) -> tuple[str, ...]:
        return tuple(asset.lower() for asset in self.assets)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        begin = (since or now - 7 * DAY) - DAY
        params = {
            "assets": feed,
            "metrics": ",".join([*self.metrics, COMPLETION]),
            "frequency": "1d",
            "start_time": day(begin),
            "page_size": "1000",
            "paging_from": "start",
            "ignore_unsupported_errors": "true",
            "ignore_forbidden_errors": "true",
        }
        return Call(feed, f"{self.base}/v4/timeseries/asset-metrics", params)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        batch = Batch()
        for place, row in enumerate(rows_of(document, "data")):
            try:
                batch.readings += self._row(call.feed, row, fetched_at)
            except (KeyError, TypeError, ValueError) as error:
                batch.refused.append(f"row {place}: {type(error).__name__} {error}")
        token = document.get("next_page_token")
        if isinstance(token, str) and token:
            batch.next_page = replace(call, params={**call.params, "next_page_token": token})
        return batch

    def _row(self, asset: str, row: Mapping[str, Any], fetched_at: datetime) -> list[Reading]:
        if row["asset"] != asset:
            raise ValueError(f"asset {str(row['asset'])[:20]!r} was not asked for")
        begin = iso(row["time"])
        if begin <= fetched_at < begin + DAY:
            return []  # the day is not over
        known = row.get(COMPLETION)
        completed = None if known is None else seconds(known)
        values = {
            ours: row[name] for name, ours in self.metrics.items() if row.get(name) is not None
        }
        inflow, outflow = (number(values.get(f"exchange_{name}")) for name in ("inflow", "outflow"))
        if isfinite(inflow) and isfinite(outflow):
            values["exchange_netflow"] = inflow - outflow
        return [
            Reading(asset, metric, value, begin + DAY, completed)
            for metric, value in values.items()
        ]
