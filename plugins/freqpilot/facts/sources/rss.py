"""Headlines of news sites by RSS and Atom."""

import io
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from xml.parsers import expat

from freqpilot.facts.sources.base import BadAnswer, Batch, Call, Source, Spec, item, read_rows
from freqpilot.shapes import Item

MOST_BYTES = 2 * 1024 * 1024
"""Bytes of a feed; those of news sites have a tenth of that."""
MOST_MENDED = 64 * 1024
"""Bytes of a broken feed that is read as far as it goes: mending takes time as the square of them.
"""
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

        if len(body) > MOST_BYTES:
            raise BadAnswer(f"rss/{call.feed}: {len(body):,} bytes are too many for a feed")
        if b"<!ENTITY" in body:
            raise BadAnswer(f"rss/{call.feed}: it declares entities, which no feed needs")
        if len(body) > MOST_MENDED and (fault := _fault(body)):
            raise BadAnswer(f"rss/{call.feed}: {len(body):,} bytes are not well-formed ({fault})")
        # As a stream: bytes alone feedparser would take for a path or an address to open. Only
        # titles are kept, as plain text, so no markup is made safe or resolved: that takes minutes
        # where somebody means it to.
        document = feedparser.parse(
            io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False
        )
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


def _fault(body: bytes) -> str:
    """Return why a document is not well-formed XML, or nothing; in time that grows as its size."""
    try:
        expat.ParserCreate().Parse(body, True)
    except expat.ExpatError as error:
        return str(error)
    return ""


def _published(entry: Any) -> datetime:
    parsed = entry.get("published_parsed") or entry.get("updated_parsed")
    if parsed is None:
        raise ValueError("it has no date")
    return datetime.fromtimestamp(timegm(parsed), UTC)
