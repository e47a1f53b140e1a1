"""A strategy is asked before its trade is copied."""

from types import SimpleNamespace
from typing import Any

from slot_stage import NOW

from freqpilot.host.trading import adjusting


def test_a_strategy_is_asked_before_its_trade_is_copied() -> None:
    asked: list[Any] = []

    def original(self: Any, **named: Any) -> Any:
        return 5.0, "asked"

    wrapped = adjusting._make(original)
    given = {"trade": "t", "current_rate": 1.0, "current_time": NOW}
    shy = SimpleNamespace(wants_adjustment=lambda *arguments: asked.append(arguments))
    assert wrapped(shy, **given) == (None, "")
    assert asked == [("t", 1.0, NOW)]
    eager = SimpleNamespace(wants_adjustment=lambda *_: True)
    assert wrapped(eager, **given) == (5.0, "asked")
    assert wrapped(SimpleNamespace(), **given) == (5.0, "asked"), "any other strategy"
