"""A ladder of safety orders on Freqtrade's trades. Which rung a trade is on is read from its
orders, so a restart repeats none."""

import logging
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from freqpilot.host.seams.freqtrade import Trade
from freqpilot.host.trading import slots
from freqpilot.shapes import Floats
from freqpilot.signals import grid
from freqpilot.signals.grid import Fill, Ladder, Step

logger = logging.getLogger(__name__)


class Climber(Protocol):
    """A strategy with a ladder."""

    @property
    def ladder(self) -> Ladder:
        """The ladder."""

    @property
    def step(self) -> timedelta:
        """The timeframe."""

    stoploss: float


def first(
    row: Mapping[str, Any] | None,
    pair: str,
    time: datetime,
    call: Mapping[str, Any],
    ladder: Ladder,
    share: float,
    stoploss: float,
) -> float:
    """Return the stake of the first order: its part of a whole ladder that takes ``share`` of the
    account and that the supervisor would allow at once; 0 for none."""
    # The exchange's minimum is asked of the first order, the smallest, not of the whole.
    whole = slots.stake(row, pair, time, {**call, "min_stake": 0.0}, share, stoploss)
    order = whole * ladder.share(0)
    return order if order >= float(call["min_stake"] or 0.0) else 0.0


def due(trade: Trade, close: Floats | None, time: datetime, strategy: Climber) -> Step | None:
    """Return the step that the last closed candle asks of a trade, at most one a candle."""
    try:
        if close is None or trade.has_open_orders or not trade.amount:
            return None
        last = trade.date_last_filled_utc
        if last is not None and last > time - strategy.step:
            return None
        return grid.due(_fills(trade), float(close[0]), strategy.ladder)
    except Exception:
        logger.exception("%s stays as it is: its ladder could not be read", trade.pair)
        return None


def step(
    row: Mapping[str, Any] | None,
    trade: Trade,
    close: Floats | None,
    time: datetime,
    call: Mapping[str, Any],
    strategy: Climber,
) -> tuple[float, str] | None:
    """Return the stake of the step that is due (below zero: to take out) and its tag, or None.

    :param call: the other arguments of Freqtrade's ``adjust_trade_position``.
    """
    wanted = due(trade, close, time, strategy)
    if wanted is None:
        return None
    try:
        if wanted.amount:
            part = min(wanted.amount / float(trade.amount), 1.0)
            return -float(trade.stake_amount) * part, f"rung_{wanted.rung}_sold"
        begin = _fills(trade)[0]
        base = begin.price * begin.amount / float(trade.leverage or 1)
        order = base * strategy.ladder.growth**wanted.rung
        named = {**call, "current_time": time}
        added = slots.add(row, trade, named, order)
        return None if added is None else (added, f"rung_{wanted.rung}")
    except Exception:
        logger.exception("%s stays as it is: its ladder could not go on", trade.pair)
        return None


def _fills(trade: Trade) -> list[Fill]:
    return [
        Fill(float(o.safe_price), float(o.safe_filled), o.ft_order_side == trade.entry_side)
        for o in trade.orders
        if o.safe_filled and math.isfinite(float(o.safe_price))
    ]
