"""What every store does, run on the one in memory, on SQLite and on PostgreSQL."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from store_samples import SHADOW as SAMPLE

from freqpilot.shapes import Decision, OrderIntent
from freqpilot.store import LEVELS, Store, memory, memory_store, open_store

NOW = datetime(2024, 3, 6, 12, 30, 15, 123456, tzinfo=UTC)
DECISION = Decision(
    pair="BTC/USDT",
    time=NOW,
    side="long",
    composite=0.61,
    confidence=0.7,
    coverage=0.66,
    contributions={"technical_trend": 0.4, "volume_confirmation": 0.21},
    reasons=("trend up", "volume confirms"),
)
INTENT = OrderIntent(
    client_id="fq-3f9a12c4-12-exit-1",
    pair="BTC/USDT",
    side="sell",
    purpose="exit",
    trade=12,
    kind="limit",
    amount=0.01501,
    rate=65_000.12,
    stop=None,
    leverage=1.0,
    tag="roi",
    time=NOW,
)
UNBORN = replace(
    INTENT,
    client_id="fq-3f9a12c4-n1-entry-1",
    side="buy",
    purpose="entry",
    trade=None,
    rate=None,
    stop=64_000.5,
    tag=None,
)


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.xdist_group("postgres")),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        opened = memory_store()
    elif request.param == "sqlite":
        opened = open_store(f"sqlite:///{tmp_path}/deep/folder/freqpilot.sqlite")
    else:
        opened = open_store(request.getfixturevalue("postgres_store"))
    yield opened
    opened.close()


def test_state_is_replaced(store: Store) -> None:
    assert store.load_state("ledger") is None
    store.save_state("ledger", {"peak": 1000.5, "halted": None}, NOW)
    store.save_state("other", {"x": 1}, NOW)
    store.save_state("ledger", {"peak": 1100, "days": [1, 2]}, NOW)
    assert store.load_state("ledger") == {"peak": 1100, "days": [1, 2]}
    assert store.load_state("other") == {"x": 1}


def test_a_state_is_swapped_only_for_the_one_that_is_expected(store: Store) -> None:
    assert store.swap_state("owner", None, {"pid": 1}, NOW)
    assert not store.swap_state("owner", None, {"pid": 2}, NOW)
    assert not store.swap_state("owner", {"pid": 3}, {"pid": 2}, NOW)
    assert store.load_state("owner") == {"pid": 1}
    assert store.swap_state("owner", {"pid": 1}, {"pid": 2, "beat": math.nan}, NOW)
    assert store.swap_state("owner", {"pid": 2, "beat": math.nan}, {"pid": 4}, NOW)
    assert store.load_state("owner") == {"pid": 4}
    assert not store.swap_state("nobody", {"pid": 1}, {"pid": 2}, NOW)
    assert store.load_state("nobody") is None


def test_what_is_kept_is_a_copy(store: Store) -> None:
    state: dict[str, Any] = {"days": [1]}
    store.save_state("ledger", state, NOW)
    state["days"].append(2)
    loaded = store.load_state("ledger")
    assert loaded == {"days": [1]}
    loaded["days"].append(3)
    assert store.load_state("ledger") == {"days": [1]}


def test_figures_that_json_cannot_hold_are_null(store: Store) -> None:
    state = {"a": math.nan, "b": [math.inf], "c": np.float64(1.5), "d": np.int64(2), "e": NOW}
    store.save_state("ledger", state, NOW)
    assert store.load_state("ledger") == {
        "a": None,
        "b": [None],
        "c": 1.5,
        "d": 2,
        "e": NOW.isoformat(),
    }


def test_what_is_no_data_is_refused(store: Store) -> None:
    with pytest.raises(TypeError, match="JSON"):
        store.save_state("ledger", {"a": object()}, NOW)
    assert store.load_state("ledger") is None


def test_events_are_appended_in_order(store: Store) -> None:
    for number in range(5):
        kind = "veto" if number % 2 else "halt"
        store.add_event(NOW, kind, "WARNING", f"event {number}", {"number": number})
    assert [event.data["number"] for event in store.events()] == [0, 1, 2, 3, 4]
    assert [event.text for event in store.events("halt", limit=2)] == ["event 2", "event 4"]
    assert store.events("other") == []
    assert store.events(limit=0) == []
    last = store.events()[-1]
    assert (last.time, last.kind, last.level) == (NOW, "halt", "WARNING")


def test_old_events_are_deleted_a_part_at_a_time(store: Store) -> None:
    for hour in range(6):
        store.add_event(NOW + hour * timedelta(hours=1), "veto", "WARNING", str(hour))
    before = NOW + timedelta(hours=3)
    assert store.prune(before, 2) == 2
    assert [event.text for event in store.events()] == ["2", "3", "4", "5"]
    assert [store.prune(before, 2), store.prune(before, 2)] == [1, 0]
    assert [event.text for event in store.events()] == ["3", "4", "5"]


SHADOW = replace(SAMPLE, time=NOW)


def test_a_shadow_order_is_kept_once_a_candle(store: Store) -> None:
    later = replace(SHADOW, time=NOW + timedelta(minutes=5), stake=400.0)
    assert store.add_shadows([SHADOW, later]) == 1
    changes: list[dict[str, Any]] = [
        {"ledger": "ledger live"},
        {"kind": "paper"},
        {"pair": "ETH/USDT"},
        {"purpose": "add"},
        {"rule": "halted"},
        {"candle": NOW + timedelta(hours=1), "time": NOW + timedelta(hours=1)},
    ]
    others = [replace(SHADOW, **change) for change in changes]
    assert store.add_shadows([*others, SHADOW]) == len(others)
    assert store.shadows() == [SHADOW, *others]
    assert store.shadows("paper") == [others[1]]
    assert store.shadows("watch") == []
    assert store.shadows(limit=1) == [others[-1]]
    assert store.shadows("refused", "paper", limit=2) == [others[4], others[5]]


def test_a_figure_of_a_shadow_order_that_is_none_comes_back_as_nan(store: Store) -> None:
    store.add_shadows([replace(SHADOW, rate=math.nan, stake=math.inf, tag=None)])
    (found,) = store.shadows()
    assert math.isnan(found.rate)
    assert not math.isfinite(found.stake)
    assert found.tag is None


def test_old_shadow_orders_are_deleted_a_part_at_a_time(store: Store) -> None:
    times = [NOW + hour * timedelta(hours=1) for hour in range(4)]
    store.add_shadows([replace(SHADOW, time=time, candle=time) for time in times])
    assert [store.prune(times[3], 2), store.prune(times[3], 2)] == [2, 1]
    assert [each.time for each in store.shadows()] == times[3:]


def test_a_shadow_order_without_a_zone_is_refused(store: Store) -> None:
    for name in ("time", "candle"):
        with pytest.raises(Exception, match="no time zone"):
            store.add_shadows([replace(SHADOW, **{name: NOW.replace(tzinfo=None)})])
    assert store.shadows() == []


def test_a_store_in_memory_keeps_the_newest_shadow_orders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "SHADOWS", 2)
    kept = memory_store()
    kept.add_shadows([replace(SHADOW, pair=name) for name in "ABC"])
    assert [each.pair for each in kept.shadows()] == ["B", "C"]


def test_events_are_found_by_level(store: Store) -> None:
    for level in (*LEVELS, "INFO"):
        store.add_event(NOW, "halt", level, level)
    assert [event.text for event in store.events(level="CRITICAL")] == ["CRITICAL", "EMERGENCY"]
    assert [event.text for event in store.events(level="WARNING", limit=1)] == ["EMERGENCY"]
    assert len(store.events(level="INFO")) == 5
    with pytest.raises(ValueError, match="LOUD"):
        store.events(level="LOUD")


def test_times_come_back_in_utc(store: Store) -> None:
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    store.add_event(tokyo, "halt", "INFO", "text")
    assert store.events()[0].time == NOW
    assert store.events()[0].time.utcoffset() == timedelta(0)


def test_a_time_without_zone_is_refused(store: Store) -> None:
    naive = NOW.replace(tzinfo=None)
    for call in (
        lambda: store.add_event(naive, "halt", "INFO", "text"),
        lambda: store.save_state("ledger", {}, naive),
        lambda: store.add_decision(1, replace(DECISION, time=naive)),
        lambda: store.beat("loop", naive),
        lambda: store.save_counters({"orders": 1}, naive),
        lambda: store.save_intent(replace(INTENT, time=naive)),
    ):
        with pytest.raises(Exception, match="no time zone"):
            call()


def test_a_decision_is_kept_once(store: Store) -> None:
    assert store.decision(7) is None
    assert store.add_decision(7, DECISION)
    assert not store.add_decision(7, replace(DECISION, composite=0.9))
    assert store.decision(7) == DECISION
    assert store.decision(8) is None


def test_a_new_trades_database_begins_ids_anew(store: Store) -> None:
    later = replace(DECISION, pair="ETH/USDT", time=NOW + timedelta(days=9))
    assert store.add_decision(1, DECISION)
    assert store.add_decision(1, later)
    assert store.decision(1) == later


def test_a_decision_without_figures_comes_back_as_nan(store: Store) -> None:
    store.add_decision(1, replace(DECISION, composite=math.nan, contributions={"x": math.nan}))
    found = store.decision(1)
    assert found is not None
    assert math.isnan(found.composite)
    assert math.isnan(found.contributions["x"])


def test_counters_and_beats(store: Store) -> None:
    store.save_counters({"orders": 3, "vetoes": 1}, NOW)
    store.save_counters({"orders": 4}, NOW)
    assert store.counters() == {"orders": 4, "vetoes": 1}
    store.beat("loop", NOW)
    store.beat("loop", NOW + timedelta(seconds=5))
    assert store.beats() == {"loop": NOW + timedelta(seconds=5)}


def test_an_intent_comes_back_as_it_was_meant(store: Store) -> None:
    assert store.intents() == []
    store.save_intent(INTENT)
    store.save_intent(UNBORN)
    assert store.intents() == [INTENT, UNBORN]


def test_an_intent_is_kept_once_and_in_its_place(store: Store) -> None:
    store.save_intent(UNBORN)
    store.save_intent(INTENT)
    accepted = replace(UNBORN, state="accepted", order_id="77", trade=13)
    store.save_intent(accepted)
    assert store.intents() == [accepted, INTENT]


def test_intents_are_found_by_state(store: Store) -> None:
    states = ("sent", "accepted", "known", "rejected", "absent", "sent")
    kept = [
        replace(INTENT, client_id=f"fq-3f9a12c4-{number}-exit-1", state=state)
        for number, state in enumerate(states)
    ]
    for intent in kept:
        store.save_intent(intent)
    assert store.intents("sent") == [kept[0], kept[5]]
    assert store.intents("absent", "accepted") == [kept[1], kept[4]]
    assert store.intents() == kept
    store.save_intent(replace(kept[0], state="known"))
    assert store.intents("sent") == [kept[5]]


def test_a_refused_intent_leaves_the_kept_one(store: Store) -> None:
    store.save_intent(INTENT)
    with pytest.raises(Exception, match="no time zone"):
        store.save_intent(replace(INTENT, state="known", time=NOW.replace(tzinfo=None)))
    assert store.intents() == [INTENT]


def test_times_of_intents_come_back_in_utc(store: Store) -> None:
    store.save_intent(replace(INTENT, time=NOW.astimezone(timezone(timedelta(hours=9)))))
    (found,) = store.intents()
    assert found.time == NOW
    assert found.time.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("prefix", "count"),
    [
        ("", 4),
        ("fq-3f9a12c4-12-", 2),
        ("fq-3f9a12c4-12-exit-", 2),
        ("fq-3f9a12c4-1-", 0),
        ("fq-3f9a12c4-12-exit-1", 2),
        ("fq%", 0),
        ("fq_3f9a12c4", 0),
        ("FQ-3F9A12C4", 0),
        ("a_", 1),
    ],
)
def test_ids_are_counted_by_how_they_begin(store: Store, prefix: str, count: int) -> None:
    for client_id in ("fq-3f9a12c4-12-exit-1", "fq-3f9a12c4-12-exit-10", "fq-other", "a_b"):
        store.save_intent(replace(INTENT, client_id=client_id))
        store.save_intent(replace(INTENT, client_id=client_id, state="known"))
    assert store.count_intents(prefix) == count


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgres"))]
)
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Return a store in a database: one in memory keeps no alerts."""
    if request.param == "sqlite":
        opened = open_store(f"sqlite:///{tmp_path}/freqpilot.sqlite")
    else:
        opened = open_store(request.getfixturevalue("postgres_store"))
    yield opened
    opened.close()


