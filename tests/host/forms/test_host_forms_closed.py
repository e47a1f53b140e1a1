"""Closed trades in their order, each looked at once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from freqpilot.host.forms.closed import ClosedTrades

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Trade:
    hour: int
    close_profit_abs: float | None
    asked: int = 0

    @property
    def close_date_utc(self) -> datetime:
        self.asked += 1
        return START + timedelta(hours=self.hour)


@given(st.lists(st.lists(st.integers(0, 20), max_size=5), max_size=6))
def test_whatever_comes_is_in_the_order_of_closing(parts: list[list[int]]) -> None:
    known, seen = ClosedTrades(), list[Trade]()
    for part in parts:
        seen += [Trade(hour, float(hour)) for hour in part]
        known.take(list(seen))
        hours = sorted(trade.hour for trade in seen)
        assert [trade.hour for trade in known.trades] == hours
        assert [close.profit for close in known.closes] == hours
        assert [close.time for close in known.closes] == [START + timedelta(hours=h) for h in hours]
        assert known.profits.tolist() == hours
        assert known.earned == sum(hours)


def test_a_trade_that_was_taken_is_not_looked_at_again() -> None:
    trades = [Trade(hour, 1.0) for hour in range(10)]
    known = ClosedTrades()
    for count in range(1, 11):
        known.take(trades[:count])
    assert [trade.asked for trade in trades] == [1] * 10


def test_another_backtest_begins_anew() -> None:
    known = ClosedTrades()
    known.take([Trade(1, 5.0), Trade(2, 5.0)])
    known.take([Trade(1, -1.0), Trade(2, None), Trade(3, -1.0)])
    assert [close.profit for close in known.closes] == [-1.0, 0.0, -1.0]
    assert (known.profits.tolist(), known.earned) == ([-1.0, 0.0, -1.0], -2.0)
    known.take([])
    assert (known.profits.tolist(), known.earned) == ([], 0.0)
    assert known.trades == []
    assert known.closes == []
