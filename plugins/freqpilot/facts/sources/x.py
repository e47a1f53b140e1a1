"""Posts on X by its recent search: https://docs.x.com/x-api/posts/search-recent-posts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqpilot.facts.sources.base import (
    BadAnswer,
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

QUERIES = {
    "BTC": "$BTC lang:en -is:retweet",
    "ETH": "$ETH lang:en -is:retweet",
}
REACTIONS = ("like_count", "retweet_count", "reply_count", "quote_count")
WEEK = timedelta(days=7)
MARGIN = timedelta(seconds=60)
_NAME = re.compile(r"\w{1,50}", re.ASCII)


@dataclass(frozen=True)
class X(Source):
    """Posts that match each of ``queries``, kept under the coin that it is for, newest first. The
    search looks back a week. Posts are paid for by number: ``pages`` of a hundred a turn at most.
    """

    base: str = "https://api.x.com"
    queries: Mapping[str, str] = field(default_factory=lambda: dict(QUERIES))
    pages: int = 1

    spec: ClassVar[Spec] = Spec(
        name="x",
        about="posts on X by a search for each coin",
        every=timedelta(minutes=15),
        max_age=timedelta(hours=6),
        pause=timedelta(seconds=5),
        key=Key("FREQPILOT_X_TOKEN", "header", "Authorization", "Bearer "),
    )
    ascending: ClassVar[bool] = False

    def feeds(self) -> tuple[str, ...]:
        return tuple(self.queries)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        begin = max(since or now - timedelta(hours=1), now - WEEK + MARGIN)
        params = {
            "query": self.queries[feed],
            "tweet.fields": "created_at,public_metrics",
            "expansions": "author_id",
            "user.fields": "username",
            "max_results": "100",
            "start_time": f"{min(begin, now - MARGIN):%Y-%m-%dT%H:%M:%SZ}",
        }
        return Call(feed, f"{self.base}/2/tweets/search/recent", params)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        meta = document["meta"]
        batch = Batch()
        if "data" not in document:
            if meta["result_count"] != 0:
                raise BadAnswer("x: the answer holds no posts, but says that there are some")
            return batch
        names = _names(document.get("includes"))

        def read(row: Any) -> list[Item]:
            # X finds a post by its number, whatever stands for the account.
            who = names.get(str(row.get("author_id")), "i")
            metrics = row.get("public_metrics")
            told = metrics if isinstance(metrics, dict) else {}
            made = item(
                self.spec.name,
                row["id"],
                row["text"],
                iso(row["created_at"]),
                fetched_at,
                url=f"https://x.com/{who}/status/{row['id']}",
                asset=call.feed,
                engagement=reactions(told.get(name) for name in REACTIONS),
            )
            return [made]

        read_rows(batch, rows_of(document, "data"), "post", read)
        token, done = meta.get("next_token"), call.page
        if isinstance(token, str) and token and done < self.pages:
            params = {**call.params, "next_token": token}
            batch.next_page = replace(call, params=params, page=done + 1)
        return batch


def _names(includes: Any) -> dict[str, str]:
    """Return the accounts' names by their number, as far as they are told."""
    users = includes.get("users") if isinstance(includes, dict) else None
    found = [each for each in users or () if isinstance(each, dict)]
    return {
        str(each.get("id")): name
        for each in found
        if isinstance(name := each.get("username"), str) and _NAME.fullmatch(name)
    }
