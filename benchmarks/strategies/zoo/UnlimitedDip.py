from freqtrade.strategy import IStrategy
from pandas import DataFrame
from talib import abstract as ta


class UnlimitedDip(IStrategy):
    """Buys dips with all that is there, and never gives up: a stop that bounds nothing."""

    timeframe = "5m"
    minimal_roi = {"0": 0.02, "720": 0.01}
    stoploss = -0.99
    startup_candle_count = 50

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["rsi"] = ta.RSI(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] < 30, ["enter_long", "enter_tag"]] = (1, "dip")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] > 80, "exit_long"] = 1
        return dataframe
