"""When the collector asks: due times, retries and restarts, on a clock that the test moves."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from collector_world import HOUR, Hourly, World, hours

from freqpilot.facts import collector, feeds
from freqpilot.facts.collector import FIRST_RETRY, MOST_HELD, TEXTS, Collector, Plan
from freqpilot.facts.health import CLOCK, last_beat
from freqpilot.facts.sources.base import Answer, Call, FetchFailed
from freqpilot.facts.store import FactStore
from freqpilot.facts.text.step import Done

SECOND = timedelta(seconds=1)


class InTurn:
    """A pool that does its work at once, in the caller's thread."""

    def __init__(self, **_: Any) -> None:
        pass

    def __enter__(self) -> "InTurn":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(work(*arguments))
        return done


class Looks(threading.Event):
    """Ends a collector after it has looked around at each of some moments. Twice at each: the
    first look takes the result of a turn, the second begins the next one."""

    def __init__(self, world: World, moments: Sequence[datetime]) -> None:
        super().__init__()
        self._world = world
        self._left = [moment for moment in moments for _ in range(2)]
        world.now = self._left.pop(0)

    def wait(self, timeout: float | None = None) -> bool:
        if not self._left:
            self.set()
        elif (moment := self._left.pop(0)) > self._world.now:
            self._world.now = moment
        return self.is_set()


@dataclass(frozen=True)
class Several(Hourly):
    """A source of some feeds. Those in ``bad`` fail; an answer may take a while."""

    names: tuple[str, ...] = ("f",)
    bad: set[str] = field(default_factory=set)
    world: Any = None
    takes: timedelta = timedelta(0)
    asked: list[tuple[datetime, str]] = field(default_factory=list)

    def feeds(self) -> tuple[str, ...]:
        return self.names

    def fetch(self, call: Call, fetcher: Any) -> Answer:
        self.asked.append((self.world.now, call.feed))
        self.world.now += self.takes
        if call.feed in self.bad:
            raise FetchFailed("gone")
        return super().fetch(call, fetcher)


