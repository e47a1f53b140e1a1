"""The collector: nothing lost, nothing doubled, nothing absurd shown, and no fault spreads."""

import json
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest
from collector_world import BEGIN, HOUR, Hourly, World, events, hours, turn, versions
from hypothesis import given, settings
from hypothesis import strategies as st

from freqpilot.errors import RefuseToStart
from freqpilot.facts import feeds
from freqpilot.facts.append import micros
from freqpilot.facts.collector import MOST_HELD, Collector, Plan, plans
from freqpilot.facts.health import health, last_beat
from freqpilot.facts.items import items
from freqpilot.facts.join import as_of, states
from freqpilot.facts.sources.base import (
    Answer,
    Batch,
    Call,
    FetchFailed,
    Spec,
)
from freqpilot.facts.store import FactStore
from freqpilot.settings import SourceSettings


@pytest.fixture
def store(database_url: str) -> Iterator[FactStore]:
    opened = FactStore.open(database_url)
    yield opened
    opened.close()


def test_history_is_stamped_with_its_lag_and_what_comes_live_with_its_fetch(
    store: FactStore,
) -> None:
    world = World()
    world.values = hours(8)
    turn(store, world)
    found = versions(store)
    assert [each[0] for each in found] == [*hours(8)]
    assert all(available == event + HOUR / 2 for event, available, _ in found)
    world.now += 5 * HOUR
    world.values |= hours(5, begin=10)
    turn(store, world)
    assert [available for event, available, _ in versions(store) if event >= BEGIN + 10 * HOUR] == [
        world.now
    ] * 5


def test_what_is_known_is_not_kept_twice_and_a_change_is_a_version(store: FactStore) -> None:
    world = World()
    world.values = hours(4)
    turn(store, world)
    world.now += HOUR
    state = turn(store, world)
    assert len(versions(store)) == state.added == 4
    last = BEGIN + 3 * HOUR
    world.values[last] = 40.0
    world.now += HOUR
    turn(store, world)
    assert [each[1:] for each in versions(store) if each[0] == last] == [
        (last + HOUR / 2, 4.0),
        (world.now, 40.0),
    ]
    # Back again is news as well.
    world.values[last] = 4.0
    world.now += HOUR
    turn(store, world)
    turn(store, world)
    assert [each[2] for each in versions(store) if each[0] == last] == [4.0, 40.0, 4.0]


def test_each_turn_looks_back_for_revisions(store: FactStore) -> None:
    class Revising(Hourly):
        spec: ClassVar[Spec] = replace(Hourly.spec, overlap=3 * HOUR)

    world = World()
    world.values = hours(8)
    turn(store, world, Revising())
    world.values |= {BEGIN + 2 * HOUR: 30.0, BEGIN + 4 * HOUR: 50.0}
    turn(store, world, Revising())
    found = events(store)
    assert found[BEGIN + 4 * HOUR] == 50.0
    assert found[BEGIN + 2 * HOUR] == 3.0


@pytest.mark.parametrize("rising", [True, False])
def test_a_turn_that_breaks_off_loses_nothing(store: FactStore, rising: bool) -> None:
    world = World(rising=rising)
    world.values = hours(9)
    world.faults = [None, FetchFailed("gone")]
    state = turn(store, world)
    assert state.failures == 1
    assert "gone" in state.error
    assert 0 < len(versions(store)) < 9
    state = turn(store, world)
    assert (state.failures, state.error) == (0, "")
    assert events(store) == hours(9)
    assert len(versions(store)) == 9


def test_a_rising_source_goes_on_where_it_broke_off(store: FactStore) -> None:
    world = World()
    world.values = hours(90)
    world.now = BEGIN + 100 * HOUR
    world.faults = [*[None] * 20, FetchFailed("gone")]
    turn(store, world)
    before = world.asked
    turn(store, world)
    assert world.asked - before <= 12
    assert events(store) == hours(90)


def test_history_that_is_wanted_later_is_brought(store: FactStore) -> None:
    world = World()
    world.values = {BEGIN - HOUR * place: float(100 + place) for place in range(1, 9)} | hours(4)
    turn(store, world)
    assert events(store) == hours(4)
    plan = Plan(Hourly(), HOUR, BEGIN - 8 * HOUR)
    made = Collector(store, [plan], world, stop=threading.Event(), now=lambda: world.now)
    world.faults = [None, FetchFailed("gone")]
    made.turn(plan, "f")
    state = made.turn(plan, "f")
    assert events(store) == world.values
    assert len(versions(store)) == 12
    before = world.asked
    assert made.turn(plan, "f").reached == state.reached
    assert world.asked - before == 1
    history = [each for each in versions(store) if each[0] < BEGIN]
    assert all(available == event + HOUR / 2 for event, available, _ in history)


