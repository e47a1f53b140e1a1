"""The simulated operator of a backtest: when it releases and reviews, and that it looks at nothing
that comes later."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from freqpilot.host.account import observed, verdict
from freqpilot.host.account.begin import begin
from freqpilot.host.run.current import end
from freqpilot.journal.backtest import halts_released
from freqpilot.risk.account.ledger import Ledger, closed, observe
from freqpilot.risk.account.record import Outcome, Record
from freqpilot.risk.account.releases import operate, released, reviewed
from freqpilot.risk.account.responses import streak_phase
from freqpilot.settings import RiskSettings, StreakPhase

SETTINGS = RiskSettings()
NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)


def hours(count: float) -> datetime:
    return NOON + timedelta(hours=count)


def after(*rows: tuple[float, float], chosen: RiskSettings = SETTINGS) -> Ledger:
    """Close trades: hours from noon, profit."""
    state = observe(Ledger.empty(), NOON, 1000, chosen)
    for number, (time, profit) in enumerate(rows):
        state = closed(state, Outcome(number, hours(time), profit, profit / 1000), chosen)
    return state


def losses(*times: float) -> list[tuple[float, float]]:
    return [(time, -1.0) for time in times]


EIGHT = losses(*range(8))


@pytest.mark.parametrize(
    ("trades", "time", "cause"),
    [
        (EIGHT, 7 + 71.99, None),
        (EIGHT, 7 + 72, "streak_review"),
        (losses(*range(7)), 1000, None),  # the first phase cuts, lapses and calls nobody
        ([*EIGHT, (20, 1.0)], 1000, None),  # a win ends the streak by itself
        ([(0, 5.0), *losses(*range(1, 10))], 8 + 71.99, None),  # from the 8th, not the last
        ([(0, 5.0), *losses(*range(1, 10))], 8 + 72, "streak_review"),
        (losses(*range(9), 40), 40 + 71.99, None),  # the third phase is a halt of its own
        (losses(*range(9), 40), 40 + 72, "streak"),
    ],
)
def test_a_streak_is_reviewed_when_a_person_would_have_to(
    trades: list[tuple[float, float]], time: float, cause: str | None
) -> None:
    before = after(*trades)
    seen = operate(before, hours(time), SETTINGS)
    assert released(before, seen) == cause
    if cause is None:
        assert seen is before
        return
    assert (seen.releases, seen.record.losses_in_a_row, seen.halted) == (1, 0, None)
    assert streak_phase(seen.record, hours(time), SETTINGS) is None
    assert operate(seen, hours(time), SETTINGS) is seen, "once"


def test_it_reviews_as_a_person_does() -> None:
    state = after(*EIGHT)
    assert operate(state, hours(79), SETTINGS) == reviewed(state)


def test_each_phase_after_the_first_has_hours_of_its_own() -> None:
    phases = [StreakPhase(losses=n, factor=0.5, threshold=0.5) for n in (2, 4, 6)]
    chosen = SETTINGS.model_copy(
        update={"streak_phases": tuple(phases), "simulated_operator_hours": 10}
    )
    state = after(*losses(0, 1, 2, 3), chosen=chosen)
    assert operate(state, hours(12.9), chosen) is state
    assert operate(state, hours(13), chosen).releases == 1
    further = after(*losses(0, 1, 2, 3, 4, 9), chosen=chosen)
    assert operate(further, hours(18.9), chosen) is further, "the third began at 9"
    assert operate(further, hours(19), chosen).releases == 1
    alone = chosen.model_copy(update={"streak_phases": tuple(phases[:1])})
    assert operate(further, hours(1000), alone) is further


MIXED = [(float(n), 1.0 if n in (1, 5) else -1.0) for n in range(10)]
"""Eight losses of ten, four in a row."""


@pytest.mark.parametrize("trades", [losses(*range(6)), MIXED])
def test_a_first_phase_lapses_when_nothing_is_closed(trades: list[tuple[float, float]]) -> None:
    """Its threshold may let no entry through, and then no win could ever end it."""
    record, last = after(*trades).record, trades[-1][0]
    first = SETTINGS.streak_phases[0]
    week = SETTINGS.streak_lapse_days * 24
    assert streak_phase(record, hours(last + week - 0.01), SETTINGS) == first
    assert streak_phase(record, hours(last + week), SETTINGS) is None


def test_a_lapse_lasts_for_one_loss_and_forgets_none() -> None:
    state, time = after(*losses(*range(5))), 4.0
    for number in (5, 6):
        time += 24 * SETTINGS.streak_lapse_days
        assert streak_phase(state.record, hours(time), SETTINGS) is None, "a trial"
        state = closed(state, Outcome(number, hours(time), -1.0, -0.001), SETTINGS)
        assert streak_phase(state.record, hours(time), SETTINGS) == SETTINGS.streak_phases[0]
    for number in (7, 8, 9):
        time += 24 * SETTINGS.streak_lapse_days
        state = closed(state, Outcome(number, hours(time), -1.0, -0.001), SETTINGS)
        second = streak_phase(state.record, hours(time + 100 * 24), SETTINGS)
        assert second == SETTINGS.streak_phases[1], "waits for a person"
    assert state.halted is not None


@given(st.lists(st.booleans(), max_size=130), st.integers(1, 120), st.integers(0, 130))
def test_the_trade_that_began_it_by_hand(won: list[bool], losses: int, seen: int) -> None:
    record = Record()
    for number, win in enumerate(won):
        record = record.review() if number == seen else record
        record = record.add(Outcome(number, hours(number), 1.0 if win else -1.0, 0.0))
    streak: list[int] = []
    for number, win in enumerate(won):
        streak = [] if win or number == seen else streak
        streak = streak if win else [*streak, number]
    streak = streak[-100:]
    found = record.lost_in_a_row(losses)
    expected = streak[losses - 1] if losses <= len(streak) else None
    assert (found.trade if found else None) == expected


STEPS = st.lists(
    st.tuples(st.floats(0, 40), st.sampled_from([-1.0, -1.0, -1.0, 1.0]), st.booleans()),
    max_size=40,
)


def played(rows: list[tuple[float, float, bool]]) -> list[Ledger]:
    state, time, states = observe(Ledger.empty(), NOON, 1000, SETTINGS), 0.0, []
    for number, (step, profit, closes) in enumerate(rows):
        time += step
        if closes:
            outcome = Outcome(number, hours(time), profit, profit / 1000)
            state = closed(state, outcome, SETTINGS)
        state = operate(observe(state, hours(time), 1000, SETTINGS), hours(time), SETTINGS)
        states.append(state)
    return states


@hypothesis_settings(max_examples=60, deadline=None)
@given(STEPS, STEPS)
def test_what_comes_later_changes_nothing_before(
    first: list[tuple[float, float, bool]], later: list[tuple[float, float, bool]]
) -> None:
    assert played([*first, *later])[: len(first)] == played(first)


@hypothesis_settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_streak_holds_entries_back_for_ever(rows: list[tuple[float, float, bool]]) -> None:
    """With nothing closed for 72 hours neither a halt nor a phase that calls a person is left."""
    states = played([*rows, (72.0, 0.0, False)])
    assert states[-1].halted is None
    assert streak_phase(states[-1].record, hours(10_000), SETTINGS) is None


def test_the_report_counts_each_cause() -> None:
    config = {"freqpilot": {}, "stake_currency": "USDT"}
    run = begin(config, live=False)
    observed.observe(run, NOON, 1000)
    run.state = replace(after(*EIGHT), equity=1000.0, stamp=hours(8))
    observed.observe(run, hours(78.9), 1000)
    assert verdict.facts(run)["released"] == {}
    observed.observe(run, hours(79), 1000)
    facts = verdict.facts(run)
    assert (facts["releases"], facts["released"]) == (1, {"streak_review": 1})
    assert halts_released(facts) == 0
    observed.observe(run, hours(80), 700)
    observed.observe(run, hours(152), 700)
    facts = verdict.facts(run)
    assert facts["released"] == {"streak_review": 1, "total_loss": 1}
    assert (facts["releases"], halts_released(facts)) == (2, 1)
    assert halts_released({"releases": 3}) == 3, "a result of before"
    end()
