"""Open trades, live or of the backtest."""

from pathlib import Path

import pytest
from freqtrade.persistence import LocalTrade, Trade
from live_bot import buy, make_bot

from freqpilot.host.account.trades import open_trades


def test_live_they_are_those_of_the_database(tmp_path: Path) -> None:
    bot = make_bot(tmp_path)
    first, second = buy(bot, 100.0), buy(bot, 90.0, "ADA/USDT")
    first.is_open = False
    Trade.commit()
    assert [trade.id for trade in open_trades()] == [second.id]
    Trade.session.remove()


def test_in_a_backtest_they_are_those_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    held = LocalTrade(pair="BTC/USDT", is_open=True, exchange="x", fee_open=0, fee_close=0)
    monkeypatch.setattr(Trade, "use_db", False)
    monkeypatch.setattr(LocalTrade, "use_db", False)
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [held])
    assert open_trades() == [held]
