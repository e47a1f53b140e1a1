"""What the ledger sees in a backtest: the account at the closes that are known, and no later."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.persistence import LocalTrade, Trade
from live_bot import make_bot
from trades_stage import FEE_CLOSE, FEE_OPEN, START, Kind, held, leave, of_each_kind, placed

from freqpilot.host.account.begin import begin
from freqpilot.host.loop import backtest
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.risk.account import ledger as ledgers

STEP = timedelta(hours=1)
OTHER = "ADA/USDT"
pytestmark = of_each_kind


@pytest.fixture
def trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Trade]]:
    """Yield the open trades of a backtest whose run has begun."""
    with VirtualClock(START):
        make_bot(tmp_path)
        begin({"freqpilot": {}, "stake_currency": "USDT"}, live=False)
        found: list[Trade] = []
        monkeypatch.setattr(LocalTrade, "bt_trades_open", found)
        monkeypatch.setattr(LocalTrade, "bt_trades", [])
        yield found
        end()
        Trade.session.remove()


class Account:
    """The wallet of a backtest: free money by currency."""

    def __init__(self, free: float) -> None:
        self.free = free

    def get_free(self, currency: str) -> float:
        assert currency == "USDT"
        return self.free


def steps(kind: Kind, closes: list[float], account: Account) -> Iterator[tuple[datetime, str]]:
    """Go through the backtester's rows of two pairs; the other one's close is a constant.

    A row is what Freqtrade has: date, open, high, low, close.
    """

    def rows(*_: Any) -> Iterator[Any]:
        for number, close in enumerate(closes):
            time = START + STEP * number
            yield time, kind.pair, (time, 1.0, 1_000.0, 0.5, close, 2.0), True, ["date"]
            yield time, OTHER, (time, 1.0, 1_000.0, 0.5, 7.0, 2.0), True, ["date"]

    backtester = SimpleNamespace(config={"stake_currency": "USDT"}, wallets=account)
    for item in backtest._make_generator(rows)(backtester, "the data"):
        assert len(item) == 5
        yield item[0], item[1]


def worth(kind: Kind, amount: float, rate: float) -> float:
    """Return what a position that was entered at 100 has brought, fees of both sides counted."""
    return amount * (kind.sign * (rate - 100) - 100 * FEE_OPEN - rate * FEE_CLOSE)


def test_the_equity_of_a_candle_is_that_of_the_closes_before_it(
    kind: Kind, trades: list[Trade]
) -> None:
    trades.append(held(kind))
    amount, seen = 3.0 * kind.leverage, []
    for time, pair in steps(kind, [101.0, 104.0, 98.0, 90.0], Account(700.0)):
        state = current().state
        seen.append((time, pair, state.equity, dict(current().rates)))
    # At the first candle no close is known, so there is no equity and nobody is judged by one.
    assert [equity for _, _, equity, _ in seen[:2]] == [ledgers.Ledger.empty().equity] * 2
    for number, close in ((1, 101.0), (2, 104.0), (3, 98.0)):
        for row in (2 * number, 2 * number + 1):
            time, pair, equity, rates = seen[row]
            assert (time, pair) == (START + number * STEP, (kind.pair, OTHER)[row % 2])
            assert equity == pytest.approx(1_000.0 + worth(kind, amount, close))
            assert rates == {kind.pair: close, OTHER: 7.0}
    assert current().state.stamp == START + 3 * STEP


def test_a_trade_of_this_candle_counts_from_the_next_one_on(
    kind: Kind, trades: list[Trade]
) -> None:
    account, found = Account(1_000.0), []
    for number, _ in enumerate(steps(kind, [100.0, 110.0, 120.0], account)):
        found.append(current().state.equity)
        if number == 2:  # it is entered at the open of the second candle
            trades.append(held(kind))
            account.free = 700.0
    amount = 3.0 * kind.leverage
    assert found[:4] == [1_000.0] * 4
    assert found[4:] == [pytest.approx(1_000.0 + worth(kind, amount, 110.0))] * 2


def test_an_order_that_rests_has_neither_profit_nor_fee(kind: Kind, trades: list[Trade]) -> None:
    trades.append(placed(kind))
    found = [current().state.equity for _ in steps(kind, [90.0, 110.0], Account(700.0))]
    assert found == [1_000.0] * 4


def test_closed_trades_are_taken_in_before_the_next_candle(kind: Kind, trades: list[Trade]) -> None:
    trades.append(held(kind))
    before, seen = placed(kind), []
    LocalTrade.bt_trades.append(before)  # of before the run's first candle: Freqtrade's own
    for number, _ in enumerate(steps(kind, [100.0, 110.0, 110.0], Account(700.0))):
        seen.append([each.trade for each in current().state.record.outcomes])
        if number == 2:
            trade = trades.pop()
            leave(trade, 3.0 * kind.leverage, 110.0)
            assert not trade.is_open
            LocalTrade.bt_trades.append(trade)
    assert seen == [[], [], [], [], [trade.id], [trade.id]]
    (outcome,) = current().state.record.outcomes
    assert outcome.profit == pytest.approx(worth(kind, 3.0 * kind.leverage, 110.0))
    assert outcome.time == trade.close_date.replace(tzinfo=UTC)
