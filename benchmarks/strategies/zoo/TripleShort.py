from datetime import datetime

from freqtrade.strategy import IStrategy
from pandas import DataFrame
from talib import abstract as ta


class TripleShort(IStrategy):
    """Follows the crossing of two averages both ways, at three times its money."""

    timeframe = "5m"
    can_short = True
    minimal_roi = {"0": 0.06}
    stoploss = -0.15
    trailing_stop = True
    trailing_stop_positive = 0.03
    trailing_stop_positive_offset = 0.05
    trailing_only_offset_is_reached = True
    startup_candle_count = 150

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["fast"] = ta.EMA(dataframe, timeperiod=24)
        dataframe["slow"] = ta.EMA(dataframe, timeperiod=96)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        above = dataframe["fast"] > dataframe["slow"]
        before = above.shift(1, fill_value=False)
        dataframe.loc[above & ~before, ["enter_long", "enter_tag"]] = (1, "up")
        dataframe.loc[~above & before, ["enter_short", "enter_tag"]] = (1, "down")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        above = dataframe["fast"] > dataframe["slow"]
        dataframe.loc[~above, "exit_long"] = 1
        dataframe.loc[above, "exit_short"] = 1
        return dataframe

    def leverage(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_leverage: float,
        max_leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs,
    ) -> float:
        return 3.0
