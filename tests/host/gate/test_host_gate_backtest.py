"""The backtest's gate asks the same limits as the live one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from freqtrade.persistence import LocalTrade
from gate_stage import CONFIG, trade

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.gate import backtest as backtestgate
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    """Begin a run whose account of 1,000 was just seen."""
    begun = begin(CONFIG, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    yield begun
    end()


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