def test_each_event_from_warning_on_is_an_alert(outbox: Store) -> None:
    for level in LEVELS:
        outbox.add_event(NOW, "halt", level, f"text of {level}")
    outbox.add_event(NOW, "halt", "CRITICAL", "delivered already", alert=False)
    found = outbox.alerts()
    assert [alert.level for alert in found] == ["WARNING", "CRITICAL", "EMERGENCY"]
    last = found[-1]
    assert (last.kind, last.text, last.time, last.newest) == (
        "halt",
        "text of EMERGENCY",
        NOW,
        NOW,
    )
    assert (last.times, last.state, last.channels, last.tries) == (1, "open", (), 0)
    assert len(outbox.events()) == 5


def test_an_event_that_cannot_be_kept_is_no_alert_either(outbox: Store) -> None:
    with pytest.raises(TypeError, match="JSON"):
        outbox.add_event(NOW, "halt", "CRITICAL", "text", {"a": object()})
    assert outbox.alerts() == []


def test_a_store_in_memory_keeps_no_alert() -> None:
    memory = memory_store()
    memory.add_event(NOW, "halt", "EMERGENCY", "text")
    assert memory.alerts() == memory.take_alerts([1]) == []
    assert memory.alerts_sent(NOW) == {}


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        (("veto", "spread is 0.61 %", {}), ("veto", "spread is 12 %", {}), True),
        (("veto", "spread is -1.5", {}), ("veto", "spread is 2", {}), True),
        (
            ("veto", "the spread", {"pair": "A/B", "rule": "spread"}),
            ("veto", "wide", {"pair": "A/B", "rule": "spread"}),
            True,
        ),
        (("veto", "spread", {"pair": "A/B"}), ("veto", "spread", {"pair": "C/B"}), False),
        (("veto", "x", {"rule": "spread"}), ("veto", "x", {"rule": "depth"}), False),
        (("veto", "spread", {}), ("halt", "spread", {}), False),
        (("veto", "spread", {}), ("veto", "depth", {}), False),
    ],
)
def test_the_like_of_an_open_alert_is_counted_in_it(
    outbox: Store, first: tuple[Any, ...], second: tuple[Any, ...], alike: bool
) -> None:
    for number, (kind, text, data) in enumerate((first, second)):
        outbox.add_event(NOW + timedelta(seconds=number), kind, "WARNING", text, data)
    found = outbox.alerts()
    assert [alert.times for alert in found] == ([2] if alike else [1, 1])
    assert (found[-1].text, found[-1].newest) == (second[1], NOW + timedelta(seconds=1))
    assert found[0].time == NOW
    assert len(outbox.events()) == 2


