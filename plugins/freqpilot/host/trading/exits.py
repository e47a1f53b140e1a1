"""What a strategy of the pack answers when Freqtrade asks for a stop or an exit.

All is told from candles that have closed, so a stop moves once a candle, live as in the backtest.
A fault is logged and changes nothing: the stored stop stays.
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.host.candles.rows import closed_row, closed_since
from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import Trade
from freqpilot.host.trading.proposals import scaling
from freqpilot.risk.entries import volatility
from freqpilot.risk.exits import plan as exitplan
from freqpilot.risk.exits import stops as exits
from freqpilot.risk.exits import takings
from freqpilot.settings import ExitSettings, RiskSettings
from freqpilot.shapes import Side

logger = logging.getLogger(__name__)

Frame = pd.DataFrame | Callable[[], pd.DataFrame]
RowAt = Callable[[datetime], Mapping[str, Any] | None]

PASSED = "stop_passed"
"""Exit reason where the price is already beyond what would be the stop."""


def stop(
    frame: Frame,
    trade: Trade,
    step: timedelta,
    call: Mapping[str, Any],
    stoploss: float | None = None,
    *,
    filled: bool,
    row_at: RowAt | None = None,
) -> float | None:
    """Return the new stop price of a trade, nearer than the stored one; None keeps that.

    :param frame: the pair's candles, or a function that gives them, called where they are needed:
        Freqtrade cuts them out anew each time.
    :param step: the timeframe.
    :param call: the other arguments of Freqtrade's ``custom_stoploss``.
    :param stoploss: the strategy's own, where it sells in parts as :func:`target` says; without it
        memes have the same stop as others.
    :param filled: an order was filled just now.
    :param row_at: finds the last candle that is closed at the time of the call, where that is
        cheaper than ``frame``.
    """
    try:
        run = current()
        side, risk = _side(trade), run.settings.risk
        if stoploss is not None:
            leverage = float(trade.leverage or 1)
            risk = exitplan.risk_of(trade.pair, side, risk, stoploss, leverage)
        time: datetime = call["current_time"]
        if not filled and not exitplan.may_move(risk.exits):
            return None
        sold, opened = _sold(trade) > 0, trade.open_date_utc
        if filled and not sold:
            frame = frame if row_at else _loaded(frame)
            row = row_at(time) if row_at else closed_row(_loaded(frame), time, step)
            atr, swing = _figure(row, "atr"), _swing(row, side)
            asked = row if opened == time else closed_row(_loaded(frame), opened, step)
            factor = _widened((asked, row), side, risk) if run.settings.supervisor else 1.0
            wide = volatility.with_stop(risk, factor)
            proposed = exits.initial_stop(side, float(trade.open_rate), atr, swing, wide)
        elif exitplan.may_move(risk.exits):
            frame = _loaded(frame)
            seen = _seen(frame, trade, time, step, risk.exits)
            adjusted = _adjusted(frame, trade, time, step, risk.exits)
            proposed = exitplan.moving_stop(side, seen, risk.exits, adjusted, sold=sold)
            if exits.passed(side, proposed, seen.close):
                return None  # an exit at the market, not a stop
        else:
            return None
    except Exception:
        logger.exception("The stop of %s stays where it is: a new one failed", trade.pair)
        return None
    return proposed if _is_new(side, proposed, trade) else None


def exit_reason(frame: Frame, trade: Trade, step: timedelta, call: Mapping[str, Any]) -> str | None:
    """Return why a trade is to be closed at the market, None while it is not.

    :param call: the other arguments of Freqtrade's ``custom_exit``.
    """
    try:
        time, rate = call["current_time"], float(call["current_rate"])
        side, sold, frame = _side(trade), _sold(trade) > 0, _loaded(frame)
        settings = exitplan.exits_of(trade.pair, side, current().settings.risk)
        seen = _seen(frame, trade, time, step, settings)
        hours = (time - trade.open_date_utc).total_seconds() / 3600
        if reason := exits.overdue(hours, float(call["current_profit"]), seen, settings):
            return reason
        adjusted = _adjusted(frame, trade, time, step, settings)
        level = exitplan.moving_stop(side, seen, settings, adjusted, sold=sold)
        beyond = exits.passed(side, level, rate) and _is_new(side, level, trade)
        return PASSED if beyond else None
    except Exception:
        logger.exception("Whether %s has to be closed could not be decided", trade.pair)
        return None


def target(
    frame: Frame, trade: Trade, step: timedelta, call: Mapping[str, Any]
) -> tuple[float, str] | None:
    """Return the stake to take out of a trade (negative) and its tag, as ``target_1``, or None.

    :param call: the other arguments of Freqtrade's ``adjust_trade_position``.
    """
    try:
        if trade.has_open_orders or not trade.amount:
            return None
        side, rate = _side(trade), float(call["current_exit_rate"])
        settings = exitplan.exits_of(trade.pair, side, current().settings.risk)
        gain = takings.gain_of(side, float(trade.open_rate), rate)
        if not settings.targets or gain < exitplan.first_gain(settings):
            return None
        adjusted = _adjusted(frame, trade, call["current_time"], step, settings)
        bought = sum(o.safe_filled for o in trade.orders if o.ft_order_side == trade.entry_side)
        held, stake = float(trade.amount), float(trade.stake_amount)
        holding = takings.Holding(
            side=side,
            open_rate=float(trade.open_rate),
            bought=float(bought),
            sold=_sold(trade),
            held=held,
            leverage=float(trade.leverage or 1),
            min_stake=float(call["min_stake"] or 0.0),
        )
        sale = takings.due(holding, rate, adjusted)
        if sale is None:
            return None
        return -stake * min(sale.amount / held, 1.0), f"target_{sale.tier}"
    except Exception:
        logger.exception("No target of %s was sold: it could not be decided", trade.pair)
        return None


def asks(settings: ExitSettings) -> bool:
    """Tell whether :func:`exit_reason` can give one: asking costs a copy of the trade each time."""
    plans = exitplan.plans(settings)
    return any("time" in each.stops or exitplan.may_move(each) for each in plans)


def rests(settings: ExitSettings) -> bool:
    """Tell whether :func:`stop` gives a new stop right after a fill only."""
    return not any(exitplan.may_move(each) for each in exitplan.plans(settings))


def sells(settings: ExitSettings) -> bool:
    """Tell whether :func:`target` can give anything."""
    return exitplan.sells_parts(settings)


def _loaded(frame: Frame) -> pd.DataFrame:
    return frame if isinstance(frame, pd.DataFrame) else frame()


def _seen(
    frame: pd.DataFrame, trade: Trade, time: datetime, step: timedelta, settings: ExitSettings
) -> exits.Seen:
    side, opened = _side(trade), float(trade.open_rate)
    row = closed_row(frame, time, step)
    since = closed_since(frame, trade.open_date_utc, time, step)
    high, low = (frame[name].to_numpy()[since] for name in ("high", "low"))
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


def _adjusted(
    frame: Frame, trade: Trade, time: datetime, step: timedelta, settings: ExitSettings
) -> ExitSettings:
    """Return the exits of the trade's class in the regime; loads the frame only for that."""
    if not (settings.targets and settings.regimes):
        return settings
    frame = _loaded(frame)
    rows = (closed_row(frame, at, step) for at in (time, trade.open_date_utc))
    found = (
        (row["regime"], _figure(row, "regime_probability"))
        for row in rows
        if row is not None and "regime" in row
    )
    least = current().settings.signals.regimes.min_probability
    return exitplan.in_regime(_side(trade), exitplan.acting(found, least), settings)


def _widened(rows: Iterable[Mapping[str, Any] | None], side: Side, risk: RiskSettings) -> float:
    """Return by how much the volatility moves a stop away: the least of what the candles say, so
    that it is never wider than the size of the entry counted with."""
    known = [scaling(row, side, risk.volatility).stop for row in rows if row is not None]
    return min((factor for factor in known if math.isfinite(factor)), default=1.0)


def _figure(row: Mapping[str, Any] | None, name: str) -> float:
    return math.nan if row is None or name not in row else float(row[name])


def _swing(row: Mapping[str, Any] | None, side: Side) -> float:
    return _figure(row, "swing_low" if side == "long" else "swing_high")


def _side(trade: Trade) -> Side:
    return "short" if trade.is_short else "long"


def _sold(trade: Trade) -> float:
    orders = (o for o in trade.orders if o.ft_order_side != trade.entry_side)
    return float(sum(o.safe_filled for o in orders))


def _is_new(side: Side, proposed: float, trade: Trade) -> bool:
    stored = float(trade.stop_loss) if trade.stop_loss else math.nan
    return math.isfinite(proposed) and not (
        math.isfinite(stored) and not exits.nearer(side, proposed, stored)
    )
