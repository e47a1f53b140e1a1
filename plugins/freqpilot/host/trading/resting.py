"""Spares Freqtrade the question for a new stop where a strategy's stop rests between fills.

Freqtrade copies the whole trade for each call of ``custom_stoploss``, on every candle of every open
trade; only to be told by Autopilot, whose usual stop is set once at the fill, that nothing moves.
A strategy says so with ``stop_rests = True``; right after a fill it is asked as ever.
"""

from collections.abc import Callable
from typing import Any

from freqpilot.host.seams.seam import Seam, expect, wrap

PARAMETERS = ["trade", "current_rate", "current_time", "current_profit", "after_fill"]


def _make_adjust(original: Callable[..., Any]) -> Callable[..., Any]:
    def ft_stoploss_adjust(self: Any, *arguments: Any, **named: Any) -> Any:
        if named.get("after_fill") or not getattr(self, "stop_rests", False):
            return original(self, *arguments, **named)
        asked = self.use_custom_stoploss
        self.use_custom_stoploss = False
        try:
            return original(self, *arguments, **named)
        finally:
            self.use_custom_stoploss = asked

    return ft_stoploss_adjust


def _check() -> None:
    from freqtrade.strategy import IStrategy

    expect(IStrategy, "ft_stoploss_adjust", PARAMETERS)
    expect(IStrategy, "use_custom_stoploss")


def _apply() -> None:
    from freqtrade.strategy import IStrategy

    wrap(IStrategy, "ft_stoploss_adjust", _make_adjust)


SEAMS = (Seam("stops.rest", "ask for a new stop only where it may move", _check, _apply),)
