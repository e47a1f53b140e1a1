"""A strategy that does nothing: what Freqtrade's backtest itself costs."""

from typing import Any, ClassVar

import pandas as pd
from freqtrade.strategy import IStrategy


class Empty(IStrategy):
    """Never enters."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    minimal_roi: ClassVar[dict[str, float]] = {}
    stoploss = -0.10
    startup_candle_count = 500

    def populate_indicators(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Add nothing."""
        return dataframe

    def populate_entry_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Never enter."""
        return dataframe.assign(enter_long=0)

    def populate_exit_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Never leave."""
        return dataframe.assign(exit_long=0)
