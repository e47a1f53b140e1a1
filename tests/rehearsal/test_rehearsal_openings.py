"""What a bot may open while candles are late, and what it may close while stops are elsewhere."""

from decimal import Decimal

import pytest

from freqpilot.rehearsal.books.report import QUIET, LoopReport, Meanwhile
from freqpilot.rehearsal.books.watchman import FuturesWatchman, Watchman
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.spot import SpotVenue, Ticket

MINUTE, HOUR = 60_000, 3_600_000
LOOP = 15 * MINUTE
TAPE = Tape.from_market(SyntheticMarket(candles=200, seed=8))
START = TAPE.start + 100 * HOUR
AMOUNT = Decimal("0.01")
QUIET_BEFORE = 4
CALLED = Meanwhile(called=True)


def supervised(now: int) -> LoopReport:
    return LoopReport.of({"supervised": True, "stamp": now, "peak": 1_000.0, "process": 1})


def rules(watchman: Watchman) -> list[str]:
    return [each.rule for each in watchman.breaches if each.rule in ("late entry", "needless exit")]


def entered(
    late: int, minute: int, *, side: str = "BUY", fault_loop: int = -1, what: Meanwhile = QUIET
) -> Watchman:
    """A bot that sends an order so many minutes after a candle's close, while candles are late by
    so many; a fault strikes in the loop of this number."""
    venue = SpotVenue(TAPE, {"USDT": Decimal(50_000)})
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", AMOUNT), START)
    watchman, strikes = Watchman(venue), 0
    for number in range(QUIET_BEFORE + 1):
        now = START + HOUR + number * LOOP
        if number == QUIET_BEFORE:
            venue.late["BTCUSDT"] = late * MINUTE
            now = START + 2 * HOUR + minute * MINUTE
            venue.submit(Ticket("BTCUSDT", side, "MARKET", AMOUNT / 2), now)
        strikes += number == fault_loop
        watchman.loop_ended(now + 1, strikes, supervised(now), what)
    return watchman


@pytest.mark.parametrize(
    ("late", "minute", "found"),
    [
        (20, 0, ["late entry"]),
        (20, 19, ["late entry"]),
        (20, 20, []),  # it has come
        (90, 59, ["late entry"]),  # none of this hour comes within it
        (0, 0, []),
    ],
)
def test_no_entry_while_the_newest_candle_has_not_come(
    late: int, minute: int, found: list[str]
) -> None:
    watchman = entered(late, minute)
    assert rules(watchman) == found
    assert all("BTCUSDT" in breach.text for breach in watchman.breaches if found)


def test_what_reduces_needs_no_candle() -> None:
    assert rules(entered(20, 0, side="SELL")) == []


def test_a_person_may_enter_whatever_the_candles_are() -> None:
    assert rules(entered(20, 0, what=CALLED)) == []


@pytest.mark.parametrize("fault_loop", [2, 3, 4])
def test_an_order_may_arrive_loops_after_it_was_sent(fault_loop: int) -> None:
    assert rules(entered(20, 0, fault_loop=fault_loop)) == []
    assert rules(entered(20, 0, fault_loop=1)) == ["late entry"]


@pytest.mark.parametrize(
    ("home", "way", "halted", "found"),
    [
        ("plain", "MARKET", None, ["needless exit"]),
        ("plain", "LIMIT", None, []),
        ("nowhere", "MARKET", None, []),
        ("algo", "MARKET", None, []),
        ("plain", "MARKET", "7 losing trades in a row", []),
    ],
)
def test_no_position_is_closed_for_want_of_a_stop_that_is_taken_elsewhere(
    home: str, way: str, halted: str | None, found: list[str]
) -> None:
    venue = FuturesVenue(TAPE, {"USDT": Decimal(50_000)})
    venue.set_margin_type("BTCUSDT", "ISOLATED")
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", AMOUNT), START)
    watchman = FuturesWatchman(venue)
    for number in range(QUIET_BEFORE + 1):
        now = START + 1 + number * LOOP
        if number == QUIET_BEFORE:
            venue.stop_home = home  # type: ignore[assignment]
            price = Decimal(str(TAPE.symbol("BTCUSDT").price(now)))
            limit = None if way == "MARKET" else round(price, 1)
            asked = Ticket("BTCUSDT", "SELL", way, AMOUNT, limit=limit, reduce_only=True)
            venue.submit(asked, now)
        told = LoopReport.of({**vars(supervised(now)), "halted": halted})
        watchman.loop_ended(now + 1, 0, told)
    assert rules(watchman) == found


def test_what_a_triggered_stop_has_become_is_no_entry() -> None:
    venue = FuturesVenue(TAPE, {"USDT": Decimal(50_000)})
    venue.set_margin_type("BTCUSDT", "ISOLATED")
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", AMOUNT), START)
    watchman = FuturesWatchman(venue)
    for number in range(QUIET_BEFORE + 1):
        now = START + 1 + number * LOOP
        if number == QUIET_BEFORE:
            venue.late["BTCUSDT"] = 2 * HOUR
            child = {"client_id": "algo-7", "reduce_only": True}
            venue.submit(Ticket("BTCUSDT", "SELL", "MARKET", AMOUNT, **child), now)
        watchman.loop_ended(now + 1, 0, supervised(now))
    assert rules(watchman) == []
