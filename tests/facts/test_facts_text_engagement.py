"""What texts weigh by their reactions: bounded, and at each time only by what had been seen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqpilot.facts.append import micros
from freqpilot.facts.items import append_items
from freqpilot.facts.join import HOUR
from freqpilot.facts.store import FactStore
from freqpilot.facts.text.aggregates import (
    Scales,
    Texts,
    aggregate,
    joined,
    level,
    loudness,
    ordered,
)
from freqpilot.facts.text.engagement import by_engagement, seen_of
from freqpilot.shapes import Item

COUNT = st.one_of(st.integers(0, 10**9).map(float), st.just(float("nan")))
POST = st.tuples(
    st.integers(0, 200),
    st.integers(0, 5),
    st.floats(-1, 1),
    st.sampled_from([0.0, 0.5, 1.0, 4.0]),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 10**7)), max_size=4),
)


@given(st.lists(COUNT, min_size=1, max_size=20), st.floats(1, 10))
def test_more_reactions_weigh_more_but_never_without_bound(
    counts: list[float], most: float
) -> None:
    found = loudness(np.array(counts), most)
    assert (found >= 1).all()
    assert (found <= most).all()
    rank = np.argsort(np.nan_to_num(counts), kind="stable")
    assert (np.diff(found[rank]) >= 0).all()


@pytest.mark.parametrize(
    ("count", "factor"), [(0, 1), (9, 2), (99, 3), (10**6, 4), (float("nan"), 1), (-5, 1)]
)
def test_how_much_reactions_count(count: float, factor: float) -> None:
    assert loudness(np.array([count]), 4.0).tolist() == pytest.approx([factor])


@settings(max_examples=60)
@given(st.lists(POST, max_size=12), st.integers(0, 320))
def test_at_each_time_a_post_weighs_by_what_had_been_seen(
    posts: list[tuple[int, int, float, float, list[tuple[int, int]]]], at: int
) -> None:
    posts = sorted(posts, key=lambda post: (post[0], post[0] + post[1]))
    event, late, score, weight = (
        np.array([post[place] for post in posts], dtype=np.float64) for place in range(4)
    )
    hours = (event * HOUR).astype(np.int64)
    plain = ordered(hours, hours + (late * HOUR).astype(np.int64), score, weight)
    names = {
        "source": np.array(["x"] * len(posts), dtype=object),
        "key": np.array([str(place) for place in range(len(posts))], dtype=object),
    }
    seen = {
        ("x", str(place)): [(hour * HOUR, float(value)) for hour, value in sorted(post[4])]
        for place, post in enumerate(posts)
    }
    now, grown = by_engagement(names, plain, seen, 4.0)[::2]
    time = np.array([at * HOUR], dtype=np.int64)
    factors = []
    for place in range(len(posts)):
        told = [value for hour, value in seen["x", str(place)] if hour <= at * HOUR]
        factors.append(loudness(np.array(told[-1:] or [np.nan]), 4.0)[0])
    then = Texts(plain.event, plain.known, plain.score, plain.weight * np.array(factors))
    wanted, found = level(then, time, 6.0), level(joined(now, grown), time, 6.0)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
    # Each text is one mention, however its weight changed.
    whole = aggregate(plain, time, 0, Scales())
    weighed = aggregate(now, time, 0, Scales(), None, (grown, np.ones(len(grown), np.bool_)))
    np.testing.assert_array_equal(weighed["mentions"], whole["mentions"])


@pytest.mark.parametrize(("late", "at_once"), [(-1, True), (0, True), (1, False)])
def test_reactions_seen_with_the_text_are_its_weight(late: int, at_once: bool) -> None:
    """As a fetch gives them, and not a microsecond later."""
    known = 5 * int(HOUR)
    texts = Texts(np.array([0]), np.array([known]), np.ones(1), np.array([2.0]))
    names = {name: np.array(["x"], dtype=object) for name in ("source", "key")}
    now, of, grown = by_engagement(names, texts, {("x", "x"): [(known + late, 9.0)]}, 4.0)
    assert now.weight.tolist() == [4.0 if at_once else 2.0]
    assert of.tolist() == ([] if at_once else [0])
    assert grown.weight.tolist() == ([] if at_once else [2.0])


def test_reactions_are_those_of_texts_of_the_stretch(tmp_path: Path) -> None:
    store = FactStore.open(f"sqlite:///{tmp_path / 'facts.sqlite'}")
    begin, now = datetime(2024, 3, 6, tzinfo=UTC), datetime(2024, 3, 7, tzinfo=UTC)
    hours = {"before": 0, "first": 1, "last": 2, "behind": 3}
    items = [
        Item(
            "x",
            key,
            "BTC",
            "a text",
            begin + timedelta(hours=hour),
            begin + timedelta(hours=hour),
            model="m",
            engagement=9.0,
        )
        for key, hour in hours.items()
    ]
    append_items(store, items, now)
    first, last = (micros(begin + timedelta(hours=hour)) for hour in (0, 2))
    seen = seen_of(store, "m", first, last)
    assert set(seen) == {("x", "first"), ("x", "last")}
    assert seen["x", "last"] == [(last, 9.0)]
    assert seen_of(store, "other", first, last) == {}
    store.close()