def test_a_page_that_leads_in_a_circle_ends(store: FactStore) -> None:
    world = World()
    world.values = hours(9)

    class Circle(Hourly):
        def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
            batch = super().parse(call, body, fetched_at)
            batch.next_page = call
            return batch

    turn(store, world, Circle())
    assert world.asked == 1


@pytest.mark.parametrize(
    "bad",
    ["many", None, float("nan"), 5000.0, 900.0, [1]],
    ids=["text", "null", "nan", "range", "jump", "list"],
)
@pytest.mark.parametrize("rising", [True, False])
def test_an_absurd_value_is_unknown_until_it_is_mended(
    store: FactStore, bad: Any, rising: bool
) -> None:
    world = World(rising=rising)
    world.values = hours(8) | {BEGIN + 7 * HOUR: bad}
    state = turn(store, world)
    assert (state.faulty, state.quarantined) == (1, 1)
    assert state.reason.startswith("m@BTC of 2024-03-01 07:00")
    assert health(Hourly.spec, HOUR, "f", state, world.now).state == "quarantined"
    found = store.observations(store.catalogue()["hourly", "BTC", "m"])
    closes = np.array([micros(BEGIN + HOUR * n) for n in (7, 8, 9, 12)])
    before = as_of(states(found), closes).value
    assert before[0] == 7.0
    assert np.isnan(before[1:]).all()
    world.values[BEGIN + 7 * HOUR] = 8.0
    world.now = BEGIN + 11 * HOUR
    state = turn(store, world)
    assert state.faulty == 0
    found = store.observations(store.catalogue()["hourly", "BTC", "m"])
    after = as_of(states(found), closes).value
    np.testing.assert_array_equal(after[:3], before[:3])
    assert after[3] == 8.0


def test_what_is_absurd_is_told_once_and_gives_way_to_newer_news(store: FactStore) -> None:
    world = World()
    world.values = hours(4) | {BEGIN + 3 * HOUR: 5000.0}
    for _ in range(3):
        state = turn(store, world)
    assert state.quarantined == 1
    world.values |= hours(2, begin=4)
    turn(store, world)
    found = store.observations(store.catalogue()["hourly", "BTC", "m"])
    assert as_of(states(found), np.array([micros(world.now)])).value[0] == 6.0


def test_a_row_that_stays_bad_is_given_up_after_a_while(store: FactStore) -> None:
    world = World()
    world.values = hours(60) | {BEGIN + HOUR: "never"}
    world.now = BEGIN + 70 * HOUR
    for _ in range(MOST_HELD + 2):
        turn(store, world)
    before = world.asked
    turn(store, world)
    assert world.asked - before == 1


def test_a_person_can_accept_what_was_set_aside(store: FactStore) -> None:
    world = World()
    world.values = hours(4) | {BEGIN + 3 * HOUR: 900.0, BEGIN + 2 * HOUR: "x"}
    turn(store, world)
    assert feeds.accept(store, "hourly", "m", "btc", world.now) == 1
    assert feeds.accept(store, "hourly", "m", "btc", world.now) == 0
    assert feeds.accept(store, "hourly", "none", "btc", world.now) == 0
    assert (BEGIN + 3 * HOUR, world.now, 900.0) in versions(store)
    world.values[BEGIN + 2 * HOUR] = 3.0
    assert turn(store, world).faulty == 0
    assert events(store)[BEGIN + 3 * HOUR] == 900.0


def test_what_was_mended_cannot_be_accepted_any_more(store: FactStore) -> None:
    world = World()
    world.values = hours(4) | {BEGIN + 3 * HOUR: 900.0}
    turn(store, world)
    world.values[BEGIN + 3 * HOUR] = 4.0
    world.now += HOUR
    turn(store, world)
    assert feeds.accept(store, "hourly", "m", "BTC", world.now) == 0


def test_posts_come_once_and_bad_ones_are_counted(store: FactStore) -> None:
    world = World()
    world.values = {time: f"post {value}" for time, value in hours(7).items()}
    world.values[BEGIN + 2 * HOUR] = ""
    world.values[world.now + HOUR] = "from the future"
    for _ in range(2):
        state = turn(store, world, Hourly(posts=True))
    assert state.added == 6
    assert state.faulty == 2
    found = items(store, "*", BEGIN - HOUR, world.now)
    assert len(found) == 6
    assert all(each.available_at == world.now for each in found)


