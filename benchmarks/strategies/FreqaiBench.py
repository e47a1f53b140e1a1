"""Freqtrade's own FreqAI example, its features and its label, for ``benchmarks.speed.freqai``."""

from typing import Any

import pandas as pd
from freqtrade.templates.FreqaiExampleStrategy import FreqaiExampleStrategy


class FreqaiBench(FreqaiExampleStrategy):
    """Trades nothing, so that what is timed is training and prediction; the same file for stock
    FreqAI and for the pack's models. It says nothing about profit."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    can_short = False

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
