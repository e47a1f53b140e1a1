"""What the bot's ledger may say of an account, and what it must keep."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from freqpilot.rehearsal.books.report import QUIET, LoopReport, Meanwhile
from freqpilot.rehearsal.books.watchman import Watchman
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.venue.spot import SpotVenue, Ticket

HOUR = 3_600_000
TAPE = Tape.from_market(SyntheticMarket(candles=200, seed=8))
START = TAPE.start + 100 * HOUR
HALT = "drawdown of 22.0% (limit 20.0%): equity 780.00, peak 1000.00"


def account() -> SpotVenue:
    return SpotVenue(TAPE, {"USDT": Decimal(1_000)})


def report(now: int, **more: object) -> LoopReport:
    return LoopReport.of({"supervised": True, "stamp": now, "peak": 1_000.0, "process": 1, **more})


def store_of(path: Path, *events: tuple[str, str, int], halted: str | None = None) -> Path:
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("create table event (kind text, level text, time text)")
        store.execute("create table risk_state (key text, state text)")
        row = ("ledger live", json.dumps({"halted": halted}))
        store.execute("insert into risk_state values (?, ?)", row)
        for kind, level, time in events:
            stamp = datetime.fromtimestamp(time / 1000, UTC).replace(tzinfo=None).isoformat(" ")
            store.execute("insert into event values (?, ?, ?)", (kind, level, stamp))
    return path


def rules(watchman: Watchman) -> list[str]:
    return [breach.rule for breach in watchman.breaches]


@pytest.mark.parametrize(
    ("reports", "found"),
    [
        ([{"peak": 1_009.0}, {"peak": 1_009.0}], []),
        ([{"peak": 1_020.0}, {"peak": 1_020.0}], ["false peak"]),
        ([{"halted": HALT}, {"halted": HALT}], ["false halt"]),
        ([{"halted": "7 losing trades in a row (limit 7)"}], []),
        ([{"peak": 1_005.0}, {"peak": 1_004.0}], ["peak lost"]),
        ([{"peak": 1_005.0}, {"peak": None}], []),
    ],
)
def test_a_ledger_says_what_the_market_has_seen(
    reports: list[dict[str, object]], found: list[str]
) -> None:
    watchman = Watchman(account())
    for loop, says in enumerate(reports):
        watchman.loop_ended(START + loop, 0, report(START + loop, **says))
    assert rules(watchman) == found


def test_a_halt_by_a_fall_that_the_market_has_seen_is_none_of_a_wrong_price() -> None:
    fallen = TAPE.jumped("BTC/USDT", START + HOUR, START + HOUR * 2, 0.5)
    venue = SpotVenue(fallen, {"USDT": Decimal(10_000)})
    venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", Decimal("0.1")), START)
    watchman = Watchman(venue)
    watchman.loop_ended(START, 0, report(START, stops=False, peak=10_000.0))
    for now in (START + HOUR + 1_000, START + 2 * HOUR + 1_000):
        says = report(now, stops=False, peak=10_000.0, halted=HALT)
        watchman.loop_ended(now, 0, says)
    assert "false halt" not in rules(watchman)


@pytest.mark.parametrize(("out", "found"), [(False, ["latch lost"]), (True, [])])
def test_a_latch_that_could_be_saved_stays(out: bool, found: list[str]) -> None:
    watchman = Watchman(account(), drawdown=Decimal("0.0001"))
    halt = report(START, halted="7 losing trades in a row (limit 7)")
    watchman.loop_ended(START, 0, halt, Meanwhile(store_out=out))
    watchman.loop_ended(START + 1, 0, report(START + 1))
    assert rules(watchman) == found


@pytest.mark.parametrize(
    ("process", "out", "found"),
    [(1, True, ["peak lost"]), (2, True, []), (2, False, ["peak lost"])],
)
def test_only_a_new_process_without_a_store_may_know_no_peak(
    process: int, out: bool, found: list[str]
) -> None:
    watchman = Watchman(account())
    watchman.loop_ended(START, 0, report(START))
    begun = report(START + 1, peak=990.0, process=process)
    watchman.loop_ended(START + 1, 0, begun, Meanwhile(store_out=out))
    assert rules(watchman) == found
    back = report(START + 2, process=process)
    watchman.loop_ended(START + 2, 0, back)
    assert rules(watchman) == found


AHEAD = 7_200_000
JUMPED = Meanwhile(ahead=7200.0)


@pytest.mark.parametrize(
    ("stamps", "process", "event", "found"),
    [
        ([0, 0, 0], 1, True, []),
        ([0, 0, 0], 1, False, ["clock"]),
        ([0, 0, 0], 2, False, []),  # a new process has not seen the wrong time
        ([AHEAD, AHEAD, AHEAD], 1, True, ["clock"]),
        ([AHEAD, 0, 0], 1, True, []),
    ],
)
def test_after_a_clock_that_was_ahead_the_ledger_goes_on_and_a_person_hears(
    tmp_path: Path, stamps: list[int], process: int, event: bool, found: list[str]
) -> None:
    events = [("clock", "CRITICAL", START + 3)] if event else []
    watchman = Watchman(account(), store_of(tmp_path / "s.sqlite", *events))
    watchman.loop_ended(START, 0, report(START))
    watchman.loop_ended(START + 1, 0, report(START + 1 + AHEAD), JUMPED)
    for loop, ahead in enumerate(stamps, 2):
        now = START + loop
        watchman.loop_ended(now, 0, report(now + ahead, process=process), QUIET)
    assert rules(watchman) == found


@pytest.mark.parametrize(
    ("called", "halted", "found"),
    [(False, None, ["bad exit"]), (True, None, []), (False, "7 losing trades in a row", [])],
)
def test_one_wrong_price_closes_nothing_at_market(
    called: bool, halted: str | None, found: list[str]
) -> None:
    venue = account()
    venue.submit(Ticket("ETHUSDT", "BUY", "MARKET", Decimal("0.1")), START)
    watchman, later = Watchman(venue), START + 60_000
    quiet = {"stops": False, "halted": halted}
    watchman.loop_ended(START, 0, report(START, **quiet))
    venue.submit(Ticket("ETHUSDT", "SELL", "MARKET", Decimal("0.09")), later)
    meanwhile = Meanwhile(ticked=frozenset({"ETHUSDT"}), called=called)
    watchman.loop_ended(later, 0, report(later, **quiet), meanwhile)
    assert rules(watchman) == found
