"""The collector's step for texts: score what is new, tell events, write each coin's figures.

When a score or figure came to be known is told as for every feed: what the step does live counts
from when it was done; for texts of before its first run it counts ``delay`` after the text (or the
figure's time), as rules could have done it then; and never before the scorer itself was known. A
kill leaves a batch whole or nothing, and what is there already is left alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from freqpilot.facts import feeds
from freqpilot.facts.append import columns_of, fresh_rows, micros, moment, series_ids
from freqpilot.facts.bulk import insert_rows
from freqpilot.facts.feeds import Feed
from freqpilot.facts.items import insert_items
from freqpilot.facts.judge import Judged
from freqpilot.facts.store import FactStore
from freqpilot.facts.text.aggregates import Scales, Texts, aggregate, ordered, reach
from freqpilot.facts.text.clean import Copies
from freqpilot.facts.text.engagement import by_engagement, seen_of
from freqpilot.facts.text.events import events_of
from freqpilot.facts.text.link import Taxonomy
from freqpilot.facts.text.scorer import Scored, Scorer, model_of
from freqpilot.settings import TextSettings
from freqpilot.shapes import Fact, Ints, Item
from freqpilot.store.database import WRITES
from freqpilot.store.tables import FactItemRow

SOURCE = "text"
FEED = "figures"
MARKET = "*"
BATCH = 200
"""Texts of a transaction."""
CHUNK = 96
"""Times whose figures are kept in one transaction."""
LATE_IDS = 1_000
"""On a server, rows may show up a little after later ones."""


def source_of(scorer: Scorer) -> str:
    """Return the source of a scorer's figures."""
    return source_named(scorer.name)


def source_named(name: str) -> str:
    """Return the source of figures by a scorer's name: ``text`` for the lexicon, else
    ``text.NAME``."""
    return SOURCE if name == "lexicon" else f"{SOURCE}.{name}"


def is_text(source: str) -> bool:
    """Tell whether a source's figures are those of this step."""
    return source == SOURCE or source.startswith(f"{SOURCE}.")


