"""A strategy that follows a target asks for it once a candle."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from slot_stage import HOUR, NOW, trade

from freqpilot.host.account import begin as begin_module
from freqpilot.host.account.observed import observe
from freqpilot.host.trading.rules import TargetStrategy


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that begins a run whose account has been observed."""
    from freqpilot.host.trading import proposals

    monkeypatch.setattr(proposals, "open_trades", list)

    def begin(equity: float = 10_000.0, **section: Any) -> Any:
        # There are no candles here for the risk of the book as a whole.
        section = {"risk": {"book": {"enabled": False}}} | section
        run = begin_module.begin({"freqpilot": section}, live=False)
        observe(run, NOW, equity)
        return run

    return begin


def test_a_target_is_followed_once_a_candle(account: Callable[..., Any]) -> None:
    """Live, the rest of a capped entry would follow it five seconds later."""
    account(supervisor=False)
    rule: Any = SimpleNamespace(
        share=lambda pair, time: 0.10, band=lambda: 0.1, one_slot=lambda: 0.10, step=HOUR
    )

    def wants(amount: float, filled: datetime) -> bool:
        held = trade(amount, date_last_filled_utc=filled)
        return TargetStrategy.wants_adjustment(rule, held, 100.0, NOW + timedelta(minutes=1))

    before, since = NOW - timedelta(seconds=1), NOW
    assert wants(5.0, before), "half of what it is to have"
    assert not wants(5.0, since)
    assert wants(20.0, before), "twice of what it is to have"
    assert not wants(20.0, since)
    assert not wants(10.0, before), "on its target"
