"""Ladders: sized before the first order, a rung at most once a candle."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from slot_stage import HOUR, NOW, ROW, call, order, trade

from freqpilot.host.account import begin as begin_module
from freqpilot.host.account.observed import observe
from freqpilot.host.trading import ladders
from freqpilot.signals.grid import Ladder


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


def test_a_ladder_is_sized_before_its_first_order(account: Callable[..., Any]) -> None:
    account()
    ladder = Ladder(orders=2, growth=1.5)
    first = ladders.first(ROW, "BTC/USDT", NOW, call(), ladder, 0.5, -0.2)
    assert first * ladder.units == pytest.approx(500), "1 % at risk with a stop of 20 %"
    assert ladders.first(ROW, "BTC/USDT", NOW, call(min_stake=200.0), ladder, 0.5, -0.2) == 0


def test_a_rung_is_added_and_sold_once_a_candle(account: Callable[..., Any]) -> None:
    account(supervisor=False)
    climber = SimpleNamespace(ladder=Ladder(growth=1.5), step=HOUR, stoploss=-0.2)
    held = trade(1.0, order(100.0, 1.0))
    low, high = np.array([96.0]), np.array([99.5])
    assert ladders.step(ROW, held, low, NOW, call(), climber) == (pytest.approx(150), "rung_1")
    assert ladders.step(ROW, held, high, NOW, call(), climber) is None
    assert ladders.step(ROW, held, None, NOW, call(), climber) is None
    just = trade(1.0, order(100.0, 1.0), date_last_filled_utc=NOW - HOUR / 2)
    assert ladders.due(just, low, NOW, climber) is None
    two = trade(2.5, order(100.0, 1.0), order(97.0, 1.5), stake_amount=245.5)
    stake, tag = ladders.step(ROW, two, high, NOW, call(), climber) or (0, "")
    assert (stake, tag) == (pytest.approx(-245.5 * 0.6), "rung_1_sold")
