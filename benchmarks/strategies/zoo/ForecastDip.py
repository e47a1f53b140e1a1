from freqtrade.strategy import IStrategy
from pandas import DataFrame
from talib import abstract as ta


class ForecastDip(IStrategy):
    """Asks a model of FreqAI's own where the price will be in two hours."""

    timeframe = "5m"
    minimal_roi = {"0": 0.03, "240": 0.0}
    stoploss = -0.08
    startup_candle_count = 100
    process_only_new_candles = True

    def feature_engineering_expand_all(
        self, dataframe: DataFrame, period: int, metadata: dict, **kwargs
    ) -> DataFrame:
        dataframe["%-rsi-period"] = ta.RSI(dataframe, timeperiod=period)
        dataframe["%-roc-period"] = ta.ROC(dataframe, timeperiod=period)
        return dataframe

    def feature_engineering_expand_basic(
        self, dataframe: DataFrame, metadata: dict, **kwargs
    ) -> DataFrame:
        dataframe["%-change"] = dataframe["close"].pct_change()
        return dataframe

    def feature_engineering_standard(
        self, dataframe: DataFrame, metadata: dict, **kwargs
    ) -> DataFrame:
        dataframe["%-hour"] = dataframe["date"].dt.hour
        return dataframe

    def set_freqai_targets(self, dataframe: DataFrame, metadata: dict, **kwargs) -> DataFrame:
        dataframe["&-move"] = dataframe["close"].shift(-24) / dataframe["close"] - 1
        return dataframe

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return self.freqai.start(dataframe, metadata, self)

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        good = (dataframe["do_predict"] == 1) & (dataframe["&-move"] > 0.002)
        dataframe.loc[good, ["enter_long", "enter_tag"]] = (1, "forecast")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["&-move"] < -0.002, "exit_long"] = 1
        return dataframe
