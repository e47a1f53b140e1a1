"""Looks live for stakes that grow with loss, and tells a person of them once."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import Run
from freqpilot.risk.account.martingale import WINDOW, EntryOrder, Finding, StakedTrade, findings

logger = logging.getLogger(__name__)

KIND = "martingale"
TOLD = ", martingale"
EVERY = timedelta(hours=1)
"""How often it is looked while no trade closes: an open one may have got additions."""
AGAIN = timedelta(days=7)
"""A finding that was gone is news again so long after it was told."""


class Martingale:
    """What a run has found of stakes that grow with loss."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._next: datetime | None = None
        self._total = -1

    def step(self, now: datetime) -> None:
        """Look when a trade has closed, and once an hour: to be called once a loop. It never
        raises, and changes no order."""
        run, total = self._run, self._run.state.record.total
        due = self._next is None or now >= self._next or total != self._total
        if not (run.live and run.writes and due and run.settings.supervisor):
            return
        self._next, self._total = now + EVERY, total
        try:
            self._tell(findings(trades()), now)
        except Exception as error:
            logger.warning("Whether stakes grow with loss could not be told: %s", error)

    def _tell(self, found: Sequence[Finding], now: datetime) -> None:
        key = f"{self._run.key}{TOLD}"
        told: dict[str, str] = dict(self._run.store.load_state(key) or {})
        kept = {
            kind: time
            for kind, time in told.items()
            if any(kind == each.kind for each in found)
            or now - datetime.fromisoformat(time) < AGAIN
        }
        for each in found:
            if each.kind not in kept:
                kept[each.kind] = now.isoformat()
                about = {"rule": each.kind, "deviations": round(each.deviations, 1)}
                alerts.record(self._run, KIND, "WARNING", words(each), about, time=now)
        if kept != told:
            self._run.store.save_state(key, kept, now)


def words(found: Finding) -> str:
    """Return a finding as a person reads it, with what can be done."""
    line = '{"freqpilot": {"risk": {"trade": {"max_loss": 0.05}}}}'
    if found.kind == "additions":
        line = '{"freqpilot": {"risk": {"trade": {"max_stake": 0.1, "max_additions": 2}}}}'
    return (
        f"stakes grow with loss, as in a martingale: {found}. Such a record wins often until one "
        f"run of losses takes what many wins brought. No order is changed for it; {line} bounds a "
        "trade"
    )


def trades() -> list[StakedTrade]:
    """Return the newest trades of Freqtrade's database, closed and open.

    Columns are read, not objects, as in the look for closed trades.
    """
    from freqtrade.persistence import Order, Trade
    from sqlalchemy import select

    columns = (Trade.open_date, Trade.close_date, Trade.close_profit_abs)
    query = select(Trade.id, Trade.is_short, Trade.leverage, *columns)
    rows = Trade.session.execute(query.order_by(Trade.id.desc()).limit(WINDOW)).all()
    entries = select(
        Order.ft_trade_id, Order.ft_order_side, Order.filled, Order.average, Order.price
    )
    known = Order.ft_trade_id.in_([row[0] for row in rows])
    orders: dict[int, list[Any]] = defaultdict(list)
    for order in Trade.session.execute(entries.where(known).order_by(Order.id)).all():
        orders[int(order[0])].append(order[1:])
    return [_staked(row, orders[int(row[0])]) for row in reversed(rows)]


def _staked(row: Sequence[Any], orders: Sequence[Sequence[Any]]) -> StakedTrade:
    _, is_short, leverage, opened, closed, profit = row
    entry, times = ("sell" if is_short else "buy"), float(leverage or 1)
    bets = tuple(
        EntryOrder(
            float(filled) * float(average or price or 0.0) / times, float(average or price or 0.0)
        )
        for side, filled, average, price in orders
        if side == entry and filled
    )
    return StakedTrade(
        opened.replace(tzinfo=UTC),
        None if closed is None else closed.replace(tzinfo=UTC),
        float(profit or 0.0),
        bets,
        bool(is_short),
    )


def exported(trades: Sequence[Mapping[Any, Any]]) -> list[StakedTrade]:
    """Return the trades of a backtest's export, by Freqtrade's columns."""
    return [
        StakedTrade(
            each["open_date"],
            each["close_date"],
            float(each["profit_abs"]),
            tuple(
                EntryOrder(
                    float(order["amount"]) * float(order["safe_price"]) / float(each["leverage"]),
                    float(order["safe_price"]),
                )
                for order in each["orders"] or ()
                if order.get("ft_is_entry")
            ),
            bool(each["is_short"]),
        )
        for each in trades
    ]
