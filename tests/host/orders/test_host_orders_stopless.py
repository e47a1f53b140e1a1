"""Entries wait while no stop can be placed, and go on by themselves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from order_stage import CONFIG, ENTRY, EXIT, Api, send

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.orders.stopless import FIRST, LONGEST, Stopless
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock

PAIR = "SOL/USDT:USDT"


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(datetime(2026, 1, 1, 12, tzinfo=UTC)) as clock:
        begin(CONFIG, live=False)
        assert current().name
        yield clock
        end()


@pytest.fixture
def stopless() -> Stopless:
    return current().part(Stopless)


def waits(stopless: Stopless) -> bool:
    try:
        stopless.require()
    except NoEntry:
        return True
    return False


def levels(kind: str) -> list[str]:
    return [event.level for event in current().store.events(kind)]


def test_entries_go_while_stops_can_be_placed(stopless: Stopless) -> None:
    stopless.sent()
    stopless.placed()
    assert not waits(stopless)
    assert not levels("no stops over")


def test_they_wait_once_none_can_be_and_go_on_when_one_was(stopless: Stopless) -> None:
    for _ in range(3):
        stopless.refuse(PAIR, "-4120")
    with pytest.raises(NoEntry, match=r"no stop can be placed \(-4120\).* tried at 12:15 UTC"):
        stopless.require()
    assert levels("no stops") == ["CRITICAL"]
    stopless.placed()
    assert not waits(stopless)
    assert levels("no stops over") == ["WARNING"]


def test_one_entry_is_let_through_after_a_while_and_the_others_wait_for_its_stop(
    stopless: Stopless, clock: VirtualClock
) -> None:
    stopless.refuse(PAIR, "-4120")
    clock.advance(FIRST.total_seconds() - 1)
    assert waits(stopless)
    clock.advance(1)
    assert not waits(stopless)
    assert not waits(stopless), "it is sent that counts, not what is asked"
    stopless.sent()
    assert waits(stopless)
    stopless.placed()
    assert not waits(stopless)


def test_each_that_fails_doubles_the_wait_up_to_a_bound(
    stopless: Stopless, clock: VirtualClock
) -> None:
    stopless.refuse(PAIR, "-4120")
    expected, waited = FIRST, []
    for _ in range(6):
        clock.advance(expected.total_seconds())
        assert not waits(stopless)
        stopless.sent()
        stopless.refuse(PAIR, "-4120")
        expected = min(LONGEST, 2 * expected)
        waited.append(expected)
        clock.advance(expected.total_seconds() - 1)
        assert waits(stopless)
        clock.advance(-expected.total_seconds() + 1)
    assert waited[-1] == LONGEST == timedelta(hours=4)
    assert len(levels("no stops")) == 7


def test_one_that_was_never_filled_leaves_room_for_the_next(
    stopless: Stopless, clock: VirtualClock
) -> None:
    """Nothing comes of its stop, neither way."""
    stopless.refuse(PAIR, "-4120")
    clock.advance(FIRST.total_seconds())
    stopless.sent()
    assert waits(stopless)
    clock.advance(FIRST.total_seconds())
    assert not waits(stopless)


def test_what_raises_risk_is_a_trial_and_an_exit_is_none(
    stopless: Stopless, clock: VirtualClock
) -> None:
    api = Api(clock)
    stopless.refuse(PAIR, "-4120")
    clock.advance(FIRST.total_seconds())
    send(api, EXIT, side="sell")
    assert not waits(stopless)
    send(api, ENTRY)
    assert waits(stopless)


def test_a_clock_that_goes_back_makes_no_entry_wait_longer(
    stopless: Stopless, clock: VirtualClock
) -> None:
    stopless.refuse(PAIR, "-4120")
    clock.advance(-36 * 3_600)
    assert not waits(stopless)
    stopless.sent()
    assert waits(stopless)
