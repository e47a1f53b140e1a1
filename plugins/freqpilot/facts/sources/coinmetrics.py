"""Coin Metrics' community data: https://docs.coinmetrics.io/api/v4 (timeseries/asset-metrics)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import isfinite, nan
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
    read_rows,
    rows_of,
    seconds,
)

METRICS = {
    "AdrActCnt": "active_addresses",
    "AdrBalCnt": "funded_addresses",
    "AdrBalUSD1MCnt": "whale_addresses",
    "CapMVRVCur": "mvrv",
    "CapMrktCurUSD": "market_cap",
    "FeeTotNtv": "fees",
    "FlowInExUSD": "exchange_inflow",
    "FlowOutExUSD": "exchange_outflow",
    "HashRate": "hash_rate",
    "IssTotNtv": "issuance",
    "SplyAct1yr": "supply_active_year",
    "SplyCur": "supply",
    "SplyExNtv": "exchange_reserve",
    "TxCnt": "transactions",
    "TxTfrValAdjUSD": "transfer_volume",
}
"""Theirs and ours; flows, caps and transfers in USD, fees, supply and reserve in coins, the hash
rate in TH/s. What an account may not see is left out of the answer."""
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
            Gauge("funded_addresses", 0, 1e10, 10),
            Gauge("hash_rate", 0, 1e15, 10),
            Gauge("issuance", 0, 1e15),
            Gauge("long_term_supply", 0, 1e18, 5),
            Gauge("nvt", 0, 1e5),
            Gauge("realised_cap", 1, 1e14, 5),
            Gauge("supply", 0, 1e18, 5),
            Gauge("supply_active_year", 0, 1e18, 5),
            Gauge("transactions", 0, 1e10, 50),
            Gauge("transfer_volume", 0, 1e14),
            Gauge("whale_addresses", 0, 1e8, 10),
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
        rows = rows_of(document, "data")
        read_rows(batch, rows, "row", lambda row: self._row(call.feed, row, fetched_at))
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
        return [
            Reading(asset, metric, value, begin + DAY, completed)
            for metric, value in {**values, **_derived(values)}.items()
        ]


def _derived(values: Mapping[str, Any]) -> dict[str, float]:
    """Return what follows from a day's other figures: the net flow to exchanges, the realised cap
    (cap ÷ MVRV), NVT (cap ÷ transfers) and the supply that did not move for a year."""

    def figure(name: str) -> float:
        return number(values.get(name))

    cap, transfers, ratio = figure("market_cap"), figure("transfer_volume"), figure("mvrv")
    found = {
        "exchange_netflow": figure("exchange_inflow") - figure("exchange_outflow"),
        "realised_cap": cap / ratio if ratio > 0 else nan,
        "nvt": cap / transfers if transfers > 0 else nan,
        "long_term_supply": figure("supply") - figure("supply_active_year"),
    }
    return {metric: value for metric, value in found.items() if isfinite(value)}
