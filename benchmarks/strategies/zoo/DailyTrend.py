from freqtrade.strategy import IStrategy, informative, merge_informative_pair
from pandas import DataFrame
from talib import abstract as ta


class DailyTrend(IStrategy):
    """Buys dips where the day's trend and bitcoin's hour point upwards."""

    timeframe = "5m"
    minimal_roi = {"0": 0.03, "1440": 0.0}
    stoploss = -0.10
    startup_candle_count = 300
    process_only_new_candles = True

    def informative_pairs(self) -> list:
        return [(f"BTC/{self.config['stake_currency']}", "1h")]

    @informative("1d")
    def populate_indicators_1d(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["mean"] = dataframe["close"].rolling(5).mean()
        return dataframe

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["rsi"] = ta.RSI(dataframe)
        if self.dp:
            hours = self.dp.get_pair_dataframe(f"BTC/{self.config['stake_currency']}", "1h")
            hours["rising"] = hours["close"] > hours["close"].shift(6)
            dataframe = merge_informative_pair(dataframe, hours, self.timeframe, "1h", ffill=True)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        rising = dataframe["rising_1h"].fillna(False).astype(bool)
        trend = (dataframe["close"] > dataframe["mean_1d"]) & rising
        dataframe.loc[trend & (dataframe["rsi"] < 40), ["enter_long", "enter_tag"]] = (1, "trend")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] > 75, "exit_long"] = 1
        return dataframe
