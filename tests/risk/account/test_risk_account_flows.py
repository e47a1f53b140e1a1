"""What is open between an account and its declarations, and what a reading comes to."""

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from freqpilot.risk.account.flows import Days, Fall, Flows, Reading, Step, Watch, bar, look
from freqpilot.settings import FlowSettings

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)
DAYS = Days(date(2024, 3, 6), date(2024, 3, 4))
SECOND = timedelta(seconds=1)
WEEK = timedelta(days=7)
FALL = Fall(NOON, 60.0, 1000.0, *DAYS, 900.0)
NEWER = Fall(NOON + SECOND, 40.0, 940.0, None, None, 950.0)
BOTH = Flows(falls=(FALL, NEWER))
SETTINGS = FlowSettings()
CENTS = FlowSettings(least=0.5, threshold=1e-9)


def test_nothing_is_open_at_first() -> None:
    assert Flows() == Flows((), 0.0, 0.0, None, 0.0, 0, 0.0, None, 0)
    assert Watch() == Watch(None, 0, 0.0, None, None)
    assert Step(Watch()) == Step(Watch(), 0.0, 0.0, None)


@pytest.mark.parametrize(
    ("equity", "highs"),
    [
        (899.0, [900, 950]),
        (900.0, [900, 950]),
        (920.0, [920, 950]),  # above one of them
        (960.0, [960, 960]),
    ],
)
def test_each_fall_has_the_highest_equity_since(equity: float, highs: list[float]) -> None:
    assert [fall.high for fall in BOTH.seen(equity).falls] == highs
    assert Flows().seen(equity) == Flows()


@pytest.mark.parametrize(
    ("amount", "left", "new"),
    [
        (0.0, [60, 40], 0.0),
        (0.5, [60, 39.5], 0.0),
        (30.0, [60, 10], 0.0),
        (40.0, [60], 0.0),  # the newest comes back first, and nothing is left of it
        (70.0, [30], 0.0),
        (100.0, [], 0.0),
        (100.5, [], 0.5),
    ],
)
def test_what_was_gone_comes_back_first(amount: float, left: list[float], new: float) -> None:
    after, rest = BOTH.returned(amount)
    assert ([fall.amount for fall in after.falls], rest) == (left, new)
    assert after.missing == sum(left)


def test_a_loss_that_was_accepted_is_not_missing() -> None:
    assert BOTH.accepted() == Flows()


def test_a_declaration_lapses_at_its_time() -> None:
    waiting = Flows((FALL,), withdrawal=5.0, deposit=6.0, until=NOON, unclaimed=7.0, read=8)
    assert waiting.lapsed(NOON - SECOND) is waiting
    lapsed = replace(waiting, withdrawal=0.0, deposit=0.0, until=None)
    assert waiting.lapsed(NOON) == lapsed
    assert lapsed.lapsed(NOON + WEEK) is lapsed


def test_flows_survive_a_restart() -> None:
    flows = replace(
        BOTH, withdrawal=1.0, deposit=2.0, until=NOON, unclaimed=3.0, read=4, total=-5.0, trades=6
    )
    for each in (Flows(), flows, replace(flows, capital=-7.0), replace(flows, until=None)):
        assert Flows.from_dict(json.loads(json.dumps(each.to_dict()))) == each


@pytest.mark.parametrize(
    "changes",
    [
        {"withdrawal": -0.5},
        {"deposit": -0.5},
        {"unclaimed": -0.5},
        {"withdrawal": -5.0, "deposit": 5.0},
        {"deposit": math.inf},
        {"total": math.nan},
        {"capital": math.nan},
        {"falls": (FALL._replace(amount=math.nan),)},
        {"falls": (FALL, FALL._replace(equity=math.inf))},
        {"falls": (FALL._replace(high=math.nan),)},
    ],
)
def test_flows_that_are_none_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="flows"):
        Flows.from_dict(replace(Flows(), **changes).to_dict())


@pytest.mark.parametrize(
    ("equity", "least"), [(500.0, 10.0), (1000.0, 10.0), (1001.0, 10.01), (-500.0, 10.0)]
)
def test_the_bar_is_the_larger_of_a_sum_and_a_share(equity: float, least: float) -> None:
    assert bar(equity, SETTINGS) == pytest.approx(least)


KEPT = Watch(1000.0, 3)


def seen(
    watch: Watch,
    capital: float,
    after: float = 0.0,
    *,
    trades: int = 3,
    settled: bool = True,
    equity: float = 1000.0,
    settings: FlowSettings = SETTINGS,
) -> Step:
    now = NOON + after * SECOND
    return look(watch, Reading(capital, trades, settled), now, equity, DAYS, settings)


