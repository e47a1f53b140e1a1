"""Two legs of a couple, and trades of them."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from freqpilot.signals.pairs import Couple

NOW = datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
CANDLE = NOW.replace(second=0) - timedelta(hours=1)
A, B, C, D = (f"{coin}/USDT:USDT" for coin in "ABCD")
COUPLE = Couple(A, B, 1.25, 30, int(CANDLE.timestamp()))
OTHER = Couple(C, D, 1.0, 30, int(CANDLE.timestamp()))


def order(side: str) -> Any:
    return SimpleNamespace(ft_order_side=side, safe_remaining=1.0, safe_price=100.0)


def trade(pair: str, cost: float, *, short: bool = False, **changes: Any) -> Any:
    fields = {"id": 1 if pair in (A, C) else 2, "pair": pair, "is_short": short, "leverage": 1.0}
    fields |= {"amount": cost / 100.0, "open_rate": 100.0, "stake_amount": cost, "stop_loss": None}
    fields |= {"enter_tag": (COUPLE if pair in (A, B) else OTHER).tag, "open_orders": []}
    fields |= {"nr_of_successful_entries": 1, "open_date_utc": NOW - timedelta(hours=1)}
    fields |= {"entry_side": "sell" if short else "buy", "exit_side": "buy" if short else "sell"}
    return SimpleNamespace(**fields | changes)
