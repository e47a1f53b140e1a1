"""One answer a feed in each source's documented shape, written for the tests, and what it says."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import nan
from typing import Any

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
DAY = datetime(2024, 3, 5, tzinfo=UTC)
STAMP = int(DAY.timestamp())
SPAN_END = DAY + timedelta(hours=12, minutes=5)


@dataclass(frozen=True)
class Case:
    """An answer; ``readings`` are (asset, metric, value, event), ``items`` (source, asset, text,
    event) in it, ``engagement`` how much each has, ``number`` the path to a value within it."""

    source: str
    feed: str
    body: Any
    readings: tuple[tuple[str, str, Any, datetime], ...] = ()
    items: tuple[tuple[str, str, str, datetime], ...] = ()
    number: tuple[str | int, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    engagement: tuple[float, ...] = ()

    @property
    def raw(self) -> bytes:
        """The answer as it is sent."""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()

    @property
    def name(self) -> str:
        """Name of the case."""
        return f"{self.source}/{self.feed}"


RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>Example</title><link>https://example.org</link>
<item><title>Bitcoin &amp;amp; &lt;b&gt;Ether&lt;/b&gt; rise</title>
<link>https://example.org/1</link><guid>https://example.org/1</guid>
<pubDate>Tue, 05 Mar 2024 00:00:00 +0000</pubDate></item>
<item><title>No date</title><link>https://example.org/2</link></item>
</channel></rss>"""

