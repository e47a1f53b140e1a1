"""What a source of facts is: which calls it makes and how an answer is read. Nothing here touches
the network or the clock, so every source is tested on its documented answers alone.
"""

import html
import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar, Literal, Protocol

from freqpilot.errors import Degraded
from freqpilot.facts.check import BadFact
from freqpilot.shapes import Item

DAY = timedelta(days=1)
LONGEST_TEXT = 2_000
"""Characters of a headline or post that are kept."""
MOST_READ = 20 * LONGEST_TEXT
"""Characters of a text with its markup that are looked at: it comes from strangers."""
LONGEST_KEY = 200
LONGEST_TIME = 64
# A tag ends before the next one begins, so that each character is looked at once.
_TAGS = re.compile(r"<[^<>]*>")


class BadAnswer(Degraded):
    """An answer is not in the documented shape: nothing of it is kept, open trades are
    untouched, and the source is asked again at its next turn."""


class FetchFailed(Degraded):
    """A source gave no answer: nothing new of it is kept, open trades are untouched; it is asked
    again at its next turn."""


@dataclass(frozen=True)
class Gauge:
    """A metric of a source: values outside ``low`` … ``high`` (its historical range with room to
    spare), or ``jump`` times above or below the one before, are absurd."""

    metric: str
    low: float
    high: float
    jump: float | None = None


@dataclass(frozen=True)
class Key:
    """Where a source's key comes from, ``env``, and where it goes: the ``name`` of a header or
    parameter, behind ``prefix``. ``basic``: it is ``id:secret``, sent as HTTP's basic
    authentication. ``secret``: one that the source itself was given stands in for ``env``."""

    env: str
    place: Literal["header", "parameter"]
    name: str
    prefix: str = ""
    needed: bool = True
    basic: bool = False
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Spec:
    """What does not change about a source.

    ``every``: how often it is asked. ``lag``: how long after its event a value of the past is
    taken to have become known, where the answer does not say; what is collected live counts from
    when it was fetched. ``max_age``: an older value counts as missing. ``overlap``: how far back
    each turn looks, for revisions. ``pause``: least time between two requests to one host.
    """

    name: str
    about: str
    gauges: tuple[Gauge, ...] = ()
    every: timedelta = timedelta(hours=1)
    lag: timedelta = timedelta(0)
    max_age: timedelta = timedelta(days=2)
    overlap: timedelta = timedelta(0)
    pause: timedelta = timedelta(seconds=2)
    key: Key | None = None
    licence: str = ""


@dataclass(frozen=True)
class Call:
    """One question to a source: ``feed`` is the stream of facts that it belongs to. A key is no
    part of it, so it may be printed. ``since`` and ``page`` are not sent: what is older need not be
    read, and the how many-th page of a turn it is. With ``post``, of ``content_type``, it is asked
    by POST."""

    feed: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    page: int = 1
    post: str = ""
    content_type: str = ""


@dataclass(frozen=True)
class Answer:
    """The body of a 200 and when it had arrived."""

    body: bytes
    fetched_at: datetime


class Gets(Protocol):
    """What asks for a source; see :class:`freqpilot.facts.fetch.Fetcher`."""

    def get(self, call: Call, *, key: Key | None, pause: timedelta) -> Answer:
        """Return the answer to a call."""


@dataclass(frozen=True)
class Reading:
    """A value as a source gave it, not judged yet. ``known_at`` is when it became known, where the
    source says so."""

    asset: str
    metric: str
    value: Any
    event_time: datetime
    known_at: datetime | None = None


@dataclass
class Batch:
    """What an answer holds; ``refused`` are rows that could not be read, ``next_page`` the call
    that goes on."""

    readings: list[Reading] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    next_page: Call | None = None


UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading a row of a wrong shape may raise."""


def read_rows(
    batch: Batch, rows: Iterable[Any], what: str, read: Callable[[Any], list[Reading] | list[Item]]
) -> None:
    """Add what ``read`` makes of each row, all of it or nothing; one that it cannot read is
    refused as ``what`` at its place."""
    for place, row in enumerate(rows):
        try:
            found = read(row)
        except UNREADABLE as error:
            batch.refused.append(f"{what} {place}: {type(error).__name__} {error}")
            continue
        batch.readings += [each for each in found if isinstance(each, Reading)]
        batch.items += [each for each in found if isinstance(each, Item)]


class Source(ABC):
    """A source with its options: a frozen dataclass whose fields they are.

    ``ascending``: pages come oldest first, so a turn that breaks off goes on where it was.
    """

    spec: ClassVar[Spec]
    ascending: ClassVar[bool] = True

    @abstractmethod
    def feeds(self) -> tuple[str, ...]:
        """Return the streams that are asked one by one, each with a place of its own."""

    @abstractmethod
    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        """Return the first question of a turn: what happened after ``since`` (None: only what is
        newest)."""

    @abstractmethod
    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        """Read an answer. Raises whatever it likes for a wrong shape; :meth:`read` names it."""

    def fetch(self, call: Call, fetcher: Gets) -> Answer:
        """Ask."""
        return fetcher.get(call, key=self.spec.key, pause=self.spec.pause)

    def read(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        """Read an answer.

        :raises BadAnswer: when it is not in the documented shape.
        """
        try:
            return self.parse(call, body, fetched_at)
        except (BadAnswer, BadFact):
            raise
        except Exception as error:
            raise BadAnswer(
                f"{self.spec.name}/{call.feed}: the answer is not in the documented shape "
                f"({type(error).__name__}: {str(error)[:200]})"
            ) from error


def decoded(body: bytes) -> Any:
    """Return a JSON document.

    :raises BadAnswer: for anything else; a page of HTML, as proxies send it, is named as such.
    """
    try:
        return json.loads(body, parse_constant=lambda name: float(name.replace("Infinity", "inf")))
    except (ValueError, RecursionError):
        start = body[:200].lstrip().lower()
        if start.startswith((b"<!doctype", b"<html", b"<")):
            raise BadAnswer("the answer is a page of HTML, not JSON") from None
        raise BadAnswer(f"the answer of {len(body)} bytes is no whole JSON document") from None


def number(value: Any) -> float:
    """Return a number that was sent as such or as text, NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def rows_of(document: Any, *path: str) -> list[Any]:
    """Return the list at ``path`` in a document.

    :raises BadAnswer: when there is none.
    """
    found = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, list):
        where = ".".join(path) or "the document"
        raise BadAnswer(f"{where} is no list but {type(found).__name__}")
    return found


def seconds(value: Any) -> datetime:
    """Return seconds since the epoch as a time.

    :raises ValueError: for what is no such number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is no time")
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{value!r} is no time: {error}") from None


def iso(value: Any) -> datetime:
    """Return an ISO 8601 time, in UTC where it names no zone; nanoseconds are cut.

    :raises ValueError: for anything else.
    """
    if not isinstance(value, str) or len(value) > LONGEST_TIME:
        raise ValueError(f"{str(value)[:LONGEST_TIME]!r} is no time")
    found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def plain(text: Any) -> str:
    """Return a text without tags, entities and line breaks, at most ``LONGEST_TEXT`` characters of
    the first ``MOST_READ``.

    :raises ValueError: when nothing is left or it is no text.
    """
    if not isinstance(text, str):
        raise ValueError(f"a text is {type(text).__name__}")
    read = text[:MOST_READ]
    if len(text) > MOST_READ and read.rfind("<") > read.rfind(">"):
        read = read[: read.rfind("<")]  # the tag that the cut has divided
    bare = _TAGS.sub(" ", read)
    words = " ".join(html.unescape(bare).split())[:LONGEST_TEXT]
    if not words:
        raise ValueError("a text is empty")
    return words


def item(
    source: str,
    key: Any,
    text: Any,
    event_time: datetime,
    fetched_at: datetime,
    *,
    url: Any = "",
    asset: str = "*",
    engagement: float = math.nan,
) -> Item:
    """Return a headline or post as it is kept: nobody has scored it yet. ``engagement``: how many
    reactions it had then, NaN where the source does not tell.

    :raises ValueError: without key or text, or when it is dated more than a minute ahead.
    """
    name = str(key).strip() if isinstance(key, str | int) and not isinstance(key, bool) else ""
    if not name:
        raise ValueError("an item has no id")
    if len(name) > LONGEST_KEY:
        name = sha256(name.encode()).hexdigest()
    if event_time > fetched_at + timedelta(minutes=1):
        raise ValueError(f"item {name} is dated {event_time:%Y-%m-%d %H:%M}, in the future")
    link = url if isinstance(url, str) and url.startswith(("https://", "http://")) else ""
    return Item(
        source=source,
        key=name,
        asset=asset.upper(),
        text=plain(text),
        event_time=min(event_time, fetched_at),
        available_at=fetched_at,
        url=link[:LONGEST_TEXT],
        engagement=engagement,
    )


def reactions(counts: Iterable[Any]) -> float:
    """Return the sum of what are counts, at least 0; NaN where none is one."""
    told = [found for each in counts if math.isfinite(found := number(each))]
    return max(0.0, math.fsum(told)) if told else math.nan


def day(time: datetime) -> str:
    """Return the day of a time as 2024-01-31."""
    return f"{time:%Y-%m-%d}"