FAULTS: tuple[Any, ...] = (
    FetchFailed("503"),
    lambda page: b"<html>busy</html>",
    lambda page: json.dumps(page).encode()[:-5],
    lambda page: {**page, "rows": [[t, "?"] for t, _ in page["rows"]]},
    lambda page: {**page, "rows": [[t, 1e6] for t, _ in page["rows"]]},
    lambda page: {**page, "rows": [[t + 86_400 * 365, v] for t, v in page["rows"]]},
    lambda page: {**page, "rows": page["rows"] * 2},
    lambda page: {**page, "rows": [None, *page["rows"][1:]]},
    KeyError("a fault of ours"),
)


@settings(max_examples=12)
@given(
    faults=st.lists(st.sampled_from([None, None, None, *FAULTS]), max_size=25),
    rising=st.booleans(),
)
def test_whatever_goes_wrong_nothing_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory, faults: Sequence[Any], rising: bool
) -> None:
    file = tmp_path_factory.mktemp("facts") / "facts.sqlite"
    store = FactStore.open(f"sqlite:///{file}")
    world = World(rising=rising)
    world.now = BEGIN + 20 * HOUR
    world.values = hours(11)
    # A row may be given up when it is bad in each of the turns that hold its feed.
    world.faults = [*faults[: MOST_HELD - 1], *[None] * 4, *faults[MOST_HELD - 1 : MOST_HELD + 3]]
    for _ in range(14):
        turn(store, world)
        world.now += timedelta(minutes=1)
    store_events = events(store)
    assert {time: store_events.get(time) for time in hours(11)} == hours(11)
    good = [each for each in versions(store) if not math.isnan(each[2])]
    assert len({(event, available) for event, available, _ in good}) == len(good)
    for event in hours(11):
        values = [value for time, _, value in versions(store) if time == event]
        assert all(a != b for a, b in pairwise(values))
    store.close()


def test_it_runs_until_it_is_stopped_and_beats(store: FactStore) -> None:
    world = World()
    world.values = hours(4)
    stop = threading.Event()
    done = threading.Event()

    class Ending(Hourly):
        def fetch(self, call: Call, fetcher: Any) -> Answer:
            done.set()
            return super().fetch(call, fetcher)

    made = Collector(store, [Plan(Ending(), HOUR)], world, stop=stop, now=lambda: world.now)
    thread = threading.Thread(target=made.run)
    thread.start()
    assert done.wait(10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert events(store) == hours(4)
    assert last_beat(store) == world.now
    assert world.asked == 2


def test_a_restart_does_not_ask_again_at_once(store: FactStore) -> None:
    world = World()
    world.values = hours(2)
    state = turn(store, world)
    made = Collector(
        store, [Plan(Hourly(), HOUR)], world, stop=threading.Event(), now=lambda: world.now
    )
    assert made._first_due(Plan(Hourly(), HOUR)) == state.tried_at + HOUR
    world.faults = [FetchFailed("x")]
    turn(store, world)
    assert made._first_due(Plan(Hourly(), HOUR)) == world.now


def test_health_tells_late_silent_and_failing(store: FactStore) -> None:
    world = World()
    world.values = hours(10)
    state = turn(store, world)

    def told(after: timedelta, each: feeds.Feed = state) -> str:
        return health(Hourly.spec, HOUR, "f", each, world.now + after).state

    assert told(HOUR) == "well"
    assert told(2.5 * HOUR) == "silent"
    assert told(3.5 * HOUR) == "late"
    for _ in range(3):
        world.faults = [FetchFailed("x")]
        state = turn(store, world)
    assert told(HOUR, state) == "failing"
    assert health(Hourly.spec, HOUR, "f", None, world.now).state == "waiting"


def test_plans_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "coingecko": SourceSettings(every=2, backfill_from=BEGIN.date()),
        "rss": SourceSettings(enabled=False),
    }
    (plan,) = plans(settings)
    assert (plan.name, plan.every, plan.backfill_from) == (
        "coingecko",
        timedelta(minutes=2),
        BEGIN,
    )
    with pytest.raises(RefuseToStart, match="did you mean 'coingecko'"):
        plans({"coingeco": SourceSettings(enabled=False)})
