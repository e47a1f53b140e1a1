"""Closes a trade whose position the exchange has closed: a liquidation, an ADL, an order by hand.

The trade takes the closing orders only where they leave no doubt: they are of its side, none bears
a bot's name, and together they are as much as is missing. What is doubtful is a person's to mend.
"""

from datetime import timedelta
from typing import Any

from freqpilot.execution.ids import parse_client_order_id
from freqpilot.host.orders import contracts
from freqpilot.host.orders.differences import report
from freqpilot.host.orders.outcomes import venue_for
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Api, Bot, ExchangeOrder

CLOCK_ERROR = timedelta(seconds=10)
"""How much earlier than a trade's last own fill an order may be that closed it."""


def close(run: Run, bot: Bot, trade: Any, there: float) -> None:
    """Give a trade the orders by which its position has become smaller without it.

    :param there: what is left of the position, in base currency.
    :raises Exception: Freqtrade's or ccxt's, when the exchange cannot be asked.
    """
    if _follow_stops(bot, trade):
        return
    since = (trade.date_last_filled_utc or trade.open_date_utc) - CLOCK_ERROR
    found = _strangers(trade, bot.exchange.fetch_orders(trade.pair, since))
    if not _explains(trade, found, float(trade.amount) - there):
        return
    by_exchange = all(is_forced(bot.exchange._api, trade.pair, order) for order in found)
    try:
        for order in sorted(found, key=lambda each: each.get("timestamp") or 0):
            _take(bot, trade, order, by_exchange=by_exchange)
    finally:  # what was taken in is said, also where the exchange was lost on the way
        _report(run, trade, found, by_exchange=by_exchange)


def _report(run: Run, trade: Any, found: list[ExchangeOrder], *, by_exchange: bool) -> None:
    taken = [order for order in found if trade.select_order_by_order_id(str(order["id"]))]
    if not taken:
        return
    who = "the exchange liquidated" if by_exchange else "an order that is not this bot's closed"
    whole = "a part of the position" if trade.is_open else "the position"
    sold = ", ".join(
        f"order {order['id']}: {order['side']} {float(order['filled']):g} at "
        f"{float(order.get('average') or order.get('price') or 0.0):g}"
        for order in taken
    )
    state = f"{float(trade.amount):g} are left" if trade.is_open else "it is closed now"
    text = f"{who} {whole} of trade {trade.id} in {trade.pair} ({sold}); {state}"
    report(run, text, "CRITICAL", {"pair": trade.pair, "trade": int(trade.id)})


def is_forced(api: Api, pair: str, order: ExchangeOrder) -> bool:
    """Tell whether the exchange itself made an order, to liquidate or to deleverage."""
    venue = venue_for(api, pair)
    info = order.get("info") or {}
    return venue is not None and any(
        str(info.get(key, "")).startswith(begin) for key, begin in venue.forced
    )


def _follow_stops(bot: Bot, trade: Any) -> bool:
    """Look at the trade's open stops first: one that was triggered is what has closed it."""
    before = float(trade.amount)
    for stop in list(trade.open_sl_orders):
        found = bot.exchange.fetch_stoploss_order(stop.order_id, trade.pair)
        if found.get("filled"):
            bot.update_trade_state(trade, stop.order_id, found, stoploss_order=True, send_msg=False)
    return not trade.is_open or float(trade.amount) != before


def _strangers(trade: Any, orders: list[ExchangeOrder]) -> list[ExchangeOrder]:
    """Return the filled orders that no trade of the database has. What a stop of the trade has
    become is not among them (:mod:`freqpilot.host.orders.fills`)."""
    from freqtrade.persistence import Order

    return [
        order
        for order in orders
        if order.get("filled") and Order.order_by_id(str(order["id"]), trade.pair) is None
    ]


def _explains(trade: Any, orders: list[ExchangeOrder], missing: float) -> bool:
    """Tell whether orders are, without doubt, what a position lacks."""
    if not orders or any(order["side"] != trade.exit_side for order in orders):
        return False
    if any(parse_client_order_id(order.get("clientOrderId")) for order in orders):
        return False
    if any(order["status"] == "open" for order in orders):
        return False
    return contracts.alike(sum(float(order["filled"]) for order in orders), missing)


def _take(bot: Bot, trade: Any, order: ExchangeOrder, *, by_exchange: bool) -> None:
    """Give a trade an order; where that closes it, the trade says why."""
    from freqtrade.enums import ExitType
    from freqtrade.persistence import Order, Trade

    made = Order.parse_from_ccxt_object(order, trade.pair, order["side"], float(order["filled"]))
    trade.orders.append(made)
    before, reason = trade.exit_reason, ExitType.SOLD_ON_EXCHANGE
    trade.exit_reason = (ExitType.LIQUIDATION if by_exchange else reason).value
    Trade.commit()
    try:
        bot.update_trade_state(trade, made.order_id, order, send_msg=False)
    finally:
        if trade.is_open:
            trade.exit_reason = before
            Trade.commit()
