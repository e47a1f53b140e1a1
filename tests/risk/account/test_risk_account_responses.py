"""The record of closed trades and what it does to the next entry."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.account.record import KEPT, Outcome, Record
from freqpilot.risk.account.responses import cap_factor, respond, streak_phase, win_rate_factor
from freqpilot.risk.entries.limits import judge
from freqpilot.risk.entries.sizing import Proposal, propose
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, OrderRequest

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
SETTINGS = RiskSettings()
BOOK = Book(stamp=NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)


def record(results: str, share: float = 0.001) -> Record:
    """Return the record of trades an hour apart, the last one now: w won, l lost, 0 neither."""
    found = Record()
    worth = {"w": 1.0, "l": -1.0, "0": 0.0}
    for place, letter in enumerate(results):
        time = NOW - timedelta(hours=len(results) - 1 - place)
        found = found.add(Outcome(place, time, worth[letter], worth[letter] * share))
    return found


@pytest.mark.parametrize(
    ("results", "streak"),
    [("", 0), ("w", 0), ("l", 1), ("wll", 2), ("ll0", 0), ("lwlll", 3)],
)
def test_losing_streak(results: str, streak: int) -> None:
    assert record(results).losses_in_a_row == streak


def test_a_review_begins_a_new_streak_and_keeps_the_outcomes() -> None:
    reviewed = record("llll").review()
    assert reviewed.losses_in_a_row == 0
    assert len(reviewed.outcomes) == 4
    assert reviewed.add(Outcome(9, NOW, -1.0, -0.1)).losses_in_a_row == 1


def test_figures_of_the_last_trades() -> None:
    found = record("wwwl" * 5)
    assert found.win_rate(20) == 0.75
    assert found.profit_factor(20) == 3.0
    assert math.isnan(found.win_rate(21))
    assert math.isnan(record("w" * 20).profit_factor(20)), "without a loss there is no factor"


def test_only_the_last_ones_are_kept() -> None:
    found = record("l" * 5 + "w" * KEPT)
    assert (len(found.outcomes), found.total) == (KEPT, KEPT + 5)
    assert found.win_rate(KEPT) == 1.0


def test_a_trade_is_known_by_its_id_and_close() -> None:
    found = record("w")
    assert found.holds(0, NOW)
    assert not found.holds(0, NOW + timedelta(seconds=1))
    assert not found.holds(1, NOW)


@given(st.text(alphabet="wl0", max_size=130), st.integers(0, 130))
def test_a_record_comes_back_equal(results: str, reviewed_at: int) -> None:
    found = record(results[:reviewed_at]).review()
    for outcome in record(results[reviewed_at:]).outcomes:
        found = found.add(outcome)
    assert Record.from_list(found.to_list()) == found


@pytest.mark.parametrize("saved", [[1, 2], [0, 0, [[1, NOW.isoformat(), 1, 1]]], [3, 4, []]])
def test_a_broken_record_is_refused(saved: list[object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Record.from_list(saved)


@pytest.mark.parametrize(
    ("results", "factor"),
    [
        ("w" + "l" * 4, None),
        ("w" + "l" * 5, 0.50),
        ("w" + "l" * 7, 0.50),
        ("w" + "l" * 8, 0.25),
        ("lllwllllwl", 0.50),  # eight of the last ten
        ("llwwllllwl", None),
    ],
)
def test_phases_of_a_losing_streak(results: str, factor: float | None) -> None:
    phase = streak_phase(record(results), NOW, SETTINGS)
    assert (phase.factor if phase else None) == factor


@pytest.mark.parametrize(
    ("share", "hours", "struck"), [(0.05, 1, True), (0.0499, 1, False), (0.05, 60, False)]
)
def test_a_burst_of_losses_is_a_streak_as_well(share: float, hours: int, struck: bool) -> None:
    found = Record()
    for number, age in enumerate((hours, 0)):
        time = NOW - timedelta(hours=age)
        found = found.add(Outcome(number, time, -1.0, -share))
    assert (streak_phase(found, NOW, SETTINGS) is not None) is struck


@pytest.mark.parametrize(
    ("results", "factor"),
    [
        ("wl" * 10, 1.0),
        ("w" * 9 + "l" * 11, 1.0),
        ("w" * 8 + "l" * 12, 0.75),
        ("w" * 33 + "l" * 17, 0.75),
        ("l" * 17 + "w" * 33, 1.20),
        ("l" * 18 + "w" * 32, 1.0),
        ("w" * 19, 1.0),
    ],
)
def test_win_rates(results: str, factor: float) -> None:
    if results == "w" * 9 + "l" * 11:
        assert record(results).win_rate(20) == 0.45
    assert win_rate_factor(record(results), SETTINGS) == factor


def test_causes_multiply_and_rises_lift_no_cap() -> None:
    response = respond(record("w" * 33 + "l" * 12), 0.5, None, NOW, SETTINGS)
    assert dict(response.factors) == {"restore": 0.5, "streak": 0.25, "win_rate": 0.75}
    assert response.threshold == 0.80
    book = replace(BOOK, peak=1000 / 0.85, factors=response.factors)
    assert cap_factor(book, SETTINGS) == pytest.approx(0.5 * 0.5 * 0.25 * 0.75)
    lucky = replace(BOOK, factors=(("win_rate", 1.2),))
    assert cap_factor(lucky, SETTINGS) == 1.0


factors = st.lists(
    st.tuples(st.sampled_from(["restore", "streak", "win_rate"]), st.floats(0.01, 1.5)), max_size=3
)


@given(
    factors=factors,
    drawdown=st.floats(0, 0.19),
    atr=st.floats(0.1, 30),
    confidence=st.floats(0.01, 1),
)
def test_a_proposed_stake_passes_the_gate_and_every_cap(
    factors: list[tuple[str, float]], drawdown: float, atr: float, confidence: float
) -> None:
    book = replace(BOOK, peak=1000 / (1 - drawdown), factors=tuple(factors))
    proposal = Proposal(NOW, "BTC/USDT", "long", 100.0, atr, confidence, 1.0, 0.0, 900.0)
    verdict = propose(proposal, book, SETTINGS)
    assert 0 <= verdict.stake <= 150 * cap_factor(book, SETTINGS) * (1 + 1e-9)
    if verdict.stake:
        order = OrderRequest(NOW, "BTC/USDT", "long", "entry", verdict.stake, 100.0)
        assert judge(order, book, SETTINGS).allowed


@given(factors=factors, extra=st.floats(0.01, 1), atr=st.floats(0.1, 30))
def test_another_cut_never_raises_the_stake(
    factors: list[tuple[str, float]], extra: float, atr: float
) -> None:
    proposal = Proposal(NOW, "BTC/USDT", "long", 100.0, atr, 0.9, 1.0, 0.0, 900.0)
    one = replace(BOOK, factors=tuple(factors))
    more = replace(BOOK, factors=(*factors, ("another", extra)))
    assert propose(proposal, more, SETTINGS).stake <= propose(proposal, one, SETTINGS).stake