CASES = (
    Case(
        "alternative_me",
        "index",
        {
            "name": "Fear and Greed Index",
            "data": [
                {"value": "69", "value_classification": "Greed", "timestamp": str(STAMP)},
                {"value": "71", "value_classification": "Greed", "timestamp": str(STAMP - 86400)},
            ],
            "metadata": {"error": None},
        },
        (
            ("*", "fear_greed", "69", DAY),
            ("*", "fear_greed", "71", DAY - timedelta(days=1)),
        ),
        number=("data", 0, "value"),
    ),
    Case(
        "coinmetrics",
        "btc",
        {
            "data": [
                {
                    "asset": "btc",
                    "time": "2024-03-04T00:00:00.000000000Z",
                    "TxCnt": "351000",
                    "FlowInExUSD": "100.5",
                    "FlowOutExUSD": "90.25",
                    "CapMVRVCur": None,
                    "CapMrktCurUSD": "1.2e12",
                    "TxTfrValAdjUSD": "1e10",
                    "SplyCur": "19600000",
                    "SplyAct1yr": "5600000",
                    "AssetCompletionTime": str(STAMP + 3600),
                },
                {"asset": "btc", "time": "2024-03-06T00:00:00.000000000Z", "TxCnt": "1000"},
            ],
            "next_page_token": "0.MjAyNA",
            "next_page_url": "https://community-api.coinmetrics.io/v4/?next_page_token=0.MjAyNA",
        },
        (
            ("btc", "market_cap", "1.2e12", DAY),
            ("btc", "exchange_inflow", "100.5", DAY),
            ("btc", "exchange_outflow", "90.25", DAY),
            ("btc", "supply_active_year", "5600000", DAY),
            ("btc", "supply", "19600000", DAY),
            ("btc", "transactions", "351000", DAY),
            ("btc", "transfer_volume", "1e10", DAY),
            ("btc", "exchange_netflow", 10.25, DAY),
            ("btc", "nvt", 120.0, DAY),
            ("btc", "long_term_supply", 14e6, DAY),
        ),
        number=("data", 0, "TxCnt"),
    ),
    Case(
        "coingecko",
        "global",
        {
            "data": {
                "active_cryptocurrencies": 13000,
                "total_market_cap": {"usd": 2.5e12, "btc": 39e6},
                "total_volume": {"usd": 1e11},
                "market_cap_percentage": {"btc": 51.5, "eth": 17.0, "usdt": 4.0, "usdc": 1.25},
                "updated_at": STAMP,
            }
        },
        (
            ("*", "total_market_cap", 2.5e12, DAY),
            ("*", "total_volume", 1e11, DAY),
            ("*", "btc_dominance", 0.515, DAY),
            ("*", "eth_dominance", 0.17, DAY),
            ("*", "stablecoin_dominance", 0.0525, DAY),
        ),
        number=("data", "total_market_cap", "usd"),
    ),
    Case(
        "coingecko",
        "coins",
        [
            {
                "id": "tether",
                "symbol": "usdt",
                "current_price": 0.9995,
                "market_cap": 1e11,
                "total_volume": 5e10,
                "circulating_supply": None,
                "total_supply": 1.01e11,
                "max_supply": None,
                "fully_diluted_valuation": 1.02e11,
                "last_updated": "2024-03-05T00:00:00.000Z",
            }
        ],
        (
            ("USDT", "price", 0.9995, DAY),
            ("USDT", "market_cap", 1e11, DAY),
            ("USDT", "volume", 5e10, DAY),
            ("USDT", "total_supply", 1.01e11, DAY),
            ("USDT", "diluted_market_cap", 1.02e11, DAY),
        ),
        number=(0, "current_price"),
    ),
    Case(
        "coingecko",
        "trending",
        {
            "coins": [
                {"item": {"id": "pepe", "symbol": "PEPE", "market_cap_rank": 30, "score": 0}},
                {"item": {"id": "bitcoin", "symbol": "btc", "market_cap_rank": 1, "score": 4}},
            ],
            "nfts": [],
        },
        (("BTC", "search_rank", 5, NOW),),
        number=("coins", 1, "item", "score"),
        options={"trending": True},
    ),
    Case(
        "defillama",
        "Ethereum",
        [
            {"date": STAMP - 900 * 86400, "tvl": 1.0},
            {"date": STAMP, "tvl": 5.4e10},
            {"date": STAMP + 86400, "tvl": 5.5e10},
        ],
        (("ETH", "tvl", 5.4e10, DAY),),
        number=(1, "tvl"),
    ),
    Case(
        "defillama",
        "stablecoins",
        [
            {
                "date": str(STAMP),
                "totalCirculating": {"peggedUSD": 1.3e11, "peggedEUR": 3e8},
                "totalCirculatingUSD": {"peggedUSD": 1.2987e11, "peggedEUR": 3.3e8},
            }
        ],
        (("*", "stablecoin_supply", 1.3e11, DAY), ("*", "stablecoin_price", 0.999, DAY)),
        number=(0, "totalCirculating", "peggedUSD"),
    ),
    Case(
        "derivatives",
        "funding:BTC/USDT:USDT",
        {
            "answer": [
                {"symbol": "BTC/USDT:USDT", "fundingRate": 0.0001, "timestamp": STAMP * 1000},
            ]
        },
        (("BTC", "funding_rate", 0.0001, DAY),),
        number=("answer", 0, "fundingRate"),
    ),
    Case(
        "derivatives",
        "open_interest:BTC/USDT:USDT",
        {
            "answer": [
                {
                    "symbol": "BTC/USDT:USDT",
                    "openInterestAmount": 80_000.0,
                    "openInterestValue": 5e9,
                    "timestamp": STAMP * 1000,
                }
            ]
        },
        (("BTC", "open_interest", 80_000.0, DAY), ("BTC", "open_interest_usd", 5e9, DAY)),
        number=("answer", 0, "openInterestAmount"),
    ),
    Case(
        "derivatives",
        "long_short:BTC/USDT:USDT",
        {"answer": [{"longShortRatio": 1.25, "timestamp": STAMP * 1000, "timeframe": None}]},
        (("BTC", "long_short_ratio", 1.25, DAY),),
        number=("answer", 0, "longShortRatio"),
    ),
    Case(
        "derivatives",
        "basis:BTC/USDT:USDT",
        {"answer": {"markPrice": 60_030.0, "indexPrice": 60_000.0, "timestamp": STAMP * 1000}},
        (("BTC", "basis", 60_030.0 / 60_000.0 - 1, DAY),),
        number=("answer", "markPrice"),
    ),
    Case(
        "premium",
        "BTC",
        {
            "dollars": {"bid": 60_100.0, "ask": 60_102.0, "timestamp": None},
            "tether": {"bid": 60_000.0, "ask": 60_002.0, "timestamp": int(NOW.timestamp() * 1000)},
            "peg": {"bid": 1.0, "ask": 1.0, "timestamp": None},
        },
        (("BTC", "premium", 60_101.0 / 60_001.0 - 1, NOW),),
        number=("tether", "bid"),
    ),
    Case(
        "rss",
        "coindesk",
        RSS,
        items=(("rss.coindesk", "*", "Bitcoin & Ether rise", DAY),),
    ),
)

