"""Freqtrade's trades in the shapes of the risk room, the same live and in the backtest."""

import math
from collections.abc import Iterable, Mapping

from freqpilot.host.seams.freqtrade import Trade
from freqpilot.shapes import Position


def committed_stake(trade: Trade) -> float:
    """Return the own money in a trade: what is filled plus what its open entry orders may still
    fill. An order that was just cancelled to be replaced does not count."""
    filled = float(trade.stake_amount) if trade.nr_of_successful_entries else 0.0
    pending = sum(
        float(order.safe_remaining) * float(order.safe_price) / float(trade.leverage or 1)
        for order in trade.open_orders
        if order.ft_order_side == trade.entry_side
    )
    return filled + pending


def first_stop(side: str, rate: float, stoploss: float, leverage: float) -> float:
    """Return the price of the stop that Freqtrade gives a new trade, NaN where it has none.

    :param stoploss: the strategy's, a share of own money (below zero as Freqtrade has it).
    """
    distance = abs(stoploss) / max(leverage, 1.0)
    if not distance > 0:
        return math.nan
    return rate * (1 + distance if side == "short" else 1 - distance)


def _additions(trade: Trade) -> int:
    """Return how many orders, filled or open, a trade has beyond its first."""
    waiting = int(sum(order.ft_order_side == trade.entry_side for order in trade.open_orders))
    return max(0, trade.nr_of_successful_entries + waiting - 1)


def position_of(trade: Trade, rates: Mapping[str, float] | None = None) -> Position:
    """Return a trade as a :class:`Position`.

    :param rates: the last seen rates; without its pair's it is valued at what was paid.
    """
    stake, opened = committed_stake(trade), float(trade.open_rate or 0)
    rate = (rates or {}).get(trade.pair, opened)
    return Position(
        pair=trade.pair,
        side="short" if trade.is_short else "long",
        stake=stake,
        value=stake * rate / opened if opened > 0 else stake,
        risk_stop=float(trade.stop_loss) if trade.stop_loss else math.nan,
        leverage=float(trade.leverage or 1),
        rate=rate if rate > 0 else math.nan,
        tag=trade.enter_tag,
        additions=_additions(trade),
    )


def open_profit(trade: Trade, rate: float, *, entry_fee_paid: bool = False) -> float:
    """Return the unrealised profit of a trade's filled amount at ``rate``, fees of both sides
    counted, in stake currency; the entry's only where it is not paid already.

    Freqtrade's own ``calc_profit`` gives the same within its rounding but takes decimals through
    every step, which costs too much once a candle.
    """
    amount, opened = float(trade.amount), float(trade.open_rate)
    fee_open = 0.0 if entry_fee_paid else float(trade.fee_open or 0)
    fee_close = float(trade.fee_close or 0)
    if trade.is_short:
        return amount * (opened * (1 - fee_open) - rate * (1 + fee_close))
    return amount * (rate * (1 - fee_close) - opened * (1 + fee_open))


def account_equity(
    free: float,
    trades: Iterable[Trade],
    rates: dict[str, float],
    *,
    entry_fees_paid: bool = False,
) -> float:
    """Return the account's equity: free money plus open trades at their rates.

    :param free: free stake currency as Freqtrade's wallet has it (realised profit included).
    :param rates: the last known rate of each pair.
    :param entry_fees_paid: on an exchange an entry's fee is gone from the balance, or from the
        amount, once it fills; a simulated wallet takes it off when the trade closes.
    :returns: NaN when an open position has no rate, so that nobody acts on a wrong figure.
    """
    equity = float(free)
    for trade in trades:
        equity += float(trade.stake_amount)
        if trade.nr_of_successful_entries:
            equity += open_profit(
                trade, rates.get(trade.pair, math.nan), entry_fee_paid=entry_fees_paid
            )
    return equity
