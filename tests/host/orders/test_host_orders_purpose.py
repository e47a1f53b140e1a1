"""What an order that Freqtrade sends is for."""

from types import SimpleNamespace
from typing import Any

import pytest

from freqpilot.host.orders.purpose import sent_purpose


@pytest.mark.parametrize(
    ("mode", "order", "trade", "purpose"),
    [
        ("spot", {"side": "buy"}, None, "entry"),
        ("spot", {"side": "buy"}, SimpleNamespace(nr_of_successful_entries=1), "add"),
        ("spot", {"side": "buy"}, SimpleNamespace(nr_of_successful_entries=0), "replace"),
        ("spot", {"side": "sell"}, SimpleNamespace(nr_of_successful_entries=1), "exit"),
        ("futures", {"side": "sell", "reduceOnly": False}, None, "entry"),
        ("futures", {"side": "buy", "reduceOnly": True}, None, "exit"),
    ],
)
def test_purposes(mode: str, order: dict[str, Any], trade: Any, purpose: str) -> None:
    assert sent_purpose(mode, order, trade) == purpose
