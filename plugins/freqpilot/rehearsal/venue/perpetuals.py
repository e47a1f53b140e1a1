"""What Binance's USD-M futures REST answers about a market, in its shapes and strings.

The future trades at the prices of the spot tape: candles, book and tickers are the spot route's,
mark and index price are the last price, the funding rate is one constant for 8 hours.
"""

from collections.abc import Collection

from freqpilot.rehearsal.market import quotes
from freqpilot.rehearsal.market.quotes import MIN_NOTIONAL, Json
from freqpilot.rehearsal.market.tape import PairTape, Tape
from freqpilot.rehearsal.venue import margin
from freqpilot.rehearsal.venue.funding import FundingTimes

PERPETUAL_ENDS = 4_133_404_800_000  # Binance's delivery date of a future that never ends
ORDER_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_MARKET"]


def spot_name(pair: str) -> str:
    """Return the tape's name of a traded pair.

    >>> spot_name("BTC/USDT:USDT"), spot_name("BTC/USDT")
    ('BTC/USDT', 'BTC/USDT')
    """
    return pair.split(":", maxsplit=1)[0]


def future_name(pair: str) -> str:
    """Return Freqtrade's name of the perpetual on a tape's pair.

    >>> future_name("BTC/USDT")
    'BTC/USDT:USDT'
    """
    return f"{pair}:{pair.split('/')[1]}"


def exchange_info(
    tape: Tape, now: int, closed: Collection[str] = (), vanished: Collection[str] = ()
) -> Json:
    """Return exchangeInfo with price, lot and notional filters of every perpetual; the symbols of
    ``closed`` are not traded any more, those of ``vanished`` are not even listed."""
    return {
        "timezone": "UTC",
        "serverTime": now,
        "futuresType": "U_MARGINED",
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [
            {**_symbol(pair), "status": "SETTLING" if pair.symbol in closed else "TRADING"}
            for pair in tape.pairs.values()
            if pair.symbol not in vanished
        ],
    }


def premium_index(pair: PairTape, now: int, funding: FundingTimes) -> Json:
    """Return mark price and funding rate."""
    price, due = f"{pair.price(now):.8f}", funding.next(_name(pair), now)
    return {
        "symbol": _name(pair),
        "markPrice": price,
        "indexPrice": price,
        "estimatedSettlePrice": price,
        "lastFundingRate": f"{funding.rate_at(_name(pair), due):.8f}",
        "interestRate": "0.00010000",
        "nextFundingTime": due,
        "time": now,
    }


def funding_rates(
    pair: PairTape, now: int, query: dict[str, int], funding: FundingTimes
) -> list[Json]:
    """Return the funding rates of the past: from ``startTime`` upwards, or else the newest."""
    limit, symbol = max(1, min(query.get("limit", 100), 1_000)), _name(pair)
    begin = max(int(pair.base.date[0]) + 1, query.get("startTime", 0))
    times = funding.past(symbol, begin, min(now, query.get("endTime", now)))
    return [
        {
            "symbol": symbol,
            "fundingTime": time,
            "fundingRate": f"{funding.rate_at(symbol, time):.8f}",
            "markPrice": f"{pair.price(time):.8f}",
        }
        for time in (times[:limit] if "startTime" in query else times[-limit:])
    ]


def funding_info(now: int, funding: FundingTimes) -> list[Json]:
    """Return the symbols whose funding is not due every 8 hours."""
    return [
        {
            "symbol": symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": hours,
            "disclaimer": False,
        }
        for symbol, hours in funding.unusual(now).items()
    ]


def brackets(pair: PairTape) -> Json:
    """Return the symbol's only leverage bracket."""
    return {
        "symbol": _name(pair),
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": 1,
                "initialLeverage": margin.MAX_LEVERAGE,
                "notionalCap": int(margin.MAX_NOTIONAL),
                "notionalFloor": 0,
                "maintMarginRatio": float(margin.MAINTENANCE),
                "cum": 0.0,
            }
        ],
    }


def depth(pair: PairTape, now: int, limit: int) -> Json:
    """Return a ladder of ``limit`` levels a side."""
    return {**quotes.depth(pair, now, limit), "E": now, "T": now}


def _symbol(pair: PairTape) -> Json:
    base, quote = pair.pair.split("/")
    tick, lot = f"{pair.tick:.8f}", f"{quotes.LOT:.8f}"
    lots = {"minQty": lot, "maxQty": "1000000000.00000000", "stepSize": lot}
    return {
        "symbol": _name(pair),
        "pair": _name(pair),
        "contractType": "PERPETUAL",
        "deliveryDate": PERPETUAL_ENDS,
        "onboardDate": int(pair.base.date[0]),
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": quote,
        "pricePrecision": pair.decimals,
        "quantityPrecision": quotes.LOT_DECIMALS,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "orderTypes": ORDER_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK"],
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "10000000.00000000",
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", **lots},
            {"filterType": "MARKET_LOT_SIZE", **lots},
            {"filterType": "MIN_NOTIONAL", "notional": f"{MIN_NOTIONAL:.8f}"},
        ],
    }


def _name(pair: PairTape) -> str:
    return pair.pair.replace("/", "")
