"""What Binance's REST answers about a market, in its shapes and strings.

Book and trades are derived from the tape, deterministic in time: a ladder around the last price
whose size follows the volume of the last *closed* candle, and one trade every ten seconds.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

import numpy as np

from freqpilot.rehearsal.intervals import DAY_MS, INTERVAL_MINUTES, MINUTE_MS
from freqpilot.rehearsal.market.tape import Klines, PairTape, Tape

Json = dict[str, Any]

HALF_SPREAD = 0.0001  # of the price; never less than half a tick
LEVEL_GAP = 0.0002
LEVEL_SHARE = 0.002  # of a closed candle's hourly volume, at the first level
LOT_DECIMALS = 5
LOT = 1e-5
MIN_NOTIONAL = 5.0
TRADE_EVERY_MS = 10_000
MAX_TRADES = 1_000
MAX_LEVELS = 1_000


class BadRequest(ValueError):
    """A request that Binance would refuse, with its error code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def exchange_info(
    tape: Tape, now: int, closed: Collection[str] = (), vanished: Collection[str] = ()
) -> Json:
    """Return exchangeInfo with price, lot and notional filters of every pair; the symbols of
    ``closed`` are not traded any more, those of ``vanished`` are not even listed."""
    return {
        "timezone": "UTC",
        "serverTime": now,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [
            {**_symbol(pair), "status": "BREAK" if pair.symbol in closed else "TRADING"}
            for pair in tape.pairs.values()
            if pair.symbol not in vanished
        ],
    }


def klines(pair: PairTape, interval: str, now: int, query: dict[str, int]) -> list[list[Any]]:
    """Return kline rows; ``query`` holds startTime, endTime and limit where they were given.

    :raises ValueError: for an interval that the tape cannot give.
    """
    limit = max(1, min(query.get("limit", 500), 1_000))
    found = pair.klines(interval, now, query.get("startTime"), query.get("endTime"), limit)
    length = INTERVAL_MINUTES[interval] * MINUTE_MS
    return [_kline(row, length) for row in zip(*(a.tolist() for a in found), strict=True)]


def ticker(pair: PairTape, now: int) -> Json:
    """Return the rolling 24-hour ticker."""
    day = _last_day(pair, now)
    bid, ask = best(pair, now)
    opened, last = day.open[0], pair.price(now)
    volume = float(day.volume.sum())
    typical = (day.high + day.low + day.close) / 3
    value = float((day.volume * typical).sum())
    return {
        "symbol": _name(pair),
        "priceChange": _text(last - opened),
        "priceChangePercent": f"{(last / opened - 1) * 100:.3f}",
        "weightedAvgPrice": _text(value / volume if volume else last),
        "prevClosePrice": _text(opened),
        "lastPrice": _text(last),
        "lastQty": _text(_level_size(pair, now)),
        "bidPrice": _text(bid),
        "bidQty": _text(_level_size(pair, now)),
        "askPrice": _text(ask),
        "askQty": _text(_level_size(pair, now)),
        "openPrice": _text(opened),
        "highPrice": _text(day.high.max()),
        "lowPrice": _text(day.low.min()),
        "volume": _text(volume),
        "quoteVolume": _text(value),
        "openTime": now - DAY_MS,
        "closeTime": now,
        "firstId": (now - DAY_MS) // TRADE_EVERY_MS,
        "lastId": now // TRADE_EVERY_MS,
        "count": DAY_MS // TRADE_EVERY_MS,
    }


def book_ticker(pair: PairTape, now: int) -> Json:
    """Return the best bid and ask."""
    bid, ask = best(pair, now)
    size = _text(_level_size(pair, now))
    return {
        "symbol": _name(pair),
        "bidPrice": _text(bid),
        "bidQty": size,
        "askPrice": _text(ask),
        "askQty": size,
    }


def price_ticker(pair: PairTape, now: int) -> Json:
    """Return the last price."""
    return {"symbol": _name(pair), "price": _text(pair.price(now))}


def depth(pair: PairTape, now: int, limit: int) -> Json:
    """Return a ladder of ``limit`` levels a side, growing away from the price."""
    count = max(1, min(limit, MAX_LEVELS))
    asks, bids = (
        [[_text(price), _text(size)] for price, size in islice(levels(pair, now, sign), count)]
        for sign in (1, -1)
    )
    return {"lastUpdateId": now, "bids": bids, "asks": asks}


