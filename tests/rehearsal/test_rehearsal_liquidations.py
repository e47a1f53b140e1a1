"""A position that the exchange has closed: what the bot must know of it, or a person hear."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from freqpilot.rehearsal.books.futures import FuturesBooks
from freqpilot.rehearsal.books.report import LoopReport
from freqpilot.rehearsal.books.watchman import FuturesWatchman
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.spot import Ticket

HOUR = 3_600_000
TAPE = Tape.from_market(SyntheticMarket(candles=200, seed=8))
START = TAPE.start + 100 * HOUR
PAIR, AMOUNT = "ETH/USDT:USDT", Decimal("0.1")
CLOSED = f"the position in {PAIR} is not on the exchange any more"


def liquidated(*, forced: bool = True) -> FuturesVenue:
    tape = TAPE.jumped("ETH/USDT", START + HOUR, 2**62, 0.4)
    venue = FuturesVenue(tape, {"USDT": Decimal(1_000)})
    venue.set_margin_type("ETHUSDT", "ISOLATED")
    venue.set_leverage("ETHUSDT", 2)
    venue.submit(Ticket("ETHUSDT", "BUY", "MARKET", AMOUNT), START)
    venue.forced.update({"ETHUSDT"} if forced else ())
    venue.advance(START + HOUR + 1_000)
    return venue


def databases(folder: Path, *, is_open: bool, level: str | None = None) -> tuple[Path, Path]:
    store, database = folder / "store.sqlite", folder / "trades.sqlite"
    time = datetime.fromtimestamp(START / 1000 + 7_200, UTC).replace(tzinfo=None).isoformat(" ")
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("create table event (time, kind, level, text, data)")
        connection.execute("create table order_intent (client_id, amount)")
        if level is not None:
            row = (time, "position gone", level, CLOSED, "{}")
            connection.execute("insert into event values (?, ?, ?, ?, ?)", row)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("create table trades (id, pair, is_open, amount, is_short)")
        trade = (1, PAIR, int(is_open), float(AMOUNT), 0)
        connection.execute("insert into trades values (?, ?, ?, ?, ?)", trade)
        columns = "ft_trade_id, ft_pair, order_id, side, ft_is_open, filled, average, price"
        connection.execute(f"create table orders ({columns})")
        orders = [(1, PAIR, "1", "buy", 0, 0.1, 3000.0, 3000.0), (1, PAIR, "7", "sell", 1, 0, 0, 0)]
        connection.executemany("insert into orders values (?, ?, ?, ?, ?, ?, ?, ?)", orders)
    return store, database


@pytest.mark.parametrize(
    ("is_open", "level", "found"),
    [
        (True, None, ["liquidation"]),
        (True, "WARNING", ["liquidation"]),
        (True, "CRITICAL", []),
        (False, None, []),
    ],
)
def test_a_liquidation_is_in_the_books_or_a_person_hears_of_it(
    tmp_path: Path, is_open: bool, level: str | None, found: list[str]
) -> None:
    store, database = databases(tmp_path, is_open=is_open, level=level)
    venue = liquidated()
    watchman = FuturesWatchman(venue, store, Decimal("0.9"), database)
    for loop in range(3):
        now = START + HOUR + 2_000 + loop
        says = LoopReport(stops=False, supervised=True, stamp=now)
        watchman.loop_ended(now, 0, says)
    rules = [breach.rule for breach in watchman.breaches]
    assert [rule for rule in rules if rule != "equity"] == found  # it halts for nothing here


@pytest.mark.parametrize(
    ("level", "found"),
    [(None, {"position", "cash", "open order"}), ("CRITICAL", set())],
)
def test_books_of_which_a_person_was_told_need_not_agree(
    tmp_path: Path, level: str | None, found: set[str]
) -> None:
    store, database = databases(tmp_path, is_open=True, level=level)
    books = FuturesBooks.read(liquidated(), database, store)
    assert {breach.rule for breach in books.breaches()} == found


def test_a_liquidation_that_no_fault_has_made_is_a_breach(tmp_path: Path) -> None:
    store, database = databases(tmp_path, is_open=True, level="CRITICAL")
    books = FuturesBooks.read(liquidated(forced=False), database, store)
    assert "liquidated" in {breach.rule for breach in books.breaches()}
