"""Positions that follow a target: what share of its slot each takes, and how it gets there.

A slot is the account divided by the open trades that are allowed. Whatever raises a position is
capped here as the supervisor allows, and judged once more by the gate; what lowers it is not.
"""

import logging
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from freqpilot.host.account.verdict import account_book
from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import Trade
from freqpilot.host.trading import proposals
from freqpilot.risk.account.responses import cap_factor
from freqpilot.risk.account.tiers import tier_in

logger = logging.getLogger(__name__)


def stake(
    row: Mapping[str, Any] | None,
    pair: str,
    time: datetime,
    call: Mapping[str, Any],
    share: float,
    stoploss: float,
) -> float:
    """Return the stake of an entry whose position is to be ``share`` of the account; 0 for none.

    :param row: the last closed candle's row, or None.
    :param call: the other arguments of Freqtrade's ``custom_stake_amount``.
    :param stoploss: the stop's distance as a share of the rate; the risk a trade holds with it.
    """
    try:
        wanted = own_money(share, stoploss, float(call["leverage"]))
        if row is None or not wanted > 0 or wanted < float(call["min_stake"] or 0.0):
            return 0.0
        most = min(wanted, float(call["max_stake"]))
        if not current().settings.supervisor:
            return most
        return proposals.stake(row, pair, time, {**call, "max_stake": most})
    except Exception:  # Freqtrade would take the proposed stake instead
        logger.exception("No stake for %s: sizing failed, so there is no entry", pair)
        return 0.0


def off_target(trade: Trade, rate: float, share: float) -> float:
    """Return how much value a position misses (below zero: has too much) to be ``share`` of the
    account, as a share of the account; NaN where the account is not known."""
    equity = current().state.equity
    if not (math.isfinite(equity) and equity > 0):
        return math.nan
    return share - float(trade.amount) * rate / equity


def room(trade: Trade) -> float:
    """Return by how much a position may grow until its tier's largest, as a share of the account in
    value; infinite without the supervisor, 0 where that is not known."""
    try:
        run = current()
        if not run.settings.supervisor:
            return math.inf
        known = account_book(run)
        if known is None:
            return 0.0
        most = tier_in(known, run.settings.risk).max_position * cap_factor(known, run.settings.risk)
        return (most - float(trade.stake_amount) / known.equity) * float(trade.leverage or 1)
    except Exception:
        logger.exception("%s is not enlarged: its limit could not be told", trade.pair)
        return 0.0


def full() -> bool:
    """Tell whether a backtest has as many trades open as its tier allows: an entry has no stake
    then, and that is quickly told. Live it is never, as a refusal is kept there with its reason."""
    try:
        run = current()
        known = None if run.live or not run.settings.supervisor else account_book(run)
        if known is None:
            return False
        if _open_count() < tier_in(known, run.settings.risk).max_open_trades:
            return False
    except Exception:
        logger.exception("Whether another trade may be opened could not be told")
        return True
    run.counters.count("entries_vetoed")
    return True


def _open_count() -> int:
    from freqtrade.persistence import Trade

    return int(Trade.get_open_trade_count())


def change(
    row: Mapping[str, Any] | None,
    trade: Trade,
    call: Mapping[str, Any],
    share: float,
    stoploss: float,
) -> tuple[float, str] | None:
    """Return the stake to add to (or, below zero, to take out of) a position, and its tag; None to
    leave it.

    :param call: the other arguments of Freqtrade's ``adjust_trade_position``.
    """
    try:
        rate, leverage = float(call["current_rate"]), float(trade.leverage or 1)
        missing = off_target(trade, rate, share)
        if trade.has_open_orders or not trade.amount or not math.isfinite(missing):
            return None
        if missing < 0:
            held = float(trade.amount) * rate / current().state.equity
            return -float(trade.stake_amount) * min(-missing / held, 1.0), "reduce"
        full = own_money(share, stoploss, leverage)
        order = min(missing * current().state.equity / leverage, full)
        stake = add(row, trade, call, order)
        return None if stake is None else (stake, "add")
    except Exception:
        logger.exception("%s stays as it is: its change could not be decided", trade.pair)
        return None


def unwanted(trade: Trade, share: float) -> bool:
    """Tell whether a position is to have nothing of the account, or the other side."""
    return share == 0 or (share < 0) != bool(trade.is_short)


def acted(trade: Trade, time: datetime, candle: timedelta) -> bool:
    """Tell whether an order of a position was filled since the last candle has closed. Live, a
    capped order would be followed by the next one five seconds later, which no backtest shows."""
    length, last = candle.total_seconds(), trade.date_last_filled_utc
    return last is not None and bool(last.timestamp() >= time.timestamp() // length * length)


def out(trade: Trade) -> tuple[float, str] | None:
    """Return the whole stake, to be taken out of a position, and its tag; None while an order of
    it is open."""
    if trade.has_open_orders or not trade.amount:
        return None
    return -float(trade.stake_amount), "out"


def add(
    row: Mapping[str, Any] | None, trade: Trade, call: Mapping[str, Any], order: float
) -> float | None:
    """Return the stake of an order that enlarges a position, at most ``order`` and what the
    supervisor allows; None when nothing or less than the exchange's minimum is left.

    :raises Exception: when it cannot be told; the caller adds nothing then.
    """
    most = min(order, float(call["max_stake"]))
    if row is None or not most > 0 or most < float(call["min_stake"] or 0.0):
        return None
    if current().settings.supervisor:
        named = {
            "side": "short" if trade.is_short else "long",
            "current_rate": call["current_rate"],
            "leverage": float(trade.leverage or 1),
            "min_stake": call["min_stake"],
            "max_stake": most,
            "purpose": "add",
        }
        most = proposals.stake(row, trade.pair, call["current_time"], named)
    return most if most > 0 else None


def own_money(share: float, stoploss: float, leverage: float) -> float:
    """Return the own money of a position of ``share``; supervised, its stop costs no more than the
    risk a trade."""
    run = current()
    equity = run.state.equity
    if not math.isfinite(equity):
        return 0.0
    known = account_book(run) if run.settings.supervisor else None
    if known is not None:
        risk = tier_in(known, run.settings.risk).risk_per_trade
        share = min(share, risk / max(abs(stoploss), 1e-9))
    return share * equity / leverage
