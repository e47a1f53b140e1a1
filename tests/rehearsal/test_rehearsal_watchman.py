"""The watchman: what a bot must do within a number of loops that nothing disturbs."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from freqpilot.rehearsal.books.report import LoopReport, Meanwhile
from freqpilot.rehearsal.books.watchman import FuturesWatchman, Watchman
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.spot import LOT, SpotVenue, Ticket, rounded

HOUR = 3_600_000
TAPE = Tape.from_market(SyntheticMarket(candles=200, seed=8))
START = TAPE.start + 100 * HOUR
AMOUNT = Decimal("0.1")
PLAIN = LoopReport()
HALT = "7 losing trades in a row (limit 7), equity 700.00"


def fallen(factor: float, *pairs: str) -> Tape:
    """Return the market with a jump an hour after the start."""
    tape = TAPE
    for pair in pairs or ("BTC/USDT",):
        tape = tape.jumped(pair, START + HOUR, 2**62, factor)
    return tape


def near(share: float, symbol: str = "BTCUSDT", now: int = START) -> Decimal:
    pair = TAPE.symbol(symbol)
    tick = Decimal(str(pair.tick))
    return rounded(Decimal(str(pair.price(now))) * Decimal(str(share)), tick, up=False)


def bought(tape: Tape = TAPE) -> SpotVenue:
    venue = SpotVenue(tape, {"USDT": Decimal(50_000)})
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", AMOUNT), START)
    return venue


def all_of(venue: SpotVenue) -> Decimal:
    return rounded(venue.free("BTC"), LOT, up=False)


def guard(venue: SpotVenue, now: int = START) -> None:
    asked = Ticket(
        "BTCUSDT", "SELL", "STOP_LOSS_LIMIT", all_of(venue), limit=near(0.89), stop=near(0.9)
    )
    venue.submit(asked, now)


def leave(venue: SpotVenue, share: float = 1.01) -> None:
    venue.submit(Ticket("BTCUSDT", "SELL", "LIMIT", all_of(venue), limit=near(share)), START)


def leave_far_above(venue: SpotVenue) -> None:
    leave(venue, 1.1)


def sell(venue: SpotVenue, now: int = START) -> None:
    venue.submit(Ticket("BTCUSDT", "SELL", "MARKET", all_of(venue)), now)


def withdraw(venue: SpotVenue, now: int = START) -> None:
    for order in venue.open_orders():
        venue.cancel(order, now)


def ask_for_more(venue: SpotVenue) -> None:
    venue.submit(Ticket("BTCUSDT", "BUY", "LIMIT", AMOUNT, limit=near(0.8)), START)


def watched(
    *loops: tuple[Callable[[SpotVenue], object] | None, bool], report: LoopReport = PLAIN
) -> Watchman:
    """Loops of a bot that bought at the start: what it does before the loop's end, and whether a
    fault has struck meanwhile."""
    venue = bought()
    watchman, strikes = Watchman(venue), 0
    for number, (act, fault) in enumerate(loops):
        if act is not None:
            act(venue)
        strikes += fault
        watchman.loop_ended(START + number * 1000, strikes, report)
    assert watchman.loops == len(loops)
    return watchman


QUIET, FAULT = (None, False), (None, True)
LOOPS = [
    ([QUIET], 0),  # it has until the next loop
    ([QUIET, QUIET], 1),
    ([QUIET] * 9, 1),  # told once
    ([(guard, False), QUIET, QUIET], 0),
    ([(leave, False), QUIET, QUIET], 0),
    ([(leave_far_above, False), QUIET], 1),  # nothing will fill it
    ([(sell, False), QUIET, QUIET], 0),  # dust needs no stop
    ([QUIET, (guard, False), (withdraw, False), (guard, False)], 0),
    ([(guard, False), (withdraw, False), QUIET], 1),
    ([QUIET, QUIET, (guard, False), (withdraw, False), QUIET], 2),
    ([(ask_for_more, False), QUIET], 1),  # a buy guards nothing
    ([FAULT, FAULT, FAULT, FAULT], 0),
    ([FAULT, QUIET, FAULT, QUIET], 1),
    ([QUIET, FAULT, FAULT, QUIET], 1),
    ([QUIET, FAULT, (guard, False)], 0),
]


@pytest.mark.parametrize(("loops", "breaches"), LOOPS)
def test_a_position_is_not_left_without_stop_or_exit(loops: list[Any], breaches: int) -> None:
    found = watched(*loops).breaches
    assert [breach.rule for breach in found] == ["stop"] * breaches
    assert all("BTCUSDT" in breach.text for breach in found)


def test_a_bot_that_keeps_its_stops_to_itself_is_not_watched() -> None:
    assert watched(*[QUIET] * 5, report=LoopReport(stops=False)).breaches == []


def test_a_bot_that_is_stopped_is_not_watched() -> None:
    assert watched(*[QUIET] * 5, report=LoopReport(running=False)).breaches == []


def test_what_many_exits_left_over_is_no_position() -> None:
    venue, small, now = SpotVenue(TAPE, {"USDT": Decimal(50_000)}), Decimal("0.00101"), START
    watchman = Watchman(venue)
    for _ in range(12):
        now += 1
        venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", small), now)
        rest = Ticket("BTCUSDT", "SELL", "MARKET", rounded(small - LOT, LOT, up=False))
        venue.submit(rest, now)
    price = Decimal(str(TAPE.symbol("BTCUSDT").price(now)))
    assert venue.balances["BTC"] * price > 5
    assert not watchman.holds("BTCUSDT", now)
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", small), now)
    assert watchman.holds("BTCUSDT", now)


def test_each_symbol_is_watched_apart() -> None:
    def buy_another(venue: SpotVenue) -> None:
        venue.submit(Ticket("ETHUSDT", "BUY", "MARKET", Decimal(1)), START)

    (breach,) = watched((guard, False), (buy_another, False), QUIET, QUIET).breaches
    assert "ETHUSDT" in breach.text


# a stop that the price jumps over

JUMPED = [
    (0.97, [None, None, None], []),  # not as far as the stop
    (0.7, [None], []),  # one loop to see it
    (0.7, [None, None], ["stop", "jumped stop"]),  # its limit is far above: it guards nothing
    (0.7, [None, sell], []),
    (0.7, [withdraw, None], ["stop", "jumped stop"]),
    (0.895, [None, None, None], []),  # between the trigger and its limit: filled
]


@pytest.mark.parametrize(("factor", "acts", "rules"), JUMPED)
def test_beyond_its_stop_a_position_is_closed_within_two_loops(
    factor: float, acts: list[Any], rules: list[str]
) -> None:
    venue = bought(fallen(factor))
    guard(venue)
    watchman = Watchman(venue)
    watchman.loop_ended(START, 0, PLAIN)
    for number, act in enumerate(acts):
        now = START + HOUR + 1_000 + number * 900_000
        venue.advance(now)
        if act is withdraw:
            act(venue, now)
        elif act is not None:
            withdraw(venue, now)
            act(venue, now)
        watchman.loop_ended(now, 0, PLAIN)
    assert [breach.rule for breach in watchman.breaches] == rules


def test_a_triggered_stop_whose_limit_is_out_of_reach_guards_nothing() -> None:
    venue = bought(fallen(0.5))
    guard(venue)
    watchman, now = Watchman(venue), START + HOUR + 1_000
    assert not watchman.is_naked("BTCUSDT", START)
    venue.advance(now)
    assert venue.open_orders("BTCUSDT")
    assert watchman.is_naked("BTCUSDT", now)


def test_the_stop_of_a_position_that_was_closed_says_nothing_of_the_next() -> None:
    venue = bought(fallen(0.7))
    guard(venue)
    watchman, now = Watchman(venue), START + HOUR + 1_000
    withdraw(venue)
    sell(venue)
    watchman.loop_ended(START + 1, 0, PLAIN)
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", AMOUNT), now)
    assert watchman.jumped("BTCUSDT", now) is None


# what the account is worth

SUPERVISED = LoopReport(supervised=True, equity=1.0, stamp=2**62)
HALTED = LoopReport(supervised=True, halted=HALT, equity=1.0, stamp=2**62)


def saved(path: Path, halted: str | None) -> Path:
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("create table if not exists risk_state (key text primary key, state text)")
        row = ("ledger live", json.dumps({"halted": halted}))
        store.execute("insert or replace into risk_state values (?, ?)", row)
    return path


def rules_of(watchman: Watchman) -> list[str]:
    return [breach.rule for breach in watchman.breaches]


def test_a_loss_beyond_the_limit_is_halted_within_two_looks() -> None:
    venue = SpotVenue(fallen(0.5), {"USDT": Decimal(10_000)})
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", AMOUNT), START)
    watchman, report = Watchman(venue), LoopReport(False, supervised=True, stamp=2**62)
    watchman.loop_ended(START, 0, report)
    assert watchman.equity(START) > 9_900
    for number in range(2):
        assert rules_of(watchman) == []
        watchman.loop_ended(START + HOUR + 1_000 + number, 0, report)
    assert rules_of(watchman) == ["equity"]
    assert "the bot saw nothing" in watchman.breaches[0].text


@pytest.mark.parametrize(
    ("drawdown", "factor", "rules"),
    [("0.2", 0.97, []), ("0.01", 0.97, ["equity"]), ("0.2", 0.7, ["equity"])],
)
def test_the_limit_is_the_configs(drawdown: str, factor: float, rules: list[str]) -> None:
    venue = SpotVenue(fallen(factor), {"USDT": Decimal(10_000)})
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", AMOUNT), START)
    watchman = Watchman(venue, drawdown=Decimal(drawdown))
    for now in (START, START + HOUR + 1_000, START + HOUR + 2_000):
        watchman.loop_ended(now, 0, LoopReport(False, supervised=True, stamp=2**62))
    assert rules_of(watchman) == rules


def test_a_delisted_coin_is_worth_nothing_and_needs_no_stop() -> None:
    venue = bought()
    watchman = Watchman(venue)
    before = watchman.equity(START)
    venue.delist("BTCUSDT", START)
    assert watchman.equity(START) == venue.balances["USDT"] < before
    assert not watchman.is_naked("BTCUSDT", START)


def test_a_future_is_worth_its_profit() -> None:
    venue = FuturesVenue(fallen(0.8), {"USDT": Decimal(10_000)})
    venue.set_margin_type("BTCUSDT", "ISOLATED")
    venue.set_leverage("BTCUSDT", 2)
    venue.submit(Ticket("BTCUSDT", "SELL", "MARKET", AMOUNT), START)
    watchman, later = FuturesWatchman(venue), START + HOUR + 1_000
    gained = watchman.equity(later) - watchman.equity(START)
    price = Decimal(str(venue.tape.symbol("BTCUSDT").price(START)))
    assert gained == pytest.approx(AMOUNT * price * Decimal("0.2"), rel=Decimal("0.05"))
    assert watchman.is_naked("BTCUSDT", START)
    stop = Ticket(
        "BTCUSDT", "BUY", "STOP_MARKET", AMOUNT, stop=near(1.05), reduce_only=True, client_id="s"
    )
    venue.submit(stop, START)
    assert not watchman.is_naked("BTCUSDT", START)
    assert watchman.jumped("BTCUSDT", START) is None


# what the bot says of itself


def test_a_halt_is_saved_and_said(tmp_path: Path) -> None:
    store = saved(tmp_path / "s.sqlite", None)
    watchman = Watchman(SpotVenue(TAPE, {"USDT": Decimal(1)}), store)
    for loop in range(3):
        assert rules_of(watchman) == []
        assert watchman.awaits_message(HALTED) is (loop == 2)  # the last chance
        watchman.loop_ended(START + loop, 0, HALTED)
    assert rules_of(watchman) == ["halt not saved", "nobody told"]


def test_a_halt_that_is_saved_and_said_in_time_is_no_breach(tmp_path: Path) -> None:
    store = saved(tmp_path / "s.sqlite", None)
    watchman = Watchman(SpotVenue(TAPE, {"USDT": Decimal(1)}), store)
    for loop in range(2):
        watchman.loop_ended(START + loop, 0, HALTED)
    saved(store, HALT)
    escaped = HALT.replace(".", "\\.")
    watchman.messages.append(f"EMERGENCY: {escaped} (more)")
    assert not watchman.awaits_message(HALTED)
    for loop in range(2, 9):
        watchman.loop_ended(START + loop, 0, HALTED)
    assert rules_of(watchman) == []


@pytest.mark.parametrize("out", [False, True])
def test_while_the_store_is_out_a_halt_need_not_be_saved(tmp_path: Path, out: bool) -> None:
    watchman = Watchman(SpotVenue(TAPE, {"USDT": Decimal(1)}), saved(tmp_path / "s", None))
    for loop in range(4):
        watchman.loop_ended(START + loop, 0, HALTED, Meanwhile(store_out=out))
    assert ("halt not saved" in rules_of(watchman)) is not out


STAMPED = [
    ([START, START + 1, START + 2], []),
    ([START, START, START + 2], ["not observed"]),
    ([START, START, START, START + 3], ["not observed"]),
    ([None, START + 1, START + 1], ["not observed"] * 2),
]


@pytest.mark.parametrize(("stamps", "rules"), STAMPED)
def test_the_account_is_looked_at_in_each_loop(stamps: list[int | None], rules: list[str]) -> None:
    watchman = Watchman(SpotVenue(TAPE, {"USDT": Decimal(1)}))
    for loop, stamp in enumerate(stamps):
        watchman.loop_ended(START + loop, 0, LoopReport(supervised=True, stamp=stamp))
    assert rules_of(watchman) == rules


@pytest.mark.parametrize(
    ("waits", "strikes", "rules"),
    [
        ([True, True, False, True], [0, 0, 0, 0], []),
        ([True, True, True], [0, 0, 0], ["entries wait"]),
        ([True, True, True], [0, 0, 1], []),
        ([True, True, True, True], [0, 0, 1, 1], ["entries wait"]),
    ],
)
def test_entries_are_judged_again_after_three_quiet_loops(
    waits: list[bool], strikes: list[int], rules: list[str]
) -> None:
    watchman = Watchman(SpotVenue(TAPE, {"USDT": Decimal(1)}))
    for loop, (waiting, struck) in enumerate(zip(waits, strikes, strict=True)):
        report = LoopReport(supervised=True, stamp=2**62, waiting="blind" if waiting else None)
        watchman.loop_ended(START + loop, struck, report)
    assert rules_of(watchman) == rules


@pytest.mark.parametrize(("ticked", "rules"), [(1, []), (0, ["entries wait"])])
def test_a_loop_that_sees_a_wrong_price_is_none_in_which_entries_are_judged(
    ticked: int, rules: list[str]
) -> None:
    watchman = Watchman(SpotVenue(TAPE, {"USDT": Decimal(1)}))
    report = LoopReport(supervised=True, stamp=2**62, waiting="two looks differ")
    for loop in range(3):
        wrong = frozenset({"BTCUSDT"}) if loop < ticked else frozenset()
        watchman.loop_ended(START + loop, 0, report, Meanwhile(ticked=wrong))
    assert rules_of(watchman) == rules


def test_a_report_reads_what_was_posted() -> None:
    told = {"stops": False, "halted": "why", "more": 1}
    assert LoopReport.of(told) == LoopReport(stops=False, halted="why")
