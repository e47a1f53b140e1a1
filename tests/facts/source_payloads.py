"""One answer a feed in each source's documented shape, written for the tests, and what it says."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
DAY = datetime(2024, 3, 5, tzinfo=UTC)
STAMP = int(DAY.timestamp())


@dataclass(frozen=True)
class Case:
    """An answer; ``readings`` are (asset, metric, value, event), ``items`` (source, asset, text,
    event) in it, ``number`` the path to a value within it."""

    source: str
    feed: str
    body: Any
    readings: tuple[tuple[str, str, Any, datetime], ...] = ()
    items: tuple[tuple[str, str, str, datetime], ...] = ()
    number: tuple[str | int, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    rows: tuple[str | int, ...] = ()
    """Path to the list of rows, if there is one."""

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
        rows=("data",),
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
                    "AssetCompletionTime": str(STAMP + 3600),
                },
                {"asset": "btc", "time": "2024-03-06T00:00:00.000000000Z", "TxCnt": "1000"},
            ],
            "next_page_token": "0.MjAyNA",
            "next_page_url": "https://community-api.coinmetrics.io/v4/?next_page_token=0.MjAyNA",
        },
        (
            ("btc", "exchange_inflow", "100.5", DAY),
            ("btc", "exchange_outflow", "90.25", DAY),
            ("btc", "transactions", "351000", DAY),
            ("btc", "exchange_netflow", 10.25, DAY),
        ),
        number=("data", 0, "TxCnt"),
        rows=("data",),
    ),
    Case(
        "coingecko",
        "global",
        {
            "data": {
                "active_cryptocurrencies": 13000,
                "total_market_cap": {"usd": 2.5e12, "btc": 39e6},
                "total_volume": {"usd": 1e11},
                "market_cap_percentage": {"btc": 51.5, "eth": 17.0},
                "updated_at": STAMP,
            }
        },
        (
            ("*", "total_market_cap", 2.5e12, DAY),
            ("*", "total_volume", 1e11, DAY),
            ("*", "btc_dominance", 0.515, DAY),
            ("*", "eth_dominance", 0.17, DAY),
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
                "last_updated": "2024-03-05T00:00:00.000Z",
            }
        ],
        (
            ("USDT", "price", 0.9995, DAY),
            ("USDT", "market_cap", 1e11, DAY),
            ("USDT", "volume", 5e10, DAY),
        ),
        number=(0, "current_price"),
        rows=(),
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
        rows=(),
    ),
    Case(
        "defillama",
        "stablecoins",
        [{"date": str(STAMP), "totalCirculating": {"peggedUSD": 1.3e11, "peggedEUR": 3e8}}],
        (("*", "stablecoin_supply", 1.3e11, DAY),),
        number=(0, "totalCirculating", "peggedUSD"),
        rows=(),
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
        rows=("answer",),
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
        rows=("answer",),
    ),
    Case(
        "derivatives",
        "long_short:BTC/USDT:USDT",
        {"answer": [{"longShortRatio": 1.25, "timestamp": STAMP * 1000, "timeframe": None}]},
        (("BTC", "long_short_ratio", 1.25, DAY),),
        number=("answer", 0, "longShortRatio"),
        rows=("answer",),
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
