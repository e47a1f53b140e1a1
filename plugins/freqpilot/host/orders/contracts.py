"""Compares futures positions and stops with Freqtrade's trades, for the reconciliation.

On futures a stop does not block an exit: it stays on the exchange until the exit is filled. A bot
killed meanwhile leaves a stop to a trade that is over, which would close a later position in the
same pair; or an exit that is filled in the database while its trade is open, which Freqtrade finds
only where no stop is open.
"""

from collections.abc import Iterable
from typing import Any

from freqpilot.host.orders.differences import recount, report
from freqpilot.host.orders.pending import Pending
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Bot, Trade

MISSING_SHARE = 0.005
"""Share of a position by which the two books may differ: rounding."""


def compare(run: Run, bot: Bot, trades: Iterable[Trade], pairs: Iterable[str]) -> None:
    """Bring trades to what their orders say where the positions bear it out; report the rest.

    :raises Exception: Freqtrade's or ccxt's, when the exchange cannot be asked.
    """
    held = _held(bot)
    wanted: dict[str, float] = {}
    for trade in trades:
        sign = -1 if trade.is_short else 1
        owned = max(0.0, sign * held.get(trade.pair, 0.0))
        if not _alike(owned, float(trade.amount)):
            if not owned:
                _close(run, bot, trade)
            if trade.is_open:
                recount(run, trade, owned)
        wanted[trade.pair] = sign * float(trade.amount) if trade.is_open else 0.0
    for pair in sorted({*pairs, *held}):
        there, ours = held.get(pair, 0.0), wanted.get(pair, 0.0)
        if not _alike(there, ours):
            report(
                run,
                f"the position in {pair} is {there:g} on the exchange, {ours:g} in the database "
                "(below zero: short); look at the account's history, then close what is too much "
                "there, or mend the trade",
                "CRITICAL",
                {"pair": pair, "owned": there, "wanted": ours},
            )


def take_back_stops(run: Run, bot: Bot) -> list[str]:
    """Cancel the stops of trades that are over, each on its own; returns the keys of those that
    could not be, as :class:`freqpilot.host.orders.pending.Pending` notes them."""
    from freqtrade.persistence import Order, Trade
    from sqlalchemy import select

    query = select(Order).join(Trade, Order.ft_trade_id == Trade.id)
    query = query.where(Order.ft_order_side == "stoploss", Order.ft_is_open, ~Trade.is_open)
    failed: list[str] = []
    for order in Order.session.scalars(query).all():
        try:
            _take_back(run, bot, order)
        except Exception as error:  # a pair that is gone must not hold up all others
            number, pair = str(order.order_id), str(order.ft_pair)
            failed.append(run.part(Pending).fail_stop(number, pair, error))
    Trade.commit()
    return failed


def _take_back(run: Run, bot: Bot, order: Any) -> None:
    number, pair = order.order_id, order.ft_pair
    found = bot.exchange.fetch_stoploss_order(number, pair)
    if found["status"] != "open":
        order.trade.update_order(found)
        return
    found = bot.exchange.cancel_stoploss_order_with_result(number, pair, order.ft_amount)
    if found["status"] != "open":  # one that the exchange does not find is looked for again
        report(
            run,
            f"the stop order {number} in {pair} had outlived its trade {order.ft_trade_id}; it "
            "was cancelled",
            "WARNING",
            {"pair": pair, "order": number},
        )
    order.trade.update_order(found)


def _close(run: Run, bot: Bot, trade: Trade) -> None:
    """Close a trade whose filled orders have closed it, if they have."""
    exits = [o for o in trade.orders if o.ft_order_side != trade.entry_side and o.safe_filled]
    entered = sum(float(o.safe_filled) for o in trade.orders if o.ft_order_side == trade.entry_side)
    left = sum(float(order.safe_filled) for order in exits)
    if not exits or not _alike(entered, left):
        return
    last = max(exits, key=lambda order: order.order_filled_utc or order.order_date_utc)
    stop = last.ft_order_side == "stoploss"
    found = bot.exchange.fetch_order_or_stoploss_order(last.order_id, trade.pair, stop)
    bot.update_trade_state(trade, last.order_id, found, stoploss_order=stop, send_msg=False)
    if not trade.is_open:
        report(
            run,
            f"trade {trade.id} in {trade.pair} was open, order {last.order_id} had closed it; it "
            "is closed now",
            "WARNING",
            {"pair": trade.pair, "trade": int(trade.id)},
        )


def _held(bot: Bot) -> dict[str, float]:
    """Return the positions on the exchange by pair, below zero for short ones."""
    return {
        position["symbol"]: (-1 if position["side"] == "short" else 1)
        * float(bot.exchange._contracts_to_amount(position["symbol"], position["contracts"] or 0.0))
        for position in bot.exchange.fetch_positions()
    }


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= MISSING_SHARE * max(abs(one), abs(other))
