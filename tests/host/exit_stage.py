"""Trades, candles and calls as Freqtrade's, for the tests of exits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.host.account import begin as begin_module

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(hours=1)


def begin(**chosen: Any) -> None:
    begin_module.begin({"freqpilot": {"risk": {"exits": chosen}}}, live=False)


def order(side: str, amount: float, filled: float, *, waits: bool = False) -> Any:
    from freqtrade.persistence import Order

    return Order(
        ft_order_side=side,
        ft_pair="BTC/USDT",
        ft_is_open=waits,
        ft_amount=amount,
        ft_price=100.0,
        order_id=f"{side} {amount} {filled}",
        status="open" if waits else "closed",
        side=side,
        amount=amount,
        filled=filled,
        remaining=amount - filled,
        price=100.0,
        average=100.0,
        order_date=START,
        order_filled_date=START,
    )


def trade(*orders: Any, held: float = 1.0, stop: float = 90.0) -> Any:
    from freqtrade.persistence import Trade

    made = Trade(
        pair="BTC/USDT",
        exchange="binance",
        open_rate=100.0,
        open_date=START,
        amount=held,
        stake_amount=100.0 * held,
        fee_open=0.001,
        fee_close=0.001,
        is_short=False,
        leverage=1.0,
        stop_loss=stop,
    )
    made.orders = [order("buy", 1.0, 1.0), *orders]
    return made


def candles(*closes: float) -> pd.DataFrame:
    close = np.array(closes)
    dates = pd.date_range(START, periods=len(close), freq="1h")
    table = {"date": dates, "high": close + 0.5, "low": close - 0.5, "close": close}
    return pd.DataFrame(table).assign(open=close, atr=2.0)


CANDLES = candles(101, 104, 106)


def call(hours: float = 3, rate: float = 106.0) -> dict[str, Any]:
    time = START + timedelta(hours=hours)
    rates = {"current_rate": rate, "current_exit_rate": rate, "current_profit": rate / 100 - 1.002}
    return {"current_time": time, "min_stake": 5.0, **rates}
