"""What a latch says, what a release leaves behind, and how sizes come back day by day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.risk.account.flows import Fall, Flows
from freqpilot.risk.account.ledger import Ledger, closed, observe
from freqpilot.risk.account.record import Outcome, Record
from freqpilot.risk.account.releases import release, retry, reviewed
from freqpilot.risk.account.responses import Response
from freqpilot.settings import RiskSettings

SETTINGS = RiskSettings()
NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)


def hours(count: float) -> datetime:
    return NOON + timedelta(hours=count)


def run(*equities: float, state: Ledger | None = None, begin: float = 0) -> Ledger:
    """Observe equities an hour apart."""
    state = state or Ledger.empty()
    for number, equity in enumerate(equities):
        state = observe(state, hours(begin + number), equity, SETTINGS)
    return state


def test_an_account_that_was_not_seen_has_no_figures() -> None:
    plain = Ledger.empty().to_dict()
    assert (plain.pop("restore"), plain.pop("usd")) == (1.0, 1.0)
    assert plain.pop("record") == Record().to_list()
    assert plain.pop("flows") == Flows().to_dict()
    assert set(plain.values()) == {None, 0}


def test_the_streak_says_how_long_it_was() -> None:
    state = run(1000)
    for number in range(10):
        state = closed(state, Outcome(number, hours(number), -1.0, -0.001), SETTINGS)
    assert state.halted == "10 losing trades in a row (limit 10)"


def test_a_streak_does_not_take_the_place_of_a_loss_that_closes_everything() -> None:
    state = run(1000, 790)
    for number in range(10):
        state = closed(state, Outcome(number, hours(number), -1.0, -0.001), SETTINGS)
    assert (state.cause, state.halted_at) == ("total_loss", hours(1))


def test_the_book_carries_the_response() -> None:
    state = run(1000)
    response = Response((("streak", 0.5),), 0.65, "wait")
    book = state.book((), response)
    assert book is not None
    assert (book.factors, book.threshold, book.wait) == (response.factors, 0.65, "wait")


def test_a_released_halt_leaves_nothing_behind() -> None:
    state = run(1000, 2000, 1690, 1600)
    assert state.wait_until
    assert state.halted
    free = release(state, hours(9))
    assert (free.halted, free.cause, free.halted_at, free.wait_until) == (None, None, None, None)
    assert (free.level, free.restore, free.restore_at, free.restore_equity) == (
        0,
        0.0,
        hours(9),
        1600,
    )
    assert free.summit == 2000, "the highest equity ever stays"


def test_an_acknowledgement_is_counted_once() -> None:
    free = release(run(1000, 2000, 1690), hours(3))
    assert (free.wait_until, free.releases) == (None, 1)
    assert release(free, hours(4)) is free
    again = release(run(2000, 1690, state=free, begin=4), hours(9))
    assert again.releases == 2


def test_a_new_peak_ends_the_drawdown() -> None:
    state = run(2000, 1799)
    assert state.level == 2
    assert run(2000, state=state, begin=2).level == 0


@pytest.mark.parametrize("equity", [0.5, 1.0])
def test_an_account_of_a_coin_is_an_account(equity: float) -> None:
    """Where money is counted in coins, less than one is much."""
    state = run(equity)
    assert state.book() is not None
    assert state.tier == "Foundation"
    assert Ledger.from_dict(state.to_dict()) == state
    fallen = run(equity * 0.7, state=state, begin=1)
    assert release(fallen, hours(2)).halted is None


RELEASED = release(run(1000, 2000, 1600), hours(80))


def stepped(*rows: tuple[float, float]) -> Ledger:
    """Observe equities so many days after the release."""
    state = observe(RELEASED, hours(80), 1600, SETTINGS)
    for days, equity in rows:
        state = observe(state, hours(80 + 24 * days), equity, SETTINGS)
    return state


@pytest.mark.parametrize(
    ("rows", "restore"),
    [
        ([], 0.25),
        ([(6.99, 1600)], 0.25),
        ([(7, 1600)], 0.50),
        ([(7, 1599)], 0.25),
        ([(7, 1599), (8, 1600)], 0.50),
        ([(7, 1600), (13.99, 1600)], 0.50),
        ([(7, 1600), (14, 1600)], 0.75),
        ([(7, 1700), (14, 1699)], 0.50),
        ([(7, 1700), (14, 1700)], 0.75),
        ([(7, 1600), (14, 1600), (21, 1600)], 1.0),
        ([(1, 1999)], 0.25),
        ([(1, 2000)], 1.0),
    ],
)
def test_a_step_takes_seven_days_that_did_not_lose(
    rows: list[tuple[float, float]], restore: float
) -> None:
    state = stepped(*rows)
    assert state.restore == restore
    assert (state.restore_at is None) == (restore == 1.0)


def test_an_old_ledger_without_a_tier_or_money_gets_none() -> None:
    old = {k: v for k, v in run(1000).to_dict().items() if not k.startswith("tier")}
    state = observe(Ledger.from_dict(old), hours(1), -5, SETTINGS)
    assert (state.tier, state.tier_peak, state.equity) == (None, 0.0, -5)


@pytest.mark.parametrize("change", [{"releases": 1.5}, {"peak": 0.0}, {"start": -1.0}])
def test_figures_that_cannot_be_refuse_to_start(change: dict[str, Any]) -> None:
    with pytest.raises(RefuseToStart):
        Ledger.from_dict({**replace(run(1000)).to_dict(), **change})


def lost(count: int, state: Ledger) -> Ledger:
    for number in range(count):
        state = closed(state, Outcome(number, hours(number), -1.0, -0.001), SETTINGS)
    return state


def test_a_streak_that_was_looked_at_counts_anew_and_a_halt_stays() -> None:
    seen = replace(lost(10, run(1000)), releases=5)
    after = reviewed(seen)
    assert (after.record.losses_in_a_row, after.record.reviewed, after.releases) == (0, 10, 6)
    assert after == replace(seen, record=after.record, releases=6), "nothing else changes"
    assert after.halted


def test_an_edge_gets_another_trial_and_a_streak_stays() -> None:
    seen = replace(lost(9, run(1000)), releases=5)
    after = retry(seen)
    assert (seen.record.edge().trades, after.record.edge().trades) == (9, 0)
    assert (after.record.losses_in_a_row, after.releases) == (9, 6)
    assert after == replace(seen, record=after.record, releases=6), "nothing else changes"


def test_a_release_takes_what_is_gone_for_a_loss_and_leaves_what_waits() -> None:
    fall = Fall(hours(0), 160.0, 1000.0, NOON.date(), None, 840.0)
    waits = Flows(falls=(fall,), deposit=50.0, until=hours(99), read=3)
    state = replace(run(1000, 840), flows=waits)
    assert state.halted
    assert release(state, hours(2)).flows == replace(waits, falls=())


@pytest.mark.parametrize(
    ("equity", "peak", "fall"),
    [(750.0, 1_000.0, 0.25), (1_000.0, 1_000.0, 0.0), (1_100.0, 1_000.0, 0.0), (5.0, 0.5, 0.0)],
)
def test_the_fall_from_the_peak(equity: float, peak: float, fall: float) -> None:
    assert Ledger(equity=equity, peak=peak).drawdown == pytest.approx(fall)


def test_without_a_peak_all_is_lost() -> None:
    assert [Ledger(equity=1.0, peak=peak).drawdown for peak in (0.0, -1.0)] == [1.0, 1.0]


def test_the_book_falls_as_its_ledger() -> None:
    state = run(1_000.0, 900.0, 925.0)
    book = state.book()
    assert book is not None
    assert book.drawdown == state.drawdown == pytest.approx(0.075)
