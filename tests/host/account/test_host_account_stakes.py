"""The stake that a config means, and the share of the account that belongs to a pair."""

from typing import Any

import pytest

from freqpilot.host.account.stakes import intended_stake, slot_share

WALLET = {"stake_amount": "unlimited", "stake_currency": "USDT", "max_open_trades": 4}


@pytest.mark.parametrize(
    ("config", "given", "stake"),
    [
        ({"stake_amount": 50}, 20.0, 20.0),
        ({"stake_amount": 50, "max_open_trades": 4}, None, 50.0),
        (WALLET | {"dry_run_wallet": 1_000}, None, 1_000 * 0.99 / 4),
        (WALLET | {"dry_run_wallet": {"USDT": 800, "BTC": 5}}, None, 800 * 0.99 / 4),
        (WALLET | {"dry_run_wallet": 1_000, "tradable_balance_ratio": 0.5}, None, 125.0),
        (WALLET | {"dry_run_wallet": 1_000, "available_capital": 400}, None, 100.0),
        (WALLET | {"dry_run": False, "dry_run_wallet": 1_000}, None, None),
        (WALLET | {"dry_run": False, "available_capital": 400}, None, 100.0),
        (WALLET | {"dry_run_wallet": 1_000, "max_open_trades": -1}, None, None),
        (WALLET | {"dry_run_wallet": {"BTC": 5}}, None, None),
    ],
)
def test_a_stake_is_given_or_named_or_what_freqtrade_divides(
    config: dict[str, Any], given: float | None, stake: float | None
) -> None:
    assert intended_stake(config, given) == (None if stake is None else pytest.approx(stake))


@pytest.mark.parametrize(
    ("slots", "pairs", "share"),
    [
        (4, 10, 0.25),
        (4, 2, 0.5),
        (-1, 5, 0.2),
        (float("inf"), 5, 0.2),
        (4, 0, 0.25),
        (-1, 0, 1.0),
    ],
)
def test_a_pair_has_a_slot_or_its_part_of_fewer_pairs(
    slots: float, pairs: int, share: float
) -> None:
    assert slot_share({"max_open_trades": slots}, pairs) == pytest.approx(share)
    half = {"max_open_trades": slots, "tradable_balance_ratio": 0.5}
    assert slot_share(half, pairs) == pytest.approx(share / 2)
