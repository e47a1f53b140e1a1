"""The stake that a config means, and the share of the account that belongs to a pair."""

import math
from collections.abc import Mapping
from typing import Any

from freqpilot.risk.soundness import is_number


def intended_stake(config: Mapping[str, Any], given: float | None) -> float | None:
    """Return the stake of an entry in stake currency, or None when the config does not say.

    The given one; else ``stake_amount``; else what Freqtrade divides: ``available_capital``, or a
    dry run's wallet, times ``tradable_balance_ratio`` over ``max_open_trades``.
    """
    if given is not None:
        return given
    stake = config.get("stake_amount")
    if is_number(stake, above=0):
        return float(stake)  # type: ignore[arg-type]
    capital = config.get("available_capital")
    if capital is None and config.get("dry_run", True):
        wallet = config.get("dry_run_wallet")
        capital = wallet.get(config.get("stake_currency")) if isinstance(wallet, dict) else wallet
        ratio = config.get("tradable_balance_ratio", 0.99)
    else:
        ratio = 1.0  # Freqtrade takes available_capital as it is
    trades = config.get("max_open_trades")
    if not (is_number(capital, above=0) and is_number(ratio, above=0)):
        return None
    if not is_number(trades, above=0):
        return None
    return float(capital) * float(ratio) / float(trades)  # type: ignore[arg-type]


def slot_share(config: Mapping[str, Any], pairs: int) -> float:
    """Return the share of the account that belongs to one pair, by ``max_open_trades``, or by the
    number of pairs where that is smaller or unlimited."""
    slots = float(config.get("max_open_trades", -1))
    bound = slots if math.isfinite(slots) and slots > 0 else float(pairs)
    most = max(1.0, min(bound, float(pairs))) if pairs else max(1.0, bound)
    return float(config.get("tradable_balance_ratio", 1.0)) / most
