"""What a strategy of the pack answers when Freqtrade asks for a stop or an exit.

All is told from candles that have closed, so a stop moves once a candle, live as in the backtest.
A fault is logged and changes nothing: the stored stop stays.
"""

import logging
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.host import supervisor
from freqpilot.host.frames import closed_row, closed_since
from freqpilot.risk import exits, takings
from freqpilot.settings import ExitSettings
from freqpilot.shapes import Side

logger = logging.getLogger(__name__)

PASSED = "stop_passed"
"""Exit reason where the price is already beyond what would be the stop."""


def stop(
    frame: pd.DataFrame, trade: Any, step: timedelta, call: Mapping[str, Any], *, filled: bool
) -> float | None:
    """Return the new stop price of a trade, nearer than the stored one; None keeps that.

    :param step: the timeframe.
    :param call: the other arguments of Freqtrade's ``custom_stoploss``.
    :param filled: an order was filled just now.
    """
    try:
        risk = supervisor.current().settings.risk
        time: datetime = call["current_time"]
        side, sold = _side(trade), _sold(trade) > 0
        if filled and not sold:
            row = closed_row(frame, time, step)
            atr, swing = _figure(row, "atr") * _stop_factor(row), _swing(row, side)
            proposed = exits.initial_stop(side, float(trade.open_rate), atr, swing, risk)
        elif exits.moves(risk.exits, sold=sold):
            seen = _seen(frame, trade, time, step, risk.exits)
            proposed = exits.moving_stop(side, seen, risk.exits, sold=sold)
            if exits.passed(side, proposed, seen.close):
                return None  # an exit at the market, not a stop
        else:
            return None
    except Exception:
        logger.exception("The stop of %s stays where it is: a new one failed", trade.pair)
        return None
    return proposed if _is_new(side, proposed, trade) else None


def exit_reason(
    frame: pd.DataFrame, trade: Any, step: timedelta, call: Mapping[str, Any]
) -> str | None:
    """Return why a trade is to be closed at the market, None while it is not.

    :param call: the other arguments of Freqtrade's ``custom_exit``.
    """
    try:
        time, rate = call["current_time"], float(call["current_rate"])
        settings = supervisor.current().settings.risk.exits
        side, sold = _side(trade), _sold(trade) > 0
        seen = _seen(frame, trade, time, step, settings)
        hours = (time - trade.open_date_utc).total_seconds() / 3600
        if reason := exits.overdue(hours, float(call["current_profit"]), seen, settings):
            return reason
        level = exits.moving_stop(side, seen, settings, sold=sold)
        beyond = exits.passed(side, level, rate) and _is_new(side, level, trade)
        return PASSED if beyond else None
    except Exception:
        logger.exception("Whether %s has to be closed could not be decided", trade.pair)
        return None


def target(trade: Any, call: Mapping[str, Any]) -> tuple[float, str] | None:
    """Return the stake to take out of a trade (negative) and its tag, as ``target_1``, or None.

    :param call: the other arguments of Freqtrade's ``adjust_trade_position``.
    """
    try:
        if trade.has_open_orders or not trade.amount:
            return None
        bought = sum(o.safe_filled for o in trade.orders if o.ft_order_side == trade.entry_side)
        held, stake = float(trade.amount), float(trade.stake_amount)
        holding = takings.Holding(
            side=_side(trade),
            open_rate=float(trade.open_rate),
            bought=float(bought),
            sold=_sold(trade),
            held=held,
            leverage=float(trade.leverage or 1),
            min_stake=float(call["min_stake"] or 0.0),
        )
        rate = float(call["current_exit_rate"])
        sale = takings.due(holding, rate, supervisor.current().settings.risk.exits)
        if sale is None:
            return None
        return -stake * min(sale.amount / held, 1.0), f"target_{sale.tier}"
    except Exception:
        logger.exception("No target of %s was sold: it could not be decided", trade.pair)
        return None


def asks(settings: ExitSettings) -> bool:
    """Tell whether :func:`exit_reason` can give one: asking costs a copy of the trade each time."""
    return "time" in settings.stops or exits.moves(settings, sold=True)


def _seen(
    frame: pd.DataFrame, trade: Any, time: datetime, step: timedelta, settings: ExitSettings
) -> exits.Seen:
    side, opened = _side(trade), float(trade.open_rate)
    row = closed_row(frame, time, step)
    since = closed_since(frame, trade.open_date_utc, time, step)
    high, low = since["high"].to_numpy(), since["low"].to_numpy()
    best, worst = (high, low) if side == "long" else (low, high)
    most, least = (np.fmax, np.fmin) if side == "long" else (np.fmin, np.fmax)
    return exits.Seen(
        open_rate=opened,
        close=_figure(row, "close"),
        atr=_figure(row, "atr"),
        swing=_swing(row, side),
        best=float(most.reduce(best, initial=opened)),
        # The entry counts as long as its candle would.
        recent=float(
            most.reduce(best[-settings.chandelier_candles :])
            if len(best) >= settings.chandelier_candles
            else most.reduce(best, initial=opened)
        ),
        worst=float(least.reduce(worst, initial=opened)),
    )


def _figure(row: pd.Series | None, name: str) -> float:
    return math.nan if row is None or name not in row else float(row[name])


def _stop_factor(row: pd.Series | None) -> float:
    """Return what regime and volatility multiply the first stop's distance by; 1 without one."""
    return 1.0 if row is None or "stop_factor" not in row else float(row["stop_factor"])


def _swing(row: pd.Series | None, side: Side) -> float:
    return _figure(row, "swing_low" if side == "long" else "swing_high")


def _side(trade: Any) -> Side:
    return "short" if trade.is_short else "long"


def _sold(trade: Any) -> float:
    orders = (o for o in trade.orders if o.ft_order_side != trade.entry_side)
    return float(sum(o.safe_filled for o in orders))


def _is_new(side: Side, proposed: float, trade: Any) -> bool:
    stored = float(trade.stop_loss) if trade.stop_loss else math.nan
    return math.isfinite(proposed) and not (
        math.isfinite(stored) and not exits.nearer(side, proposed, stored)
    )
