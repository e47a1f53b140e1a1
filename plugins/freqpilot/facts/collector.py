"""The collector: asks every source in its turn and keeps what it answers. The bot only reads.

A source that fails, or answers nonsense, stops nothing but itself. A kill at any moment loses
nothing: how far a feed is stands in the transaction that keeps its page.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from freqpilot.errors import Degraded
from freqpilot.facts import feeds
from freqpilot.facts.feeds import Feed
from freqpilot.facts.fetch import Fetcher
from freqpilot.facts.health import CLOCK, save_beat
from freqpilot.facts.items import append_items
from freqpilot.facts.judge import Series, judge
from freqpilot.facts.sources import make
from freqpilot.facts.sources.base import Answer, Batch, Call, Gets, Source
from freqpilot.facts.store import FactStore
from freqpilot.facts.text.step import TextStep
from freqpilot.settings import SourceSettings

logger = logging.getLogger(__name__)

MOST_PAGES = 200
"""Pages of a turn; the next one goes on from there."""
MOST_HELD = 5
"""Turns that a row which cannot be kept holds a feed back before it is given up."""
FIRST_RETRY = timedelta(seconds=30)
WORKERS = 8
TEXTS = timedelta(seconds=20)
"""Between two looks at texts that are new."""


class Stopped(Exception):
    """The collector was asked to end."""


@dataclass(frozen=True)
class Plan:
    """A source as the settings want it."""

    source: Source
    every: timedelta
    backfill_from: datetime | None = None

    @property
    def name(self) -> str:
        """Name of the source."""
        return self.source.spec.name

    @property
    def missing_key(self) -> str:
        """Name of the environment variable that the source cannot do without, if it is unset."""
        key = self.source.spec.key
        return key.env if key and key.needed and not os.environ.get(key.env) else ""


def plans(sources: Mapping[str, SourceSettings]) -> list[Plan]:
    """Return the sources that are switched on.

    :raises RefuseToStart: for an unknown source or option, with the nearest known one.
    """
    found = []
    for name, settings in sources.items():
        source = make(name, settings.options)
        if settings.enabled:
            every = source.spec.every
            if settings.every is not None:
                every = timedelta(minutes=settings.every)
            begin = settings.backfill_from
            since = datetime.combine(begin, time(), UTC) if begin else None
            found.append(Plan(source, every, since))
    return found


class Collector:
    """Asks the sources of ``plans`` until ``stop`` is set."""

    def __init__(
        self,
        store: FactStore,
        plans: Sequence[Plan],
        fetcher: Gets,
        *,
        stop: threading.Event,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        text: TextStep | None = None,
    ) -> None:
        self._store, self._fetcher, self._text = store, fetcher, text
        self._plans = [plan for plan in plans if not plan.missing_key]
        self._stop, self._now = stop, now

    def run(self) -> None:
        """Ask on and on. Each source has one turn at a time; a beat tells that this is alive."""
        due = {plan.name: self._first_due(plan) for plan in self._plans}
        running: dict[str, Future[datetime]] = {}
        beat_at, read_at = None, self._now()
        reading: Future[None] | None = None
        with ThreadPoolExecutor(max_workers=WORKERS + 1, thread_name_prefix="source") as pool:
            while not self._stop.is_set():
                now = self._now()
                if beat_at is None or now - beat_at >= CLOCK / 3:
                    _quietly(save_beat, self._store, now)
                    beat_at = now
                for plan in self._plans:
                    job = running.get(plan.name)
                    if job is not None and job.done():
                        due[plan.name] = job.result()
                        running.pop(plan.name)
                    elif job is None and now >= due[plan.name]:
                        running[plan.name] = pool.submit(self._all_feeds, plan)
                if now >= read_at and (reading is None or reading.done()):
                    reading, read_at = pool.submit(self._read_texts), now + TEXTS
                self._stop.wait(0.2)

    def once(self) -> None:
        """Give every source one turn, one after the other."""
        for plan in self._plans:
            self._all_feeds(plan)
        self._read_texts()
        _quietly(save_beat, self._store, self._now())

    def _read_texts(self) -> None:
        """Score the texts that are new; a fault ends neither this nor the sources."""
        if self._text is None:
            return
        try:
            done = self._text.run(self._now(), self._now, self._stop.is_set)
        except Exception as error:
            logger.exception("texts: this turn is lost, what was kept before stays")
            _quietly(self._text.failed, self._now(), error)
            return
        if done.scored:
            told = f"{done.scored:,} scored, {done.events:,} events, {done.figures:,} figures"
            logger.info("texts: %s", told)

    def turn(self, plan: Plan, name: str) -> Feed:
        """Ask one feed for what is new, page by page, and return how it fares."""
        now = self._now()
        state = feeds.feed(self._store, plan.name, name) or Feed(plan.name, name, now, now)
        state = replace(state, tried_at=now)
        begin = plan.backfill_from
        if begin and (state.begun is None or begin < state.begun):
            # More history is wanted than before; what is kept already is known again.
            state = replace(state, begun=begin, reached=None, held=0)
        before = state
        try:
            state = _Turn(self._store, self._fetcher, plan, state).run(now)
        except Stopped:
            raise
        except Exception as error:
            # Whatever it is: it must not end the other sources.
            if not isinstance(error, Degraded):
                logger.exception("%s/%s failed", plan.name, name)
            told = " ".join(str(error).split())[:500] or type(error).__name__
            state = feeds.feed(self._store, plan.name, name) or before
            state = replace(state, tried_at=now, failures=before.failures + 1, error=told)
            logger.warning("%s/%s: %s", plan.name, name, told)
            feeds.save_feed(self._store, state)
            return state
        if (new := state.added - before.added) or state.faulty:
            told = f"{new:,} new, {state.faulty:,} set aside"
            logger.info("%s/%s: %s %s", plan.name, name, told, state.reason if state.faulty else "")
        return state

    def _all_feeds(self, plan: Plan) -> datetime:
        """Return when the source is due again."""
        begun, failures = self._now(), 0
        try:
            for name in plan.source.feeds():
                if self._stop.is_set():
                    break
                failures = max(failures, self.turn(plan, name).failures)
        except Stopped:
            return begun
        except Exception:  # the database is out: the next turn may find it again
            logger.exception("%s: its turn is lost", plan.name)
            failures = 1
        if failures:
            times: int = 2 ** min(failures - 1, 10)
            return self._now() + min(plan.every, FIRST_RETRY * times)
        return begun + plan.every

    def _first_due(self, plan: Plan) -> datetime:
        """A restart does not ask again what was asked a moment ago."""
        known = {each.feed: each for each in feeds.feeds(self._store) if each.source == plan.name}
        states = [known.get(name) for name in plan.source.feeds()]
        times = [each.tried_at for each in states if each and not each.failures]
        return min(times) + plan.every if len(times) == len(states) and times else self._now()


class _Turn:
    """One turn of a feed."""

    def __init__(self, store: FactStore, fetcher: Gets, plan: Plan, state: Feed) -> None:
        self._store, self._fetcher, self._plan = store, fetcher, plan
        self._begin = self._state = state
        self._faulty = 0
        self._newest: datetime | None = None
        """The newest event of this turn."""
        self._limit: datetime | None = None
        """All before is kept; set by the first row that could not be."""
        self._limited = False

    def run(self, now: datetime) -> Feed:
        source = self._plan.source
        since = self._begin.reached or self._plan.backfill_from
        if since and self._begin.reached:
            since -= source.spec.overlap
        call: Call | None = source.call(self._begin.feed, since, now)
        seen: list[Call] = []
        answer = Answer(b"", now)
        while call is not None and call not in seen and len(seen) < MOST_PAGES:
            answer = source.fetch(call, self._fetcher)
            batch = source.read(call, answer.body, answer.fetched_at)
            seen.append(call)
            call = batch.next_page
            self._page(batch, answer)
        # A page that leads back to an earlier one has not shown what lies behind it.
        return self._end(answer.fetched_at, whole=call is None)

    def _page(self, batch: Batch, answer: Answer) -> None:
        """Keep a page and how far the feed is with it."""
        spec, state = self._plan.source.spec, self._state
        firsts: dict[Series, datetime] = {}
        for each in batch.readings:
            series = (each.asset.upper(), each.metric)
            firsts[series] = min(firsts.get(series, each.event_time), each.event_time)
        last = feeds.last_values(self._store, spec.name, firsts)
        judged = judge(batch.readings, spec, answer.fetched_at, state.live_from, last)
        judged = feeds.settled(self._store, spec.name, judged)
        bad = [each for each in judged if each.fault]
        good = [each.event_time for each in judged if not each.fault]
        events = [*good, *(item.event_time for item in batch.items)]
        # The true time of what is stamped in the future is not known either.
        dated = [each.event_time for each in bad if each.event_time < answer.fetched_at]
        undated = len(batch.refused) + len(bad) - len(dated)
        reached = self._reached(events, dated, undated)
        items = append_items(self._store, batch.items, answer.fetched_at)
        newest = max([*events, *([state.newest_event] if state.newest_event else [])], default=None)
        self._faulty += len(bad) + len(batch.refused)
        state = replace(
            state,
            reached=reached if self._plan.source.ascending else state.reached,
            newest_event=newest,
            added=state.added + items.added,
            refused=state.refused + len(batch.refused),
            faulty=self._faulty,
            reason=batch.refused[0][:500] if batch.refused else state.reason,
        )
        _, self._state = feeds.keep(self._store, judged, state, answer.fetched_at)

    def _reached(
        self, good: Sequence[datetime], bad: Sequence[datetime], undated: int
    ) -> datetime | None:
        """Return up to where all is kept after this page."""
        before = self._newest or self._begin.reached
        if good:
            self._newest = max([*good, *([before] if before else [])])
        if (bad or undated) and not self._limited:
            # Of a row without a readable time is only known that it is of this page.
            times = [*bad, *([before] if undated and before else [])]
            self._limited = True
            self._limit = None if undated and not before else min(times) - timedelta(seconds=1)
        if not self._limited:
            return self._newest or before
        if self._limit is None or self._newest is None:
            return self._begin.reached
        reached = min(self._limit, self._newest)
        return max(reached, self._begin.reached or reached)

    def _end(self, answered_at: datetime, *, whole: bool) -> Feed:
        state = self._state
        reached = state.reached
        if whole and not self._plan.source.ascending:
            reached = self._begin.reached if self._limited else self._newest or reached
        stuck = self._limited and reached == self._begin.reached
        held = self._begin.held + 1 if stuck else 0
        if held > MOST_HELD:
            held, reached = 0, self._newest or reached
        state = replace(
            state,
            reached=reached,
            held=held,
            answered_at=answered_at,
            failures=0,
            error="",
            faulty=self._faulty,
        )
        feeds.save_feed(self._store, state)
        return state


def make_fetcher(stop: threading.Event, **options: Any) -> Fetcher:
    """Return a fetcher whose waits end when ``stop`` is set."""

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise Stopped

    return Fetcher(sleep=sleep, **options)


def _quietly(work: Callable[..., None], *arguments: Any) -> None:
    try:
        work(*arguments)
    except Exception:
        logger.exception("the collector's beat could not be kept")