def account_of(url: str) -> str:
    """Return the account that a post's address names, as ``x.com/name``, or its community, as
    ``reddit.com/r/name``; empty where none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host = parts.netloc.lower().removeprefix("www.").replace("twitter.com", "x.com")
    path = [part for part in parts.path.split("/") if part]
    if host == "reddit.com" and len(path) >= 4 and (path[0], path[2]) == ("r", "comments"):
        return f"{host}/r/{path[1].lower()}"
    posted = host == "x.com" and len(path) >= 3 and path[1] == "status" and path[0] != "i"
    return f"{host}/{path[0].lower()}" if posted else ""


class Done(NamedTuple):
    """What a run has done: texts scored, figures and events kept."""

    scored: int
    figures: int
    events: int


@dataclass(frozen=True)
class _Rows:
    """Scored texts: ``source``, ``asset``, ``key`` and ``url`` as object arrays. ``grown``: what
    those at the places ``of`` came to weigh more or less later on."""

    names: Any
    texts: Texts
    of: Ints
    grown: Texts


class TextStep:
    """Runs in the collector's process, one run at a time."""

    def __init__(
        self, store: FactStore, scorer: Scorer, settings: TextSettings, taxonomy: Taxonomy
    ) -> None:
        self._store, self._scorer, self._taxonomy = store, scorer, taxonomy
        self._settings = settings
        self._model, self._source = model_of(scorer), source_of(scorer)
        self._copies: Copies | None = None
        self._clock: Callable[[], datetime]
        self._stopping: Callable[[], bool]
        self._last_id = 0
        self._weights = {name.lower(): weight for name, weight in settings.weights.items()}
        self._delay = timedelta(seconds=settings.delay)
        self._scales = Scales(settings.half_life, settings.window, settings.min_days)

    def run(
        self,
        now: datetime,
        clock: Callable[[], datetime] | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Done:
        """Score the texts that are new and write the figures that are due.

        :param clock: the time at each transaction; ``now`` where there is none.
        :param stopping: asked between transactions; what is left is done in the next run.
        """
        self._clock, self._stopping = clock or (lambda: now), stopping
        feed = feeds.feed(self._store, self._source, FEED)
        if feed is None:
            # Kept at once: what comes from now on is live.
            feed = Feed(self._source, FEED, now, now)
            feeds.save_feed(self._store, feed)
        feed = replace(feed, tried_at=now)
        scored, events = self._score_new(feed)
        feed, figures = (feed, 0) if stopping() else self._figures(feed)
        now = self._clock()
        feeds.save_feed(self._store, replace(feed, answered_at=now, failures=0, error=""))
        return Done(scored, figures, events)

    def failed(self, now: datetime, error: Exception) -> None:
        """Note that a run has failed."""
        feed = feeds.feed(self._store, self._source, FEED) or Feed(self._source, FEED, now, now)
        text = " ".join(str(error).split())[:500] or type(error).__name__
        failed = replace(feed, tried_at=now, failures=feed.failures + 1, error=text)
        feeds.save_feed(self._store, failed)

    def _known(self, time: datetime, now: datetime, live_from: datetime) -> datetime:
        known = time + self._delay if time < live_from else max(now, time)
        if self._scorer.known_from is not None:
            known = max(known, self._scorer.known_from)
        return min(known, now)

    def _score_new(self, feed: Feed) -> tuple[int, int]:
        scored = events = 0
        last = max(0, self._last_id - LATE_IDS)
        while not self._stopping() and (rows := self._unscored(last)):
            last = rows[-1][0]
            groups: dict[tuple[str, str], list[tuple[int, Item]]] = {}
            for number, item in rows:
                groups.setdefault((item.source, item.key), []).append((number, item))
            said = self._scorer.score([group[0][1].text for group in groups.values()])
            now = self._clock()
            found: list[Item] = []
            facts: list[Fact] = []
            for group, each in zip(groups.values(), said, strict=True):
                items, told_of = self._one(group, each, feed, now)
                found += items
                facts += told_of
            events += self._keep(found, facts)
            scored += len(groups)
        self._last_id = max(self._last_id, last)
        return scored, events

    def _unscored(self, last: int) -> list[tuple[int, Item]]:
        row, other = FactItemRow, aliased(FactItemRow)
        same = (other.source == row.source) & (other.key == row.key) & (other.model == self._model)
        # A source may name another coin of a post later on.
        same &= (row.asset == MARKET) | (other.asset == row.asset)
        query = (
            select(row.__table__)
            .where(row.model == "", row.id > last, ~exists().where(same))
            .order_by(row.id)
            .limit(BATCH)
        )
        with self._store.engine.connect() as connection:
            found = [dict(each) for each in connection.execute(query).mappings()]
        unknown = {"score": float("nan"), "confidence": float("nan")}
        return [(each.pop("id"), Item(**{**each, **unknown})) for each in found]

    def _one(
        self, group: Sequence[tuple[int, Item]], said: Scored, feed: Feed, now: datetime
    ) -> tuple[list[Item], list[Fact]]:
        """Return a text as it is kept under each of its coins, and the events that it tells."""
        number, first = group[0]
        named = [item.asset for _, item in group if item.asset != MARKET]
        if before := self._scored_before(first):
            known = self._known(first.available_at, now, feed.live_from)
            return [replace(before, asset=asset, available_at=known) for asset in named], []
        links = self._taxonomy.link(first.text)
        assets = dict.fromkeys([*named, *(link.asset for link in links)]) or {MARKET: None}
        known = self._known(first.available_at, now, feed.live_from)
        copy = self._is_copy(first)
        confidence = 0.0 if copy else said.confidence
        items = [
            replace(
                first,
                asset=asset,
                available_at=known,
                score=said.score,
                confidence=confidence,
                model=self._model,
            )
            for asset in assets
        ]
        # Its number as vintage: two texts of one second are two reports.
        facts = [
            Fact(
                first.source,
                event.asset,
                f"event_{event.kind}",
                event.confidence,
                first.event_time,
                known,
                number % (1 << 31),
            )
            for event in events_of(first.text, links)
        ]
        return items, facts

    def _scored_before(self, item: Item) -> Item | None:
        row = FactItemRow
        query = select(row.score, row.confidence).where(
            row.source == item.source, row.key == item.key, row.model == self._model
        )
        with self._store.engine.connect() as connection:
            found = connection.execute(query.limit(1)).first()
        if found is None:
            return None
        score, confidence = float(found[0] or 0.0), float(found[1] or 0.0)
        return replace(item, score=score, confidence=confidence, model=self._model)

    def _is_copy(self, item: Item) -> bool:
        hours = timedelta(hours=self._settings.copies)
        if not hours:
            return False
        if self._copies is None:
            self._copies = Copies()
            row = FactItemRow
            query = (
                select(row.text, row.event_time)
                .where(row.model == self._model, row.event_time > item.event_time - hours)
                .group_by(row.source, row.key, row.text, row.event_time)
                .order_by(func.min(row.id))
            )
            with self._store.engine.connect() as connection:
                for text, told_at in connection.execute(query):
                    self._copies.seen(text, micros(told_at), micros(told_at - hours))
        time = micros(item.event_time)
        return self._copies.seen(item.text, time, time - hours // timedelta(microseconds=1))

    def _keep(self, items: Sequence[Item], facts: list[Fact]) -> int:
        with self._store.engine.execution_options(**WRITES).begin() as connection:
            insert_items(connection, items)
            if not facts:
                return 0
            columns = columns_of(facts)
            ids = series_ids(connection, columns)
            fresh = fresh_rows(connection, ids, columns)
            insert_rows(connection, ids[fresh], columns.take(fresh))
            return int(fresh.sum())

    def _figures(self, feed: Feed) -> tuple[Feed, int]:
        """Write the figures of all times that are due, a chunk a transaction."""
        step = int(self._settings.every * 60_000_000)
        begin = self._first(self._model) if feed.reached is None else micros(feed.reached)
        if begin is None:
            return feed, 0
        end = micros(self._clock() - self._delay)
        first = (begin // step + 1) * step
        times = np.arange(first, end + 1, step, dtype=np.int64)
        kept = 0
        for at in range(0, times.size, CHUNK):
            if self._stopping():
                break
            now, chunk = self._clock(), times[at : at + CHUNK]
            judged = self._judged(chunk, feed, now)
            feed = replace(feed, reached=moment(int(chunk[-1])))
            if judged:
                feed = replace(feed, newest_event=max(each.event_time for each in judged))
            done, feed = feeds.keep(self._store, judged, feed, now)
            kept += done.added
        return feed, kept

    def _first(self, model: str) -> int | None:
        """Return when the first text came to be known, or was scored by a model."""
        row = FactItemRow
        query = select(func.min(row.available_at)).where(row.model == model)
        with self._store.engine.connect() as connection:
            found = connection.scalar(query)
        return None if found is None else micros(found)

    def _judged(self, times: Ints, feed: Feed, now: datetime) -> list[Judged]:
        rows = self._scored(int(times[0]) - reach(self._scales), int(times[-1]))
        times = times[self._covered(rows.texts.known, times)]
        if not times.size:
            return []
        since = self._first("") or int(times[0])
        judged: list[Judged] = []
        assets = rows.names["asset"]
        by_account = any("/" in name for name in self._weights)
        named = np.array(
            [by_account and account_of(url) in self._weights for url in rows.names["url"]], np.bool_
        )
        for asset in sorted({*assets, MARKET}):
            chosen = np.ones(assets.size, np.bool_) if asset == MARKET else assets == asset
            if asset == MARKET:
                # A text about two coins is one text of the market.
                keys = list(zip(rows.names["source"], rows.names["key"], strict=True))
                firsts = {key: place for place, key in reversed(list(enumerate(keys)))}
                chosen = np.isin(np.arange(assets.size), list(firsts.values()))
            texts, later = rows.texts.take(chosen), chosen[rows.of]
            loud = named[chosen] if by_account else None
            grown = (rows.grown.take(later), named[rows.of][later])
            found = aggregate(texts, times, since, self._scales, loud, grown)
            for metric, values in found.items():
                for time, value in zip(times.tolist(), values.tolist(), strict=True):
                    if np.isfinite(value):
                        at = moment(time)
                        known = self._known(at, now, feed.live_from)
                        judged.append(Judged(asset, metric, value, at, known))
        return judged

    def _scored(self, first: int, last: int) -> _Rows:
        """Return the scored texts from ``first`` to ``last``, by event."""
        row = FactItemRow
        names = ("source", "asset", "key", "url")
        columns = [*(getattr(row, name) for name in names), row.event_time, row.available_at]
        query = select(*columns, row.score, row.confidence).where(row.model == self._model)
        query = query.where(row.event_time > moment(first), row.event_time <= moment(last))
        with self._store.engine.connect() as connection:
            found = connection.execute(query.order_by(row.event_time, row.id)).all()
        texts = {
            name: np.array([each[place] for each in found], dtype=object)
            for place, name in enumerate(names)
        }
        weight = np.array(
            [each[7] * self._weight(each[0], each[3]) for each in found], dtype=np.float64
        )
        event = np.array([micros(each[4]) for each in found], dtype=np.int64)
        known = np.array([micros(each[5]) for each in found], dtype=np.int64)
        score = np.array([each[6] for each in found], dtype=np.float64)
        place = np.lexsort((known, event))
        shown = {name: column[place] for name, column in texts.items()}
        plain, most = ordered(event, known, score, weight), self._settings.engagement
        seen = seen_of(self._store, self._model, first, last) if most > 1 else {}
        return _Rows(shown, *by_engagement(shown, plain, seen, most))

    def _weight(self, source: str, url: str) -> float:
        account = account_of(url)
        found = self._weights.get(account) if account else None
        return self._weights.get(source, 1.0) if found is None else found

    def _covered(self, known: Ints, times: Ints) -> Any:
        """Tell at which times some text had come to be known of late: silence of all sources is
        no sign that nobody writes."""
        known = np.sort(known)
        place = np.searchsorted(known, times, side="right")
        last = np.where(place > 0, known[np.maximum(place - 1, 0)] if known.size else 0, 0)
        age = int(self._settings.max_age * 3_600_000_000)
        return (place > 0) & (times - last < age)
