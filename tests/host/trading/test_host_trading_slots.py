"""Positions that follow a target: what is asked for, what the supervisor leaves of it, and that
nothing is asked without an account."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from slot_stage import HOUR, NOW, ROW, call, trade

from freqpilot.host.account import begin as begin_module
from freqpilot.host.account import stakes
from freqpilot.host.account.observed import observe
from freqpilot.host.run.current import current
from freqpilot.host.trading import slots


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


@pytest.mark.parametrize(
    ("config", "pairs", "share"),
    [
        ({"max_open_trades": 4}, 16, 0.25),
        ({"max_open_trades": 20}, 16, 1 / 16),
        ({"max_open_trades": -1}, 16, 1 / 16),
        ({"max_open_trades": float("inf")}, 5, 0.2),
        ({"max_open_trades": 4, "tradable_balance_ratio": 0.8}, 16, 0.2),
        ({"max_open_trades": 0}, 4, 0.25),
        ({"max_open_trades": 4}, 0, 0.25),
    ],
)
def test_a_table_of_slots(config: dict[str, Any], pairs: int, share: float) -> None:
    assert stakes.slot_share(config, pairs) == pytest.approx(share)


def test_alone_a_stake_is_its_share(account: Callable[..., Any]) -> None:
    account(supervisor=False)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.03, -0.3) == pytest.approx(300)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(max_stake=100.0), 0.03, -0.3) == 100
    assert slots.stake(ROW, "BTC/USDT", NOW, call(leverage=3.0), 0.03, -0.3) == pytest.approx(100)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.0004, -0.3) == 0, "below the minimum"


def test_supervised_a_stop_costs_no_more_than_the_risk_a_trade(
    account: Callable[..., Any],
) -> None:
    account()
    # 1 % a trade in this tier, a stop 30 % away: a thirtieth of the account at most.
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.5, -0.3) == pytest.approx(10_000 / 30)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.5, -0.05) == pytest.approx(800), "8 %"
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.01, -0.05) == pytest.approx(100)


@pytest.mark.parametrize("share", [0.0, -0.1, float("nan")])
def test_no_target_no_stake(account: Callable[..., Any], share: float) -> None:
    account()
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), share, -0.3) == 0


def test_without_a_row_or_an_account_there_is_no_stake(account: Callable[..., Any]) -> None:
    account()
    assert slots.stake(None, "BTC/USDT", NOW, call(), 0.1, -0.3) == 0
    begin_module.begin({}, live=False)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.1, -0.3) == 0
    assert slots.change(ROW, trade(1.0), call(), 0.1, -0.3) is None
    assert np.isnan(slots.off_target(trade(1.0), 100.0, 0.1))


def test_a_position_goes_back_to_its_target(account: Callable[..., Any]) -> None:
    account(supervisor=False)
    assert slots.change(ROW, trade(1.0), call(), 0.03, -0.3) == (pytest.approx(200), "add")
    assert slots.change(ROW, trade(4.0), call(), 0.03, -0.3) == (pytest.approx(-100), "reduce")
    risen = call(current_rate=200.0)
    # Worth 800, wanted 300: five eighths of the 400 that were paid.
    assert slots.change(ROW, trade(4.0), risen, 0.03, -0.3) == (pytest.approx(-250), "reduce")
    assert slots.change(ROW, trade(1.0, has_open_orders=True), call(), 0.03, -0.3) is None


def test_what_enlarges_is_capped_and_what_reduces_is_not(account: Callable[..., Any]) -> None:
    run = account()
    assert slots.change(ROW, trade(1.0), call(), 0.5, -0.05) == (pytest.approx(800), "add")
    observe(run, NOW, 7_500.0)  # a drawdown of 25 %: halted
    assert run.state.halted
    assert slots.change(ROW, trade(1.0), call(), 0.5, -0.05) is None
    assert slots.change(ROW, trade(4.0), call(), 0.01, -0.05) == (pytest.approx(-325), "reduce")


def test_a_position_may_grow_until_its_tiers_largest(account: Callable[..., Any]) -> None:
    account(supervisor=False)
    assert slots.room(trade(1.0)) == float("inf")
    account()
    assert slots.room(trade(1.0)) == pytest.approx(0.08 - 0.01)
    assert slots.room(trade(8.0)) == pytest.approx(0)
    assert slots.room(trade(1.0, leverage=3.0)) == pytest.approx((0.08 - 0.01) * 3)
    observe(current(), NOW, 8_900.0)  # 11 % below the peak: 70 %
    assert slots.room(trade(1.0)) == pytest.approx(0.10 * 0.7 - 100 / 8_900, abs=0.02)
    begin_module.begin({}, live=False)
    assert slots.room(trade(1.0)) == 0, "no account, no room"


def test_a_full_book_is_told_before_a_stake_is(
    account: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = account()
    for count, full in ((5, False), (6, True)):
        monkeypatch.setattr(slots, "_open_count", lambda count=count: count)
        assert slots.full() is full
    assert run.counters.snapshot(NOW)["counts"]["entries_vetoed"] == 1
    account(supervisor=False)
    assert slots.full() is False
    run = account()
    run.live = True
    assert slots.full() is False, "the refusal is kept with its reason"
    run.live = False
    monkeypatch.setattr(slots, "_open_count", lambda: 1 / 0)
    assert slots.full() is True


@pytest.mark.parametrize(
    ("filled", "acted"),
    [
        (NOW, True),
        (NOW + timedelta(minutes=4), True),
        (NOW - timedelta(seconds=1), False),
        (None, False),
    ],
)
def test_once_a_candle(filled: datetime | None, acted: bool) -> None:
    held = trade(1.0, date_last_filled_utc=filled)
    assert slots.acted(held, NOW + timedelta(minutes=5), HOUR) is acted


def test_what_nobody_wants_goes_out() -> None:
    long, short = trade(1.0), trade(1.0, is_short=True)
    assert [slots.unwanted(long, share) for share in (0.1, 0.0, -0.1)] == [False, True, True]
    assert [slots.unwanted(short, share) for share in (0.1, 0.0, -0.1)] == [True, True, False]
    assert slots.out(long) == (-100.0, "out")
    assert slots.out(trade(1.0, has_open_orders=True)) is None
    assert slots.out(trade(0.0)) is None
