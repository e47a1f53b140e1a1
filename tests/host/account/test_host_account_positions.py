"""What open trades are worth, and the stake they bind."""

import math

import pytest
from gate_stage import trade

from freqpilot.host.account.positions import (
    account_equity,
    committed_stake,
    first_stop,
    position_of,
)


def test_a_cancelled_order_does_not_count_and_a_pending_one_does() -> None:
    assert committed_stake(trade("A/USDT", 100, filled=False)) == 0
    assert committed_stake(trade("A/USDT", 100, filled=False, pending=100)) == 100
    assert committed_stake(trade("A/USDT", 100, pending=20)) == 120


def test_equity_counts_fees_and_refuses_a_missing_rate() -> None:
    held = trade("A/USDT", 100)
    equity = account_equity(900, [held], {"A/USDT": 1.1})
    assert equity == pytest.approx(900 + 100 + 100 * (1.1 * 0.999 - 1.001))
    assert account_equity(900, [held], {}) != account_equity(900, [held], {})  # NaN
    taken_in_coins = trade("A/USDT", 99.9)
    worth = account_equity(900, [taken_in_coins], {"A/USDT": 1.1}, entry_fees_paid=True)
    assert worth == pytest.approx(900 + 99.9 * 1.1 * 0.999)
    short = trade("A/USDT", 100)
    short.is_short = True
    gain = account_equity(900, [short], {"A/USDT": 0.9})
    assert gain == pytest.approx(1_000 + 100 * (0.999 - 0.9 * 1.001))


@pytest.mark.parametrize(
    ("filled", "pending", "additions"), [(0, 10.0, 0), (1, 0.0, 0), (1, 10.0, 1), (3, 10.0, 3)]
)
def test_additions_are_the_orders_beyond_the_first(
    filled: int, pending: float, additions: int
) -> None:
    own = trade("A/USDT", 100, pending=pending)
    own.nr_of_successful_entries, own.enter_tag = filled, "dip"
    position = position_of(own)
    assert (position.additions, position.tag) == (additions, "dip")


@pytest.mark.parametrize(
    ("side", "stoploss", "leverage", "stop"),
    [
        ("long", -0.1, 1.0, 90.0),
        ("long", -0.3, 3.0, 90.0),
        ("short", -0.3, 3.0, 110.0),
        ("long", 0.0, 1.0, math.nan),
    ],
)
def test_a_first_stop_is_a_share_of_own_money(
    side: str, stoploss: float, leverage: float, stop: float
) -> None:
    assert first_stop(side, 100.0, stoploss, leverage) == pytest.approx(stop, nan_ok=True)
