from datetime import datetime

from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy
from pandas import DataFrame
from talib import abstract as ta


class EightSteps(IStrategy):
    """Averages down eight times, each step larger than the one before."""

    timeframe = "5m"
    minimal_roi = {"0": 0.01}
    stoploss = -0.99
    startup_candle_count = 50
    position_adjustment_enable = True
    max_entry_position_adjustment = 8

    step = 0.01
    growth = 1.3

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["rsi"] = ta.RSI(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] < 35, ["enter_long", "enter_tag"]] = (1, "ladder")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def adjust_trade_position(
        self,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        min_stake: float | None,
        max_stake: float,
        current_entry_rate: float,
        current_exit_rate: float,
        current_entry_profit: float,
        current_exit_profit: float,
        **kwargs,
    ) -> float | None:
        steps = trade.nr_of_successful_entries
        if trade.has_open_orders or current_profit > -self.step * steps:
            return None
        first = trade.select_filled_orders(trade.entry_side)[0]
        return float(min(max_stake, first.stake_amount_filled * self.growth**steps))
