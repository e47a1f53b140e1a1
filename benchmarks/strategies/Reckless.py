"""The worst strategy that fits through the gate: always in, as large as allowed, never out.

It exists to see what the risk supervisor does when nobody else cares.
"""

from typing import Any, ClassVar

import pandas as pd
from freqtrade.strategy import IStrategy


class Reckless(IStrategy):
    """Buys whatever it may, without a stop, and holds it."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    minimal_roi: ClassVar[dict[str, float]] = {"0": 100.0}
    stoploss = -0.99
    startup_candle_count = 1
    share = 0.149
    """Of the account's money for each position; the first tier allows 15 %."""

    def populate_indicators(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Add nothing."""
        return dataframe

    def populate_entry_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Enter at every candle."""
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Never leave."""
        return dataframe

    def custom_stake_amount(self, **call: Any) -> float:
        """Ask for the largest position."""
        assert self.wallets is not None
        total = self.wallets.get_total(self.config["stake_currency"])
        held = sum(trade.stake_amount for trade in self._open())
        return float(min(call["max_stake"], self.share * min(total, total + held)))

    def confirm_trade_exit(self, **call: Any) -> bool:
        """Deny every exit."""
        return False

    @staticmethod
    def _open() -> list[Any]:
        from freqtrade.persistence import Trade

        return list(Trade.get_trades_proxy(is_open=True))
