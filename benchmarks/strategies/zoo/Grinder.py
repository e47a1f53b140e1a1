from datetime import datetime

from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy
from pandas import DataFrame
from talib import abstract as ta


class Grinder(IStrategy):
    """Sells a part of each small rise and buys it back in each small fall."""

    timeframe = "5m"
    minimal_roi = {"0": 0.03}
    stoploss = -0.99
    startup_candle_count = 50
    position_adjustment_enable = True
    max_entry_position_adjustment = 4

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["rsi"] = ta.RSI(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] < 30, ["enter_long", "enter_tag"]] = (1, "grind")
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
    ) -> float | None | tuple[float | None, str | None]:
        if trade.has_open_orders:
            return None
        if current_profit > 0.008 and trade.nr_of_successful_exits < 6:
            return -trade.stake_amount * 0.25, "grind_out"
        if current_profit < -0.02 * trade.nr_of_successful_entries:
            return min(max_stake, trade.stake_amount * 0.5), "grind_in"
        return None
