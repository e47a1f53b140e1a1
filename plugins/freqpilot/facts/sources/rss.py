"""Headlines of news sites by RSS and Atom."""

import io
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from freqpilot.facts.sources.base import BadAnswer, Batch, Call, Source, Spec, item, read_rows
from freqpilot.shapes import Item

FEEDS = {
    "coindesk": "https://www.coindesk.com/arc/outboundfeeds/rss/",
    "cointelegraph": "https://cointelegraph.com/rss",
    "theblock": "https://www.theblock.co/rss.xml",
    "decrypt": "https://decrypt.co/feed",
}


@dataclass(frozen=True)
class Rss(Source):
    """Headlines as they come, of each of ``urls``; kept as source ``rss.NAME``, as each site is a
    witness of its own. A feed holds only its last entries, so it has no history."""

    urls: Mapping[str, str] = field(default_factory=lambda: dict(FEEDS))

    spec: ClassVar[Spec] = Spec(
        name="rss",
        about="headlines of CoinDesk, Cointelegraph, The Block, Decrypt",
        every=timedelta(minutes=5),
        max_age=timedelta(days=2),
    )

    def feeds(self) -> tuple[str, ...]:
        return tuple(self.urls)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        return Call(feed, self.urls[feed])

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        import feedparser

        # As a stream: bytes alone feedparser would take for a path or an address to open.
        document = feedparser.parse(io.BytesIO(body))
        if (document.bozo and not document.entries) or not document.version:
            raise BadAnswer(f"rss/{call.feed}: the answer is no RSS or Atom feed")
        batch = Batch()
        if document.bozo:
            batch.refused.append("the feed breaks off or is not well-formed")

        def read(entry: Any) -> list[Item]:
            key, time = entry.get("id") or entry.get("link"), _published(entry)
            source, link = f"rss.{call.feed}", entry.get("link", "")
            return [item(source, key, entry.get("title"), time, fetched_at, url=link)]

        read_rows(batch, document.entries, "entry", read)
        return batch


def _published(entry: Any) -> datetime:
    parsed = entry.get("published_parsed") or entry.get("updated_parsed")
    if parsed is None:
        raise ValueError("it has no date")
    return datetime.fromtimestamp(timegm(parsed), UTC)
