"""A clock that was ahead: the ledger goes back with it, and nothing that protects is lost."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.account import clock
from freqpilot.risk.account.flows import Fall, Flows
from freqpilot.risk.account.ledger import Ledger, closed, observe
from freqpilot.risk.account.record import Outcome, Record
from freqpilot.risk.account.releases import release
from freqpilot.risk.entries.limits import judge
from freqpilot.settings import RiskSettings
from freqpilot.shapes import OrderRequest

SETTINGS = RiskSettings()
NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)  # a Wednesday
YEAR = timedelta(days=400)


def seen(*rows: tuple[datetime, float], state: Ledger | None = None) -> Ledger:
    state = state or Ledger.empty()
    for time, equity in rows:
        state = observe(state, time, equity, SETTINGS)
    return state


def after(**span: float) -> datetime:
    return NOON + timedelta(**span)


def test_a_ledger_that_was_in_the_future_sees_again_after_a_restart() -> None:
    ahead = seen((NOON, 1_000), (NOON + YEAR, 1_000))
    kept = Ledger.from_dict(json.loads(json.dumps(ahead.to_dict())))
    assert clock.went_back(kept, after(minutes=1))
    state = seen((after(minutes=1), 800), state=clock.set_back(kept, after(minutes=1)))
    assert (state.stamp, state.peak, state.equity) == (after(minutes=1), 1_000, 800)
    assert state.cause == "total_loss"
    book = state.book()
    assert book is not None
    order = OrderRequest(after(minutes=1), "BTC/USDT", "long", "entry", 10.0, 100.0)
    assert "trading is halted" in str(judge(order, book, SETTINGS).veto)


def test_a_small_correction_needs_no_cure() -> None:
    state = seen((after(seconds=5), 1_000))
    assert not clock.went_back(state, NOON)
    assert not clock.went_back(Ledger.empty(), NOON)
    assert clock.went_back(seen((after(seconds=5.1), 1_000)), NOON)
    assert clock.set_back(Ledger.empty(), NOON) == Ledger.empty()


def test_a_wait_that_began_while_the_clock_was_ahead_lasts_as_long_as_it_had_to() -> None:
    ahead = seen((NOON, 1_000), (NOON + YEAR, 1_200), (NOON + YEAR + timedelta(hours=1), 1_010))
    assert ahead.wait_until == NOON + YEAR + timedelta(hours=25)
    ahead = replace(ahead, stamp=NOON + YEAR + timedelta(hours=6))
    state = clock.set_back(ahead, after(minutes=1))
    assert state.wait_until == after(minutes=1, hours=19)
    response = state.response(after(hours=18), SETTINGS)
    assert "entries wait" in str(response.wait)


def test_a_wait_of_before_the_jump_keeps_its_end() -> None:
    before = seen((NOON, 1_000), (after(minutes=1), 1_200), (after(minutes=2), 1_010))
    assert before.wait_until == after(minutes=2, days=1)
    ahead = seen((NOON + YEAR, 1_010), state=before)
    assert clock.set_back(ahead, after(minutes=3)).wait_until == before.wait_until


def test_no_loss_limit_is_renewed() -> None:
    """The day and the week of a clock that was ahead go on as those of today."""
    ahead = seen((NOON, 1_000), (NOON + YEAR, 970), (NOON + YEAR + timedelta(hours=1), 960))
    state = seen((after(hours=1), 950), state=clock.set_back(ahead, after(hours=1)))
    assert (state.day, state.week) == (NOON.date(), NOON.date() - timedelta(days=2))
    assert (state.day_start, state.week_start) == (970, 970)
    assert seen((after(hours=13), 950), state=state).day_start == 950


def test_times_that_have_not_come_are_now() -> None:
    ahead = seen((NOON, 1_000), (NOON + YEAR, 700))
    assert ahead.halted_at == NOON + YEAR
    state = clock.set_back(ahead, after(minutes=1))
    assert (state.halted, state.halted_at) == (ahead.halted, after(minutes=1))
    freed = clock.set_back(release(ahead, NOON + YEAR), after(minutes=1))
    assert (freed.rebased_at, freed.restore_at) == (after(minutes=1), after(minutes=1))
    assert (freed.peak, freed.restore) == (700, 0.0)


def test_a_trade_that_was_closed_in_the_future_counts_once_and_as_of_now() -> None:
    late = NOON + YEAR
    ahead = closed(seen((NOON, 1_000), (late, 1_000)), Outcome(7, late, -9.0, -0.009), SETTINGS)
    state = clock.set_back(ahead, after(minutes=1))
    (outcome,) = state.record.outcomes
    assert (outcome.time, outcome.noted) == (after(minutes=1), late)
    assert state.record.holds(7, late), "Freqtrade's database has that time for good"
    assert state.record.holds(7, after(minutes=1))
    assert not state.record.holds(7, after(minutes=2))
    assert not state.record.holds(8, late)
    assert Record.from_list(json.loads(json.dumps(state.record.to_list()))) == state.record
    assert state.record.quiet(after(days=7, minutes=1)) == timedelta(days=7)
    again = clock.set_back(replace(state, stamp=late), NOON)
    assert again.record.outcomes[0].noted == late, "the first time is the database's"


def test_flows_go_back_as_well() -> None:
    late = NOON + YEAR
    fall = Fall(late, 50.0, 1_000.0, late.date(), late.date(), 950.0)
    early = Fall(NOON, 20.0, 900.0, NOON.date(), None, 880.0)
    flows = Flows(falls=(early, fall), withdrawal=10.0, until=late + timedelta(days=3))
    state = clock.set_back(replace(seen((late, 1_000)), flows=flows), after(minutes=1))
    monday = NOON.date() - timedelta(days=2)
    assert state.flows == replace(
        flows,
        falls=(early, fall._replace(time=after(minutes=1), day=NOON.date(), week=monday)),
        until=after(minutes=1, days=3),
    )


TIMES = st.integers(0, 60 * 24 * 30).map(lambda minutes: after(minutes=minutes))


@given(
    rows=st.lists(st.tuples(TIMES, st.floats(500, 1_500)), min_size=1, max_size=20),
    back=st.integers(1, 60 * 24 * 40),
)
def test_going_back_keeps_what_protects(rows: list[tuple[datetime, float]], back: int) -> None:
    ahead = seen(*sorted(rows))
    assert ahead.stamp is not None
    now = ahead.stamp - timedelta(minutes=back)
    state = clock.set_back(ahead, now)
    kept = {each.name for each in fields(Ledger)} - {
        "stamp",
        "day",
        "week",
        "halted_at",
        "rebased_at",
        "restore_at",
        "wait_until",
        "record",
        "flows",
    }
    assert {name: getattr(state, name) for name in kept} == {
        name: getattr(ahead, name) for name in kept
    }
    assert not clock.went_back(state, now)
    if ahead.wait_until is not None and ahead.wait_until > ahead.stamp:
        assert state.wait_until is not None
        assert state.wait_until - now == ahead.wait_until - ahead.stamp
    assert observe(state, now, ahead.equity, SETTINGS).stamp == now
    Ledger.from_dict(json.loads(json.dumps(state.to_dict())))