class TestLook:
    def test_the_first_reading_is_where_it_begins(self) -> None:
        assert seen(Watch(), 1000.0) == Step(KEPT)
        assert seen(Watch(), 1000.0, settled=False) == Step(Watch())

    def test_another_database_begins_anew(self) -> None:
        assert seen(KEPT, 500.0, trades=2) == Step(Watch(500.0, 2))
        assert seen(KEPT, 500.0, trades=2, settled=False) == Step(KEPT)
        assert seen(KEPT, 1000.0, trades=4) == Step(Watch(1000.0, 4))

    def test_what_is_below_the_bar_is_a_rise_or_nothing(self) -> None:
        assert seen(KEPT, 1000.5) == Step(Watch(1000.5, 3), rise=0.5)
        assert seen(KEPT, 999.5) == Step(Watch(999.5, 3), rise=0.0)
        assert seen(KEPT, 991.0, settled=False) == Step(KEPT), "an order is being filled"
        pending = replace(KEPT, pending=50.0, since=NOON, draft=FALL)
        assert seen(pending, 1009.0, settled=False) == Step(KEPT), "the jump is over"

    @pytest.mark.parametrize(("jump", "held"), [(50.0, 50.0), (-50.0, 0.0), (10.0, 10.0)])
    def test_a_jump_is_watched_and_a_rise_held_back(self, jump: float, held: float) -> None:
        draft = Fall(NOON, 0.0, 1000.0 - jump, *DAYS, 1000.0)
        watched = Watch(1000.0, 3, jump, NOON, draft)
        assert seen(KEPT, 1000.0 + jump) == Step(watched, held=held)
        unsettled = replace(watched, since=None)
        assert seen(KEPT, 1000.0 + jump, settled=False) == Step(unsettled, held=held)

    @pytest.mark.parametrize("jump", [50.0, -50.0])
    def test_it_is_taken_when_it_has_stayed(self, jump: float) -> None:
        watched = seen(KEPT, 1000.0 + jump).watch
        assert seen(watched, 1000.0 + jump, 59.9).watch == watched
        step = seen(watched, 1000.0 + jump, 60.0)
        assert step.watch == Watch(1000.0 + jump, 3)
        assert (step.rise, step.held) == (max(0.0, jump), 0.0)
        fall = Fall(NOON, 50.0, 1050.0, *DAYS, 1000.0)
        assert step.fall == (None if jump > 0 else fall)

    def test_an_order_that_fills_begins_its_time_anew(self) -> None:
        watched = seen(KEPT, 1050.0).watch
        filling = seen(watched, 1050.0, 59.0, settled=False).watch
        assert filling.since is None
        again = seen(filling, 1050.0, 61.0)
        assert (again.watch.since, again.rise) == (NOON + 61 * SECOND, 0.0)
        assert seen(again.watch, 1050.0, 121.0).rise == 50.0

    @pytest.mark.parametrize(("change", "restarts"), [(9.5, False), (10.0, True), (-10.0, True)])
    def test_a_jump_that_changes_begins_its_time_anew(self, change: float, restarts: bool) -> None:
        watched = seen(KEPT, 1050.0).watch
        step = seen(watched, 1050.0 + change, 60.0)
        assert step.rise == (0.0 if restarts else 50.0 + change)
        assert step.watch.since == (NOON + 60 * SECOND if restarts else None)

    def test_the_fall_is_as_it_was_first_seen(self) -> None:
        first = seen(KEPT, 950.0, equity=940.0).watch
        later = seen(first, 930.0, 30.0, equity=920.0).watch
        assert later.draft == first.draft == Fall(NOON, 0.0, 990.0, *DAYS, 940.0)
        assert later.since == NOON + 30 * SECOND

    @pytest.mark.parametrize("jump", [0.6, -0.6])
    def test_a_jump_that_turns_is_another_one(self, jump: float) -> None:
        first = seen(KEPT, 1000.0 + jump, settings=CENTS).watch
        same = seen(first, 1000.0 + 1.1 * jump, 5.0, settings=CENTS).watch
        assert same.draft == first.draft
        turned = seen(first, 1000.0 - jump, 5.0, settings=CENTS)
        assert turned.watch.draft is not None
        assert turned.watch.draft.time == NOON + 5 * SECOND
        assert turned.held == pytest.approx(max(0.0, -jump))

    @pytest.mark.parametrize("jump", [0.6, -0.6])
    def test_a_jump_of_cents_has_a_direction_too(self, jump: float) -> None:
        first = seen(KEPT, 1000.0 + jump, settings=CENTS).watch
        step = seen(first, 1000.0 + jump, 60.0, settings=CENTS)
        assert step.rise == pytest.approx(max(0.0, jump))
        assert (step.fall is None) is (jump > 0)

    @pytest.mark.parametrize(("equity", "high"), [(930.0, 950.0), (970.0, 970.0)])
    def test_the_highest_equity_since_a_fall_counts_its_minute(
        self, equity: float, high: float
    ) -> None:
        first = seen(KEPT, 950.0, equity=950.0).watch
        fall = seen(first, 950.0, 60.0, equity=equity).fall
        assert fall is not None
        assert (fall.high, fall.equity, fall.amount) == (high, 1000.0, 50.0)


def test_falls_of_an_earlier_version_are_read() -> None:
    saved = Flows(falls=(FALL,)).to_dict()
    assert len(saved["falls"][0]) == 7
    saved["falls"] = [each[:6] for each in saved["falls"]]
    assert Flows.from_dict(saved).falls == (FALL,)


def test_a_fall_remembers_the_worst_drawdown_before_it() -> None:
    reading = Reading(900.0, 0, settled=True)
    step = look(Watch(1000.0), reading, NOON, 900.0, DAYS, FlowSettings(seconds=0), worst=0.1)
    assert step.fall is not None
    assert (step.fall.amount, step.fall.worst) == (100.0, 0.1)
