"""The collector's step for texts: nothing earlier than it could be known, nothing twice."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from freqpilot.facts import feeds
from freqpilot.facts.append import micros, moment
from freqpilot.facts.items import append_items, items
from freqpilot.facts.store import FactStore
from freqpilot.facts.text.lexicon import Lexicon
from freqpilot.facts.text.link import Taxonomy
from freqpilot.facts.text.scorer import Scored, Scorer
from freqpilot.facts.text.step import FEED, TextStep, account_of
from freqpilot.settings import TextSettings
from freqpilot.shapes import Item
from freqpilot.store.tables import FactEngagementRow, FactItemRow

BEGIN = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DELAY = timedelta(seconds=60)
LATER = BEGIN + 100 * HOUR


@pytest.fixture
def store(database_url: str) -> Iterator[FactStore]:
    """Facts in SQLite and in PostgreSQL."""
    opened = FactStore.open(database_url)
    yield opened
    opened.close()


def post(key: str, text: str, hour: float, late: float = 0.01, **more: Any) -> Item:
    time = BEGIN + hour * HOUR
    given = {"source": "rss.one", "asset": "*", **more}
    return Item(key=key, text=text, event_time=time, available_at=time + late * HOUR, **given)


def step(store: FactStore, scorer: Scorer | None = None, **more: Any) -> TextStep:
    given = TextSettings(enabled=True, **more)
    return TextStep(store, scorer or Lexicon(), given, Taxonomy(given.assets))


def figures(
    store: FactStore, metric: str, asset: str = "BTC", source: str = "text"
) -> dict[float, tuple[datetime, float]]:
    """Return when each figure was known and its value, by hours from BEGIN."""
    number = store.catalogue().get((source, asset, metric))
    if number is None:
        return {}
    return {
        (moment(int(event)) - BEGIN) / HOUR: (moment(int(known)), float(value))
        for event, known, value in zip(*store.observations(number), strict=True)
    }


def scored(store: FactStore) -> list[Any]:
    row = FactItemRow
    query = select(row.key, row.asset, row.available_at, row.score, row.confidence, row.model)
    with store.engine.connect() as connection:
        return list(connection.execute(query.where(row.model != "").order_by(row.id)))


def rows(store: FactStore) -> list[Any]:
    """Return every fact there is."""
    return [
        (key, *map(int, each[:2]), float(each[2]))
        for key, number in sorted(store.catalogue().items())
        for each in zip(*store.observations(number), strict=True)
    ]


NEWS = [
    post("1", "Bitcoin soars to a record high", 0),
    post("2", "Ethereum slumps as bridge is drained", 1.2),
    post("3", "Bitcoin and Ethereum rally", 3.1, late=4),
    post("4", "Markets are closed on Monday", 3.2),
    post("5", "Solana hacked, wallets drained", 5.5, source="rss.two"),
]


def test_items_become_scores_events_and_figures(store: FactStore) -> None:
    append_items(store, NEWS, LATER)
    done = step(store).run(LATER)
    assert (done.scored, done.events) == (5, 1)
    found = [(key, asset) for key, asset, *_ in scored(store)]
    assert sorted(found) == [
        *(("1", "BTC"), ("2", "ETH"), ("3", "BTC"), ("3", "ETH"), ("4", "*"), ("5", "SOL"))
    ]
    assert {each.model for each in scored(store)} == {"lexicon-1"}
    sentiment = figures(store, "sentiment")
    assert min(sentiment) == 0.25
    assert sentiment[0.25][1] > 0.1
    assert sentiment[6.0][1] < sentiment[0.25][1], "it fades"
    assert figures(store, "mentions")[7.0][1] == 1
    assert figures(store, "mentions")[7.25][1] == 2, "it came four hours late"
    # A text about two coins is one of the market.
    assert figures(store, "mentions", "*")[8.0][1] == 5
    assert figures(store, "event_hack", "SOL", "rss.two")[5.5] == (
        NEWS[4].available_at + DELAY,
        0.8,
    )
    assert not [key for key in store.catalogue() if key[2] == "mentions_spike"], "too few days"


def test_nothing_is_known_before_it_could_be(store: FactStore) -> None:
    append_items(store, NEWS, LATER)
    step(store).run(LATER)
    raw = {item.key: item.available_at for item in NEWS}
    assert all(each.available_at == raw[each.key] + DELAY for each in scored(store))
    history = figures(store, "mentions")
    assert all(known == BEGIN + hour * HOUR + DELAY for hour, (known, _) in history.items())
    # From the first run on, what counts is when it was done.
    late = post("6", "Bitcoin crashes", 100.1)
    now = BEGIN + 103 * HOUR
    append_items(store, [late], now)
    step(store).run(now)
    assert scored(store)[-1].available_at == now
    live = {hour: each for hour, each in figures(store, "mentions").items() if hour > 100}
    assert not live, "what was scored now was not known at these times"
    step(store).run(now + HOUR)
    live = {hour: each for hour, each in figures(store, "mentions").items() if hour > 100}
    assert list(live) == [103.0, 103.25, 103.5, 103.75]
    assert {known for known, _ in live.values()} == {now + HOUR}


def test_a_run_again_and_a_restart_add_nothing(store: FactStore) -> None:
    append_items(store, NEWS, LATER)
    same = step(store)
    same.run(LATER)
    before, known = rows(store), scored(store)
    assert same.run(LATER) == (0, 0, 0)
    assert step(store).run(LATER) == (0, 0, 0)
    assert (rows(store), scored(store)) == (before, known)


def test_a_stop_ends_between_two_transactions_and_the_next_run_goes_on(
    tmp_path: Path, store: FactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freqpilot.facts.text.step.BATCH", 2)
    monkeypatch.setattr("freqpilot.facts.text.step.CHUNK", 16)
    whole = FactStore.open(f"sqlite:///{tmp_path / 'whole.sqlite'}")
    for each in (whole, store):
        append_items(each, NEWS, LATER)
    step(whole).run(LATER)
    sizes = []
    for asked in range(9):
        answers = iter([*[False] * asked, *[True] * 99])
        step(store).run(LATER, stopping=lambda: next(answers))  # noqa: B023
        sizes.append(len(scored(store)) + len(rows(store)))
    assert sizes[0] == 0
    assert len({*sizes}) > 3, "it stopped in between"
    step(store).run(LATER)
    assert (rows(store), scored(store)) == (rows(whole), scored(whole))
    whole.close()


def test_what_takes_a_while_is_known_when_it_is_done(
    store: FactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freqpilot.facts.text.step.BATCH", 1)
    made = step(store)
    made.run(BEGIN - HOUR)
    append_items(store, NEWS[:2], LATER)
    ticks = iter(range(10_000))
    made.run(LATER, lambda: LATER + next(ticks) * HOUR)
    first, second = (each.available_at for each in scored(store))
    assert LATER <= first < second
    assert {known for known, _ in figures(store, "mentions").values()}.isdisjoint({LATER})


@pytest.mark.parametrize("kill", range(6))
def test_a_kill_loses_nothing_and_doubles_nothing(
    tmp_path: Path, store: FactStore, monkeypatch: pytest.MonkeyPatch, kill: int
) -> None:
    monkeypatch.setattr("freqpilot.facts.text.step.BATCH", 2)
    monkeypatch.setattr("freqpilot.facts.text.step.CHUNK", 16)
    whole = FactStore.open(f"sqlite:///{tmp_path / 'whole.sqlite'}")
    for each in (whole, store):
        append_items(each, NEWS, LATER)
    step(whole).run(LATER)
    calls = []

    def broken(work: Any) -> Any:
        def call(*arguments: Any) -> Any:
            calls.append(1)
            if len(calls) == kill + 1:
                raise KeyboardInterrupt
            return work(*arguments)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(TextStep, "_keep", broken(TextStep._keep))
        patch.setattr("freqpilot.facts.feeds.keep", broken(feeds.keep))
        with pytest.raises(KeyboardInterrupt):
            step(store).run(LATER)
    step(store).run(LATER)
    assert rows(store) == rows(whole)
    assert scored(store) == scored(whole)
    whole.close()


@pytest.mark.parametrize("cut", [1, 4, 8])
def test_texts_from_later_change_nothing_before(
    tmp_path: Path, store: FactStore, cut: float
) -> None:
    time = BEGIN + cut * HOUR
    whole = FactStore.open(f"sqlite:///{tmp_path / 'whole.sqlite'}")
    append_items(whole, NEWS, LATER)
    append_items(store, [item for item in NEWS if item.available_at + DELAY <= time], LATER)
    for each in (store, whole):
        step(each).run(LATER)

    def until(each: FactStore) -> list[Any]:
        return [row for row in rows(each) if moment(row[1]) <= time]

    assert until(store) == until(whole)
    assert {row[0][2] for row in until(store)} >= {"sentiment", "mentions"}
    whole.close()


@dataclass(frozen=True)
class Learned:
    """A scorer that was trained at a time."""

    known_from: datetime | None = BEGIN + 4 * HOUR
    name: str = "mine"
    version: str = "abc"

    def score(self, texts: Sequence[str]) -> list[Scored]:
        return [Scored(0.5, 1.0)] * len(texts)


def test_what_was_learnt_is_not_known_before_the_training(store: FactStore) -> None:
    append_items(store, NEWS, LATER)
    step(store, Learned()).run(LATER)
    assert min(each.available_at for each in scored(store)) == BEGIN + 4 * HOUR
    found = figures(store, "sentiment", source="text.mine")
    assert min(found) == 4.25
    step(store).run(LATER)
    assert min(figures(store, "sentiment")) == 0.25, "each scorer has a source of its own"
    assert figures(store, "sentiment", source="text.mine") == found


def test_silence_of_all_sources_is_no_figure(store: FactStore) -> None:
    append_items(store, [NEWS[0], post("9", "Ethereum dips", 60)], LATER)
    step(store, max_age=6).run(LATER)
    hours = sorted(figures(store, "mentions"))
    assert hours[0] == 0.25
    assert [b for a, b in pairwise(hours) if b - a > 1] == [60.25]
    assert not [hour for hour in hours if 6.1 < hour < 60 or hour > 66.1]


def test_a_copy_counts_nowhere(store: FactStore) -> None:
    story = "Bitcoin exchange halts all withdrawals after an audit of its reserves"
    append_items(store, [post("1", story, 0), post("2", f"{story}!", 1, source="rss.two")], LATER)
    step(store).run(LATER)
    assert [each.confidence > 0 for each in scored(store)] == [True, False]
    assert figures(store, "mentions")[2.0][1] == 1
    # A restart remembers.
    append_items(store, [post("3", story.upper(), 1.5)], LATER)
    step(store).run(LATER)
    assert scored(store)[-1].confidence == 0


def test_coins_that_a_source_names_count_too(store: FactStore) -> None:
    append_items(store, [post("1", "Bitcoin soars", 0, asset="SUI")], LATER)
    step(store).run(LATER)
    assert [each.asset for each in scored(store)] == ["SUI", "BTC"]
    # Named later, of a text that is scored already.
    append_items(store, [post("1", "Bitcoin soars", 0, late=3, asset="APT")], LATER)
    same = step(store)
    same.run(LATER)
    assert same.run(LATER).scored == 0
    last = scored(store)[-1]
    assert (last.asset, last.score) == ("APT", scored(store)[0].score)
    assert last.available_at == BEGIN + 3 * HOUR + DELAY
    assert last.confidence > 0, "it is no copy of itself"


def test_weights_of_accounts_and_sources(store: FactStore) -> None:
    url = "https://x.com/Someone/status/1"
    append_items(
        store,
        [
            post("1", "Bitcoin soars", 0, source="x", url=url),
            post("2", "Bitcoin crashes", 0, source="x", url="https://x.com/i/status/2"),
            post("3", "Bitcoin is a scam", 0, source="spam"),
        ],
        LATER,
    )
    step(store, weights={"x.com/someone": 20, "spam": 0}).run(LATER)
    assert figures(store, "sentiment")[1.0][1] > 0.3
    assert figures(store, "mentions")[1.0][1] == 2
    assert figures(store, "influencers")[1.0][1] == 1
    assert figures(store, "influencer_sentiment")[1.0][1] > 0.3


def liked(value: float, hour: float, key: str = "2", **more: Any) -> Item:
    """Return post 2 as it is fetched at an hour, with so many reactions."""
    return post(key, "Bitcoin crashes", 0, late=hour, source="x", engagement=value, **more)


def test_a_post_weighs_by_the_reactions_that_were_seen_then(store: FactStore) -> None:
    news = [post("1", "Bitcoin soars", 0), liked(0, 0.1), liked(50, 2), liked(1e9, 4)]
    for item in news:
        append_items(store, [item], LATER)
    step(store).run(LATER)
    level = {hour: value for hour, (_, value) in figures(store, "sentiment").items()}
    assert level[1.75] == pytest.approx(level[1.0], rel=0.3), "it fades only"
    assert level[2.0] < level[1.75] - 0.1, "what became loud counts from when it was seen"
    assert level[4.0] < level[3.75]
    # However viral, it weighs no more than four, beside the other and the prior.
    (up, c_up), (down, c_down) = ((each.score, each.confidence) for each in scored(store))
    fade = 2 ** (-4 / 6)
    wanted = (c_up * up + 4 * c_down * down) * fade / ((c_up + 4 * c_down) * fade + 1)
    assert level[4.0] == pytest.approx(wanted)
    assert figures(store, "mentions")[5.0][1] == 2


def test_reactions_can_be_left_out(store: FactStore, tmp_path: Path) -> None:
    silent = FactStore.open(f"sqlite:///{tmp_path / 'silent.sqlite'}")
    append_items(store, [post("1", "Bitcoin soars", 0), liked(500, 0.1), liked(900, 2)], LATER)
    append_items(silent, [post("1", "Bitcoin soars", 0), liked(math.nan, 0.1)], LATER)
    step(store, engagement=1).run(LATER)
    step(silent).run(LATER)
    assert rows(store) == rows(silent)
    silent.close()


def test_reactions_of_later_change_nothing_before(store: FactStore, tmp_path: Path) -> None:
    before = FactStore.open(f"sqlite:///{tmp_path / 'before.sqlite'}")
    seen = [liked(value, hour) for value, hour in ((3, 0.5), (80, 1.5), (0, 3), (4000, 6))]
    for item in [post("1", "Bitcoin soars", 0), *seen]:
        append_items(store, [item], LATER)
        if item.available_at <= BEGIN + 3 * HOUR:
            append_items(before, [item], LATER)
    for each in (store, before):
        step(each).run(LATER)

    def until(each: FactStore) -> list[Any]:
        return [row for row in rows(each) if moment(row[1]) < BEGIN + 6 * HOUR]

    assert until(store) == until(before)
    assert rows(store) != rows(before)
    before.close()


def test_an_accounts_own_level_weighs_by_reactions_too(store: FactStore) -> None:
    url = "https://x.com/someone/status/2"
    told = [
        post("1", "Bitcoin soars", 0, source="x", url="https://x.com/someone/status/1"),
        liked(0, 0.1, url=url),
        liked(900, 2, url=url),
        post("3", "Bitcoin soars to a record", 0, source="x", engagement=0),
        post("3", "Bitcoin soars to a record", 0, late=3, source="x", engagement=10**6),
    ]
    for item in told:
        append_items(store, [item], LATER)
    step(store, weights={"x.com/someone": 1}).run(LATER)
    own = {hour: value for hour, (_, value) in figures(store, "influencer_sentiment").items()}
    assert own[2.0] < own[1.75] - 0.1
    assert own[3.0] == pytest.approx(own[2.75], rel=0.1), "others' reactions are not its own"
    assert figures(store, "influencers")[3.0][1] == 2


def test_engagement_is_kept_where_it_changed_much(store: FactStore) -> None:
    for value, hour in ((100, 1), (101, 2), (120, 3), (200, 4), (90, 5), (math.nan, 6), (300, 5)):
        append_items(store, [liked(value, hour)], LATER)
    row = FactEngagementRow
    with store.engine.connect() as connection:
        kept = connection.execute(select(row.known_at, row.value).order_by(row.known_at)).all()
    assert [((known - BEGIN) / HOUR, value) for known, value in kept] == [
        *((1.0, 100.0), (4.0, 200.0), (5.0, 90.0))
    ]


def test_what_a_model_scored_lately_is_read_by_its_index(store: FactStore) -> None:
    """Else every figure would read every text that was ever kept."""
    append_items(store, [post(f"{n}", f"Bitcoin soars {n}", n / 30) for n in range(300)], LATER)
    made = step(store)
    made.run(LATER)
    asked: list[tuple[str, Any]] = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        if "fact_item.event_time >" in statement and "fact_engagement" not in statement:
            asked.append((statement, given))

    made._scored(micros(LATER) - 2 * 3_600_000_000, micros(LATER))
    (statement, given), *_ = asked
    lite = store.engine.dialect.name == "sqlite"
    with store.engine.connect() as connection:
        if not lite:
            connection.exec_driver_sql("ANALYZE fact_item")
        told = connection.exec_driver_sql(
            f"{'EXPLAIN QUERY PLAN' if lite else 'EXPLAIN'} {statement}", given
        )
        plan = " ".join(str(each) for row in told for each in row)
    assert "ix_fact_item_model_event_time" in plan, plan


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("https://twitter.com/Some/status/1", "x.com/some"),
        ("https://www.x.com/some/status/1", "x.com/some"),
        ("https://x.com/i/status/1", ""),
        ("https://evil.com/x.com/some/status/1", ""),
        ("https://x.com/some", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_an_account_is_read_from_a_posts_address(url: str, account: str) -> None:
    assert account_of(url) == account


def test_a_failed_run_is_noted(store: FactStore) -> None:
    made = step(store)
    made.failed(BEGIN, ValueError("out\nof it"))
    made.failed(BEGIN, ValueError())
    feed = feeds.feed(store, "text", FEED)
    assert feed is not None
    assert (feed.failures, feed.error) == (2, "ValueError")
    made.run(LATER)
    feed = feeds.feed(store, "text", FEED)
    assert feed is not None
    assert (feed.failures, feed.error) == (0, "")
    assert not items(store, "BTC", BEGIN, LATER, "lexicon-1")
