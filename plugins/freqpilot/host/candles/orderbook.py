"""A pair's order book from Freqtrade's exchange, and the stake that is meant to go into it."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from freqpilot.host.gate.market import BOOK_LEVELS
from freqpilot.risk.soundness import is_number

Level = tuple[float, float]


class OrderBook(NamedTuple):
    """Levels of price and amount of coins (contracts counted), the best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    @property
    def mid(self) -> float:
        """The middle of the book; NaN with an empty side."""
        if not self.bids or not self.asks:
            return math.nan
        return (self.bids[0][0] + self.asks[0][0]) / 2


def order_book(exchange: Any, pair: str) -> OrderBook:
    """Ask for a pair's book; one request.

    :raises FreqtradeException: when the exchange could not be asked.
    """
    book = exchange.fetch_l2_order_book(pair, BOOK_LEVELS)
    size = _figure(exchange.get_contract_size(pair))
    bids, asks = (
        tuple((_figure(price), _figure(amount) * size) for price, amount, *_ in book[side])
        for side in ("bids", "asks")
    )
    return OrderBook(bids, asks)


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


def _figure(value: Any) -> float:
    return math.nan if value is None else float(value)
