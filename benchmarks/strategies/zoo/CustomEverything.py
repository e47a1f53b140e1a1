from datetime import datetime, timedelta

from freqtrade.persistence import Order, Trade
from freqtrade.strategy import IStrategy, stoploss_from_open
from pandas import DataFrame
from talib import abstract as ta


class CustomEverything(IStrategy):
    """Overrides every callback that Freqtrade has for a trade."""

    timeframe = "5m"
    minimal_roi = {"0": 0.5}
    stoploss = -0.20
    use_custom_stoploss = True
    startup_candle_count = 50
    position_adjustment_enable = True
    max_entry_position_adjustment = 1

    def bot_start(self, **kwargs) -> None:
        self.asked: dict[str, int] = {}

    def bot_loop_start(self, current_time: datetime, **kwargs) -> None:
        self.now = current_time

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["rsi"] = ta.RSI(dataframe)
        dataframe["atr"] = ta.ATR(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] < 30, ["enter_long", "enter_tag"]] = (1, "oversold")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["rsi"] > 85, ["exit_long", "exit_tag"]] = (1, "overbought")
        return dataframe

    def custom_stake_amount(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_stake: float,
        min_stake: float | None,
        max_stake: float,
        leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs,
    ) -> float:
        assert self.wallets is not None
        return self.wallets.get_total_stake_amount() / 5

    def custom_entry_price(
        self,
        pair: str,
        trade: Trade | None,
        current_time: datetime,
        proposed_rate: float,
        entry_tag: str | None,
        side: str,
        **kwargs,
    ) -> float:
        return proposed_rate * 0.998

    def adjust_entry_price(
        self,
        trade: Trade,
        order: Order | None,
        pair: str,
        current_time: datetime,
        proposed_rate: float,
        current_order_rate: float,
        entry_tag: str | None,
        side: str,
        **kwargs,
    ) -> float | None:
        if current_time - trade.open_date_utc > timedelta(minutes=30):
            return None
        return proposed_rate * 0.999

    def confirm_trade_entry(
        self,
        pair: str,
        order_type: str,
        amount: float,
        rate: float,
        time_in_force: str,
        current_time: datetime,
        entry_tag: str | None,
        side: str,
        **kwargs,
    ) -> bool:
        self.asked[pair] = self.asked.get(pair, 0) + 1
        return self.asked[pair] % 10 != 0

    def custom_stoploss(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        after_fill: bool,
        **kwargs,
    ) -> float | None:
        if current_profit > 0.01:
            return stoploss_from_open(0.002, current_profit, trade.is_short, trade.leverage)
        return None

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
        return trade.stake_amount / 2 if current_profit < -0.04 else None

    def order_filled(self, pair: str, trade: Trade, order: Order, current_time: datetime, **kwargs):
        trade.set_custom_data("fills", (trade.get_custom_data("fills", default=0)) + 1)

    def custom_exit(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        **kwargs,
    ) -> str | bool | None:
        if current_time - trade.open_date_utc > timedelta(days=2):
            return f"old_{trade.get_custom_data('fills', default=0)}"
        return None

    def custom_exit_price(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        proposed_rate: float,
        current_profit: float,
        exit_tag: str | None,
        **kwargs,
    ) -> float:
        return proposed_rate * 1.0005

    def confirm_trade_exit(
        self,
        pair: str,
        trade: Trade,
        order_type: str,
        amount: float,
        rate: float,
        time_in_force: str,
        exit_reason: str,
        current_time: datetime,
        **kwargs,
    ) -> bool:
        return exit_reason != "overbought" or trade.calc_profit_ratio(rate) > 0
