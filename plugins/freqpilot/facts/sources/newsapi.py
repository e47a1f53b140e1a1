"""News by NewsAPI: https://newsapi.org/docs/endpoints/everything."""

from dataclasses import dataclass, replace
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
    read_rows,
    rows_of,
)
from freqpilot.shapes import Item

PAGE = 100


@dataclass(frozen=True)
class NewsApi(Source):
    """Headlines that match ``query``, newest first, at most ``pages`` pages of a hundred a turn (a
    free account has one). A free account sees articles a day late, and that is when they count."""

    base: str = "https://newsapi.org"
    query: str = "bitcoin OR ethereum OR cryptocurrency"
    language: str = "en"
    pages: int = 1

    spec: ClassVar[Spec] = Spec(
        name="newsapi",
        about="headlines of many papers by a search",
        every=timedelta(minutes=30),
        max_age=timedelta(days=3),
        overlap=timedelta(hours=6),
        key=Key("FREQPILOT_NEWSAPI_KEY", "header", "X-Api-Key"),
    )
    ascending: ClassVar[bool] = False

    def feeds(self) -> tuple[str, ...]:
        return ("everything",)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        begin = since or now - timedelta(days=2)
        params = {
            "q": self.query,
            "language": self.language,
            "sortBy": "publishedAt",
            "from": f"{begin:%Y-%m-%dT%H:%M:%S}",
            "pageSize": str(PAGE),
            "page": "1",
        }
        return Call(feed, f"{self.base}/v2/everything", params)

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        if document["status"] != "ok":
            raise BadAnswer(f"newsapi: {str(document.get('message'))[:200]}")
        batch = Batch()

        def read(row: Any) -> list[Item]:
            address, time = row["url"], iso(row["publishedAt"])
            return [item(self.spec.name, address, row["title"], time, fetched_at, url=address)]

        read_rows(batch, rows_of(document, "articles"), "article", read)
        page = int(call.params["page"])
        if page < self.pages and page * PAGE < int(document["totalResults"]):
            batch.next_page = replace(call, params={**call.params, "page": str(page + 1)})
        return batch
