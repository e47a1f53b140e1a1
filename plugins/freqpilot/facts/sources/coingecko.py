"""Market totals and prices of CoinGecko: https://docs.coingecko.com/reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqpilot.facts.sources.base import (
    Batch,
    Call,
    Gauge,
    Key,
    Reading,
    Source,
    Spec,
    decoded,
    iso,
    number,
    read_rows,
    rows_of,
    seconds,
)

FIELDS = {
    "current_price": "price",
    "market_cap": "market_cap",
    "total_volume": "volume",
    "circulating_supply": "supply",
    "total_supply": "total_supply",
    "max_supply": "max_supply",
    "fully_diluted_valuation": "diluted_market_cap",
}
STABLE = ("usdt", "usdc")
"""Stablecoins whose share of the market is told, where they are among its largest coins."""


@dataclass(frozen=True)
class CoinGecko(Source):
    """Totals of the whole market, and price, market cap, volume (USD) and supply of each of
    ``coins``, by CoinGecko's ids: what circulates, exists and can ever exist (none for a coin
    without an end). Dominance is a fraction, that of stablecoins USDT's and USDC's. With
    ``trending`` also the ``search_rank`` (1 is the first) of those of ``coins`` that people search
    for most; it is missing where a coin has not been among them for an hour."""

    base: str = "https://api.coingecko.com"
    coins: tuple[str, ...] = ("bitcoin", "ethereum", "tether", "usd-coin")
    trending: bool = False

    spec: ClassVar[Spec] = Spec(
        name="coingecko",
        about="total market cap, dominance of BTC and ETH, prices with the stablecoins' peg",
        gauges=(
            Gauge("total_market_cap", 1e9, 1e15, 2),
            Gauge("total_volume", 1e6, 1e15, 20),
            Gauge("btc_dominance", 0.01, 1),
            Gauge("eth_dominance", 0.001, 1),
            Gauge("price", 1e-12, 1e9, 5),
            Gauge("market_cap", 1, 1e14, 10),
            Gauge("volume", 0, 1e14),
            Gauge("supply", 0, 1e18, 5),
            Gauge("total_supply", 0, 1e18, 5),
            Gauge("max_supply", 0, 1e18, 5),
            Gauge("diluted_market_cap", 1, 1e15, 10),
            Gauge("stablecoin_dominance", 0, 0.5),
            Gauge("search_rank", 1, 100),
        ),
        every=timedelta(minutes=5),
        max_age=timedelta(hours=1),
        pause=timedelta(seconds=6),
        key=Key("FREQPILOT_COINGECKO_KEY", "header", "x-cg-demo-api-key", needed=False),
    )

    def feeds(self) -> tuple[str, ...]:
        coins = ("coins",) if self.coins else ()
        return ("global", *coins, *(("trending",) if self.trending else ()))

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        if feed == "global":
            return Call(feed, f"{self.base}/api/v3/global")
        if feed == "trending":
            return Call(feed, f"{self.base}/api/v3/search/trending")
        params = {"vs_currency": "usd", "ids": ",".join(self.coins), "per_page": "250"}
        return Call(feed, f"{self.base}/api/v3/coins/markets", params)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        if call.feed == "global":
            return self._totals(document["data"])
        batch = Batch()
        if call.feed == "trending":
            rows = rows_of(document, "coins")
            read_rows(batch, rows, "coin", lambda row: self._searched(row["item"], fetched_at))
        else:
            read_rows(batch, rows_of(document), "row", self._coin)
        return batch

    def _totals(self, data: Mapping[str, Any]) -> Batch:
        time = seconds(data["updated_at"])
        shares = data["market_cap_percentage"]
        values = {
            "total_market_cap": data["total_market_cap"]["usd"],
            "total_volume": data["total_volume"]["usd"],
            "btc_dominance": number(shares["btc"]) / 100,
            "eth_dominance": number(shares["eth"]) / 100,
        }
        if all(name in shares for name in STABLE):
            values["stablecoin_dominance"] = sum(number(shares[name]) for name in STABLE) / 100
        return Batch([Reading("*", metric, value, time) for metric, value in values.items()])

    def _searched(self, row: Any, fetched_at: datetime) -> list[Reading]:
        if row["id"] not in self.coins:
            return []
        return [Reading(_symbol(row), "search_rank", number(row["score"]) + 1, fetched_at)]

    def _coin(self, row: Any) -> list[Reading]:
        if row["id"] not in self.coins:
            raise ValueError(f"coin {str(row['id'])[:20]!r} was not asked for")
        asset, time = _symbol(row), iso(row["last_updated"])
        return [
            Reading(asset, metric, row[name], time)
            for name, metric in FIELDS.items()
            if row.get(name) is not None
        ]


def _symbol(row: Any) -> str:
    asset = str(row["symbol"]).upper()
    if not asset.isalnum():
        raise ValueError(f"{asset[:20]!r} is no symbol")
    return asset
