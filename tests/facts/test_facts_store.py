"""The store of facts: appended once, refused by name, read as it was known, and read only."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.exc import DBAPIError

from freqpilot.errors import RefuseToStart
from freqpilot.facts.append import micros, moment
from freqpilot.facts.check import BadFact
from freqpilot.facts.items import append_items, items
from freqpilot.facts.join import as_of, states
from freqpilot.facts.store import Appended, FactStore
from freqpilot.shapes import Fact, Item
from freqpilot.store.tables import FactEngagementRow

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
FACT = Fact(
    source="coinmetrics",
    asset="BTC",
    metric="mvrv",
    value=2.5,
    event_time=NOW - timedelta(days=2),
    available_at=NOW - timedelta(days=1),
)
ITEM = Item(
    source="rss",
    key="https://example.org/1",
    asset="BTC",
    text="Bitcoin rises",
    event_time=NOW - timedelta(hours=2),
    available_at=NOW - timedelta(hours=1),
    score=0.5,
    confidence=0.9,
    model="finbert 1",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder with a ?" / "facts.sqlite"


@pytest.fixture
def store(database_url: str) -> Iterator[FactStore]:
    opened = FactStore.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def in_file(file: Path) -> Iterator[FactStore]:
    opened = FactStore.open(f"sqlite:///{file}".replace("?", "%3F"))
    yield opened
    opened.close()


def test_a_fact_comes_back(store: FactStore) -> None:
    assert store.append([FACT], NOW) == Appended(1, 0)
    (key,) = store.catalogue().values()
    found = store.observations(key)
    assert found.value.tolist() == [2.5]
    assert moment(int(found.event[0])) == FACT.event_time
    assert moment(int(found.available[0])) == FACT.available_at


def test_microseconds_survive(store: FactStore) -> None:
    time = datetime(2023, 5, 17, 3, 4, 5, 678_901, tzinfo=UTC)
    store.append([replace(FACT, event_time=time, available_at=time)], NOW)
    assert moment(int(store.observations(1).event[0])) == time


def test_what_is_there_is_left_alone(store: FactStore) -> None:
    store.append([FACT], NOW)
    later = replace(FACT, available_at=NOW, value=2.6)
    assert store.append([FACT, later, FACT, later], NOW) == Appended(1, 3)
    assert store.observations(1).value.tolist() == [2.5, 2.6]


def test_a_version_cannot_get_another_value(store: FactStore) -> None:
    store.append([FACT], NOW)
    other = replace(FACT, event_time=NOW - timedelta(days=3))
    with pytest.raises(BadFact, match=r"mvrv@BTC of 2024-03-04 .* has the value 9 here") as fault:
        store.append([other, replace(FACT, value=9.0)], NOW)
    assert fault.value.row == 1
    assert store.observations(1).value.tolist() == [2.5], "nothing of the batch was kept"
    with pytest.raises(BadFact, match="revision"):
        store.append([other, replace(other, value=9.0)], NOW)
    assert store.append([replace(FACT, value=9.0, vintage=1)], NOW).added == 1


def test_series_are_apart_and_assets_in_capitals(store: FactStore) -> None:
    others = [replace(FACT, asset="eth"), replace(FACT, source="x"), replace(FACT, metric="nvt")]
    assert store.append([FACT, *others, replace(FACT, asset="btc")], NOW) == Appended(4, 1)
    assert ("coinmetrics", "ETH", "mvrv") in store.catalogue()
    assert len(store.catalogue()) == 4


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"value": math.nan}, "finite"),
        ({"value": math.inf}, "finite"),
        ({"available_at": NOW + timedelta(minutes=2)}, "future"),
        ({"available_at": FACT.event_time - timedelta(seconds=1)}, "before event_time"),
        ({"event_time": datetime(1870, 1, 1, tzinfo=UTC)}, "1900"),
        ({"vintage": -1}, "vintage"),
        ({"asset": ""}, "words"),
        ({"metric": "a/b"}, "words"),
        ({"source": "x y"}, "words"),
    ],
)
def test_a_bad_fact_is_refused_by_name(
    store: FactStore, change: dict[str, object], text: str
) -> None:
    with pytest.raises(BadFact, match=rf"fact 1: .*{text}"):
        store.append([FACT, replace(FACT, **change)], NOW)  # type: ignore[arg-type]
    assert store.catalogue() == {}


def test_a_time_without_zone_is_refused(store: FactStore) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        store.append([replace(FACT, event_time=NOW.replace(tzinfo=None))], NOW)


def test_what_is_scheduled_may_be_known_before_it_happens(store: FactStore) -> None:
    unlock = replace(FACT, event_time=NOW + timedelta(days=30))
    with pytest.raises(BadFact, match="scheduled"):
        store.append([unlock], NOW)
    assert store.append([unlock], NOW, scheduled=True).added == 1


ROW = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 1))


@given(st.lists(ROW, unique=True, max_size=25), st.integers(0, 25), st.integers(0, 12))
def test_a_bounded_read_is_enough(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int, int]],
    first: int,
    length: int,
) -> None:
    """What is read for some candles gives their states as everything does."""
    begin = NOW - timedelta(days=30)
    day = timedelta(days=1)
    facts = [
        replace(
            FACT,
            event_time=begin + event * day,
            available_at=begin + (event + lag) * day,
            vintage=vintage,
            value=float(number),
        )
        for number, (event, lag, vintage) in enumerate(rows)
    ]
    store = FactStore.open(f"sqlite:///{tmp_path_factory.mktemp('facts')}/f.sqlite")
    store.append(facts, NOW)
    times = micros(begin) + np.arange(first, first + length + 1) * micros(
        datetime(1970, 1, 2, tzinfo=UTC)
    )
    whole, part = store.observations(1), store.observations(1, int(times[0]), int(times[-1]))
    for ours, theirs in zip(as_of(states(part), times), as_of(states(whole), times), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(part) <= len(whole)
    store.close()


def test_reading_writes_nothing(file: Path, in_file: FactStore) -> None:
    in_file.append([FACT], NOW)
    in_file.close()
    before = file.read_bytes()
    reader = FactStore.open(f"sqlite:///{file}".replace("?", "%3F"), writes=False)
    assert reader.observations(1).value.tolist() == [2.5]
    with pytest.raises(DBAPIError, match="readonly"):
        reader.append([replace(FACT, asset="ETH")], NOW)
    reader.close()
    assert file.read_bytes() == before


def test_a_reader_cannot_write(database_url: str, store: FactStore) -> None:
    store.append([FACT], NOW)
    reader = FactStore.open(database_url, writes=False)
    with pytest.raises(DBAPIError, match=r"readonly|read-only"):
        reader.append([replace(FACT, asset="ETH")], NOW)
    assert len(reader.catalogue()) == 1
    reader.close()


def test_a_reader_sees_what_a_writer_adds(database_url: str, store: FactStore) -> None:
    store.append([FACT], NOW)
    reader = FactStore.open(database_url, writes=False)
    store.append([replace(FACT, available_at=NOW, value=3.0)], NOW)
    assert reader.observations(1).value.tolist() == [2.5, 3.0]
    reader.close()


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(RefuseToStart, match="no database"):
        FactStore.open(f"sqlite:///{tmp_path}/none.sqlite", writes=False)
    assert not list(tmp_path.iterdir())


def test_a_database_without_facts_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE x (y)")
    with pytest.raises(RefuseToStart, match="holds no facts"):
        FactStore.open(f"sqlite:///{tmp_path}/old.sqlite", writes=False)


def test_the_summary(store: FactStore) -> None:
    later = replace(FACT, event_time=FACT.event_time + timedelta(hours=1), available_at=NOW)
    store.append([FACT, later, replace(FACT, metric="adr")], NOW)
    first, second = store.summary()
    assert (first.metric, first.count) == ("adr", 1)
    assert (second.count, second.first_event, second.last_event, second.last_available) == (
        2,
        FACT.event_time,
        later.event_time,
        NOW,
    )


def test_items_are_kept_once_a_model(store: FactStore) -> None:
    rescored = replace(ITEM, score=-0.1, model="finbert 2", available_at=NOW)
    bare = replace(ITEM, key="2", model="", score=math.nan, confidence=math.nan)
    assert append_items(store, [ITEM, rescored, bare], NOW) == Appended(3, 0)
    assert append_items(store, [ITEM, replace(ITEM, score=0.0)], NOW) == Appended(0, 2)
    begin = NOW - timedelta(days=1)
    assert items(store, "BTC", begin, NOW, "finbert 1") == [ITEM]
    assert items(store, "BTC", begin, NOW - timedelta(seconds=1), "finbert 2") == []
    (found,) = items(store, "BTC", begin, NOW)
    assert math.isnan(found.score)
    assert items(store, "ETH", begin, NOW, "finbert 1") == []


def test_items_are_those_known_after_one_time_and_at_another(store: FactStore) -> None:
    known = ITEM.available_at
    second = timedelta(seconds=1)
    append_items(store, [ITEM], NOW)

    def found(since: datetime, until: datetime) -> list[Item]:
        return items(store, "BTC", since, until, ITEM.model)

    assert found(known - second, known) == [ITEM]
    # Where one look ended the next one begins: no item is in both, none in neither.
    assert found(known, known + second) == []
    assert found(known - 2 * second, known - second) == []


def test_reactions_are_kept_by_source_and_as_they_change_much(store: FactStore) -> None:
    first = replace(ITEM, engagement=99.0)
    later = first.available_at + timedelta(seconds=1)
    seen = [
        first,
        replace(first, source="other", engagement=99.0),
        replace(first, engagement=110.0, available_at=later),
        replace(first, engagement=150.0),
        replace(first, engagement=150.0, available_at=later),
    ]
    for each in seen:
        append_items(store, [each], NOW)
    row = FactEngagementRow
    query = select(row.source, row.value).order_by(row.source, row.known_at)
    with store.engine.connect() as connection:
        kept = [tuple(each) for each in connection.execute(query)]
    # A tenth more is not much; what was seen before the newest is no news.
    assert kept == sorted([("other", 99.0), (ITEM.source, 99.0), (ITEM.source, 150.0)])


@pytest.mark.parametrize(
    "change",
    [
        {"available_at": NOW + timedelta(seconds=1)},
        {"available_at": ITEM.event_time - timedelta(seconds=1)},
        {"key": ""},
    ],
)
def test_a_bad_item_is_refused(store: FactStore, change: dict[str, object]) -> None:
    with pytest.raises(BadFact, match="item 1"):
        append_items(store, [ITEM, replace(ITEM, **change)], NOW)  # type: ignore[arg-type]
    assert items(store, "BTC", NOW - timedelta(days=1), NOW, "finbert 1") == []


def test_a_driver_with_named_parameters_writes_the_same(file: Path, in_file: FactStore) -> None:
    """The rows go another way to the database then."""
    engine = create_engine(f"sqlite:///{file}".replace("?", "%3F"), paramstyle="named")
    assert not engine.dialect.positional
    other = FactStore(engine)
    later = replace(FACT, available_at=NOW, value=2.6)
    assert other.append([later, FACT], NOW) == Appended(2, 0)
    assert other.append([later, FACT], NOW) == Appended(0, 2)
    other.close()
    assert in_file.observations(1).value.tolist() == [2.5, 2.6]


def test_text_that_no_database_holds_stops_nothing(store: FactStore) -> None:
    odd = replace(ITEM, text="up \0 and \ud83d away, \N{ROCKET}")
    assert append_items(store, [odd], NOW) == Appended(1, 0)
    (found,) = items(store, "BTC", NOW - timedelta(days=1), NOW, ITEM.model)
    assert found.text == "up \N{REPLACEMENT CHARACTER} and ? away, \N{ROCKET}"


VALUES = st.floats(allow_nan=False, allow_infinity=False)
LARGE = st.integers(micros(datetime(1901, 1, 1, tzinfo=UTC)), micros(NOW))


@given(st.lists(st.tuples(LARGE, VALUES), unique_by=lambda row: row[0], min_size=1, max_size=20))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_time_and_value_comes_back_exactly(
    store: FactStore, rows: list[tuple[int, float]]
) -> None:
    metric = f"m{len(store.catalogue())}"
    facts = [
        replace(FACT, metric=metric, event_time=moment(time), available_at=NOW, value=value)
        for time, value in rows
    ]
    assert store.append(facts, NOW) == Appended(len(facts), 0)
    found = store.observations(store.catalogue()[FACT.source, FACT.asset, metric])
    wanted = sorted(rows)
    assert found.event.tolist() == [time for time, _ in wanted]
    assert found.value.tolist() == [value for _, value in wanted]
    assert store.append(facts, NOW) == Appended(0, len(facts))
