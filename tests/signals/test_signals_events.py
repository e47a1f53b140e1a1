"""Events: what counts, when, how strongly, and nothing that becomes known later."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.errors import RefuseToStart
from freqpilot.facts.join import HOUR, NOTHING, Observations, ordered
from freqpilot.settings import EventKind, EventSettings, Settings
from freqpilot.signals.events import EventRule, Report, Stance, events, stance

DEFAULTS = EventSettings()
CLOSES = np.arange(1, 201) * HOUR


def report(source: str, event: float, known: float, value: float = 1.0) -> Report:
    return Report(source, int(event * HOUR), int(known * HOUR), value)


def seen(kind: EventKind, *reports: Report, past: Observations = NOTHING, **named: Any) -> Stance:
    settings = DEFAULTS.model_copy(update=named)
    return stance(events(kind, reports, settings), CLOSES, settings, past)


def at(hours: float) -> int:
    return int(hours) - 1


def returns(*values: float, known: float = 1.0) -> Observations:
    event = np.arange(len(values), dtype=np.int64)
    when = np.full(len(values), int(known * HOUR))
    return ordered(event, when, event, np.array(values))


def test_a_listing_is_bought_when_announced_and_sold_when_it_happens() -> None:
    found = seen("listing", report("a", 40, 10.5))
    assert not found.target[: at(11)].any()
    assert found.target[at(11)] == pytest.approx(0.5 ** (0.5 / 24))
    assert found.target[at(39)] == pytest.approx(0.5 ** (28.5 / 24))
    assert not found.target[at(40) :].any()
    np.testing.assert_array_equal(np.flatnonzero(found.early_long) + 1, range(11, 17))
    assert found.kind[at(20)] == "listing"
    assert found.kind[at(40)] == ""


def test_a_listing_that_has_happened_is_no_reason_to_buy() -> None:
    assert not seen("listing", report("a", 10, 10)).target.any()
    assert not seen("listing", report("a", 8, 10)).target.any()


def test_a_listing_that_is_put_off_is_sold_at_its_new_time() -> None:
    found = seen("listing", report("a", 20, 10), report("a", 26, 15))
    assert found.target[at(25)] > 0
    assert not found.target[at(26) :].any()


def test_a_partnership_is_entered_early_only() -> None:
    early = seen("partnership", report("a", 10, 11))
    np.testing.assert_array_equal(np.flatnonzero(early.early_long) + 1, range(11, 17))
    assert early.target[at(22)] == pytest.approx(0.5 * 0.5 ** (12 / 12))
    assert early.target[at(34)] == pytest.approx(0.5 * 0.25)
    assert not early.target[at(35) :].any()
    late = seen("partnership", report("a", 10, 16.5))
    assert not late.target.any()
    assert not late.early_long.any()


def test_what_is_scheduled_acts_when_it_happens() -> None:
    found = seen("partnership", report("a", 20, 10))
    assert not found.target[: at(20)].any()
    assert found.target[at(20)] == 0.5


@pytest.mark.parametrize("kind", ["hack", "regulation_positive", "regulation_negative"])
def test_a_critical_event_needs_two_sources_in_time(kind: EventKind) -> None:
    one = report("a", 10, 10)
    assert not seen(kind, one).target.any()
    assert not seen(kind, one, report("a", 10, 12)).target.any()
    (apart,) = events(kind, [one, report("b", 10, 35)], DEFAULTS)
    assert not apart.strength.any(), "not within a day"
    (again,) = events(kind, [one, report("b", 10, 35), report("a", 10, 36)], DEFAULTS)
    assert again.strength.tolist() == [0, 0, 1], "told again within a day"
    assert not seen(kind, one, report("b", 90, 12)).target.any(), "another event"
    both = seen(kind, one, report("b", 11, 12))
    assert not both.target[: at(12)].any()
    assert both.target[at(12)] != 0
    back = seen(kind, one, report("b", 11, 12), report("a", 10, 14, 0.0))
    np.testing.assert_array_equal(back.target[: at(14)], both.target[: at(14)])
    assert not back.target[at(14) :].any()


def test_a_hack_ends_longs_and_allows_shorts() -> None:
    settings = DEFAULTS
    listed = events("listing", [report("a", 100, 10)], settings)
    hacked = events("hack", [report("a", 15, 15), report("b", 15, 16)], settings)
    found = stance([*listed, *hacked], CLOSES, settings)
    assert found.target[at(15)] > 0
    assert found.target[at(16)] == pytest.approx(-0.5 * 0.5 ** (1 / 48))
    assert found.kind[at(16)] == "hack"
    rule = EventRule(0.2)
    assert rule.side(found)[at(16)] == -1
    assert rule.leave(found)[at(16)] == 1
    assert rule.side(found)[at(22)] == 0, "too late for a short"
    assert rule.leave(found)[at(22)] == 1


def test_bad_rules_cut_longs() -> None:
    good = events("listing", [report("a", 100, 10)], DEFAULTS)
    bad = events("regulation_negative", [report("a", 12, 12), report("b", 12, 13)], DEFAULTS)
    alone, both = stance(good, CLOSES, DEFAULTS), stance([*good, *bad], CLOSES, DEFAULTS)
    weight = 0.5 * 0.5 ** (1 / 48)
    assert both.target[at(13)] == pytest.approx(alone.target[at(13)] * 0.5 - weight)
    # What is late to act on still cuts: it is no entry.
    late = events("regulation_negative", [report("a", 12, 40), report("b", 12, 40)], DEFAULTS)
    cut = stance([*good, *late], CLOSES, DEFAULTS)
    assert cut.target[at(41)] == pytest.approx(alone.target[at(41)] * 0.5)


def test_an_upgrade_goes_by_what_followed_the_past_ones() -> None:
    now = report("a", 20, 10)
    assert not seen("upgrade", now).target.any()
    assert not seen("upgrade", now, past=returns(*[0.05] * 4)).target.any(), "four are too few"
    assert seen("upgrade", now, past=returns(*[0.05] * 5)).target[at(20)] == 0.5
    assert seen("upgrade", now, past=returns(*[-0.05] * 5)).target[at(20)] == -0.5
    assert not seen("upgrade", now, past=returns(*[0.001] * 5)).target.any(), "below its costs"
    later = returns(*[0.05] * 5, known=11)
    assert not seen("upgrade", now, past=later).target.any()
    assert not seen("upgrade", now, report("b", 20, 15), past=later).target.any(), "it counts at 10"


def test_nothing_known_is_no_entry_and_no_exit() -> None:
    nothing = np.zeros(2, np.bool_)
    missing = Stance(np.full(2, np.nan), nothing, nothing, ["", ""])
    assert not EventRule().side(missing).any()
    assert not EventRule().leave(missing).any()


def test_values_that_are_none_are_left_out() -> None:
    assert not seen("partnership", report("a", 10, 10, float("nan"))).target.any()
    assert not seen("partnership", report("a", 10, 10, -1.0)).target.any()
    assert seen("partnership", report("a", 10, 10, 50.0)).target.max() == 0.5


REPORTS = st.lists(
    st.builds(
        report,
        st.sampled_from("abc"),
        st.integers(0, 120),
        st.integers(0, 120),
        st.sampled_from([0.0, 0.4, 1.0]),
    ),
    max_size=10,
    unique_by=lambda r: (r.source, r.event, r.known),
)
KINDS: st.SearchStrategy[EventKind] = st.sampled_from(
    ["listing", "partnership", "regulation_negative", "upgrade", "hack"]
)


def alike(one: Stance, other: Stance, rows: int) -> None:
    for name in ("target", "early_long", "early_short", "kind"):
        np.testing.assert_array_equal(getattr(one, name)[:rows], getattr(other, name)[:rows], name)


@given(st.dictionaries(KINDS, REPORTS), st.integers(1, 150), st.randoms())
def test_what_becomes_known_later_and_its_order_change_nothing(
    told: dict[EventKind, list[Report]], now: int, random: Any
) -> None:
    time = now * HOUR
    past = [0.1, 0.2, -0.3, 0.4, 0.5]
    returned = Observations(
        np.arange(5) * HOUR, np.array([10, 20, 30, 40, 90]) * HOUR, np.array(past)
    )
    early = returned.take(returned.available <= time)
    settings = DEFAULTS.model_copy(update={"min_samples": 3})
    whole, known, mixed = [], [], []
    for kind, reports in told.items():
        shuffled = random.sample(reports, len(reports))
        whole += events(kind, reports, settings)
        mixed += events(kind, shuffled, settings)
        known += events(kind, [r for r in reports if r.known <= time], settings)
    full = stance(whole, CLOSES, settings, returned)
    alike(full, stance(known, CLOSES, settings, early), now)
    alike(full, stance(mixed, CLOSES, settings, returned), len(CLOSES))
    part = stance(whole, CLOSES[20:], settings, returned)
    np.testing.assert_array_equal(part.target, full.target[20:])
    assert np.abs(full.target).max(initial=0) <= 1


def test_what_is_told_at_once_is_read_in_one_order() -> None:
    told = [report("a", 0, 90), report("b", 40, 90), report("c", 80, 90), report("a", 40, 90)]
    first = events("partnership", told, DEFAULTS)
    for order in permutations(told):
        for one, other in zip(events("partnership", order, DEFAULTS), first, strict=True):
            np.testing.assert_array_equal(one.event, other.event)
            np.testing.assert_array_equal(one.strength, other.strength)


def test_the_table_is_merged_and_its_keys_are_checked() -> None:
    row = {"side": "long", "half_life_hours": 6, "late_hours": 2}
    config = {"freqpilot": {"signals": {"events": {"responses": {"hack": row}}}}}
    chosen = Settings.from_config(config).signals.events.responses
    assert chosen["hack"].half_life_hours == 6
    assert chosen["listing"] == DEFAULTS.responses["listing"]
    wrong = {"hacks": row}
    with pytest.raises(RefuseToStart, match="did you mean 'hack'"):
        Settings.from_config({"freqpilot": {"signals": {"events": {"responses": wrong}}}})
    bad = {"hack": {**row, "late_hour": 3}}
    with pytest.raises(RefuseToStart, match="did you mean 'late_hours'"):
        Settings.from_config({"freqpilot": {"signals": {"events": {"responses": bad}}}})
    fact = {"freqpilot": {"signals": {"memes": {"facts": {"mention": "x/y"}}}}}
    with pytest.raises(RefuseToStart, match="did you mean 'mentions'"):
        Settings.from_config(fact)
