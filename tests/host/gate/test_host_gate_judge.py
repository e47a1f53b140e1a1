"""The exact order that the gate judges, live and in the backtest, of each kind of trade."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.persistence import LocalTrade, Trade
from live_bot import make_bot
from trades_stage import START, Kind, held, of_each_kind, placed

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.gate import backtest as backtestgate
from freqpilot.host.gate import judge
from freqpilot.host.gate import live as livegate
from freqpilot.host.gate.latecandles import LateCandles
from freqpilot.host.orders.stopless import Stopless
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderRequest, Position, RiskVerdict

pytestmark = of_each_kind
STOP = {"spot long": 94.0, "futures long": 96.0, "futures short": 104.0}


class Asked(list[tuple[OrderRequest, list[Position]]]):
    """What the supervisor was asked, and whether it allows it."""

    allows = True

    def ask(self, _: Run, order: OrderRequest, positions: Any, *__: Any) -> RiskVerdict:
        self.append((order, list(positions)))
        return RiskVerdict(self.allows, order.stake, veto=None if self.allows else "too much")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    with VirtualClock(START):
        make_bot(tmp_path)
        begin({"freqpilot": {}, "stake_currency": "USDT"}, live=False)
        observe(current(), START, 1_000.0, {"SOL/USDT": 105.0, "SOL/USDT:USDT": 105.0})
        found = Asked()
        monkeypatch.setattr(judge, "ask", found.ask)
        yield found
        end()
        Trade.session.remove()


def send(kind: Kind, amount: float, rate: float) -> None:
    """Send a live order that raises risk, in Freqtrade's words: the amount counts the leverage."""
    asks = SimpleNamespace(trading_mode=kind.mode, _config={"dry_run": True})
    order = {"pair": kind.pair, "side": kind.entry, "amount": amount, "rate": rate}
    livegate.check_order(asks, {**order, "leverage": kind.leverage, "reduceOnly": False})


def request(kind: Kind, purpose: Any, stake: float, rate: float) -> OrderRequest:
    return OrderRequest(
        time=datetime.now(UTC),
        pair=kind.pair,
        side=kind.side,
        purpose=purpose,
        stake=pytest.approx(stake),
        rate=rate,
        leverage=kind.leverage,
    )


def position(kind: Kind, stake: float) -> Position:
    """Return a position that was entered at 100 and is seen at 105."""
    return Position(
        pair=kind.pair,
        side=kind.side,
        stake=pytest.approx(stake),
        value=pytest.approx(stake * 1.05),
        risk_stop=STOP[kind.name],
        leverage=kind.leverage,
        rate=105.0,
    )


def with_stop(trade: Trade, kind: Kind) -> Trade:
    trade.stop_loss = STOP[kind.name]
    Trade.commit()
    return trade


def test_a_live_entry(asked: Asked, kind: Kind) -> None:
    send(kind, 9.0, 100.0)
    assert asked == [(request(kind, "entry", 900.0 / kind.leverage, 100.0), [])]


def test_a_live_add(asked: Asked, kind: Kind) -> None:
    with_stop(held(kind), kind)
    send(kind, 3.0, 110.0)
    assert asked == [
        (request(kind, "add", 330.0 / kind.leverage, 110.0), [position(kind, 300.0)]),
    ]


def test_a_live_replacement(asked: Asked, kind: Kind) -> None:
    """The order that it replaces is still there: it counts."""
    with_stop(placed(kind), kind)
    send(kind, 6.0, 90.0)
    assert asked == [
        (request(kind, "replace", 540.0 / kind.leverage, 90.0), [position(kind, 300.0)]),
    ]


def test_a_live_add_to_an_entry_that_was_cancelled_in_part(asked: Asked, kind: Kind) -> None:
    with_stop(held(kind, share=1 / 3), kind)
    send(kind, 3.0, 100.0)
    assert asked == [
        (request(kind, "add", 300.0 / kind.leverage, 100.0), [position(kind, 100.0)]),
    ]


def test_a_live_order_that_reduces_is_not_asked_about(asked: Asked, kind: Kind) -> None:
    held(kind)
    asks = SimpleNamespace(trading_mode=kind.mode, _config={"dry_run": True})
    order = {"pair": kind.pair, "side": kind.exit, "amount": 3.0, "rate": 100.0}
    livegate.check_order(
        asks, {**order, "leverage": kind.leverage, "reduceOnly": kind.mode == "futures"}
    )
    assert asked == []


@pytest.mark.parametrize("open_already", [False, True])
def test_a_backtests_entry_and_add(
    asked: Asked, kind: Kind, monkeypatch: pytest.MonkeyPatch, open_already: bool
) -> None:
    trade = with_stop(held(kind), kind) if open_already else None
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [trade] if trade else [])
    stake = backtestgate._make_stake(lambda *_: (101.0, 200.0, kind.leverage, 5.0))
    call = (kind.pair, (), 101.0, 250.0, kind.side, START, None, trade)
    assert stake(None, *call) == (101.0, 200.0, kind.leverage, 5.0)
    expected = request(kind, "add" if trade else "entry", 200.0, 101.0)
    assert asked == [(expected, [position(kind, 300.0)] if trade else [])]
    asked.allows = False
    assert stake(None, *call) == (101.0, 0.0, kind.leverage, 5.0)


@pytest.mark.parametrize("stake", [150.0, None])
def test_a_backtests_replacement(
    asked: Asked, kind: Kind, monkeypatch: pytest.MonkeyPatch, stake: float | None
) -> None:
    """Without a stake of its own it has that of the trade."""
    trade = with_stop(placed(kind), kind)
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [trade])
    entered: list[Any] = []
    enter = backtestgate._make_enter(lambda *order: entered.append(order))
    row = (pd.Timestamp(START),)
    change = {"trade": trade, "requested_rate": 95.0, "requested_stake": stake}
    enter("the backtester", kind.pair, row, kind.side, **change, entry_tag1="trend")
    expected = request(kind, "replace", stake or 300.0, 95.0)
    assert asked == [(expected, [position(kind, 300.0)])]
    whole = ("the backtester", kind.pair, row, kind.side, None, trade, 95.0, stake, "trend")
    assert entered == [whole]
    asked.allows = False
    assert enter("the backtester", kind.pair, row, kind.side, **change) is trade
    assert entered == [whole]


def test_a_live_run_is_never_judged_as_a_backtest(asked: Asked, kind: Kind) -> None:
    order = request(kind, "entry", 1.0, 1.0)
    current().live = True
    with pytest.raises(TypeError, match="with its exchange"):
        judge.judge(current(), order, [])
    assert asked == []
    current().live = False
    assert judge.judge(current(), order, []).allowed
    assert len(asked) == 1


def test_what_raises_risk_waits_while_no_stop_can_be_placed(kind: Kind, asked: Asked) -> None:
    current().part(Stopless).refuse(kind.pair, "-4120")
    with pytest.raises(Exception, match="no stop can be placed"):
        send(kind, 2.0, 100.0)
    assert asked == []
    current().part(Stopless).placed()
    send(kind, 2.0, 100.0)
    assert len(asked) == 1


def test_an_entry_waits_for_its_late_candle_and_an_addition_does_not(
    kind: Kind, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(_: LateCandles, pair: str) -> None:
        raise NoEntry(f"the candle of {pair} has not come")

    monkeypatch.setattr(LateCandles, "require", late)
    with pytest.raises(Exception, match="has not come"):
        send(kind, 2.0, 100.0)
    held(kind)
    send(kind, 2.0, 100.0)
    assert [order.purpose for order, _ in asked] == ["add"]
