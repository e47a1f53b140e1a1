"""What was liquidated of perpetual contracts, by ccxt."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import fsum, isfinite
from typing import Any, ClassVar

from freqpilot.errors import RefuseToStart
from freqpilot.facts.sources.base import (
    DAY,
    Answer,
    BadAnswer,
    Batch,
    Call,
    Gauge,
    Gets,
    Reading,
    Source,
    Spec,
    decoded,
    number,
    rows_of,
)
from freqpilot.facts.sources.markets import ask, coin, ticked

SPAN = timedelta(minutes=5)
SETTLED = timedelta(minutes=1)
"""After its end a span is complete."""
LIMIT = 100
WHOLE = ("htx",)
"""Exchanges whose public liquidations ccxt asks for by a span of time, each with its side."""
STREAM = ("binance", "binancecoinm", "binanceusdm", "bybit", "okx")
NOT_WHOLE = {
    "bitfinex": "ccxt takes another flag for their side, and cannot tell when an answer is full",
    "deribit": "ccxt reads its bankruptcies, not its liquidations",
    "gate": "ccxt asks it in milliseconds where its documents say seconds",
}


@dataclass(frozen=True)
class Liquidations(Source):
    """``liquidations_long`` and ``liquidations_short`` of each five minutes, in the quote currency:
    positions that the ``exchange`` closed by selling and by buying, of the perpetuals ``symbols``.
    An event is the end of its span; a span of more than a hundred is unknown, not cut off. Looks
    back a day at most, so a longer outage leaves a hole.
    """

    exchange: str = "htx"
    symbols: tuple[str, ...] = ("BTC/USDT:USDT", "ETH/USDT:USDT")

    spec: ClassVar[Spec] = Spec(
        name="liquidations",
        about="liquidated positions of perpetuals on HTX, every five minutes, by ccxt",
        gauges=(Gauge("liquidations_long", 0, 1e11), Gauge("liquidations_short", 0, 1e11)),
        every=SPAN,
        lag=SETTLED,
        max_age=timedelta(hours=1),
    )

    def __post_init__(self) -> None:
        if self.exchange in WHOLE:
            return
        why = NOT_WHOLE.get(self.exchange, "ccxt knows no public request for them")
        if self.exchange in STREAM:
            why = "it tells them by websocket only, and there not all of them"
        raise RefuseToStart(
            f"config: freqpilot.facts.sources.liquidations: those of {self.exchange} cannot be "
            f"summed: {why}; take {' or '.join(WHOLE)}"
        )

    def feeds(self) -> tuple[str, ...]:
        return self.symbols

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        begin = max(since or now - timedelta(hours=1), now - DAY)
        stamp = int(begin.timestamp() // SPAN.total_seconds() * SPAN.total_seconds()) * 1000
        return Call(feed, f"ccxt://{self.exchange}", {"since": str(stamp)})

    def fetch(self, call: Call, fetcher: Gets) -> Answer:
        begin, end = _span(call)
        now = datetime.now(UTC)
        if now < end + SETTLED:
            return Answer(json.dumps({"answer": []}).encode(), now)
        since, until = (int(each.timestamp() * 1000) for each in (begin, end))
        arguments = (call.feed, since, LIMIT, {"until": until})
        return ask({"answer": (self.exchange, "fetch_liquidations", arguments)})

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        rows = rows_of(decoded(body), "answer")
        begin, end = _span(call)
        if fetched_at < end + SETTLED:
            return Batch()
        # A sum without one of them would be wrong, so a row that cannot be read spoils it whole.
        sides: dict[str, list[float]] = {"sell": [], "buy": []}
        for row in _once(rows):
            value = number(row["quoteValue"])
            if not isfinite(value) or value < 0:
                raise BadAnswer(f"liquidations/{call.feed}: {str(row)[:200]} has no value")
            if begin <= ticked(row["timestamp"]) < end:
                sides[row["side"]].append(value)
        full: Any = f"{LIMIT} or more, cut off" if len(rows) >= LIMIT else None
        asset = coin(call.feed)
        readings = [
            Reading(asset, "liquidations_long", full or fsum(sides["sell"]), end),
            Reading(asset, "liquidations_short", full or fsum(sides["buy"]), end),
        ]
        following = {"since": str(int(end.timestamp() * 1000))}
        return Batch(readings, next_page=replace(call, params=following))


def _span(call: Call) -> tuple[datetime, datetime]:
    begin = datetime.fromtimestamp(int(call.params["since"]) / 1000, UTC)
    return begin, begin + SPAN


def _once(rows: list[Any]) -> list[Any]:
    """Return each liquidation once, by the exchange's own number: an answer may repeat one."""
    found: dict[str, Any] = {}
    for row in rows:
        if found.setdefault(str(row["info"]["id"]), row) != row:
            raise BadAnswer(f"liquidations: {str(row)[:200]} is told in two ways")
    return [*found.values()]