def levels(
    pair: PairTape, now: int, sign: int, price: float | None = None
) -> Iterator[tuple[float, float]]:
    """Yield price and size of the levels that a buy (``sign`` 1) or a sell (−1) meets.

    :param price: where the market is; the last price at ``now`` when it is None.
    """
    middle = pair.price(now) if price is None else price
    bid, ask = _around(pair, middle)
    size = _level_size(pair, now)
    gap = max(pair.tick, middle * LEVEL_GAP)
    for level in range(MAX_LEVELS):
        at = round(ask + level * gap if sign > 0 else bid - level * gap, pair.decimals)
        if at <= 0:
            return
        yield at, size * (1 + 0.3 * level)


def trades(pair: PairTape, now: int, query: dict[str, int]) -> list[Json]:
    """Return public trades: from ``fromId`` or ``startTime`` upwards, or else the newest."""
    limit = max(1, min(query.get("limit", 500), MAX_TRADES))
    oldest = int(pair.base.date[0]) // TRADE_EVERY_MS + 1
    newest = min(now, query.get("endTime", now)) // TRADE_EVERY_MS
    first = query.get("fromId")
    if first is None and "startTime" in query:
        first = -(-query["startTime"] // TRADE_EVERY_MS)
    if first is None:
        first = newest - limit + 1
    first = max(first, oldest)
    return [_trade(pair, number) for number in range(first, min(newest, first + limit - 1) + 1)]


def aggregate(trade: Json) -> Json:
    """Return a public trade in the shape of aggTrades."""
    number = trade["id"]
    return {
        "a": number,
        "p": trade["price"],
        "q": trade["qty"],
        "f": number,
        "l": number,
        "T": trade["time"],
        "m": trade["isBuyerMaker"],
        "M": True,
    }


def best(pair: PairTape, now: int) -> tuple[float, float]:
    """Return best bid and ask: at least one tick apart, both on the tick grid."""
    return _around(pair, pair.price(now))


def _around(pair: PairTape, price: float) -> tuple[float, float]:
    half = max(pair.tick / 2, price * HALF_SPREAD)
    bid = max(pair.tick, np.floor((price - half) / pair.tick + 1e-9) * pair.tick)
    ask = np.ceil((price + half) / pair.tick - 1e-9) * pair.tick
    return round(float(bid), pair.decimals), round(float(ask), pair.decimals)


def _trade(pair: PairTape, number: int) -> Json:
    time = number * TRADE_EVERY_MS
    price = pair.price(time)
    amount = max(LOT, closed_volume(pair, time) * TRADE_EVERY_MS / pair.step)
    return {
        "id": number,
        "price": _text(price),
        "qty": _text(amount),
        "quoteQty": _text(price * amount),
        "time": time,
        "isBuyerMaker": price < pair.price(max(time - TRADE_EVERY_MS, int(pair.base.date[0]) + 1)),
        "isBestMatch": True,
    }


def closed_volume(pair: PairTape, now: int) -> float:
    """Volume of the last closed candle, 1 before any has closed; never the running candle's, which
    would tell how it ends."""
    closed = int(np.searchsorted(pair.base.date, now - pair.step, side="right")) - 1
    if closed < 0:
        return 1.0
    return float(pair.base.volume[closed])


def _level_size(pair: PairTape, now: int) -> float:
    hourly = closed_volume(pair, now) * 60 * MINUTE_MS / pair.step
    return max(LOT, round(hourly * LEVEL_SHARE, LOT_DECIMALS))


def _last_day(pair: PairTape, now: int) -> Klines:
    """Candles that overlap the last 24 hours, the oldest whole; the running one as far as now."""
    known = pair.known(now)
    first = int(np.searchsorted(known.date, now - DAY_MS - pair.step, side="right"))
    return known.rows(slice(min(first, len(known.date) - 1), None))


def _kline(row: tuple[Any, ...], length: int) -> list[Any]:
    date, open_, high, low, close, volume = row
    value = volume * (open_ + close) / 2
    return [
        date,
        _text(open_),
        _text(high),
        _text(low),
        _text(close),
        _text(volume),
        date + length - 1,
        _text(value),
        length // TRADE_EVERY_MS,
        _text(volume / 2),
        _text(value / 2),
        "0",
    ]


def _symbol(pair: PairTape) -> Json:
    base, quote = pair.pair.split("/")
    lot = f"{LOT:.8f}"
    return {
        "symbol": _name(pair),
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET", "STOP_LOSS_LIMIT"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": _text(pair.tick),
                "maxPrice": "10000000.00000000",
                "tickSize": _text(pair.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": lot,
                "maxQty": "9000000000.00000000",
                "stepSize": lot,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": _text(MIN_NOTIONAL),
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
    }


def _name(pair: PairTape) -> str:
    return pair.pair.replace("/", "")


def _text(value: float) -> str:
    return f"{value:.8f}"
