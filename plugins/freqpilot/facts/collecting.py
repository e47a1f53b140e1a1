"""``freqpilot collect`` on a bot's configuration: what it asks, how it fares, what doctor says."""

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freqpilot.errors import FreqpilotError, RefuseToStart
from freqpilot.facts.sources import SOURCES
from freqpilot.facts.sources.base import Spec
from freqpilot.facts.spec import parse
from freqpilot.facts.text.command import step_of, text_health, text_source
from freqpilot.facts.text.step import FEED
from freqpilot.settings import Settings
from freqpilot.store.urls import facts_url

WELL = ("well", "waiting")
WATCH = timedelta(minutes=1)
"""How often ``watch`` is called."""
LAST = 10
"""Readings set aside that are shown."""


@dataclass(frozen=True)
class Line:
    """A feed in ``freqpilot collect --status``."""

    source: str
    feed: str
    state: str
    why: str = ""
    answered_at: datetime | None = None
    newest_event: datetime | None = None
    added: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class Status:
    """How the collector fares: when it was last alive, and its feeds."""

    beat: datetime | None
    lines: tuple[Line, ...]
    quarantined: tuple[tuple[Any, ...], ...] = ()

    def well(self, now: datetime) -> bool:
        """Whether the collector runs and nobody needs to look at a feed."""
        return self.alive(now) and all(line.state in WELL for line in self.lines)

    def alive(self, now: datetime) -> bool:
        """Whether the collector runs."""
        from freqpilot.facts.health import MOST_SILENT

        return self.beat is not None and now - self.beat <= MOST_SILENT


def specs() -> dict[str, Spec]:
    """Return what there is to be known about each source."""
    return {name: kind.spec for name, kind in sorted(SOURCES.items())}


def collect(
    settings: Settings,
    user_data: Path,
    *,
    once: bool,
    say: Callable[[str], None],
    watch: Callable[[datetime], None] | None = None,
) -> None:
    """Ask the sources that are switched on until SIGINT or SIGTERM, or once each.

    :param watch: called each minute meanwhile, in a thread of its own; it must not raise.
    :raises RefuseToStart: when none is, or one cannot be used as it is configured.
    """
    from freqpilot.facts.collector import Collector, make_fetcher, plans
    from freqpilot.facts.store import FactStore

    chosen = plans(settings.facts.sources)
    if not chosen:
        raise RefuseToStart(
            "no source is switched on, so nothing is collected; name some under "
            "freqpilot.facts.sources (freqpilot collect --list shows them)"
        )
    for plan in chosen:
        if plan.missing_key:
            say(f"{plan.name} is off: {plan.missing_key} is not in the environment")
    # They would log every address, and with it the keys of some sources.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    stop = threading.Event()
    store = FactStore.open(facts_url(settings, user_data))
    text = step_of(store, settings, user_data)
    fetcher = make_fetcher(stop, timeout=settings.facts.timeout)
    collector = Collector(store, chosen, fetcher, stop=stop, text=text)
    before = {
        each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        if once:
            collector.once()
        else:
            say(f"asking {', '.join(plan.name for plan in chosen if not plan.missing_key)}")
            if watch is not None:
                threading.Thread(target=_watch, args=(watch, stop), daemon=True).start()
            collector.run()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        fetcher.close()
        store.close()


def _watch(watch: Callable[[datetime], None], stop: threading.Event) -> None:
    while not stop.wait(WATCH.total_seconds()):
        watch(datetime.now(UTC))


def status(settings: Settings, user_data: Path, now: datetime) -> Status:
    """Return how each feed that is switched on fares.

    :raises RefuseToStart: when a source is unknown or the database cannot be read.
    """
    from freqpilot.facts.collector import plans
    from freqpilot.facts.feeds import feeds, quarantined
    from freqpilot.facts.health import by_feed, health, last_beat
    from freqpilot.facts.store import FactStore

    chosen = plans(settings.facts.sources)
    store = FactStore.open(facts_url(settings, user_data), writes=False)
    try:
        if not store.collects:
            return Status(None, ())
        known, beat = by_feed(feeds(store)), last_beat(store)
        aside = tuple(quarantined(store, limit=LAST))
    finally:
        store.close()
    lines = []
    for plan in chosen:
        for name in plan.source.feeds():
            feed = known.get((plan.name, name))
            if plan.missing_key:
                lines.append(Line(plan.name, name, "off", f"{plan.missing_key} is not set"))
                continue
            each = health(plan.source.spec, plan.every, name, feed, now)
            figures = (
                (feed.answered_at, feed.newest_event, feed.added, feed.quarantined) if feed else ()
            )
            lines.append(Line(plan.name, name, each.state, each.why, *figures))
    if settings.facts.text.enabled:
        name = text_source(settings, user_data)
        feed = known.get((name, FEED))
        each = text_health(name, feed, now)
        figures = (feed.answered_at, feed.newest_event, feed.added, 0) if feed else ()
        lines.append(Line(name, FEED, each.state, each.why, *figures))
    return Status(beat, tuple(lines), aside)


def accept(settings: Settings, user_data: Path, named: str, now: datetime) -> int:
    """Keep what was set aside of ``source/metric@asset`` and return how many readings.

    :raises RefuseToStart: for what names no such series.
    """
    from freqpilot.facts import feeds
    from freqpilot.facts.store import FactStore

    try:
        metric = parse(named)
    except ValueError as error:
        raise RefuseToStart(str(error)) from None
    if metric.source is None or metric.asset is None:
        raise RefuseToStart(f"name the series as SOURCE/METRIC@ASSET, not {named!r}")
    store = FactStore.open(facts_url(settings, user_data))
    try:
        return feeds.accept(store, metric.source, metric.name, metric.asset, now)
    finally:
        store.close()


def examine(settings: Settings, user_data: Path) -> str:
    """Return one line for ``doctor``.

    :raises FreqpilotError: when something is not as it should be.
    """
    if not any(each.enabled for each in settings.facts.sources.values()):
        return "no source is switched on"
    now = datetime.now(UTC)
    found = status(settings, user_data, now)
    faults = [f"{line.source} is off, {line.why}" for line in _first_off(found).values()]
    if not found.alive(now):
        last = f"its last beat is {_ago(now, found.beat)} old" if found.beat else "it never ran"
        faults.append(f"the collector does not run ({last}): start freqpilot collect")
    faults += [
        f"{line.source}/{line.feed} is {line.state} ({line.why})"
        for line in found.lines
        if line.state not in (*WELL, "off")
    ]
    if faults:
        shown = "; ".join(faults[:5]) + (f" and {len(faults) - 5} more" if faults[5:] else "")
        raise FreqpilotError(f"{shown}. What is unknown has no say; open trades are untouched")
    return f"{len(found.lines)} feeds are well"


def _first_off(found: Status) -> Mapping[str, Line]:
    return {line.source: line for line in found.lines if line.state == "off"}


def _ago(now: datetime, then: datetime) -> str:
    return str(timedelta(seconds=int((now - then).total_seconds())))
