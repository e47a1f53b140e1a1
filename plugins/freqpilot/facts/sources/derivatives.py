"""Perpetual contracts: funding, open interest, long/short ratio and basis, by ccxt."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import isfinite
from typing import Any, ClassVar, Literal

from freqpilot.facts.sources.base import (
    DAY,
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
    read_rows,
    rows_of,
)
from freqpilot.facts.sources.markets import ask, coin, ticked

Kind = Literal["funding", "open_interest", "long_short", "basis"]
METHODS = {
    "funding": "fetch_funding_rate_history",
    "open_interest": "fetch_open_interest_history",
    "long_short": "fetch_long_short_ratio_history",
    "basis": "fetch_funding_rate",
}
HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
USUAL = 8
"""Hours between two payments of funding."""
LIMIT = 500
KEPT = 29 * DAY
"""How long Binance keeps open interest and the ratio of accounts."""


@dataclass(frozen=True)
class Derivatives(Source):
    """``kinds`` of figures of the perpetuals ``symbols`` on one ``exchange``, by ccxt's names.

    ``funding_rate`` is a fraction for 8 hours: where an exchange takes funding every 4 or 1 hours,
    which it may change, a payment counts as what it would be in 8. ``open_interest`` is in coins,
    beside it ``open_interest_usd``; ``long_short_ratio`` is of accounts, ``basis`` the mark price
    over the index price less 1. Written for ``binanceusdm``.
    """

    exchange: str = "binanceusdm"
    symbols: tuple[str, ...] = ("BTC/USDT:USDT", "ETH/USDT:USDT")
    kinds: tuple[Kind, ...] = ("funding", "open_interest", "long_short", "basis")

    spec: ClassVar[Spec] = Spec(
        name="derivatives",
        about="funding, open interest, long/short ratio and basis of perpetuals, by ccxt",
        gauges=(
            Gauge("funding_rate", -0.25, 0.25),
            Gauge("open_interest", 0, 1e15, 5),
            Gauge("open_interest_usd", 0, 1e12, 5),
            Gauge("long_short_ratio", 0.01, 100),
            Gauge("basis", -0.2, 0.2),
        ),
        every=timedelta(minutes=1),
        lag=timedelta(minutes=5),
        max_age=timedelta(hours=10),
        # A payment is one for as long as has passed since the one before, which has to be there.
        overlap=9 * HOUR,
    )

    def feeds(self) -> tuple[str, ...]:
        return tuple(f"{kind}:{symbol}" for symbol in self.symbols for kind in self.kinds)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        kind, _, symbol = feed.partition(":")
        params = {"method": METHODS[kind], "symbol": symbol}
        if kind != "basis":
            begin = since or now - DAY
            begin = begin if kind == "funding" else max(begin, now - KEPT)
            params["since"] = str(int(begin.timestamp() * 1000))
        return Call(feed, f"ccxt://{self.exchange}", params)

    def fetch(self, call: Call, fetcher: Gets) -> Answer:
        method, symbol = call.params["method"], call.params["symbol"]
        arguments: tuple[Any, ...] = (symbol,)
        if "since" in call.params:
            since = int(call.params["since"])
            arguments = (symbol, since, LIMIT)
            if not call.feed.startswith("funding:"):
                # With a begin alone Binance gives the newest rows, not those after it.
                until = since + LIMIT * int(HOUR.total_seconds()) * 1000
                arguments = (symbol, "1h", since, LIMIT, {"until": until})
        return ask({"answer": (self.exchange, method, arguments)})

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        kind, _, symbol = call.feed.partition(":")
        document = decoded(body)
        if kind == "basis":
            return Batch([_basis(coin(symbol), document["answer"])])
        batch = Batch()
        rows = rows_of(document, "answer")
        newest, hours = 0, _hours(rows) if kind == "funding" else {}

        def read(row: Any) -> list[Reading]:
            nonlocal newest
            time = ticked(row["timestamp"])
            newest = max(newest, int(row["timestamp"]))
            return _readings(kind, coin(symbol), row, time, hours.get(row["timestamp"], USUAL))

        read_rows(batch, rows, "row", read)
        if len(rows) >= LIMIT and newest >= int(call.params["since"]):
            batch.next_page = replace(call, params={**call.params, "since": str(newest + 1)})
        return batch


def _hours(rows: list[Any]) -> dict[Any, int]:
    """Return for how many hours each payment of funding is, by its timestamp: since the one before;
    the first one is taken to be like the second. A payment that is missing makes none of more than
    8 hours."""
    stamps = sorted({row["timestamp"] for row in rows if isinstance(row, dict) and _is_time(row)})
    found = {
        later: min(USUAL, max(1, round((later - before) / HOUR_MS)))
        for before, later in pairwise(stamps)
    }
    if found:
        found[stamps[0]] = found[stamps[1]]
    return found


def _is_time(row: dict[str, Any]) -> bool:
    stamp = row.get("timestamp")
    return isinstance(stamp, int | float) and not isinstance(stamp, bool) and isfinite(stamp)


def _readings(
    kind: str, asset: str, row: dict[str, Any], time: datetime, hours: int
) -> list[Reading]:
    if kind == "funding":
        rate = row["fundingRate"]
        value: Any = rate if hours == USUAL else number(rate) * USUAL / hours
        return [Reading(asset, "funding_rate", value, time)]
    if kind == "long_short":
        return [Reading(asset, "long_short_ratio", row["longShortRatio"], time)]
    names = {"open_interest": "openInterestAmount", "open_interest_usd": "openInterestValue"}
    found = [
        Reading(asset, metric, row[name], time)
        for metric, name in names.items()
        if row.get(name) is not None
    ]
    if not found:
        raise ValueError("it holds no open interest")
    return found


def _basis(asset: str, row: dict[str, Any]) -> Reading:
    mark, index = number(row["markPrice"]), number(row["indexPrice"])
    value: Any = mark / index - 1 if isfinite(mark) and index > 0 else f"{mark} / {index}"
    return Reading(asset, "basis", value, ticked(row["timestamp"]))
