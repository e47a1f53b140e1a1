"""The invented world that the stand-in sources tell of: what is true of it, and in which shape each
source says it. SYNTHETIC throughout."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from xml.sax.saxutils import escape

DAY = timedelta(days=1)
SECONDS = 86_400
PAGE = 50
"""Rows of a page of Coin Metrics."""
REVISED_AFTER = 3
"""Days after which a flow is told anew."""
HEADLINES = 60
"""Entries of a feed."""
SNAPSHOT = 5
"""Seconds between two states of the market."""
Series = tuple[str, str, str]
"""Source, asset, metric."""


@dataclass
class Page:
    """An answer: its document, the rows within that may be spoilt, and which of their fields are
    the value and the time. RSS has rows of its own and no value."""

    document: Any
    rows: list[dict[str, Any]]
    time: str
    value: str = ""
    circle: Callable[[], None] | None = None
    xml: bool = False

    def body(self) -> bytes:
        """Return the answer as it is sent."""
        return _xml(self.rows) if self.xml else json.dumps(self.document).encode()

    @staticmethod
    def later(stamp: Any, seconds: int) -> Any:
        """Return a time that much later, in the form it came in."""
        if isinstance(stamp, int):
            return stamp + seconds
        text = str(stamp)
        if text.isdecimal():
            return str(int(text) + seconds)
        if "," in text:
            return format_datetime(parsedate_to_datetime(text) + timedelta(seconds=seconds))
        return (datetime.fromisoformat(text[:19]) + timedelta(seconds=seconds)).isoformat() + "Z"


class FactWorld:
    """Days that pass at ``pace`` a second, a market and headlines that go on in real time.

    :param days: how many have passed at the begin.
    :param seconds: how long it will last; no day of it lies ahead.
    """

    def __init__(self, *, days: int = 400, seconds: float = 600, pace: float = 1.0) -> None:
        self.begun = time.time()
        self._days, self._pace = days, pace
        self._most = days + math.ceil(seconds * pace) + 1
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._first = today - DAY * (self._most + 1)
        self._seconds = seconds
        self.routes: dict[str, Callable[[str, Mapping[str, str]], Page | None]] = {
            "alternative_me": self._fear_greed,
            "coinmetrics": self._coinmetrics,
            "coingecko": self._coingecko,
            "defillama": self._defillama,
            "reddit": self._reddit,
            "rss": self._rss,
        }

    def options(self, urls: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return the options that point the sources here."""
        found: dict[str, dict[str, Any]] = {name: {"base": url} for name, url in urls.items()}
        found["defillama"] |= {
            "stablecoins": urls["defillama"],
            "chains": {"Ethereum": "ETH"},
        }
        found["coingecko"]["coins"] = ["bitcoin"]
        found["reddit"] = {"public": urls["reddit"], "communities": ["north"]}
        found["rss"] = {"urls": {name: f"{urls['rss']}/{name}" for name in ("north", "south")}}
        return found

    def day(self, place: int) -> datetime:
        """Return a day by its number."""
        return self._first + DAY * place

    def passed(self) -> int:
        """Return how many days have passed."""
        since = min(time.time() - self.begun, self._seconds)
        return min(self._days + int(since * self._pace), self._most)

    def truth(self) -> dict[Series, dict[datetime, set[float]]]:
        """Return what may be kept of each day: its values, the last one first told last."""
        found: dict[Series, dict[datetime, set[float]]] = {}

        def put(source: str, asset: str, metric: str, event: datetime, *values: float) -> None:
            found.setdefault((source, asset, metric), {})[event] = {*values}

        passed = self.passed()
        for place in range(passed):
            day = self.day(place)
            put("alternative_me", "*", "fear_greed", day, float(_fear(place)))
            put("defillama", "*", "tvl", day, _level("all", place))
            put("defillama", "ETH", "tvl", day, _level("Ethereum", place))
            put("defillama", "*", "stablecoin_supply", day, _level("stablecoins", place))
            for asset in ("btc", "eth"):
                revised = _flow(asset, place, passed)
                first = _flow(asset, place, place)
                put("coinmetrics", asset.upper(), "transactions", day + DAY, _level(asset, place))
                series = ("coinmetrics", asset.upper(), "exchange_inflow")
                put(*series, day + DAY, revised, first)
        return found

    def newest(self, series: Series, event: datetime) -> float | None:
        """Return the value that the newest version of an event must have, where it can change."""
        source, asset, metric = series
        if (source, metric) != ("coinmetrics", "exchange_inflow"):
            return None
        return _flow(asset.lower(), (event - DAY - self._first).days, self.passed())

    def headlines(self, feed: str) -> list[str]:
        """Return the ids of all headlines of a feed so far."""
        since = min(time.time() - self.begun, self._seconds)
        return [f"https://{feed}.example/{place}" for place in range(int(since / 2))]

    def posts(self) -> list[str]:
        """Return the names of all posts of a community so far."""
        since = min(time.time() - self.begun, self._seconds)
        return [f"t3_{place}" for place in range(int(since / 3))]

    def title(self, name: str) -> str:
        """Return what a post says."""
        return f"Post {name} & others"

    def reactions(self, name: str) -> int:
        """Return how many a post has by now: they come in its first minute."""
        since = min(time.time() - self.begun, self._seconds)
        place = int(name.removeprefix("t3_"))
        return int(min(60.0, max(0.0, since - 3 * place))) * (place % 7)

    def market(self, stamp: int) -> float:
        """Return the total market cap at a time of the snapshot."""
        return 2e12 * (1 + 0.1 * math.sin(stamp / 100))

    def _fear_greed(self, path: str, params: Mapping[str, str]) -> Page | None:
        passed = self.passed()
        first = max(0, passed - int(params.get("limit", "1")))
        rows = [
            {"value": str(_fear(place)), "timestamp": str(self._stamp(place))}
            for place in range(first, passed)
        ][::-1]
        return Page({"name": "Fear and Greed Index", "data": rows}, rows, "timestamp", "value")

    def _coinmetrics(self, path: str, params: Mapping[str, str]) -> Page | None:
        passed, asset = self.passed(), params["assets"]
        start = datetime.fromisoformat(params["start_time"]).replace(tzinfo=UTC)
        first = int(params.get("next_page_token", max(0, (start - self._first).days)))
        end = min(first + PAGE, passed)
        rows: list[dict[str, Any]] = [
            {
                "asset": asset,
                "time": f"{self.day(place):%Y-%m-%dT00:00:00.000000000Z}",
                "TxCnt": str(_level(asset, place)),
                "FlowInExUSD": str(_flow(asset, place, passed)),
                "AssetCompletionTime": str(self._stamp(place + 1) + 3 * 3600),
            }
            for place in range(first, end)
        ]
        document: dict[str, Any] = {"data": rows}
        if end < passed:
            document["next_page_token"] = str(end)
        own = params.get("next_page_token", str(first))
        return Page(document, rows, "time", "TxCnt", lambda: document.update(next_page_token=own))

    def _coingecko(self, path: str, params: Mapping[str, str]) -> Page | None:
        stamp = int(time.time()) // SNAPSHOT * SNAPSHOT
        cap = self.market(stamp)
        if path.endswith("/global"):
            shares = {"btc": 50.0, "eth": 20.0}
            totals: dict[str, Any] = {
                "total_market_cap": {"usd": cap},
                "total_volume": {"usd": cap / 20},
                "market_cap_percentage": shares,
                "updated_at": stamp,
            }
            return Page({"data": totals}, [totals], "updated_at", "total_volume")
        time_text = f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%dT%H:%M:%S}.000Z"
        rows: list[dict[str, Any]] = [
            {
                "id": "bitcoin",
                "symbol": "btc",
                "current_price": cap / 2e7,
                "market_cap": cap,
                "last_updated": time_text,
            }
        ]
        return Page(rows, rows, "last_updated", "current_price")

    def _defillama(self, path: str, params: Mapping[str, str]) -> Page | None:
        places = range(self.passed())
        if path.startswith("/stablecoincharts"):
            rows: list[dict[str, Any]] = [
                {
                    "date": str(self._stamp(place)),
                    "totalCirculating": {"peggedUSD": _level("stablecoins", place)},
                }
                for place in places
            ]
            return Page(rows, rows, "date", "totalCirculating")
        chain = path.removeprefix("/v2/historicalChainTvl").strip("/") or "all"
        rows = [{"date": self._stamp(place), "tvl": _level(chain, place)} for place in places]
        return Page(rows, rows, "date", "tvl")

    def _rss(self, path: str, params: Mapping[str, str]) -> Page | None:
        feed = path.strip("/")
        rows: list[dict[str, Any]] = [
            {
                "title": f"Headline {place} of {feed} & others",
                "link": link,
                "pubDate": format_datetime(datetime.fromtimestamp(self.begun + 2 * place, UTC)),
            }
            for place, link in enumerate(self.headlines(feed))
        ][-HEADLINES:][::-1]
        return Page(None, rows, "pubDate", xml=True)

    def _reddit(self, path: str, params: Mapping[str, str]) -> Page | None:
        names = self.posts()[::-1]
        after = params.get("after")
        first = names.index(after) + 1 if after in names else 0
        shown = names[first : first + int(params["limit"])]
        rows: list[dict[str, Any]] = [
            {
                "name": name,
                "title": escape(self.title(name)),
                "selftext": "",
                "created_utc": int(self.begun) + 3 * int(name.removeprefix("t3_")),
                "score": self.reactions(name),
                "num_comments": 0,
                "permalink": f"/r/north/comments/{name}/",
            }
            for name in shown
        ]
        data: dict[str, Any] = {"children": [{"kind": "t3", "data": row} for row in rows]}
        data["after"] = shown[-1] if first + len(shown) < len(names) else None
        circle = lambda: data.update(after=after)  # noqa: E731
        return Page({"kind": "Listing", "data": data}, rows, "created_utc", circle=circle)

    def _stamp(self, place: int) -> int:
        return int(self.day(place).timestamp())


def _fear(place: int) -> int:
    return int(50 + 40 * math.sin(place / 9))


def _level(name: str, place: int) -> float:
    """Return a level that moves a few percent a day."""
    return round(1e9 * (1 + len(name)) * (1.5 + math.sin(place / 20 + len(name))), 2)


def _flow(asset: str, place: int, passed: int) -> float:
    """Return a flow, which is told anew when some days have passed."""
    factor = 1.01 if passed - place > REVISED_AFTER else 1.0
    return round(_level(asset, place) / 100 * factor, 4)


def _xml(rows: list[dict[str, Any]]) -> bytes:
    items = "".join(
        f"<item><title>{escape(row['title'])}</title><link>{row['link']}</link>"
        f"<guid>{row['link']}</guid><pubDate>{row['pubDate']}</pubDate></item>"
        for row in rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
        f"<title>SYNTHETIC</title>{items}</channel></rss>"
    ).encode()
