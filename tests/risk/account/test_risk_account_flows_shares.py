"""Deposits and withdrawals change no share, and no loss can be declared away."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from freqpilot.errors import RefuseToStart
from freqpilot.risk.account import rebase
from freqpilot.risk.account.flows import Flows, Reading, Watch
from freqpilot.risk.account.ledger import Ledger, observe
from freqpilot.risk.account.releases import release
from freqpilot.settings import FlowSettings, RiskSettings

SETTINGS = RiskSettings(tiers=RiskSettings().tiers[:1])  # tiers are of equity, not of shares
SPANS = FlowSettings()
NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)
WAIT = timedelta(seconds=SPANS.seconds)


class Account:
    """A ledger and the account that it watches: ``capital`` came from outside, ``won`` by trade."""

    def __init__(self, money: float = 1_000.0) -> None:
        self.now, self.capital, self.won = NOON, money, 0.0
        self.state, self.watch = Ledger.empty(), Watch()
        self.trades, self.settled, self.declared = 0, True, 0
        self.taken: list[float] = []
        self.see()

    @property
    def equity(self) -> float:
        return self.capital + self.won

    def see(self, after: timedelta = timedelta()) -> None:
        self.now += after
        reading = Reading(self.capital, self.trades, self.settled)
        seen = rebase.take(self.state, self.watch, reading, self.now, self.equity, SPANS)
        self.watch = seen.watch
        if seen.flow:
            self.taken.append(seen.flow)
        self.state = observe(seen.state, self.now, self.equity - seen.held, SETTINGS)

    def flow(self, amount: float) -> None:
        self.capital += amount
        self.see(timedelta(seconds=5))
        self.see(WAIT)

    def trade(self, change: float) -> None:
        self.won += change * self.equity
        self.see(timedelta(seconds=5))

    def declare(self, amount: float) -> None:
        self.declared += 1
        self.state = rebase.declare(self.state, self.declared, amount, self.now, SPANS)


def shares(state: Ledger) -> dict[str, float]:
    names = ("peak", "start", "day_start", "week_start", "summit", "tier_peak")
    return {name: state.equity / getattr(state, name) for name in names}


def rules(state: Ledger) -> tuple[object, ...]:
    return (
        state.cause,
        state.halted_at,
        state.level,
        state.wait_until,
        state.restore,
        state.restore_at,
        state.tier,
        state.day,
        state.week,
        state.releases,
    )


moves = st.one_of(
    st.tuples(st.just("trade"), st.floats(-0.2, 0.25)),
    st.tuples(st.just("flow"), st.floats(-0.8, 3.0)),
    st.tuples(st.just("late"), st.floats(0.05, 0.5)),
    st.tuples(st.just("hours"), st.floats(0, 200)),
    st.tuples(st.just("release"), st.just(0.0)),
)


@given(st.lists(moves, max_size=25))
@example(  # the equity after the deposit is a rounding below what it was released at
    [
        *[("trade", -0.11562937473527124)] * 2,
        ("release", 0.0),
        ("flow", 1.0),
        ("hours", 168.0),
    ]
)
@settings(max_examples=150)
def test_flows_change_no_share_and_no_rule(sequence: list[tuple[str, float]]) -> None:
    """The same trades at the same times, with and without flows: the same shares and rules. A
    withdrawal is declared before it, or at once after it, while nobody has judged it."""
    with_flows, without = Account(), Account()
    for kind, figure in sequence:
        if kind == "trade":
            with_flows.trade(figure)
            without.trade(figure)
        elif kind == "hours":
            with_flows.see(timedelta(hours=figure))
            without.see(timedelta(hours=figure))
        elif kind == "release":
            with_flows.state = release(with_flows.state, with_flows.now)
            without.state = release(without.state, without.now)
        else:
            amount = (figure if kind == "flow" else -figure) * with_flows.equity
            if abs(amount) < 2 * max(SPANS.least, SPANS.threshold * with_flows.equity):
                continue
            if amount < 0:
                with_flows.declare(amount)
            with_flows.flow(amount)
            without.see(timedelta(seconds=5))
            without.see(WAIT)
        assert rules(with_flows.state) == rules(without.state)
        for name, share in shares(with_flows.state).items():
            assert share == pytest.approx(shares(without.state)[name], rel=1e-6), name


@given(
    st.lists(st.floats(-0.04, 0.06), max_size=6),
    st.floats(0.02, 0.1),
    st.lists(st.floats(-0.02, 0.2), max_size=6),
)
def test_a_withdrawal_that_is_declared_afterwards(
    before: list[float], share: float, after: list[float]
) -> None:
    late, never = Account(), Account()
    for change in before:
        late.trade(change)
        never.trade(change)
    if late.equity * share < 2 * SPANS.least:
        return
    amount = share * late.equity
    late.flow(-amount)
    never.see(timedelta(seconds=5))
    never.see(WAIT)
    for change in after:
        late.trade(change)
        never.trade(change)
    late.declare(-amount)
    late.see(timedelta(seconds=5))
    never.see(timedelta(seconds=5))
    assert late.state.flows.falls == ()
    assert late.state.flows.total == pytest.approx(-amount)
    for name, figure in shares(late.state).items():
        assert figure == pytest.approx(shares(never.state)[name], rel=1e-6), name


def test_an_undeclared_withdrawal_is_a_loss_until_it_is_declared() -> None:
    account = Account()
    account.flow(-160.0)
    assert (account.state.equity, account.state.peak, account.state.level) == (840, 1000, 3)
    assert account.state.cause == "capital_floor"
    account.declare(-160.0)
    assert (account.state.peak, account.state.start) == (840, 840)
    assert account.state.cause == "capital_floor", "only a release ends a halt"
    account.state = release(account.state, account.now)
    account.see(timedelta(seconds=5))
    assert account.state.cause is None


def test_a_loss_cannot_be_declared_away() -> None:
    account = Account()
    account.trade(-0.18)
    account.declare(-180.0)
    account.see(timedelta(hours=1))
    assert (account.state.peak, account.state.start) == (1000, 1000)
    assert account.state.cause == "capital_floor"
    assert account.state.flows.withdrawal == 180.0
    account.see(timedelta(days=7))
    assert account.state.flows.withdrawal == 0.0, "it lapses"


def test_more_is_declared_than_is_gone() -> None:
    account = Account()
    account.declare(-500.0)
    account.flow(-100.0)
    assert account.state.peak == pytest.approx(900.0)
    assert account.state.flows.withdrawal == pytest.approx(400.0)


def test_less_is_declared_than_is_gone() -> None:
    account = Account()
    account.flow(-100.0)
    account.declare(-60.0)
    assert account.state.peak == pytest.approx(940.0)
    assert account.state.flows.missing == pytest.approx(40.0)


def test_a_deposit_hides_no_drawdown_and_is_no_profit() -> None:
    account = Account()
    account.trade(-0.12)
    account.capital += 1_000.0
    account.see(timedelta(seconds=5))
    assert account.state.equity == 880.0, "held back until it has stayed"
    account.see(WAIT)
    assert account.taken == [1_000.0]
    assert account.state.equity == 1_880.0
    assert 1 - account.state.equity / account.state.peak == pytest.approx(0.12)


@pytest.mark.parametrize(("amount", "taken"), [(9.99, []), (10.0, [10.0])])
def test_the_bar_between_rounding_and_a_deposit(amount: float, taken: list[float]) -> None:
    account = Account(500.0)
    account.flow(amount)
    assert account.taken == taken
    assert account.state.peak == 500.0 + amount  # below the bar as profit, above it re-based
    assert account.state.start == pytest.approx(500.0 + sum(taken))


@pytest.mark.parametrize(("amount", "missing"), [(-9.99, 0.0), (-10.0, 10.0)])
def test_the_bar_between_rounding_and_a_withdrawal(amount: float, missing: float) -> None:
    account = Account(500.0)
    account.flow(amount)
    assert account.state.flows.missing == pytest.approx(missing)


def test_a_small_deposit_counts_as_one_when_it_is_declared() -> None:
    account = Account()
    account.declare(5.0)
    account.flow(5.0)
    assert (account.state.start, account.state.flows.deposit) == (pytest.approx(1005.0), 0.0)


def test_a_deposit_that_was_taken_and_is_declared_counts_once() -> None:
    account = Account()
    account.flow(300.0)
    account.declare(300.0)
    assert (account.state.flows.deposit, account.state.flows.unclaimed) == (0.0, 0.0)
    account.flow(5.0)
    assert account.state.start == pytest.approx(1300.0)


def test_what_comes_back_was_not_lost_and_is_no_deposit() -> None:
    account = Account()
    account.flow(-100.0)
    account.flow(60.0)
    assert account.state.flows.missing == pytest.approx(40.0)
    account.flow(90.0)
    assert account.state.flows.missing == 0.0
    assert account.taken == [pytest.approx(50.0)]


def test_money_that_counts_twice_while_an_order_fills_is_held_back() -> None:
    account = Account()
    account.settled = False
    account.capital += 70.0  # sold, and still in the trade as the database has it
    for _ in range(30):
        account.see(timedelta(seconds=60))
        assert (account.state.equity, account.state.peak) == (1000.0, 1000.0)
    account.settled = True
    account.capital -= 70.0
    account.see(timedelta(seconds=60))
    assert (account.taken, account.state.start) == ([], 1000.0)


def test_a_fall_that_does_not_stay_is_forgotten() -> None:
    account = Account()
    account.capital -= 40.0
    account.see(timedelta(seconds=5))
    assert account.state.equity == 960.0, "a fall is there at once"
    account.capital += 40.0
    account.see(WAIT)
    assert (account.state.flows.missing, account.state.equity) == (0.0, 1000.0)


def test_a_fall_seen_at_the_first_look_of_a_day_is_not_in_its_start() -> None:
    account = Account()
    account.capital -= 50.0
    account.see(timedelta(hours=13))  # Thursday, 01:00 UTC
    account.see(WAIT)
    account.declare(-50.0)
    assert account.state.day_start == 950.0
    assert (account.state.week_start, account.state.peak) == (950.0, 950.0)


def test_another_database_tells_nothing_of_flows() -> None:
    account = Account()
    account.trades = 40
    account.see(timedelta(seconds=5))
    account.trades, account.capital, account.won = 0, 1_200.0, -200.0
    account.see(timedelta(seconds=5))
    account.see(WAIT)
    assert (account.taken, account.state.start) == ([], 1000.0)


def test_flows_between_two_runs_are_seen_after_the_start() -> None:
    account = Account()
    account.trade(-0.1)
    account.state = Ledger.from_dict(json.loads(json.dumps(account.state.to_dict())))
    account.watch = Watch(account.state.flows.capital, account.state.flows.trades)
    account.flow(900.0)
    assert account.taken == [900.0]
    assert account.state.peak == pytest.approx(2_000.0)


def test_all_money_withdrawn_leaves_a_ledger_that_can_be_read() -> None:
    account = Account()
    account.declare(-1_000.0)
    account.flow(-1_000.0)
    assert account.state.cause == "total_loss", "no share is left to keep: it fails closed"
    again = Ledger.from_dict(json.loads(json.dumps(account.state.to_dict())))
    assert again == account.state


def test_open_flows_survive_a_restart() -> None:
    account = Account()
    account.flow(-100.0)
    account.declare(25.0)
    account.declare(-130.0)
    saved = json.loads(json.dumps(account.state.to_dict()))
    assert Ledger.from_dict(saved) == account.state
    assert account.state.flows.read == 2
    del saved["flows"]
    assert Ledger.from_dict(saved).flows == Flows(), "a ledger of an earlier version"


@pytest.mark.parametrize("name", ["withdrawal", "unclaimed", "total"])
def test_unsound_flows_are_refused(name: str) -> None:
    state = replace(Account().state, flows=replace(Flows(), **{name: math.nan}))
    with pytest.raises(RefuseToStart, match="risk ledger"):
        Ledger.from_dict(state.to_dict())