def test_the_like_of_an_alert_that_is_being_sent_is_another(outbox: Store) -> None:
    for _ in range(2):
        outbox.add_event(NOW, "veto", "WARNING", "spread")
    (first,) = outbox.alerts()
    (taken,) = outbox.take_alerts([first.id])
    assert (taken.state, taken.times) == ("taken", 2)
    outbox.add_event(NOW, "veto", "WARNING", "spread")
    assert [(alert.state, alert.times) for alert in outbox.alerts()] == [("taken", 2), ("open", 1)]


def test_only_alerts_that_ended_before_are_deleted(outbox: Store) -> None:
    for name in "ABC":
        outbox.add_event(NOW, "veto", "WARNING", name)
    first, second, _ = outbox.alerts()
    ends = replace(first, state="sent"), replace(second, state="given up")
    outbox.save_alerts(ends[:1], NOW)
    outbox.save_alerts(ends[1:], NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=1)
    assert outbox.alerts_sent(NOW) != {}
    assert outbox.prune(later, 1_000) == 3  # the events
    assert outbox.alerts_sent(NOW) == {}
    assert [alert.text for alert in outbox.alerts()] == ["C"]
    assert [outbox.prune(later, 10), outbox.prune(later + timedelta(seconds=1), 10)] == [0, 1]


