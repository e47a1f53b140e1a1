"""What all strategies of the pack share: where their rows come from, and the callbacks that are the
same for each.

A base of strategies travels to hyperopt's workers by value, so it holds no state of its own.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqtrade.exchange import timeframe_to_minutes
from freqtrade.strategy import IStrategy, stoploss_from_absolute
from pandas import DataFrame

from freqpilot.host.candles import rows
from freqpilot.host.frames import words
from freqpilot.host.run.current import current
from freqpilot.host.seams.activation import require_active
from freqpilot.host.seams.freqtrade import Trade
from freqpilot.host.trading import leverage, proposals, record
from freqpilot.host.trading.fills import reads_only
from freqpilot.settings import Settings


class BaseStrategy(IStrategy):
    """Decides on closed candles, is sized by the risk supervisor, and keeps the decision that
    opened a trade beside it. A subclass says in :meth:`startup` how far it looks back, and writes
    Freqtrade's entries and exits in ``populate_*``."""

    INTERFACE_VERSION = 3
    sized_by_supervisor = True
    timeframe = "1h"
    process_only_new_candles = True
    # A slot that gets free later is no reason to enter in the middle of a candle: the backtest
    # decides at its opening, and the price of the decision is gone.
    ignore_buying_expired_candle_after = 300
    minimal_roi: ClassVar[dict[str, float]] = {}
    stoploss = -0.10
    use_exit_signal = True
    position_adjustment_enable = False
    order_types: ClassVar[dict[str, Any]] = {
        "entry": "limit",
        "exit": "limit",
        "emergency_exit": "market",
        "force_entry": "limit",
        "force_exit": "market",
        "stoploss": "market",  # where the exchange has such stops; Binance spot takes a limit
        "stoploss_on_exchange": True,
        "stoploss_on_exchange_limit_ratio": 0.99,
    }

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.can_short = config.get("trading_mode") == "futures"
        self.timeframe = config.get("timeframe") or self.timeframe
        self.startup_candle_count = self.startup()
        super().__init__(config)

    def startup(self) -> int:
        """Return the candles before the first decision that can be trusted."""
        raise NotImplementedError

    @property
    def step(self) -> timedelta:
        """The timeframe."""
        return timedelta(minutes=timeframe_to_minutes(self.timeframe))

    @property
    def settings(self) -> Settings:
        """The ``freqpilot`` section of the config."""
        return Settings.from_config(self.config)

    def bot_start(self, **kwargs: object) -> None:
        require_active(type(self).__name__)

    def leverage(self, pair: str, max_leverage: float, **call: object) -> float:
        return leverage.chosen(pair, max_leverage, self.stoploss, self.dp._exchange)

    def confirm_trade_entry(
        self, pair: str, current_time: datetime, entry_tag: str | None, **call: object
    ) -> bool:
        return proposals.confirm(self.row(pair, current_time), pair, entry_tag)

    @reads_only
    def order_filled(
        self, pair: str, trade: Trade, order: Any, current_time: datetime, **_: object
    ) -> None:
        if order.ft_order_side != trade.entry_side:
            return
        if (row := self.row(pair, order.order_date_utc)) is not None:
            regimes = current().settings.signals.regimes
            side = trade.trade_direction
            decision = words.decision_of(pair, row, side, self.step, regimes)
            record.record_decision(trade, decision)

    def row(self, pair: str, time: datetime) -> Any:
        """Return the analysed row of the last candle that is closed at ``time``, or None."""
        return rows.latest(self.dp, pair, self.timeframe, time, self.step)

    def frame(self, pair: str) -> DataFrame:
        """Return the pair's analysed candles, as far as they are closed."""
        found: DataFrame = self.dp.get_analyzed_dataframe(pair, self.timeframe)[0]
        return found


def stop_distance(stop: float | None, trade: Trade, current_rate: float) -> float | None:
    """Return a stop's price as Freqtrade's ``custom_stoploss`` wants it: a distance from the
    current rate. None leaves the stop where it is."""
    if stop is None:
        return None
    return float(stoploss_from_absolute(stop, current_rate, trade.is_short, trade.leverage))
