"""What each base of the ledger becomes with a flow, in figures."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from freqpilot.risk.account.flows import Fall, Flows, Reading, Watch
from freqpilot.risk.account.ledger import Ledger
from freqpilot.risk.account.rebase import Rebased, declare, take
from freqpilot.settings import FlowSettings

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)
DAY, MONDAY = date(2024, 3, 6), date(2024, 3, 4)
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
SETTINGS = FlowSettings()
STATE = Ledger(
    stamp=NOON,
    equity=1000.0,
    start=800.0,
    peak=1100.0,
    day=DAY,
    day_start=900.0,
    week=MONDAY,
    week_start=950.0,
    summit=1200.0,
    tier_peak=1050.0,
    restore=0.5,
    restore_at=NOON - HOUR,
    restore_equity=980.0,
)
BASES = ("start", "peak", "day_start", "week_start", "summit", "tier_peak", "restore_equity")
WATCH = Watch(1000.0, 3)
FALL = Fall(NOON, 200.0, 1000.0, DAY, MONDAY, 840.0)


def bases(state: Ledger) -> dict[str, float]:
    return {name: getattr(state, name) for name in BASES}


def times(factor: float, state: Ledger = STATE) -> Any:
    return pytest.approx({name: figure * factor for name, figure in bases(state).items()})


def open_flows(**flows: Any) -> Ledger:
    return replace(STATE, flows=Flows(**flows))


def looked(
    state: Ledger,
    capital: float,
    equity: float,
    *,
    watch: Watch = WATCH,
    trades: int = 3,
    after: timedelta = timedelta(),
) -> Rebased:
    return take(state, watch, Reading(capital, trades, True), NOON + after, equity, SETTINGS)


def risen(state: Ledger, amount: float, equity: float = 1000.0) -> Rebased:
    """Return what is seen once ``amount`` came in and has stayed, with an ``equity`` before it."""
    there = (1000.0 + amount, equity + amount)
    first = looked(state, *there)
    return looked(first.state, *there, watch=first.watch, after=timedelta(seconds=60))


class TestTake:
    def test_without_a_flow_nothing_changes_but_what_is_remembered(self) -> None:
        found = looked(STATE, 1000.0, 1000.0, trades=7)
        assert found[1:] == (Watch(1000.0, 7), 0.0, 0.0, 0.0)
        assert found.state == replace(STATE, flows=Flows(capital=1000.0, trades=7))
        assert Rebased(STATE, WATCH)[2:] == (0.0, 0.0, 0.0)

    @pytest.mark.parametrize("amount", [0.5, 1.0, 250.0, 999.0])
    def test_a_declared_withdrawal_scales_all_at_once(self, amount: float) -> None:
        found = looked(open_flows(withdrawal=amount), 1000.0 - amount, 1000.0 - amount)
        assert bases(found.state) == times(1 - amount / 1000)
        assert (found.flow, found.missing, found.held) == (-amount, 0.0, 0.0)
        assert found.watch == Watch(1000.0 - amount, 3)
        flows = Flows(total=-amount, capital=1000.0 - amount, trades=3)
        assert found.state.flows == flows

    def test_more_is_gone_than_was_declared(self) -> None:
        found = looked(open_flows(withdrawal=100.0), 850.0, 850.0)
        assert bases(found.state) == times(0.9)
        assert (found.watch.capital, found.watch.pending, found.flow) == (900.0, -50.0, -100.0)

    def test_a_declaration_lapses_before_it_is_looked_for(self) -> None:
        found = looked(open_flows(withdrawal=100.0, until=NOON), 900.0, 900.0)
        assert bases(found.state) == times(1.0)
        assert found.watch.pending == -100.0

    def test_another_database_takes_no_declared_part(self) -> None:
        state = open_flows(withdrawal=100.0)
        found = looked(state, 900.0, 900.0, trades=2)
        assert bases(found.state) == times(1.0)
        assert (found.state.flows.withdrawal, found.flow) == (100.0, 0.0)
        assert found.watch == Watch(900.0, 2)

    def test_a_rise_scales_open_falls_as_well(self) -> None:
        state = open_flows(falls=(FALL,), total=5.0)
        found = risen(state, 1000.0)
        # 200 of it were gone and came back: the rest is new, to an account of 1200.
        assert found.flow == 800.0
        assert bases(found.state) == times(2000 / 1200)
        assert found.state.flows.falls == ()
        small = open_flows(falls=(FALL,), deposit=6.0, total=5.0)
        after = looked(small, 1006.0, 1006.0).state.flows
        assert [fall.high for fall in after.falls] == [pytest.approx(840 * 1.006)]
        assert after.total == 11.0

    @pytest.mark.parametrize(
        ("declared", "deposit", "unclaimed"),
        [(0.0, 0.0, 107.0), (40.0, 0.0, 67.0), (100.0, 0.0, 7.0), (300.0, 200.0, 7.0)],
    )
    def test_what_was_declared_of_a_deposit_is_not_unclaimed(
        self, declared: float, deposit: float, unclaimed: float
    ) -> None:
        found = risen(open_flows(deposit=declared, unclaimed=7.0), 100.0)
        assert bases(found.state) == times(1.1)
        flows = found.state.flows
        assert (flows.deposit, flows.unclaimed, flows.total) == (deposit, unclaimed, 100.0)

    @pytest.mark.parametrize("amount", [0.5, 1.0, 5.0])
    def test_a_small_rise_is_a_deposit_as_far_as_it_was_declared(self, amount: float) -> None:
        for rise in (amount, 8.0):
            found = looked(open_flows(deposit=amount), 1000.0 + rise, 1000.0 + rise)
            assert found.flow == amount
            assert bases(found.state) == times((1000 + rise) / (1000 + rise - amount))
            assert (found.state.flows.deposit, found.state.flows.unclaimed) == (0.0, 0.0)

    def test_money_for_an_account_that_has_none_has_no_share(self) -> None:
        found = risen(STATE, 1000.0, equity=0.0)
        assert bases(found.state) == times(1.0)
        assert (found.flow, found.state.flows.total) == (1000.0, 0.0)
        assert found.state.flows.unclaimed == 1000.0
        cents = risen(STATE, 999.5, equity=0.5)
        assert bases(cents.state) == times(2000.0)

    def test_what_is_gone_is_told_and_kept(self) -> None:
        first = looked(STATE, 800.0, 800.0)
        found = looked(first.state, 800.0, 810.0, watch=first.watch, after=timedelta(seconds=60))
        assert (found.missing, found.flow, found.held) == (200.0, 0.0, 0.0)
        assert bases(found.state) == times(1.0)
        assert found.state.flows.falls == (FALL._replace(high=810.0),)


class TestDeclare:
    def declared(self, state: Ledger, amount: float) -> Ledger:
        return declare(state, 9, amount, NOON + HOUR, SETTINGS)

    @pytest.mark.parametrize("amount", [0.5, 300.0])
    def test_a_deposit_waits_for_a_week(self, amount: float) -> None:
        flows = Flows(deposit=amount, until=NOON + HOUR + WEEK, read=9)
        assert self.declared(STATE, amount) == replace(STATE, flows=flows)

    @pytest.mark.parametrize("amount", [0.5, 300.0])
    def test_a_withdrawal_waits_for_a_week(self, amount: float) -> None:
        flows = Flows(withdrawal=amount, until=NOON + HOUR + WEEK, read=9)
        assert self.declared(STATE, -amount) == replace(STATE, flows=flows)

    @pytest.mark.parametrize(
        ("amount", "unclaimed", "deposit", "waits"),
        [(60.0, 40.0, 0.0, False), (100.0, 0.0, 0.0, False), (100.5, 0.0, 0.5, True)],
    )
    def test_a_deposit_that_was_taken_waits_for_nothing(
        self, amount: float, unclaimed: float, deposit: float, waits: bool
    ) -> None:
        flows = self.declared(open_flows(unclaimed=100.0), amount).flows
        assert (flows.unclaimed, flows.deposit) == (unclaimed, deposit)
        assert flows.until == (NOON + HOUR + WEEK if waits else None)

    @pytest.mark.parametrize(
        ("amount", "left", "waits"), [(200.0, 0.0, False), (200.5, 0.5, True), (300.0, 100.0, True)]
    )
    def test_a_withdrawal_that_was_seen_waits_for_nothing(
        self, amount: float, left: float, waits: bool
    ) -> None:
        flows = self.declared(open_flows(falls=(FALL,)), -amount).flows
        assert (flows.falls, flows.withdrawal, flows.total) == ((), left, -200.0)
        assert flows.until == (NOON + HOUR + WEEK if waits else None)

    def test_an_earlier_declarations_time_stays_where_nothing_new_waits(self) -> None:
        state = open_flows(falls=(FALL,), unclaimed=50.0, deposit=5.0, until=NOON + WEEK)
        assert self.declared(state, 50.0).flows.until == NOON + WEEK
        assert self.declared(state, -200.0).flows.until == NOON + WEEK

    def test_what_was_set_before_the_fall_is_scaled_and_what_was_passed_since_is_not(self) -> None:
        found = self.declared(open_flows(falls=(FALL,)), -200.0)
        expected = {name: 0.8 * figure for name, figure in bases(STATE).items()}
        # 1050 × 0.8 is 840: the highest equity since holds where it is more.
        assert bases(found) == pytest.approx({**expected, "tier_peak": 840.0})
        since = replace(STATE, flows=Flows(falls=(FALL._replace(high=1080.0),)))
        found = self.declared(since, -200.0)
        assert (found.peak, found.tier_peak, found.summit) == (1080.0, 1050.0, 1080.0)
        assert found.start == pytest.approx(640.0)

    @pytest.mark.parametrize(
        ("before", "now", "left"),
        [
            (0.0, 0.2, 0.0),  # it was the withdrawal alone
            (0.0, 0.28, 0.1),  # and a loss since
            (0.15, 0.2, 0.15),  # and a worse one before
            (0.25, 0.25, 0.25),  # what was worse before the fall stays
        ],
    )
    def test_a_withdrawal_is_no_drawdown_of_the_tier(
        self, before: float, now: float, left: float
    ) -> None:
        fall = FALL._replace(worst=before)
        state = replace(open_flows(falls=(fall,)), tier_drawdown=now)
        assert self.declared(state, -200.0).tier_drawdown == pytest.approx(left)

    def test_the_drawdown_of_a_tier_that_began_since_stays(self) -> None:
        state = replace(open_flows(falls=(FALL,)), tier_drawdown=0.1, tier_peak=820.0)
        assert self.declared(state, -200.0).tier_drawdown == 0.1

    def test_starts_of_a_later_day_or_week_are_not_scaled(self) -> None:
        older = FALL._replace(day=date(2024, 3, 3), week=date(2024, 2, 26))
        found = self.declared(open_flows(falls=(older,)), -200.0)
        assert (found.day_start, found.week_start) == (900.0, 950.0)
        assert found.start == pytest.approx(640.0)

    @pytest.mark.parametrize(
        ("restored", "equity"),
        [(NOON - HOUR, 784.0), (NOON, 784.0), (NOON + HOUR, 980.0), (None, 980.0)],
    )
    def test_a_step_back_to_normal_size_after_the_fall_is_not_scaled(
        self, restored: datetime | None, equity: float
    ) -> None:
        state = replace(open_flows(falls=(FALL,)), restore_at=restored)
        assert self.declared(state, -200.0).restore_equity == pytest.approx(equity)

    def test_in_two_parts_as_in_one(self) -> None:
        state = open_flows(falls=(FALL._replace(high=0.0),))
        half = self.declared(state, -0.5)
        assert half.flows.falls == (FALL._replace(amount=199.5, equity=999.5, high=0.0),)
        assert bases(half) == times(0.9995)
        whole = self.declared(half, -199.5)
        assert bases(whole) == times(0.8)
        assert (whole.flows.falls, whole.flows.total) == ((), pytest.approx(-200.0))

    def test_the_newest_fall_is_explained_first(self) -> None:
        older = FALL._replace(amount=100.0, equity=1100.0, high=1000.0)
        state = open_flows(falls=(older, FALL))
        part = self.declared(state, -50.0)
        assert [fall.amount for fall in part.flows.falls] == [100.0, 150.0]
        assert part.flows.falls[0].high == pytest.approx(950.0)
        whole = self.declared(state, -230.0)
        assert [fall.amount for fall in whole.flows.falls] == [pytest.approx(70.0)]
        assert (whole.flows.withdrawal, whole.flows.total) == (0.0, -230.0)
        assert self.declared(state, -350.0).flows.withdrawal == 50.0
        assert self.declared(state, -350.0).flows.falls == ()

    def test_all_that_there_was_leaves_no_share_to_keep(self) -> None:
        all_of_it = FALL._replace(amount=1000.0, high=0.0)
        found = self.declared(open_flows(falls=(all_of_it,)), -1000.0)
        assert bases(found) == times(1.0)
        assert (found.flows.falls, found.flows.total) == ((), -1000.0)

    @pytest.mark.parametrize(("equity", "factor"), [(0.0, 1.0), (-5.0, 1.0), (0.5, 0.5)])
    def test_a_fall_of_an_account_without_money_has_no_share(
        self, equity: float, factor: float
    ) -> None:
        fall = FALL._replace(amount=0.25, equity=equity, high=0.0)
        found = self.declared(open_flows(falls=(fall,)), -0.25)
        assert bases(found) == times(factor)
        assert found.flows.total == -0.25