def test_how_far_an_alert_is_survives(outbox: Store) -> None:
    outbox.add_event(NOW, "veto", "WARNING", "spread")
    (alert,) = outbox.take_alerts([each.id for each in outbox.alerts()])
    outbox.save_alerts([replace(alert, channels=("telegram",), tries=3)], NOW)
    (found,) = outbox.alerts()
    assert found == replace(alert, channels=("telegram",), tries=3)
    assert outbox.alerts_sent(NOW) == {}
    later = NOW + timedelta(minutes=5)
    outbox.save_alerts([replace(found, state="sent", channels=("telegram", "webhook"))], later)
    assert outbox.alerts() == []
    assert outbox.alerts_sent(NOW) == {alert.key: later}
    assert outbox.alerts_sent(later + timedelta(seconds=1)) == {}


def test_saving_loses_nothing_that_was_counted_meanwhile(outbox: Store) -> None:
    outbox.add_event(NOW, "veto", "WARNING", "spread 1")
    (alert,) = outbox.alerts()
    outbox.add_event(NOW, "veto", "WARNING", "spread 2")
    outbox.save_alerts([replace(alert, tries=1)], NOW)
    assert [(each.times, each.text) for each in outbox.alerts()] == [(2, "spread 2")]


def test_alerts_are_taken_however_many_they_are(outbox: Store) -> None:
    for number in range(3):
        outbox.add_event(NOW, f"kind {number}", "WARNING", "text")
    ids = [alert.id for alert in outbox.alerts()]
    assert [a.state for a in outbox.take_alerts([*range(100_000, 102_000), *ids])] == ["taken"] * 3
    assert outbox.take_alerts([]) == []


def test_memory_stores_are_apart() -> None:
    first, second = memory_store(), memory_store()
    first.save_state("ledger", {"peak": 1}, NOW)
    assert second.load_state("ledger") is None
