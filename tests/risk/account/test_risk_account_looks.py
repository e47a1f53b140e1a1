"""Two looks at an account: what one alone may not set off, and what both do."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.account import looks
from freqpilot.risk.account.ledger import Ledger, closed, observe
from freqpilot.risk.account.looks import Confirmation, Look, confirm
from freqpilot.risk.account.record import Outcome
from freqpilot.settings import RiskSettings

SETTINGS = RiskSettings()
NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)


class Account:
    """A ledger that is shown one look after the other."""

    def __init__(self, *equities: float, apart: float = 5.0) -> None:
        self.now, self.apart = NOON, timedelta(seconds=apart)
        self.seen = Confirmation(Ledger.empty(), None)  # type: ignore[arg-type]
        self.look(*equities)

    def look(self, *equities: float, shown: bool = True, low: float | None = None) -> "Account":
        for equity in equities:
            self.now += self.apart
            look = Look(self.now, equity, equity if low is None else low, shown)
            self.seen = confirm(self.seen.state, self.seen.look, look, SETTINGS)
        return self

    @property
    def state(self) -> Ledger:
        return self.seen.state

    @property
    def waits(self) -> str | None:
        return self.seen.waits


# one look alone


def test_a_look_that_is_far_too_high_makes_no_peak() -> None:
    account = Account(1_000, 1_000).look(2_800, shown=False)
    assert account.state.peak == 1_000
    assert "from 1000.00 to 2800.00" in str(account.waits)
    account.look(1_000, 1_000)
    assert (account.state.peak, account.state.halted, account.waits) == (1_000, None, None)


def test_a_rise_that_no_candle_shows_makes_no_peak_however_often_it_is_seen() -> None:
    account = Account(1_000, 1_000).look(2_800, 2_800, 2_800, shown=False)
    assert account.state.peak == 1_000
    assert account.seen.waits is not None
    account.look(1_000, shown=False)
    assert account.look(1_000).state.halted is None
    assert account.look(2_800, 2_800).state.peak == 2_800, "the candles show it"


@pytest.mark.parametrize("shown", [True, False])
def test_a_look_that_is_far_too_low_sets_nothing(shown: bool) -> None:
    account = Account(1_000, 1_000).look(500, shown=shown)
    assert (account.state.level, account.state.halted, account.state.wait_until) == (0, None, None)
    assert account.waits is not None
    account.look(1_000, 1_000)
    assert (account.state.halted, account.waits) == (None, None)


def test_nothing_is_confirmed_across_a_look_that_denies_it() -> None:
    account = Account(1_000, 1_000)
    account.apart = timedelta(seconds=1)
    account.look(500, 500, 500, 990, 500, 500, 500, 500, 500, shown=False)
    assert account.state.halted is None, "the last five are within four seconds"
    assert account.waits is not None
    account.look(500, shown=False)
    assert account.state.halted is not None


def test_a_first_look_that_the_next_denies_at_once_is_forgotten() -> None:
    account = Account()
    account.apart = timedelta(seconds=1)
    account.look(2_800, 1_000, shown=False)
    assert account.state.peak == 1_000
    account.apart = timedelta(seconds=5)
    account.look(1_000, shown=False)
    assert (account.state.peak, account.state.halted, account.waits) == (1_000, None, None)


@pytest.mark.parametrize(("shown", "second"), [(True, 770), (True, 830), (False, 786)])
def test_a_true_crash_halts_at_its_second_look(shown: bool, second: float) -> None:
    account = Account(1_000, 1_000).look(790, shown=shown)
    assert account.state.halted is None
    account.look(second, shown=shown)
    assert account.state.halted is not None
    assert account.state.halted_at == account.now
    assert f"{max(790, second):.2f}" in account.state.halted, "by the milder of the two"


def test_looks_that_no_candle_shows_have_to_agree_within_a_hundredth() -> None:
    account = Account(1_000, 1_000).look(790, shown=False).look(781, shown=False)
    assert account.state.halted is None, "1.1 % apart"
    assert account.waits is not None
    account.look(774, shown=False)
    assert account.state.halted is not None


def test_a_look_that_the_candles_show_confirms_none_that_they_do_not() -> None:
    account = Account(1_000, 1_000).look(700, shown=False).look(790)
    assert (account.state.halted, account.waits is None) == (None, False)
    account.look(790)
    assert account.state.halted is not None


def test_a_drawdown_is_that_of_the_milder_look() -> None:
    account = Account(1_000, 1_000).look(880)
    assert (account.state.level, account.waits is None) == (0, False)
    account.look(940)
    assert account.state.level == 1, "5 %, not 10"
    account.look(890, 890)
    assert account.state.level == 2


def test_a_peak_is_the_smaller_of_two_looks() -> None:
    account = Account(1_000, 1_000).look(1_005, 1_008)
    assert (account.state.peak, account.state.equity, account.waits) == (1_005, 1_008, None)
    account.look(1_002)
    assert account.state.peak == 1_005
    account.look(1_100)
    assert (account.state.peak, account.waits is None) == (1_005, False), "a rise of 10 % waits"
    account.look(1_090)
    assert (account.state.peak, account.waits) == (1_090, None)


def test_what_the_worst_says_has_to_be_said_twice() -> None:
    """A position without a market is worth nothing to the halt: equity alone would not halt."""
    account = Account(1_000, 1_000).look(1_000, low=700)
    assert (account.state.halted, account.waits is None) == (None, False)
    account.look(1_000, low=700)
    assert "equity 700.00" in str(account.state.halted)


def test_without_an_equity_the_worst_is_judged_alone() -> None:
    account = Account(1_000, 1_000).look(math.nan, low=700)
    assert (account.state.stamp, account.state.halted) == (NOON + timedelta(seconds=10), None)
    account.look(math.nan, low=690)
    assert "equity 700.00" in str(account.state.halted)
    assert account.waits is not None


def test_tiers_are_gained_by_the_less_and_lost_by_the_more() -> None:
    wins = Account(1_900, 1_900)
    state = wins.state
    for number in range(120):
        profit = -1.0 if number % 3 == 0 else 5.0
        state = closed(state, Outcome(number, NOON, profit, profit / 1_900), SETTINGS)
    wins.seen = wins.seen._replace(state=state)
    assert wins.look(2_050).state.tier == "Foundation"
    assert wins.look(2_040).state.tier == "Growth"
    assert wins.look(1_500).state.tier == "Growth"
    assert wins.look(1_650, 1_650).state.tier == "Growth"
    assert wins.look(1_590, 1_580).state.tier == "Foundation"


# looks that are too near together, the first, and after a restart


def test_looks_within_five_seconds_count_as_one() -> None:
    account = Account(1_000, 1_000)
    account.apart = timedelta(seconds=1)
    account.look(500, 500, 500, 500)
    assert account.state.halted is None
    assert account.state.stamp == account.now, "the account was looked at all the same"
    assert account.waits is not None
    account.look(500)
    assert account.state.halted is None, "the first that is five seconds after the last that counts"
    account.look(500, 500, 500, 500, 500)
    assert account.state.halted is not None


def test_ordinary_looks_of_each_second_keep_no_entry_waiting() -> None:
    account = Account(1_000, 1_000)
    account.apart = timedelta(seconds=1)
    for number in range(12):
        account.look(1_000 + number)
        assert account.waits is None
        assert account.state.equity == 1_000 + number


def test_entries_wait_for_the_second_look_of_all() -> None:
    account = Account(1_000)
    assert (account.state.equity, account.state.start) == (1_000, 1_000)
    assert "looked at once since the start" in str(account.waits)
    assert account.look(1_003).waits is None
    assert account.state.start == 1_000


def test_a_wrong_first_look_is_forgotten() -> None:
    account = Account(2_800).look(1_000, shown=False)
    assert (account.state.start, account.state.peak, account.state.halted) == (1_000, 1_000, None)
    assert account.waits is not None
    account.look(1_001)
    assert (account.state.start, account.state.day_start, account.waits) == (1_000, 1_000, None)


def test_what_was_recorded_before_a_wrong_first_look_was_noticed_stays() -> None:
    account = Account(2_800)
    state = closed(account.state, Outcome(1, NOON, -3.0, -0.001), SETTINGS)
    account.seen = account.seen._replace(state=state)
    account.look(1_000, shown=False)
    assert [each.trade for each in account.state.record.outcomes] == [1]


def test_after_a_start_without_a_former_look_the_first_only_counts_as_seen() -> None:
    state = Account(1_000, 1_000).state
    late = Look(NOON + timedelta(hours=1), 500.0, 500.0)
    seen = confirm(state, None, late, SETTINGS)
    assert (seen.state.equity, seen.state.halted, seen.state.stamp) == (1_000, None, late.time)
    assert seen.waits is not None
    again = confirm(seen.state, seen.look, replace(late, time=late.time + looks.APART), SETTINGS)
    assert again.state.halted is not None


def test_a_look_before_the_ledger_changes_nothing() -> None:
    account = Account(1_000, 1_000)
    early = Look(NOON, 500.0, 500.0)
    assert confirm(account.state, account.seen.look, early, SETTINGS) == account.seen


# what is kept


def test_a_look_survives_a_restart() -> None:
    look = Look(NOON, 790.0, 700.0, False, True)
    assert Look.from_dict(json.loads(json.dumps(look.to_dict()))) == look
    assert Look(NOON, math.nan, 700.0).to_dict() is None


@pytest.mark.parametrize(
    "saved",
    [
        None,
        {},
        {"time": "soon"},
        {"time": NOON.isoformat(), "equity": "nan", "low": 1, "shown": True, "first": False},
        {"time": "2024-03-06T12:00:00", "equity": 1, "low": 1, "shown": True, "first": False},
        {"time": NOON.isoformat(), "equity": None, "low": 1, "shown": True, "first": False},
    ],
)
def test_what_is_no_look_is_not_taken_for_one(saved: Any) -> None:
    assert Look.from_dict(saved) is None


def test_a_look_is_moved_by_what_came_in() -> None:
    assert Look(NOON, 1_000.0, 900.0).after(-200.0) == Look(NOON, 800.0, 700.0)


# prices


@pytest.mark.parametrize(
    ("rate", "before", "jumped"),
    [
        (105.0, 100.0, False),
        (105.1, 100.0, True),
        (95.0, 100.0, False),
        (94.9, 100.0, True),
        (100.0, math.nan, True),
        (100.0, 0.0, True),
        (math.nan, 100.0, True),
    ],
)
def test_a_jump_is_more_than_a_twentieth(rate: float, before: float, jumped: bool) -> None:
    assert looks.jumps(rate, before) == jumped


@pytest.mark.parametrize(
    ("rate", "shown"), [(75.9, False), (76.1, True), (104.9, True), (105.1, False)]
)
def test_candles_show_what_is_near_their_range(rate: float, shown: bool) -> None:
    assert looks.is_shown(rate, 80.0, 100.0) == shown
    assert not looks.is_shown(math.nan, 80.0, 100.0)


# properties

EQUITY = st.floats(100.0, 3_000.0)


@given(before=EQUITY, spike=EQUITY, shown=st.booleans())
def test_one_look_changes_nothing_that_lasts(before: float, spike: float, shown: bool) -> None:
    """Whatever it says: afterwards the ledger is as if it had not been, the clock aside."""
    calm = Account(before, before, before)
    spiked = Account(before, before).look(spike, shown=shown).look(before, before, before)
    names = ("peak", "summit", "start", "level", "halted", "wait_until", "tier", "day_start")
    assert {name: getattr(spiked.state, name) for name in names} == {
        name: getattr(calm.state, name) for name in names
    }
    assert spiked.waits is None


@given(equities=st.lists(EQUITY, min_size=1, max_size=30))
def test_the_peak_is_one_that_two_looks_saw(equities: list[float]) -> None:
    account = Account(equities[0], equities[0]).look(*equities)
    pairs = zip([equities[0], *equities], equities, strict=False)
    assert account.state.peak == max(equities[0], *(min(pair) for pair in pairs))


@given(equities=st.lists(EQUITY, min_size=2, max_size=30))
def test_looks_in_pairs_are_the_ledger_of_a_backtest(equities: list[float]) -> None:
    """Seen twice each, every equity has the effect that it has in a backtest: level, peak, latch
    and tier."""
    account, plain = Account(), Ledger.empty()
    for equity in equities:
        account.look(equity, equity)
        plain = observe(plain, account.now, equity, SETTINGS)
        names = ("peak", "summit", "level", "halted", "cause", "tier", "tier_peak", "restore")
        assert {name: getattr(account.state, name) for name in names} == {
            name: getattr(plain, name) for name in names
        }


@given(
    equities=st.lists(st.tuples(EQUITY, st.booleans()), min_size=1, max_size=30),
    apart=st.sampled_from([1.0, 5.0, 900.0]),
)
def test_a_halt_needs_two_looks_below_its_limit(
    equities: list[tuple[float, bool]], apart: float
) -> None:
    account = Account(1_000, 1_000)
    account.apart = timedelta(seconds=apart)
    below = []
    for equity, shown in equities:
        account.look(equity, shown=shown)
        if equity <= 0.85 * account.state.peak + 1e-6:
            below.append(account.now)
        if account.state.halted:
            assert len(below) >= 2
            assert below[-1] == account.now
            assert below[-1] - below[0] >= looks.APART
            break