@pytest.fixture
def store(tmp_path: Any) -> Any:
    opened = FactStore.open(f"sqlite:///{tmp_path}/facts.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(collector, "ThreadPoolExecutor", InTurn)
    made = World()
    made.values = hours(2)
    return made


def asked(
    store: FactStore, world: World, source: Several, after: Sequence[timedelta], every: Any = HOUR
) -> list[timedelta]:
    """Return after how long the source was asked, by a collector that looks around at ``after``."""
    begin = world.now
    source.asked.clear()
    stop = Looks(world, [begin + each for each in after])
    Collector(store, [Plan(source, every)], world, stop=stop, now=lambda: world.now).run()
    return [time - begin for time, _ in source.asked]


def test_a_source_is_due_when_its_pace_is_over_and_not_before(
    store: FactStore, world: World
) -> None:
    looks = [HOUR * 0, HOUR - SECOND, HOUR, HOUR + SECOND, 2 * HOUR - SECOND, 2 * HOUR + SECOND]
    source = Several(world=world)
    assert asked(store, world, source, looks) == [HOUR * 0, HOUR, 2 * HOUR + SECOND]


def test_the_pace_counts_from_the_begin_of_a_turn(store: FactStore, world: World) -> None:
    looks = [HOUR * 0, HOUR / 2, HOUR - SECOND, HOUR, HOUR * 1.5]
    source = Several(world=world, takes=HOUR / 4)
    assert asked(store, world, source, looks) == [HOUR * 0, HOUR]


def test_a_failure_is_tried_again_soon_then_ever_later(store: FactStore, world: World) -> None:
    retries = [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]
    times = [sum(retries[:n], timedelta(0)) for n in range(5)]
    looks = sorted({0 * HOUR, *(time + d for time in times[1:] for d in (-SECOND, 0 * SECOND))})
    source = Several(world=world, bad={"f"})
    assert asked(store, world, source, looks) == times
    source.bad.clear()
    # What succeeds is back at its pace: the failures are forgotten.
    world.now += HOUR
    looks = [HOUR * 0, 16 * FIRST_RETRY, HOUR - SECOND, HOUR]
    assert asked(store, world, source, looks) == [HOUR * 0, HOUR]
    source.bad.add("f")
    world.now += HOUR
    looks = [HOUR * 0, FIRST_RETRY - SECOND, FIRST_RETRY]
    assert asked(store, world, source, looks) == [HOUR * 0, FIRST_RETRY]


def test_no_retry_is_later_than_the_pace(store: FactStore, world: World) -> None:
    pace = 3 * FIRST_RETRY
    times = [n * FIRST_RETRY for n in (0, 1, 3, 6, 9)]
    looks = sorted({*times, *(time - SECOND for time in times[1:])})
    source = Several(world=world, bad={"f"})
    assert asked(store, world, source, looks, pace) == times


@pytest.mark.parametrize("bad", ["f", "g"])
def test_one_feed_that_failed_makes_the_source_due_soon(
    store: FactStore, world: World, bad: str
) -> None:
    """The first of two as well: a good answer behind it says nothing about it."""
    source = Several(world=world, names=("f", "g"), bad={bad})
    looks = [HOUR * 0, FIRST_RETRY - SECOND, FIRST_RETRY]
    assert asked(store, world, source, looks) == [HOUR * 0] * 2 + [FIRST_RETRY] * 2
    states = {each.feed: each.failures for each in feeds.feeds(store)}
    assert states == {"f": 0, "g": 0} | {bad: 2}


def test_the_worst_feed_says_how_long_a_source_waits(store: FactStore, world: World) -> None:
    source = Several(world=world, names=("f", "g"), bad={"f"})
    asked(store, world, source, [HOUR * 0])
    asked(store, world, source, [HOUR * 0])
    source.bad.add("g")
    world.now += HOUR
    looks = [HOUR * 0, 4 * FIRST_RETRY - SECOND, 4 * FIRST_RETRY]
    assert asked(store, world, source, looks) == [HOUR * 0] * 2 + [4 * FIRST_RETRY] * 2


@pytest.mark.parametrize(
    ("others", "looks", "due"),
    [
        ({}, [HOUR / 2 - SECOND, HOUR / 2, HOUR], HOUR / 2),
        ({"names": ("f", "g", "new")}, [0 * HOUR, HOUR / 2], 0 * HOUR),
        ({"bad": {"f"}}, [0 * HOUR, HOUR / 2], 0 * HOUR),
        ({"bad": {"g"}}, [0 * HOUR, HOUR / 2], 0 * HOUR),
    ],
    ids=["known", "a new feed", "first failed", "second failed"],
)
def test_a_restart_waits_for_the_feed_that_was_asked_longest_ago(
    store: FactStore, world: World, others: dict[str, Any], looks: list[timedelta], due: timedelta
) -> None:
    bad = others.get("bad", set())
    before = Several(world=world, names=("f", "g"), takes=HOUR / 4, bad=bad)
    asked(store, world, before, [HOUR * 0])  # takes half an hour for both
    after = Several(world=world, names=others.get("names", ("f", "g")))
    assert set(asked(store, world, after, looks)) == {due}


def test_another_source_of_the_store_is_not_taken_for_this_one(
    store: FactStore, world: World
) -> None:
    other = feeds.Feed("another", "f", world.now, world.now)
    feeds.save_feed(store, other)
    assert asked(store, world, Several(world=world), [HOUR * 0]) == [HOUR * 0]


def test_a_row_that_cannot_be_kept_is_asked_for_again_to_the_second(
    store: FactStore, world: World
) -> None:
    bad = max(hours(6))
    world.values = hours(8) | {bad: "never"}
    stop = threading.Event()
    made = Collector(store, [], world, stop=stop, now=lambda: world.now)
    plan = Plan(Hourly(), HOUR)
    states = [made.turn(plan, "f") for _ in range(MOST_HELD + 2)]
    assert states[0].reached == bad - SECOND
    # Held by the first turn that gets no further; given up by the one after the most.
    assert [each.held for each in states] == [*range(MOST_HELD + 1), 0]
    assert {each.reached for each in states[:-1]} == {bad - SECOND}
    assert states[-1].reached == max(hours(8))


def test_of_two_bad_rows_the_older_one_holds_the_feed(store: FactStore, world: World) -> None:
    first, second = sorted(hours(5))[3:]
    world.values = hours(8) | {first: 5000.0, second: 5000.0}
    made = Collector(store, [], world, stop=threading.Event(), now=lambda: world.now)
    assert made.turn(Plan(Hourly(), HOUR), "f").reached == first - SECOND


class Beats(Looks):
    """Notes the beat that a person would see after each look."""

    seen: list[datetime | None]
    store: FactStore

    def wait(self, timeout: float | None = None) -> bool:
        self.seen.append(last_beat(self.store))
        return super().wait(timeout)


def test_a_beat_is_kept_three_times_as_often_as_one_is_missed(
    store: FactStore, world: World
) -> None:
    begin = world.now
    looks = [CLOCK * 0, CLOCK / 3 - SECOND, CLOCK / 3, CLOCK * 2 / 3 - SECOND, CLOCK * 2 / 3]
    stop = Beats(world, [begin + each for each in looks])
    stop.seen, stop.store = [], store
    Collector(store, [], world, stop=stop, now=lambda: world.now).run()
    beats = [begin, begin, begin + CLOCK / 3, begin + CLOCK / 3, begin + CLOCK * 2 / 3]
    assert stop.seen[::2] == beats


class Texts:
    """Notes when it was asked to score what is new; the first time it fails."""

    def __init__(self) -> None:
        self.times: list[datetime] = []
        self.failures: list[str] = []

    def run(self, now: datetime, clock: Any, stopped: Callable[[], bool]) -> Any:
        self.times.append(now)
        if len(self.times) == 1:
            raise OSError("no model")
        return Done(scored=1, events=1, figures=1)

    def failed(self, now: datetime, error: Exception) -> None:
        self.failures.append(str(error))


def test_texts_are_looked_at_every_while_also_after_a_fault(store: FactStore, world: World) -> None:
    begin, texts = world.now, Texts()
    looks = [TEXTS * 0, TEXTS - SECOND, TEXTS, 2 * TEXTS - SECOND, 2 * TEXTS]
    stop = Looks(world, [begin + each for each in looks])
    step: Any = texts
    Collector(store, [], world, stop=stop, now=lambda: world.now, text=step).run()
    assert [time - begin for time in texts.times] == [TEXTS * 0, TEXTS, 2 * TEXTS]
    assert texts.failures == ["no model"]
