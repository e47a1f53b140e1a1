"""Value locked in DeFi and supply of stablecoins by DefiLlama: https://defillama.com/docs/api."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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

CHAINS = {"Ethereum": "ETH", "Solana": "SOL", "BSC": "BNB", "Avalanche": "AVAX"}
ALL, STABLECOINS = "all", "stablecoins"


@dataclass(frozen=True)
class DefiLlama(Source):
    """Daily TVL in USD of all chains and of each of ``chains`` (with the coin it is kept under),
    the circulating supply of stablecoins pegged to the dollar, and their mean price in USD, which
    is what that supply is worth over its number.

    Answers hold the whole history and no time of publication: a day is taken for it. Today's row
    still moves and is left out.
    """

    base: str = "https://api.llama.fi"
    stablecoins: str = "https://stablecoins.llama.fi"
    chains: Mapping[str, str] = field(default_factory=lambda: dict(CHAINS))

    spec: ClassVar[Spec] = Spec(
        name="defillama",
        about="value locked in DeFi by chain, supply of stablecoins, daily",
        gauges=(
            Gauge("tvl", 1, 1e13, 10),
            Gauge("stablecoin_supply", 1, 1e13, 3),
            Gauge("stablecoin_price", 0.5, 1.5),
        ),
        every=timedelta(hours=3),
        lag=DAY,
        max_age=4 * DAY,
        overlap=3 * DAY,
    )

    def feeds(self) -> tuple[str, ...]:
        return (ALL, *self.chains, STABLECOINS)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        # The whole history comes anyway; what is older than this is not read.
        after = (since or now - 4 * DAY) - DAY
        if feed == STABLECOINS:
            return Call(feed, f"{self.stablecoins}/stablecoincharts/all", since=after)
        chain = "" if feed == ALL else f"/{feed}"
        return Call(feed, f"{self.base}/v2/historicalChainTvl{chain}", since=after)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        batch = Batch()
        asset = self.chains.get(call.feed, "*")

        def read(row: Any) -> list[Reading]:
            time = seconds(row["date"])
            fresh = call.since is None or call.since <= time
            if not fresh or time.date() == fetched_at.date():
                return []
            values = _values(call.feed, row)
            return [Reading(asset, metric, value, time) for metric, value in values.items()]

        read_rows(batch, rows_of(decoded(body)), "row", read)
        return batch


def _values(feed: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if feed != STABLECOINS:
        return {"tvl": row["tvl"]}
    supply = row["totalCirculating"]["peggedUSD"]
    values = {"stablecoin_supply": supply}
    worth = row.get("totalCirculatingUSD")
    if isinstance(worth, dict) and "peggedUSD" in worth:
        coins, dollars = number(supply), number(worth["peggedUSD"])
        values["stablecoin_price"] = dollars / coins if coins > 0 else f"{dollars} / {coins}"
    return values
