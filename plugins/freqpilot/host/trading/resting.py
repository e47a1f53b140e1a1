"""Spares Freqtrade the question for a new stop where a strategy's stop rests between fills.

Freqtrade copies the whole trade for each call of ``custom_stoploss``, on every candle of every open
trade; only to be told by Autopilot, whose usual stop is set once at the fill, that nothing moves.
A strategy says so with ``stop_rests = True``; right after a fill it is asked as ever.
"""

from collections.abc import Callable
from typing import Any

from freqpilot.host.seams.freqtrade import Strategy
from freqpilot.host.seams.seam import Place, Seam, uses

STRATEGY = "freqtrade.strategy.interface:IStrategy"
PARAMETERS = ["trade", "current_rate", "current_time", "current_profit", "after_fill"]


def _make_adjust(original: Callable[..., Any]) -> Callable[..., Any]:
    def ft_stoploss_adjust(self: Strategy, *arguments: object, **named: object) -> Any:
        if named.get("after_fill") or not getattr(self, "stop_rests", False):
            return original(self, *arguments, **named)
        asked = self.use_custom_stoploss
        self.use_custom_stoploss = False
        try:
            return original(self, *arguments, **named)
        finally:
            self.use_custom_stoploss = asked

    return ft_stoploss_adjust


SEAMS = (
    Seam(
        "stops.rest",
        "ask a strategy for a new stop only where the stop may move",
        until="Freqtrade copies no trade before it asks for a stop",
        places=(
            Place(f"{STRATEGY}.ft_stoploss_adjust", PARAMETERS, _make_adjust),
            *uses(STRATEGY, "use_custom_stoploss"),
        ),
    ),
)
