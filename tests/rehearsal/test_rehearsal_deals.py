"""One shape for the positions of both sides: money, time and reasons as each side has them."""

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from freqpilot.rehearsal.compare.deals import (
    Deal,
    Note,
    backtest_deals,
    live_deals,
    locks,
    refusals,
)
from freqpilot.rehearsal.market.path import at, legs, low_first
from freqpilot.rehearsal.venue.spot import Fill, VenueOrder

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def write(file: Path, table: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    names = ", ".join(rows[0])
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"create table {table} ({names})")
        marks = ", ".join("?" * len(rows[0]))
        values = [tuple(row.values()) for row in rows]
        connection.executemany(f"insert into {table} values ({marks})", values)
    return file


def text(hours: float) -> str:
    """Return a time as Freqtrade's database has it: UTC, without a zone."""
    return str((START + hours * HOUR).replace(tzinfo=None))


def order(number: int, side: str, *fills: tuple[float, float, float, float, str]) -> VenueOrder:
    """``fills`` are hour, price, amount, fee and the fee's asset."""
    made = VenueOrder(number, "", "BTCUSDT", side, "LIMIT", Decimal(2), Decimal(100), None, 0, 0)
    for hour, price, amount, fee, asset in fills:
        time = int((START + hour * HOUR).timestamp() * 1000)
        size = Decimal(str(amount))
        cost = Decimal(str(price))
        made.fills.append(Fill(1, number, time, cost, size, Decimal(str(fee)), asset, maker=True))
        made.filled += size
        made.cost += size * cost
    return made


def trade(**changes: Any) -> dict[str, Any]:
    row = {
        "id": 1, "pair": "BTC/USDT", "amount": 1.998, "stake_amount": 200.0, "open_rate": 100.0,
        "open_date": text(10.5), "stop_loss": 95.0, "close_date": None, "exit_reason": None,
    }  # fmt: skip
    return {**row, **changes}


BOUGHT = order(7, "BUY", (10.5, 100.0, 1.0, 0.001, "BTC"), (10.6, 101.0, 1.0, 0.001, "BTC"))
SOLD = order(8, "SELL", (12.25, 110.0, 1.0, 0.11, "USDT"), (12.75, 108.0, 0.998, 0.108, "USDT"))


def live(folder: Path, trades: Sequence[Mapping[str, Any]], *ledger: VenueOrder) -> list[Deal]:
    file = write(folder / "trades.sqlite", "trades", trades)
    sent = [{"ft_trade_id": 1, "order_id": str(each.number)} for each in ledger]
    write(file, "orders", [*sent, {"ft_trade_id": 1, "order_id": "unknown"}])
    return list(live_deals(file, ledger, HOUR))


def test_an_open_position_is_what_was_bought(tmp_path: Path) -> None:
    (found,) = live(tmp_path, [trade()], BOUGHT)
    assert (found.pair, found.candle) == ("BTC/USDT", START + 10 * HOUR)
    assert (found.stake, found.amount, found.entry) == (201.0, 1.998, 100.5)
    # Fees in coins are not money; what is left of a lot stays in the stake.
    assert found.paid == pytest.approx(201.0 - (200.0 - 199.8))
    assert (found.stop, found.closed, found.reason, found.profit) == (95.0, None, "", 0.0)
    assert math.isnan(found.exit)


def test_a_closed_one_has_earned_what_came_back_more_than_was_paid(tmp_path: Path) -> None:
    row = trade(close_date=text(12.75), exit_reason="trailing_stop_loss", stop_loss=None)
    (found,) = live(tmp_path, [row], BOUGHT, SOLD)
    back = 110.0 + 0.998 * 108.0
    assert found.profit == pytest.approx(back - 201.0 - 0.218)
    assert found.profit > 0
    assert found.exit == pytest.approx(back / 1.998)
    assert found.closed == START + 12.75 * HOUR, "the last fill"
    assert found.reason == "stop"
    assert math.isnan(found.stop)


def test_what_was_never_bought_is_no_position(tmp_path: Path) -> None:
    assert live(tmp_path, [trade()], order(7, "BUY")) == []


def test_a_backtests_positions_pay_the_entry_fee(tmp_path: Path) -> None:
    row = {
        "pair": "BTC/USDT", "open_date": pd.Timestamp(START), "amount": 2.0, "open_rate": 100.0,
        "close_date": pd.Timestamp(START + HOUR), "close_rate": 103.0, "fee_open": 0.001,
        "fee_close": 0.004, "stop_loss_abs": 95.0, "exit_reason": "stoploss_on_exchange",
        "profit_abs": 4.976,
    }  # fmt: skip
    run: Any = SimpleNamespace(trades=pd.DataFrame([row, {**row, "exit_reason": "roi"}]))
    found, other = backtest_deals(run)
    assert (found.stake, found.paid) == pytest.approx((200.0, 200.2))
    assert (found.candle, found.closed) == (START, START + HOUR)
    assert (found.entry, found.exit, found.stop, found.profit) == (100.0, 103.0, 95.0, 4.976)
    assert (found.reason, other.reason) == ("stop", "roi")


def test_a_refusal_holds_until_the_pairs_next_one_or_the_days_end(tmp_path: Path) -> None:
    about = json.dumps({"pair": "BTC/USDT"})
    told = [(3.75, "veto", "spread"), (5.1, "no entry", "edge"), (25.5, "veto", "spread")]
    events = [
        {"time": text(at), "kind": kind, "text": why, "data": about} for at, kind, why in told
    ]
    found = refusals(write(tmp_path / "store.sqlite", "event", events), HOUR)
    spans = [((note.begin - START) / HOUR, (note.end - START) / HOUR) for note in found]
    assert sorted(spans) == [(3, 5), (5, 24), (25, 48)]


def test_refusals_are_of_their_pair_and_candle(tmp_path: Path) -> None:
    kinds = [("veto", {"pair": "BTC/USDT"}), ("no entry", None), ("halt", {"pair": "BTC/USDT"})]
    events = [
        {
            "time": text(3.75),
            "kind": kind,
            "text": "why",
            "data": json.dumps(data) if data else None,
        }
        for kind, data in kinds
    ]
    begin, end = START + 3 * HOUR, START + 24 * HOUR
    assert list(refusals(write(tmp_path / "store.sqlite", "event", events), HOUR)) == [
        Note("BTC/USDT", begin, end, "the gate refused it: why"),
        Note("*", begin, end, "the sizing refused it: why"),
    ]


def test_locks_hold_from_their_time_to_their_end(tmp_path: Path) -> None:
    row = {"pair": "*", "reason": "loss", "lock_time": text(2.5), "lock_end_time": text(6)}
    (note,) = locks(write(tmp_path / "trades.sqlite", "pairlocks", [row]))
    assert (note.pair, note.begin, note.end) == ("*", START + 2.5 * HOUR, START + 6 * HOUR)
    assert note.text == "* was locked until 01-01 06:00: loss"


def test_the_low_comes_first_where_the_coin_says_so() -> None:
    date = np.arange(200) * 3_600_000
    ones = np.ones(200)
    corners = legs(date, 10 * ones, 12 * ones, 9 * ones, 11 * ones)
    low = low_first(date)
    assert 50 < low.sum() < 150
    early, late = at(corners, 0.25 * ones), at(corners, 0.75 * ones)
    np.testing.assert_array_equal(early, np.where(low, 9.0, 12.0))
    np.testing.assert_array_equal(late, np.where(low, 12.0, 9.0))
