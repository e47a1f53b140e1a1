"""A strategy that trades perpetuals all the time, long and short: it exists to give an exchange's
faults something to hit.

It needs nothing of Freqpilot, so that plain Freqtrade can be measured with it as well. It says
nothing about profit.
"""

from datetime import datetime
from typing import Any, ClassVar

import pandas as pd
from freqtrade.strategy import IStrategy

HOURS = 4
"""A position is opened in three of four hours and closed in the fourth, long and short in turn."""


class RestlessFutures(IStrategy):
    """In for three hours, out for one, with limit orders and a stop on the exchange."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    can_short = True
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

    def leverage(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_leverage: float,
        max_leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """Twice the stake."""
        return 2.0

    def populate_indicators(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Add nothing."""
        return dataframe

    def populate_entry_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Enter in each hour but the last of four."""
        hour = dataframe["date"].dt.hour
        inside, short = hour % HOURS != HOURS - 1, hour // HOURS % 2 == 1
        dataframe.loc[inside & ~short, ["enter_long", "enter_tag"]] = (1, "restless")
        dataframe.loc[inside & short, ["enter_short", "enter_tag"]] = (1, "restless")
        return dataframe

    def populate_exit_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Leave in the last of four hours."""
        last = dataframe["date"].dt.hour % HOURS == HOURS - 1
        dataframe.loc[last, ["exit_long", "exit_short"]] = (1, 1)
        return dataframe
