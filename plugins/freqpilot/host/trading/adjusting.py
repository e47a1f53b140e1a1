"""Asks a strategy about a position only when there is something to decide.

Freqtrade copies a trade with all its orders before each ``adjust_trade_position``: on every candle
of every open trade, most of a backtest's time. A strategy with ``wants_adjustment(trade, rate,
time)`` is asked that first, with the trade itself, and answers from a table.
"""

from collections.abc import Callable
from typing import Any

from freqpilot.host.seams.seam import Place, Seam


def _make(original: Callable[..., Any]) -> Callable[..., Any]:
    def _adjust_trade_position_internal(self: object, *args: object, **named: object) -> Any:
        asks = getattr(self, "wants_adjustment", None)
        if asks is None or "trade" not in named:
            return original(self, *args, **named)
        if not asks(named["trade"], named["current_rate"], named["current_time"]):
            return None, ""
        return original(self, *args, **named)

    return _adjust_trade_position_internal


SEAMS = (
    Seam(
        "positions.adjust",
        "ask a strategy about a position only when there is something to decide",
        until="Freqtrade copies no trade before it asks for an adjustment",
        places=(
            Place(
                "freqtrade.strategy.interface:IStrategy._adjust_trade_position_internal",
                ["trade", "current_rate", "current_time"],
                _make,
            ),
        ),
    ),
)
