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
    rows_of,
    seconds,
)

CHAINS = {"Ethereum": "ETH", "Solana": "SOL", "BSC": "BNB", "Avalanche": "AVAX"}
ALL, STABLECOINS = "all", "stablecoins"


@dataclass(frozen=True)
class DefiLlama(Source):
    """Daily TVL in USD of all chains and of each of ``chains`` (with the coin it is kept under),
    and the circulating supply of stablecoins pegged to the dollar.

    Answers hold the whole history and no time of publication: a day is taken for it. Today's row
    still moves and is left out.
    """

    base: str = "https://api.llama.fi"
    stablecoins: str = "https://stablecoins.llama.fi"
    chains: Mapping[str, str] = field(default_factory=lambda: dict(CHAINS))

    spec: ClassVar[Spec] = Spec(
        name="defillama",
        about="value locked in DeFi by chain, supply of stablecoins, daily",
        gauges=(Gauge("tvl", 1, 1e13, 10), Gauge("stablecoin_supply", 1, 1e13, 3)),
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
        for place, row in enumerate(rows_of(decoded(body))):
            try:
                time = seconds(row["date"])
                fresh = call.since is None or call.since <= time
                if fresh and time.date() != fetched_at.date():
                    metric, value = _value(call.feed, row)
                    batch.readings.append(Reading(asset, metric, value, time))
            except (KeyError, TypeError, ValueError) as error:
                batch.refused.append(f"row {place}: {type(error).__name__} {error}")
        return batch


def _value(feed: str, row: Mapping[str, Any]) -> tuple[str, Any]:
    if feed == STABLECOINS:
        return "stablecoin_supply", row["totalCirculating"]["peggedUSD"]
    return "tvl", row["tvl"]
