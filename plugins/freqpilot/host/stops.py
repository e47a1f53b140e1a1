"""Closes a position whose stop cannot be placed on the exchange.

With ``stoploss_on_exchange`` Freqtrade looks at the stop nowhere else, and for most errors it only
tries again in the next loop: a position could stay without a stop for as long as the error lasts.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from freqpilot.host import supervisor
from freqpilot.host.seams import Seam, expect, wrap

logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""Loops in which a stop may fail before the position is closed: one hiccup is not worth a loss."""

_failed: Counter[int] = Counter()


def note(bot: Any, trade: Any, stop_price: float, placed: bool) -> None:
    """Take note of an attempt to place a stop; close the trade when it is the last one."""
    if placed:
        _failed.pop(trade.id, None)
        return
    _failed[trade.id] += 1
    if _failed[trade.id] < ATTEMPTS or not trade.is_open or trade.has_open_orders:
        return
    text = (
        f"no stop could be placed for {trade.pair} in {_failed[trade.id]} loops; the position is "
        "being closed"
    )
    logger.critical(text)
    try:
        run = supervisor.current()
        run.counters.count("stops_failed")
        data = {"pair": trade.pair}
        run.store.add_event(datetime.now(UTC), "stop failed", "CRITICAL", text, data)
    except Exception:  # closing it matters more
        logger.exception("That could not be recorded")
    bot.emergency_exit(trade, stop_price)


def _check() -> None:
    from freqtrade.freqtradebot import FreqtradeBot
    from freqtrade.persistence import Trade

    expect(FreqtradeBot, "create_stoploss_order", ["trade", "stop_price"])
    expect(FreqtradeBot, "emergency_exit", ["trade", "price"])
    expect(Trade, "has_open_orders")


def _apply() -> None:
    from freqtrade.freqtradebot import FreqtradeBot

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def create_stoploss_order(self: Any, trade: Any, stop_price: float) -> Any:
            placed = original(self, trade=trade, stop_price=stop_price)
            if not self.config["dry_run"]:
                note(self, trade, stop_price, bool(placed))
            return placed

        return create_stoploss_order

    wrap(FreqtradeBot, "create_stoploss_order", make)


SEAMS = (Seam("stops.live", "close a position whose stop can't be placed", _check, _apply),)
