"""Chats that a person exported: Telegram Desktop's ``result.json``, DiscordChatExporter's JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from freqpilot.facts.sources.base import (
    Answer,
    BadAnswer,
    Batch,
    Call,
    FetchFailed,
    Gets,
    Source,
    Spec,
    decoded,
    iso,
    item,
    reactions,
    read_rows,
    rows_of,
    seconds,
)
from freqpilot.shapes import Item

MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Exports(Source):
    """Messages of each of ``files`` (a name and a path on this machine), kept as source
    ``exports.NAME``. They count from when the file was read, not from when they were written."""

    files: Mapping[str, str] = field(default_factory=dict)

    spec: ClassVar[Spec] = Spec(
        name="exports",
        about="messages of exported Telegram and Discord chats",
        every=timedelta(minutes=15),
        max_age=timedelta(days=30),
        overlap=timedelta(days=2),
    )

    def feeds(self) -> tuple[str, ...]:
        return tuple(self.files)

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        return Call(feed, self.files[feed], since=since)

    def fetch(self, call: Call, fetcher: Gets) -> Answer:
        file = Path(call.url)
        try:
            if file.stat().st_size > MOST_BYTES:
                raise FetchFailed(f"{file} holds more than {MOST_BYTES:,} bytes; export less")
            return Answer(file.read_bytes(), datetime.now(UTC))
        except OSError as error:
            raise FetchFailed(f"{file} cannot be read: {error.strerror}") from None

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        if not isinstance(document.get("channel", document.get("name")), dict | str):
            raise BadAnswer("the file is no export of Telegram Desktop or DiscordChatExporter")
        batch = Batch()

        def read(row: Any) -> list[Item]:
            time, text = _message(row)
            if not text.strip() or (call.since is not None and time < call.since):
                return []
            given = row.get("reactions")
            counts = [each.get("count") for each in given] if isinstance(given, list) else []
            source, told = f"{self.spec.name}.{call.feed}", reactions(counts)
            return [item(source, row["id"], text, time, fetched_at, engagement=told)]

        read_rows(batch, rows_of(document, "messages"), "message", read)
        return batch


def _message(row: Mapping[str, Any]) -> tuple[datetime, str]:
    """Return when a message was written and its text, empty where it has none."""
    if "content" in row:
        return iso(row["timestamp"]), str(row["content"])
    time = seconds(row["date_unixtime"])
    if row["type"] != "message":
        return time, ""  # somebody joined, a call, …
    parts = row["text"] if isinstance(row["text"], list) else [row["text"]]
    return time, "".join(part if isinstance(part, str) else str(part["text"]) for part in parts)
