"""Leaves a backtest's positions where a bot would leave them: at the catastrophe stop, and on the
way to a liquidation.

The backtester makes exits of ours at the candle's open. So the price, and the part that is sold,
are put into the order right before it is filled in the same candle.
"""

import logging
from collections.abc import Sequence
from typing import Any

from freqpilot.host.orders.wayout import WaysOut, check, first_hit, note, side_of
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Backtester, Order, Trade
from freqpilot.risk.exits import catastrophe

logger = logging.getLogger(__name__)

HIGH, LOW = 2, 3  # positions in Freqtrade's row tuples, which the backtest's loop checks
AT_THE_OPEN = ("exit_signal", "custom_exit")
"""Freqtrade's exits that happen at a candle's open, before anything within it."""


def with_ours(
    run: Run, exits: Sequence[Any], trade: Trade, rate: float, low: float | None, high: float | None
) -> list[Any]:
    """Return a strategy's exits in a candle with ours among them, in the order in which the price
    comes to them: what the strategy does at the open first, then the nearer of its stop and ours.

    :param rate: the candle's open.
    """
    found = list(exits)
    ways, side = run.part(WaysOut), side_of(trade)
    lowest, highest = (rate if each is None else each for each in (low, high))
    hit = first_hit(ways.of(trade), side, lowest, highest)
    ways.planned.pop(trade.id, None)
    if hit is None:
        return found
    place = sum(str(each.exit_type.value) in AT_THE_OPEN for each in found)
    own = float(trade.stop_loss or 0.0)
    if own > 0 and catastrophe.nearest(side, own, hit.price) == own:
        place = len(found)
    if run.settings.risk.watches:
        if place == 0:
            note(run, trade, hit)
        return found
    ways.planned[trade.id] = hit, catastrophe.fill_rate(side, hit.price, rate)
    found.insert(place, check(hit.reason))
    return found


def at_our_price(
    run: Run, backtester: Backtester, trade: Trade, order: Order, row: Sequence[Any]
) -> None:
    """Give an exit order of ours its price and its part of the position, before it is filled."""
    from freqtrade.exchange import amount_to_contract_precision, price_to_precision

    planned = run.part(WaysOut).planned.pop(trade.id, None)
    if planned is None or order.ft_order_tag != planned[0].reason or not order.ft_is_open:
        return
    way, price = planned
    note(run, trade, way)
    rate = price_to_precision(price, trade.price_precision, trade.precision_mode_price)
    rate = min(float(row[HIGH]), max(float(row[LOW]), rate))
    order.ft_price = order.price = order.average = rate
    if way.share < 1.0:
        part = amount_to_contract_precision(
            trade.amount * way.share,
            trade.amount_precision,
            backtester.precision_mode,
            trade.contract_size,
        )
        order.amount = order.remaining = part or order.amount