CASES += (
    Case(
        "mempool",
        "hash_rate",
        {
            "hashrates": [
                {"timestamp": STAMP - 86400, "avgHashrate": 5.8e20},
                {"timestamp": STAMP + 86400, "avgHashrate": 1e20},
            ],
            "difficulty": [{"time": STAMP, "height": 833000, "difficulty": 8e13}],
            "currentHashrate": 6e20,
        },
        (("BTC", "hash_rate", 5.8e8, DAY),),
        number=("hashrates", 0, "avgHashrate"),
    ),
    Case(
        "mempool",
        "mempool",
        {"count": 81_000, "vsize": 60_000_000, "total_fee": 7_000_000, "fee_histogram": []},
        (("BTC", "mempool_transactions", 81_000, NOW), ("BTC", "mempool_vbytes", 60_000_000, NOW)),
        number=("count",),
    ),
    Case(
        "mempool",
        "fees",
        {"fastestFee": 42, "halfHourFee": 38, "hourFee": 35, "economyFee": 20, "minimumFee": 10},
        (("BTC", "fee_fast", 42, NOW), ("BTC", "fee_hour", 35, NOW)),
        number=("fastestFee",),
    ),
    Case(
        "blockchain",
        "hash-rate",
        {
            "status": "ok",
            "name": "Hash Rate",
            "unit": "Hash Rate TH/s",
            "period": "day",
            "values": [{"x": STAMP - 86400, "y": 5.8e8}, {"x": STAMP + 86400, "y": 1.0}],
        },
        (("BTC", "hash_rate", 5.8e8, DAY),),
        number=("values", 0, "y"),
    ),
    Case(
        "etherscan",
        "gas",
        {
            "status": "1",
            "message": "OK",
            "result": {
                "LastBlock": "19370000",
                "SafeGasPrice": "61",
                "ProposeGasPrice": "62.5",
                "FastGasPrice": "70",
                "suggestBaseFee": "60.3",
                "gasUsedRatio": "0.5,0.4",
            },
        },
        (
            ("ETH", "gas_safe", "61", NOW),
            ("ETH", "gas_proposed", "62.5", NOW),
            ("ETH", "gas_fast", "70", NOW),
            ("ETH", "gas_base_fee", "60.3", NOW),
        ),
        number=("result", "SafeGasPrice"),
    ),
    Case(
        "glassnode",
        "BTC:market/mvrv",
        [{"t": STAMP - 86400, "v": 2.4}, {"t": STAMP + 86400, "v": 9.0}],
        (("BTC", "mvrv", 2.4, DAY),),
        number=(0, "v"),
    ),
    Case(
        "cryptopanic",
        "posts",
        {
            "next": "https://cryptopanic.com/api/developer/v2/posts/?auth_token=x&page=2",
            "results": [
                {
                    "id": 7,
                    "kind": "news",
                    "title": "Bitcoin and Ether rise",
                    "published_at": "2024-03-05T00:00:00Z",
                    "original_url": "https://example.org/7",
                    "votes": {"positive": 4, "negative": 1, "important": 2},
                    "instruments": [{"code": "BTC"}, {"code": "ETH"}, {"code": "BTC"}],
                },
                {"id": 8, "title": "Markets", "published_at": "2024-03-05T00:00:00Z"},
            ],
        },
        items=(
            ("cryptopanic", "BTC", "Bitcoin and Ether rise", DAY),
            ("cryptopanic", "ETH", "Bitcoin and Ether rise", DAY),
            ("cryptopanic", "*", "Markets", DAY),
        ),
        engagement=(7, 7, nan),
    ),
    Case(
        "newsapi",
        "everything",
        {
            "status": "ok",
            "totalResults": 250,
            "articles": [
                {
                    "source": {"id": None, "name": "Example"},
                    "title": "Bitcoin rises",
                    "url": "https://example.org/1",
                    "publishedAt": "2024-03-05T00:00:00Z",
                }
            ],
        },
        items=(("newsapi", "*", "Bitcoin rises", DAY),),
    ),
)

