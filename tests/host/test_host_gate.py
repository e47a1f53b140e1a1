"""The order gate: every path that can raise risk is judged; what cannot be judged is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.exceptions import DependencyException
from freqtrade.persistence import LocalTrade, Trade
from freqtrade.rpc.rpc import RPCException

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.account.positions import account_equity, committed_stake
from freqpilot.host.account.verdict import claim, note_unsized
from freqpilot.host.gate import backtest as backtestgate
from freqpilot.host.gate import live as livegate
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.risk import limits

CONFIG: dict[str, Any] = {
    "freqpilot": {"risk": {"book": {"enabled": False}}},
    "stake_currency": "USDT",
}


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    """Begin a run whose account of 1,000 was just seen."""
    begun = begin(CONFIG, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    yield begun
    end()


def trade(pair: str, stake: float, *, filled: bool = True, pending: float = 0.0) -> Any:
    """Return what the gate reads of one of Freqtrade's trades."""
    order = SimpleNamespace(ft_order_side="buy", safe_remaining=pending, safe_price=1.0)
    return SimpleNamespace(
        pair=pair,
        is_short=False,
        entry_side="buy",
        leverage=1.0,
        stake_amount=stake,
        stop_loss=None,
        nr_of_successful_entries=int(filled),
        open_orders=[order] if pending else [],
        amount=stake,
        open_rate=1.0,
        fee_open=0.001,
        fee_close=0.001,
    )


def order(stake: float, pair: str = "BTC/USDT", side: str = "buy", **more: Any) -> dict[str, Any]:
    return {"pair": pair, "side": side, "amount": stake, "rate": 1.0, "leverage": 1.0, **more}


def send(monkeypatch: pytest.MonkeyPatch, trades: list[Any], request: dict[str, Any]) -> None:
    """Ask the live gate with ``trades`` open."""
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(lambda: trades))
    livegate.check_order(SimpleNamespace(trading_mode="spot", _config={"dry_run": True}), request)


def counted() -> dict[str, int]:
    return dict(current().counters.snapshot(datetime.now(UTC))["counts"])


def test_an_entry_inside_the_limits_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, [], order(150.0))
    assert counted()["orders_allowed"] == 1


@pytest.mark.parametrize(
    ("case", "open_trades", "request_", "words"),
    [
        ("entry too large", [], order(151.0), "15"),
        ("replacement", [trade("BTC/USDT", 0, filled=False)], order(151.0), "15"),
        ("add-on", [trade("BTC/USDT", 100)], order(51.0), "15"),
        ("add-on to a pending one", [trade("BTC/USDT", 0, pending=100)], order(51.0), "15"),
        ("fourth trade", [trade(f"{c}/USDT", 10) for c in "ABC"], order(10.0), "3"),
        ("exposure", [trade("A/USDT", 480)], order(50.0), "50"),
        ("not a number", [], order(float("nan")), "nan"),
        ("infinite", [], order(float("inf")), "inf"),
        ("leverage", [], order(10.0, leverage=2.0), "everage"),
    ],
)
def test_an_order_over_a_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    open_trades: list[Any],
    request_: dict[str, Any],
    words: str,
) -> None:
    with pytest.raises(DependencyException, match=words) as refused:
        send(monkeypatch, open_trades, request_)
    assert isinstance(refused.value, RPCException), case  # shown to the person who forced it
    assert "Open trades are not affected" in str(refused.value)


def test_reducing_orders_never_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    end()  # not even with no run at all
    send(monkeypatch, [], order(1e9, side="sell"))
    livegate.check_order(
        SimpleNamespace(trading_mode="futures", _config={"dry_run": True}),
        order(1e9, reduceOnly=True),
    )


def test_without_a_run_every_entry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    end()
    with pytest.raises(NoEntry, match="no run has begun"):
        current()
    with pytest.raises(DependencyException, match="no run has begun"):
        send(monkeypatch, [], order(10.0))


def test_a_fault_inside_the_gate_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(limits, "judge", broken)
    with pytest.raises(DependencyException, match="ZeroDivisionError: a bug"):
        send(monkeypatch, [], order(10.0))
    assert counted()["gate_errors"] == 1


