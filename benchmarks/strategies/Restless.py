"""A strategy that trades all the time: it exists to give an exchange's faults something to hit.

It needs nothing of Freqpilot, so that plain Freqtrade can be measured with it as well. It says
nothing about profit.
"""

from typing import Any, ClassVar

import pandas as pd
from freqtrade.strategy import IStrategy

HOURS = 4
"""A position is opened in three of four hours and closed in the fourth."""


class Restless(IStrategy):
    """In for three hours, out for one, with limit orders and a stop on the exchange."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    minimal_roi: ClassVar[dict[str, float]] = {"0": 0.02}
    stoploss = -0.02
    startup_candle_count = 5
    order_types: ClassVar[dict[str, Any]] = {
        "entry": "limit",
        "exit": "limit",
        "emergency_exit": "market",
        "stoploss": "limit",
        "stoploss_on_exchange": True,
    }

    def bot_start(self, **kwargs: Any) -> None:
        """Take away the cure that the config names, to see that it is missed."""
        if cure := self.config.get("chaos_without"):
            from benchmarks.safety.cures import switch_off

            switch_off(str(cure))

    def populate_indicators(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Add nothing."""
        return dataframe

    def populate_entry_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Enter in each hour but the last of four."""
        inside = dataframe["date"].dt.hour % HOURS != HOURS - 1
        dataframe.loc[inside, ["enter_long", "enter_tag"]] = (1, "restless")
        return dataframe

    def populate_exit_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Leave in the last of four hours."""
        last = dataframe["date"].dt.hour % HOURS == HOURS - 1
        dataframe.loc[last, "exit_long"] = 1
        return dataframe
