"""Two legs or none: what is asked before the first leg, and which leg may not stay.

A couple is known by the enter tag that both of its trades bear, so all of this can be told from
open trades alone, also after a restart. Freqtrade sends one order after the other: a second leg
that fails leaves the first alone until it is closed, which :func:`settle` does at the end of the
same loop and, where that fails, the strategy's ``custom_exit`` in the next.
"""

import logging
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import Bot, Trade
from freqpilot.shapes import Position
from freqpilot.signals.pairs import Couple

logger = logging.getLogger(__name__)

ORPHAN, UNEQUAL, LEAVING = "orphan_leg", "unequal_legs", "partner_leaves"
TOLERANCE = 0.10
"""By how much a leg may be off what its partner asks for, as a share: what is more unequal is a bet
on one of the two and is closed. Trimming would be one more order that can fail."""
ATTEMPTS = 4
"""Exits of a leg that are tried at the end of one loop."""


def partner_trade(trade: Trade, trades: Iterable[Trade]) -> Any | None:
    """Return the open trade of the other leg, or None."""
    couple = Couple.parse(trade.enter_tag)
    if couple is None:
        return None
    other = couple.partner(trade.pair)
    return next((t for t in trades if t.pair == other and t.enter_tag == trade.enter_tag), None)


def verdict(trade: Trade, trades: Iterable[Trade]) -> str | None:
    """Return why a leg has to be closed because of the other one, None while it may stay, or where
    the trade is no leg at all.

    :param trades: all open trades.
    """
    couple = Couple.parse(trade.enter_tag)
    if couple is None or not trade.nr_of_successful_entries:
        return None
    other = partner_trade(trade, trades)
    if other is None or not other.nr_of_successful_entries:
        return ORPHAN
    if any(order.ft_order_side == other.exit_side for order in other.open_orders):
        return LEAVING
    wanted, there = cost(other) * couple.ratio(trade.pair), cost(trade)
    if not math.isclose(there, wanted, rel_tol=TOLERANCE):
        return UNEQUAL
    return None


def cost(trade: Trade) -> float:
    """Return what a position was opened for, borrowed money included, in stake currency."""
    return float(trade.amount) * float(trade.open_rate)


def too_young(trade: Trade, time: datetime) -> bool:
    """Tell whether the other leg's turn may still come: a backtest asks about a trade in the very
    candle that opens it. Live a later loop asks, which has a later time."""
    return bool(time <= trade.open_date_utc)


def lately_closed(trade: Trade, time: datetime) -> bool:
    """Tell whether the other leg of a backtest was closed inside the candle that begins at
    ``time``: what cannot be known at its open is acted on at the next."""
    from freqtrade.persistence import LocalTrade, Trade

    couple = Couple.parse(trade.enter_tag)
    if Trade.use_db or couple is None:
        return False
    pair = couple.partner(trade.pair)
    return any(
        t.pair == pair and t.enter_tag == trade.enter_tag and t.close_date_utc >= time
        for t in LocalTrade.bt_trades[-64:]
    )


def reserved(trades: Sequence[Trade]) -> list[Position]:
    """Return the positions that missing second legs are about to take: their slots, stakes and
    limits are theirs."""
    found = []
    for trade in trades:
        couple = Couple.parse(trade.enter_tag)
        if couple is None or partner_trade(trade, trades) is not None:
            continue
        leverage = float(trade.leverage or 1)
        stake = cost(trade) * couple.ratio(couple.partner(trade.pair)) / leverage
        side = "long" if trade.is_short else "short"
        pair = couple.partner(trade.pair)
        found.append(Position(pair, side, stake, stake, leverage=leverage))  # type: ignore[arg-type]
    return found


def settle(bot: Bot) -> None:
    """Close every leg that may not stay, in a few attempts. It never raises."""
    from freqtrade.persistence import Trade

    told: set[int] = set()
    for _ in range(ATTEMPTS):
        try:
            trades = Trade.get_open_trades()
            due = [(t, why) for t in trades if (why := verdict(t, trades)) and _closable(t)]
        except Exception:
            logger.exception("Legs without a partner could not be looked for; the next loop does")
            return
        if not due:
            return
        for trade, why in due:
            if trade.id not in told:
                told.add(trade.id)
                _report(trade, why)
            _close(bot, trade, why)


def _closable(trade: Trade) -> bool:
    """Tell whether there is something to sell that no exit order is about to."""
    leaves = any(order.ft_order_side == trade.exit_side for order in trade.open_orders)
    return bool(trade.amount) and not leaves


def _close(bot: Bot, trade: Trade, why: str) -> None:
    from freqtrade.enums import ExitCheckTuple, ExitType

    try:
        rate = bot.exchange.get_rate(trade.pair, side="exit", is_short=trade.is_short, refresh=True)
        check = ExitCheckTuple(exit_type=ExitType.EMERGENCY_EXIT, exit_reason=why)
        with bot._exit_lock:
            bot.execute_trade_exit(trade, float(rate), exit_check=check)
    except Exception as error:
        logger.warning("The leg %s is not closed yet (%s); it is tried again", trade.pair, error)


def _report(trade: Trade, why: str) -> None:
    words = f"{trade.pair} is closed ({why.replace('_', ' ')}): {trade.enter_tag}"
    try:
        run = current()
    except NoEntry:  # closing it matters more
        alerts.record_later("orphan leg", words, pair=trade.pair)
        return
    run.counters.count("orphan_legs")
    alerts.record(run, "orphan leg", "WARNING", words, {"pair": trade.pair})
