"""What a coin costs more for dollars on one exchange than for stablecoins on another."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, ClassVar

from freqpilot.facts.sources.base import (
    Answer,
    Batch,
    Call,
    Gauge,
    Gets,
    Reading,
    Source,
    Spec,
    decoded,
    number,
)
from freqpilot.facts.sources.markets import ask

OLDEST = timedelta(minutes=2)


@dataclass(frozen=True)
class Premium(Source):
    """The cross-exchange premium: the price of a coin in USD on ``dollars``, over that in
    ``stablecoin`` on ``tether``, in true USD, less 1. Positive: dollars pay more."""

    coins: tuple[str, ...] = ("BTC", "ETH")
    dollars: str = "coinbase"
    tether: str = "binance"
    stablecoin: str = "USDT"

    spec: ClassVar[Spec] = Spec(
        name="premium",
        about="price on Coinbase over that on Binance, in true USD, by ccxt",
        gauges=(Gauge("premium", -0.2, 0.2),),
        every=timedelta(minutes=1),
        max_age=timedelta(minutes=15),
    )

    def feeds(self) -> tuple[str, ...]:
        return self.coins

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        return Call(feed, f"ccxt://{self.dollars}+{self.tether}")

    def fetch(self, call: Call, fetcher: Gets) -> Answer:
        ticker = "fetch_ticker"
        return ask(
            {
                "dollars": (self.dollars, ticker, (f"{call.feed}/USD",)),
                "tether": (self.tether, ticker, (f"{call.feed}/{self.stablecoin}",)),
                "peg": (self.dollars, ticker, (f"{self.stablecoin}/USD",)),
            }
        )

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        prices = {name: _price(document[name]) for name in ("dollars", "tether", "peg")}
        stamps = [number(document[name].get("timestamp")) for name in prices]
        oldest = (fetched_at - OLDEST).timestamp() * 1000
        # Not every ticker carries a time; one that does must not be old.
        if old := [stamp for stamp in stamps if isfinite(stamp) and stamp < oldest]:
            told = (fetched_at.timestamp() * 1000 - min(old)) / 1000
            return Batch(refused=[f"a ticker is {told:.0f} s old"])
        whole = all(isfinite(price) and price > 0 for price in prices.values())
        value: Any = str(prices)
        if whole:
            value = prices["dollars"] / (prices["tether"] * prices["peg"]) - 1
        return Batch([Reading(call.feed, "premium", value, fetched_at)])


def _price(ticker: dict[str, Any]) -> float:
    """Return the middle of bid and ask: the last trade may be long ago."""
    return (number(ticker["bid"]) + number(ticker["ask"])) / 2
