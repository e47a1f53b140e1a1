"""What the order gate reads of Freqtrade's trades."""

from types import SimpleNamespace
from typing import Any

CONFIG: dict[str, Any] = {
    "freqpilot": {"risk": {"book": {"enabled": False}, "oversized": "refuse"}},
    "stake_currency": "USDT",
}


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
        enter_tag=None,
        nr_of_successful_entries=int(filled),
        open_orders=[order] if pending else [],
        amount=stake,
        open_rate=1.0,
        fee_open=0.001,
        fee_close=0.001,
    )


def order(stake: float, pair: str = "BTC/USDT", side: str = "buy", **more: Any) -> dict[str, Any]:
    return {"pair": pair, "side": side, "amount": stake, "rate": 1.0, "leverage": 1.0, **more}
