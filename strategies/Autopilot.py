"""Trades the composite decision of the analysts and, with FreqAI on, the model."""

from datetime import datetime, timedelta
from typing import Any

from freqtrade.exchange import timeframe_to_minutes
from freqtrade.strategy import DecimalParameter, IStrategy, stoploss_from_absolute
from pandas import DataFrame

from freqpilot.host.candles import rows
from freqpilot.host.facts.signals import add_signal_facts
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import features
from freqpilot.host.frames.annotations import regime_areas
from freqpilot.host.frames.edge.backtest import with_groups
from freqpilot.host.frames.edge.forecasts import kept_forecasts
from freqpilot.host.frames.regimes import models_of
from freqpilot.host.freqai.columns import NAMES
from freqpilot.host.run.current import current
from freqpilot.host.seams.activation import require_active
from freqpilot.host.trading import exits, proposals, record
from freqpilot.host.trading.fills import reads_only
from freqpilot.settings import Settings


class Autopilot(IStrategy):
    """Enters when composite and confidence pass their thresholds, sized by volatility under the
    risk supervisor's caps, with a stop that rests on the exchange. Exits on the opposite decision,
    at the stop or as ``freqpilot.risk.exits`` says. Shorts on futures only.

    Everything it decides on is computed from closed candles in ``populate_*``; callbacks look up.
    """

    INTERFACE_VERSION = 3
    timeframe = "1h"
    startup_candle_count = frames.STARTUP
    process_only_new_candles = True
    # A slot that gets free later is no reason to enter in the middle of a candle: the backtest
    # decides at its opening, and the price of the decision is gone.
    ignore_buying_expired_candle_after = 300
    minimal_roi: dict[str, float] = {}
    stoploss = -0.10
    use_custom_stoploss = True
    use_exit_signal = True
    position_adjustment_enable = False
    order_types = {
        "entry": "limit",
        "exit": "limit",
        "emergency_exit": "market",
        "force_entry": "limit",
        "force_exit": "market",
        "stoploss": "market",  # where the exchange has such stops; Binance spot takes a limit
        "stoploss_on_exchange": True,
        "stoploss_on_exchange_limit_ratio": 0.99,
    }
    plot_config = {
        "main_plot": {},
        "subplots": {
            "decision": {
                "composite": {"color": "#2f6f9f"},
                "confidence": {"color": "#c08a2d"},
                "bias": {"color": "#7a5fa0"},
            },
            "regime": {
                "regime_probability": {"color": "#6b7a3a"},
                "size_factor": {"color": "#a04a4a"},
            },
        },
    }

    threshold_shift = DecimalParameter(-0.2, 0.2, default=0.0, decimals=2, space="buy")
    confidence_shift = DecimalParameter(-0.2, 0.2, default=0.0, decimals=2, space="buy")

    def __init__(self, config: dict[str, Any]) -> None:
        self.can_short = config.get("trading_mode") == "futures"
        super().__init__(config)
        settings, timeframe = Settings.from_config(config), config.get("timeframe")
        chosen = settings.risk.exits
        self.startup_candle_count = frames.startup(timeframe or self.timeframe, settings.signals)
        self.position_adjustment_enable, self.stop_rests = exits.sells(chosen), exits.rests(chosen)
        if exits.asks(chosen):
            self.custom_exit = self._custom_exit

    @property
    def protections(self) -> list[dict[str, Any]]:
        return [{"method": "DrawdownResponse", "max_drawdown": 0.15, "stop_duration": 24 * 60}]

    def bot_start(self, **kwargs: Any) -> None:
        require_active("Autopilot")

    def feature_engineering_expand_basic(
        self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> DataFrame:
        return features.add_features(dataframe)

    def feature_engineering_standard(
        self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> DataFrame:
        return features.add_calendar(dataframe)

    def set_freqai_targets(
        self, dataframe: DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> DataFrame:
        self.freqai.class_names = sorted(NAMES.values())
        return features.add_labels(dataframe, Settings.from_config(self.config).labels)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        require_active("Autopilot")
        settings, pair, kept = Settings.from_config(self.config), metadata["pair"], None
        if frames.model_enabled(self.config):
            dataframe = self.freqai.start(dataframe, metadata, self)
            kept = kept_forecasts(self.freqai, pair)
        dataframe = add_signal_facts(dataframe, pair, self.config, self.timeframe)
        models = models_of(self.config)
        return frames.add_decisions(dataframe, settings, pair, self._step(), models, kept)

    def advise_all_indicators(self, data: dict[str, DataFrame]) -> dict[str, DataFrame]:
        found = super().advise_all_indicators(data)
        return with_groups(found, Settings.from_config(self.config), models_of(self.config))

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        sides = frames.entries(dataframe, self._signals())
        dataframe["enter_long"] = (sides == 1).astype(int)
        dataframe["enter_short"] = ((sides == -1) & self.can_short).astype(int)
        dataframe["enter_tag"] = frames.tags(dataframe, sides)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        sides = frames.sides(dataframe, self._signals())
        dataframe["exit_long"] = (sides == -1).astype(int)
        dataframe["exit_short"] = (sides == 1).astype(int)
        return dataframe

    def custom_stake_amount(self, pair: str, current_time: datetime, **call: Any) -> float:
        row = self._row(pair, current_time)
        return proposals.stake(row, pair, current_time, call, self.stoploss)

    def confirm_trade_entry(
        self, pair: str, current_time: datetime, entry_tag: str | None, **call: Any
    ) -> bool:
        return proposals.confirm(self._row(pair, current_time), pair, entry_tag)

    def custom_stoploss(
        self, pair: str, trade: Any, current_rate: float, after_fill: bool, **call: Any
    ) -> float | None:
        known = (lambda: self._frame(pair), trade, self._step(), call, self.stoploss)
        stop = exits.stop(*known, filled=after_fill, row_at=lambda at: self._row(pair, at))
        if stop is None:
            return None
        return float(stoploss_from_absolute(stop, current_rate, trade.is_short, trade.leverage))

    def _custom_exit(self, pair: str, trade: Any, **call: Any) -> str | None:
        return exits.exit_reason(lambda: self._frame(pair), trade, self._step(), call)

    def adjust_trade_position(self, trade: Any, **call: Any) -> tuple[float, str] | None:
        return exits.target(lambda: self._frame(trade.pair), trade, self._step(), call)

    @reads_only
    def order_filled(
        self, pair: str, trade: Any, order: Any, current_time: datetime, **_: Any
    ) -> None:
        if order.ft_order_side != trade.entry_side:
            return
        if (row := self._row(pair, order.order_date_utc)) is not None:
            regimes = current().settings.signals.regimes
            side = trade.trade_direction
            decision = frames.decision_of(pair, row, side, self._step(), regimes)
            record.record_decision(trade, decision)

    def plot_annotations(self, dataframe: DataFrame, **chart: Any) -> list[Any]:
        return regime_areas(dataframe)

    def _signals(self) -> Any:
        signals = Settings.from_config(self.config).signals
        return frames.shifted(signals, self.threshold_shift.value, self.confidence_shift.value)

    def _step(self) -> timedelta:
        return timedelta(minutes=timeframe_to_minutes(self.timeframe))

    def _row(self, pair: str, time: datetime) -> Any:
        return rows.latest(self.dp, pair, self.timeframe, time, self._step())

    def _frame(self, pair: str) -> DataFrame:
        frame: DataFrame = self.dp.get_analyzed_dataframe(pair, self.timeframe)[0]
        return frame