CASES += (
    Case(
        "lunarcrush",
        "BTC",
        {
            "config": {"topic": "bitcoin", "bucket": "hour"},
            "data": [
                {
                    "time": STAMP - 3600,
                    "posts_created": 4210,
                    "interactions": 9_100_000,
                    "contributors_active": 30_000,
                    "sentiment": 81,
                    "social_dominance": 21.5,
                    "close": 66_000.1,
                },
                {"time": int(NOW.timestamp()), "posts_created": 3, "sentiment": None},
            ],
        },
        (
            ("BTC", "mentions", 4210, DAY),
            ("BTC", "engagement", 9_100_000, DAY),
            ("BTC", "contributors", 30_000, DAY),
            ("BTC", "positive_share", 0.81, DAY),
            ("BTC", "social_dominance", 0.215, DAY),
        ),
        number=("data", 0, "posts_created"),
    ),
    Case(
        "x",
        "BTC",
        {
            "data": [
                {
                    "id": "1764800000000000000",
                    "text": "$BTC to the moon\nhttps://t.co/x",
                    "created_at": "2024-03-05T00:00:00.000Z",
                    "edit_history_tweet_ids": ["1764800000000000000"],
                    "author_id": "2244994945",
                    "public_metrics": {
                        "retweet_count": 11,
                        "reply_count": 2,
                        "like_count": 70,
                        "quote_count": 1,
                        "bookmark_count": 5,
                        "impression_count": 9000,
                    },
                }
            ],
            "includes": {"users": [{"id": "2244994945", "name": "X Dev", "username": "XDev"}]},
            "meta": {"newest_id": "1", "oldest_id": "1", "result_count": 1, "next_token": "b26v"},
        },
        items=(("x", "BTC", "$BTC to the moon https://t.co/x", DAY),),
        engagement=(84,),
    ),
    Case(
        "exports",
        "telegram",
        {
            "name": "A group",
            "type": "private_supergroup",
            "id": 1,
            "messages": [
                {"id": 1, "type": "service", "date_unixtime": str(STAMP), "text": ""},
                {
                    "id": 2,
                    "type": "message",
                    "date": "2024-03-05T01:00:00",
                    "date_unixtime": str(STAMP),
                    "text": ["see ", {"type": "link", "text": "example.org"}, " now"],
                    "reactions": [
                        {"type": "emoji", "count": 3, "emoji": "\N{FIRE}"},
                        {"type": "emoji", "count": 2, "emoji": "\N{ROCKET}"},
                    ],
                },
            ],
        },
        items=(("exports.telegram", "*", "see example.org now", DAY),),
        engagement=(5,),
        options={"files": {"telegram": "result.json", "discord": "channel.json"}},
    ),
    Case(
        "exports",
        "discord",
        {
            "guild": {"id": "1", "name": "A server"},
            "channel": {"id": "2", "name": "general"},
            "messages": [
                {
                    "id": "3",
                    "type": "Default",
                    "timestamp": "2024-03-05T00:00:00.000+00:00",
                    "content": "gm",
                },
                {"id": "4", "type": "Default", "timestamp": "2024-03-05T00:00:00Z", "content": ""},
            ],
            "messageCount": 2,
        },
        items=(("exports.discord", "*", "gm", DAY),),
        options={"files": {"telegram": "result.json", "discord": "channel.json"}},
    ),
    Case(
        "reddit",
        "Bitcoin",
        {
            "kind": "Listing",
            "data": {
                "after": "t3_1b6old",
                "dist": 4,
                "children": [
                    {
                        "kind": "t3",
                        "data": {
                            "name": "t3_1b6first",
                            "title": "Daily discussion",
                            "selftext": "",
                            "created_utc": STAMP - 9 * 86400,
                            "stickied": True,
                            "score": 1,
                            "num_comments": 900,
                            "permalink": "/r/Bitcoin/comments/1b6first/daily/",
                        },
                    },
                    {
                        "kind": "t3",
                        "data": {
                            "name": "t3_1b6new",
                            "title": "Bitcoin at a record",
                            "selftext": "To the moon &amp; back",
                            "created_utc": float(STAMP),
                            "stickied": False,
                            "score": 1480,
                            "num_comments": 320,
                            "author": "someone",
                            "permalink": "/r/Bitcoin/comments/1b6new/bitcoin_at_a_record/",
                        },
                    },
                    {"kind": "more", "data": {"children": ["a"]}},
                ],
            },
        },
        items=(("reddit", "*", "Bitcoin at a record To the moon & back", DAY),),
        engagement=(1800,),
    ),
    Case(
        "liquidations",
        "BTC/USDT:USDT",
        {
            "answer": [
                {
                    "info": {"id": name},
                    "symbol": "BTC/USDT:USDT",
                    "side": side,
                    "price": 63_000.0,
                    "quoteValue": value,
                    "timestamp": (STAMP + 43_200 + second) * 1000,
                }
                for name, side, value, second in (
                    ("1", "sell", 1000.5, 0),
                    ("2", "buy", 125.25, 299),
                    ("1", "sell", 1000.5, 0),
                    ("3", "sell", 99.5, 60),
                    ("4", "sell", 7.0, 300),
                )
            ]
        },
        (
            ("BTC", "liquidations_long", 1100.0, SPAN_END),
            ("BTC", "liquidations_short", 125.25, SPAN_END),
        ),
        number=("answer", 1, "quoteValue"),
    ),
    Case(
        "santiment",
        "BTC:daily_active_addresses",
        {
            "data": {
                "getMetric": {
                    "timeseriesData": [
                        {"datetime": "2024-03-04T00:00:00Z", "value": 912_345.0},
                        {"datetime": "2024-03-05T00:00:00Z", "value": None},
                        {"datetime": "2024-03-06T00:00:00Z", "value": 100.0},
                    ]
                }
            }
        },
        (("BTC", "active_addresses", 912_345.0, DAY),),
        number=("data", "getMetric", "timeseriesData", 0, "value"),
    ),
)
