"""What a strategy of couples needs of the config."""

from typing import Any

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.host.trading import coupled

GOOD = {"trading_mode": "futures", "max_open_trades": 2}
MARKET = {"entry": "market", "exit": "market"}


@pytest.mark.parametrize(
    ("config", "orders", "word"),
    [
        ({"trading_mode": "spot"}, MARKET, "trading_mode"),
        ({}, MARKET, "trading_mode"),
        (GOOD | {"max_open_trades": 1}, MARKET, "max_open_trades"),
        (GOOD | {"use_exit_signal": False}, MARKET, "use_exit_signal"),
        (GOOD, {"entry": "limit", "exit": "market"}, "entry 'limit'"),
        (GOOD, {"entry": "market"}, "exit None"),
    ],
)
def test_what_two_legs_need_is_asked_for_at_the_start(
    config: dict[str, Any], orders: dict[str, Any], word: str
) -> None:
    with pytest.raises(RefuseToStart, match=word):
        coupled.require_both("Pairs", config, orders)


@pytest.mark.parametrize("slots", [2, -1, float("inf")])
def test_a_config_for_two_legs_starts(slots: float) -> None:
    coupled.require_both("Pairs", GOOD | {"max_open_trades": slots}, MARKET)
