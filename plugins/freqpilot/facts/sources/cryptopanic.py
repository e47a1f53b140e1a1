"""News that CryptoPanic gathers: https://cryptopanic.com/developers/api."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from freqpilot.facts.sources.base import (
    Batch,
    Call,
    Key,
    Source,
    Spec,
    decoded,
    iso,
    item,
    reactions,
    read_rows,
    rows_of,
)
from freqpilot.shapes import Item

MOST_COINS = 10


@dataclass(frozen=True)
class CryptoPanic(Source):
    """Posts, newest first, each kept under the coins that CryptoPanic names (``*`` without any), at
    most ``pages`` pages back a turn."""

    base: str = "https://cryptopanic.com/api/developer/v2"
    pages: int = 5

    spec: ClassVar[Spec] = Spec(
        name="cryptopanic",
        about="news of many sites with the coins they are about",
        every=timedelta(minutes=15),
        max_age=timedelta(hours=12),
        key=Key("FREQPILOT_CRYPTOPANIC_KEY", "parameter", "auth_token"),
    )
    ascending: ClassVar[bool] = False

    def feeds(self) -> tuple[str, ...]:
        return ("posts",)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        after = since or now - timedelta(days=1)
        return Call(feed, f"{self.base}/posts/", {"kind": "news"}, after)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        batch = Batch()
        oldest = fetched_at

        def read(row: Any) -> list[Item]:
            nonlocal oldest
            time = iso(row["published_at"])
            oldest = min(oldest, time)
            votes = row.get("votes")
            return [
                item(
                    self.spec.name,
                    row["id"],
                    row["title"],
                    time,
                    fetched_at,
                    url=row.get("original_url") or row.get("url") or "",
                    asset=asset,
                    engagement=reactions(votes.values() if isinstance(votes, dict) else ()),
                )
                for asset in _coins(row)
            ]

        read_rows(batch, rows_of(document, "results"), "post", read)
        page = _page(document.get("next"))
        more = call.since is None or oldest > call.since
        if more and 0 < page <= self.pages:
            # Theirs holds the key, so it is made anew.
            params = {**call.params, "page": str(page)}
            batch.next_page = replace(call, params=params)
        return batch


def _coins(row: dict[str, Any]) -> list[str]:
    named = row.get("instruments") or row.get("currencies") or []
    codes = [str(each["code"]).upper() for each in named[:MOST_COINS]]
    return [code for code in dict.fromkeys(codes) if code.isalnum() and code.isascii()] or ["*"]


def _page(address: Any) -> int:
    if not isinstance(address, str):
        return 0
    text = parse_qs(urlsplit(address).query).get("page", ["0"])[0]
    return int(text) if text.isdecimal() else 0
