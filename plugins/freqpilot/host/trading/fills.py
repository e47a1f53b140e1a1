"""Tells a strategy of a backtest's fills without a copy of the trade where it changes nothing, and
fills an exit of ours at its price.

Freqtrade copies a trade with all its orders before each ``order_filled``, also for exits, so that a
strategy cannot change it by accident. A callback that only reads says so with :func:`reads_only`;
a strategy that overrides it is asked as ever.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from freqpilot.host.orders import simulated
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run.current import current, has_begun
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Backtester, Order, Trade
from freqpilot.host.seams.seam import Place, Seam

logger = logging.getLogger(__name__)

READS = "__freqpilot_reads_only__"
Callback = TypeVar("Callback", bound=Callable[..., Any])


def reads_only(callback: Callback) -> Callback:
    """Mark an ``order_filled`` that leaves trade and order as they are."""
    setattr(callback, READS, True)
    return callback


def _leaving() -> Run | None:
    """Return the run under way where it leaves a trade in this candle, else None."""
    if not has_begun():
        return None
    run = current()
    return run if run.part(WaysOut).planned else None


def _make(original: Callable[..., Any]) -> Callable[..., Any]:
    def _try_close_open_order(
        self: Backtester,
        order: Order | None,
        trade: Trade,
        current_date: datetime,
        row: Sequence[Any],
    ) -> Any:
        if order is not None and (run := _leaving()) is not None:
            simulated.at_our_price(run, self, trade, order, row)
        strategy = self.strategy
        tell = strategy.order_filled
        if not getattr(tell, READS, False) or "order_filled" in vars(strategy):
            return original(self, order, trade, current_date, row)
        from freqtrade.strategy import IStrategy

        # Freqtrade's own does nothing and is given no copy.
        strategy.order_filled = IStrategy.order_filled.__get__(strategy)
        try:
            filled = original(self, order, trade, current_date, row)
        finally:
            del strategy.order_filled
        if filled:
            try:
                tell(pair=trade.pair, trade=trade, order=order, current_time=current_date)
            except Exception:  # as Freqtrade takes it
                logger.exception("order_filled of %s failed for %s", strategy, trade.pair)
        return filled

    return _try_close_open_order


SEAMS = (
    Seam(
        "fills.backtest",
        "tell a strategy of fills without a copy of the trade, and fill exits at their own price",
        until="the backtester copies no trade for a callback that only reads it, and takes the "
        "price of an exit",
        places=(
            Place(
                "freqtrade.optimize.backtesting:Backtesting._try_close_open_order",
                ["order", "trade", "current_date", "row"],
                _make,
            ),
            Place(
                "freqtrade.strategy:IStrategy.order_filled",
                ["pair", "trade", "order", "current_time"],
            ),
        ),
    ),
)