def test_a_stale_ledger_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    begin(CONFIG, live=False)
    observe(current(), datetime.now(UTC) - timedelta(seconds=121), 1_000.0)
    with pytest.raises(DependencyException):
        send(monkeypatch, [], order(10.0))


def test_the_backtests_gate_asks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [trade("ETH/USDT", 100)])
    now = current().state.stamp
    assert now is not None
    fine = {"stake": 150.0, "rate": 1.0, "leverage": 1.0}
    assert backtestgate.allowed("BTC/USDT", now, "long", "entry", fine)
    assert not backtestgate.allowed("BTC/USDT", now, "long", "entry", {**fine, "stake": 151.0})
    assert not backtestgate.allowed("BTC/USDT", now, "long", "replace", {**fine, "stake": 151.0})
    assert not backtestgate.allowed("ETH/USDT", now, "long", "add", {**fine, "stake": 51.0})
    assert not backtestgate.allowed(
        "BTC/USDT", now, "long", "entry", {"rate": 1.0}
    )  # raises inside


def test_a_replacement_over_a_limit_never_reaches_the_backtester(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [])
    placed: list[Any] = []
    enter = backtestgate._make_enter(lambda *order: placed.append(order))
    replaced = trade("BTC/USDT", 0, filled=False)
    row = (pd.Timestamp(current().state.stamp),)
    order = {"trade": replaced, "requested_rate": 1.0}
    assert enter(None, "BTC/USDT", row, "long", **order, requested_stake=151.0) is replaced
    assert placed == []
    enter(None, "BTC/USDT", row, "long", **order, requested_stake=150.0)
    assert len(placed) == 1


def test_a_refused_stake_is_none_for_the_backtester(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [])
    now = current().state.stamp
    for stake, kept in ((150.0, 150.0), (151.0, 0.0)):
        ask = backtestgate._make_stake(lambda *_, stake=stake: (1.0, stake, 1.0, 5.0))
        call = ("BTC/USDT", (), 1.0, stake, "long", now, None, None, "limit", None, 1)
        assert ask(None, *call) == (1.0, kept, 1.0, 5.0)


def test_a_cancelled_order_does_not_count_and_a_pending_one_does() -> None:
    assert committed_stake(trade("A/USDT", 100, filled=False)) == 0
    assert committed_stake(trade("A/USDT", 100, filled=False, pending=100)) == 100
    assert committed_stake(trade("A/USDT", 100, pending=20)) == 120


def test_equity_counts_fees_and_refuses_a_missing_rate() -> None:
    held = trade("A/USDT", 100)
    equity = account_equity(900, [held], {"A/USDT": 1.1})
    assert equity == pytest.approx(900 + 100 + 100 * (1.1 * 0.999 - 1.001))
    assert account_equity(900, [held], {}) != account_equity(900, [held], {})  # NaN
    taken_in_coins = trade("A/USDT", 99.9)
    worth = account_equity(900, [taken_in_coins], {"A/USDT": 1.1}, entry_fees_paid=True)
    assert worth == pytest.approx(900 + 99.9 * 1.1 * 0.999)
    short = trade("A/USDT", 100)
    short.is_short = True
    gain = account_equity(900, [short], {"A/USDT": 0.9})
    assert gain == pytest.approx(1_000 + 100 * (0.999 - 0.9 * 1.001))


def test_one_entry_a_pair_and_candle() -> None:
    candle = datetime(2026, 1, 1, tzinfo=UTC)
    assert claim(current(), "BTC/USDT", candle)
    assert not claim(current(), "BTC/USDT", candle)
    assert claim(current(), "ETH/USDT", candle)
    assert claim(current(), "BTC/USDT", candle + timedelta(hours=1))


def test_a_refused_stake_is_kept_once_a_pair_and_candle(run: Run) -> None:
    candle = datetime(2026, 1, 1, tzinfo=UTC)
    for minutes in (60, 61):
        moment = candle + timedelta(minutes=minutes)
        note_unsized(run, moment, "BTC/USDT", candle, "too many trades")
    note_unsized(run, moment, "ETH/USDT", candle, "too many trades")
    kept = [(event.data["pair"], event.text) for event in run.store.events("no entry")]
    assert kept == [("BTC/USDT", "too many trades"), ("ETH/USDT", "too many trades")]
