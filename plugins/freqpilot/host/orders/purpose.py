"""What an order of Freqtrade's is for."""

from typing import Any

from freqpilot.host.seams.freqtrade import Trade
from freqpilot.shapes import OrderPurpose, SentPurpose


def open_trade(pair: str) -> Any | None:
    """Return Freqtrade's open trade in a pair, or None."""
    from freqtrade.persistence import Trade

    return next((trade for trade in Trade.get_open_trades() if trade.pair == pair), None)


def is_recorded(number: str, pair: str) -> bool:
    """Tell whether Freqtrade's database has the order of this number."""
    from freqtrade.persistence import Order
    from sqlalchemy import select

    query = select(Order.id).where(Order.order_id == number, Order.ft_pair == pair).limit(1)
    return Order.session.scalar(query) is not None


def raises_risk(trading_mode: str, side: str, reduce_only: bool) -> bool:
    """Tell whether an order can open or enlarge a position: on spot every buy, on futures every
    order that is not reduce-only."""
    return side == "buy" if str(trading_mode) == "spot" else not reduce_only


def sent_purpose(trading_mode: str, order: dict[str, Any], trade: Trade | None) -> SentPurpose:
    """Return what an order of Freqtrade's is for.

    :param trade: the open trade in its pair, or None.
    """
    if not raises_risk(trading_mode, order["side"], order.get("reduceOnly", False)):
        return "exit"
    return purpose_of(trade)


def purpose_of(trade: Trade | None) -> OrderPurpose:
    """Return what an order that raises risk is for.

    :param trade: the open trade in its pair, or None.
    """
    if trade is None:
        return "entry"
    return "add" if trade.nr_of_successful_entries else "replace"
