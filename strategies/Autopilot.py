"""Trades the composite decision of the analysts and, with FreqAI on, the model."""

from datetime import datetime
from typing import Any

from freqtrade.strategy import DecimalParameter
from pandas import DataFrame

from freqpilot.host.facts.signals import add_signal_facts
from freqpilot.host.frames import decided, features, words
from freqpilot.host.frames.annotations import regime_areas
from freqpilot.host.frames.edge.forecasts import past_forecasts
from freqpilot.host.frames.populate import populate, populate_together
from freqpilot.host.frames.regimes import models_of
from freqpilot.host.freqai.columns import NAMES
from freqpilot.host.run.current import current, has_begun
from freqpilot.host.seams.activation import require_active
from freqpilot.host.trading import exits, proposals
from freqpilot.host.trading.base import BaseStrategy, stop_distance


class Autopilot(BaseStrategy):
    """Enters when composite and confidence pass their thresholds, sized by volatility under the
    risk supervisor's caps, with a stop that rests on the exchange. Exits on the opposite decision,
    at the stop or as ``freqpilot.risk.exits`` says. Shorts on futures only.

    Everything it decides on is computed from closed candles in ``populate_*``; callbacks look up.
    """

    startup_candle_count = decided.STARTUP
    use_custom_stoploss = True
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
        super().__init__(config)
        chosen = self.settings.risk.exits
        self.position_adjustment_enable, self.stop_rests = exits.sells(chosen), exits.rests(chosen)
        if exits.asks(chosen):
            self.custom_exit = self._custom_exit

    def startup(self) -> int:
        return decided.startup(self.timeframe, self.settings.signals)

    @property
    def protections(self) -> list[dict[str, Any]]:
        return [{"method": "DrawdownResponse", "max_drawdown": 0.15, "stop_duration": 24 * 60}]

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
        return features.add_labels(dataframe, self.settings.labels)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        require_active("Autopilot")
        pair, past = metadata["pair"], None
        if decided.model_enabled(self.config):
            dataframe = self.freqai.start(dataframe, metadata, self)
            past = past_forecasts(self.freqai, pair)
        dataframe = add_signal_facts(dataframe, pair, self.config, self.timeframe)
        models, run = models_of(self.config), current() if has_begun() else None
        return populate(run, dataframe, self.settings, pair, self.step, models, past)

    def advise_all_indicators(self, data: dict[str, DataFrame]) -> dict[str, DataFrame]:
        frames = super().advise_all_indicators(data)
        return populate_together(frames, self.settings, models_of(self.config))

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        sides = decided.entries(dataframe, self._signals())
        dataframe["enter_long"] = (sides == 1).astype(int)
        dataframe["enter_short"] = ((sides == -1) & self.can_short).astype(int)
        dataframe["enter_tag"] = words.tags(dataframe, sides)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        sides = decided.sides(dataframe, self._signals())
        dataframe["exit_long"] = (sides == -1).astype(int)
        dataframe["exit_short"] = (sides == 1).astype(int)
        return dataframe

    def custom_stake_amount(self, pair: str, current_time: datetime, **call: Any) -> float:
        row = self.row(pair, current_time)
        return proposals.stake(row, pair, current_time, call, self.stoploss)

    def custom_stoploss(
        self, pair: str, trade: Any, current_rate: float, after_fill: bool, **call: Any
    ) -> float | None:
        known = (lambda: self.frame(pair), trade, self.step, call, self.stoploss)
        stop = exits.stop(*known, filled=after_fill, row_at=lambda at: self.row(pair, at))
        return stop_distance(stop, trade, current_rate)

    def _custom_exit(self, pair: str, trade: Any, **call: Any) -> str | None:
        return exits.exit_reason(lambda: self.frame(pair), trade, self.step, call)

    def adjust_trade_position(self, trade: Any, **call: Any) -> tuple[float, str] | None:
        return exits.target(lambda: self.frame(trade.pair), trade, self.step, call)

    def plot_annotations(self, dataframe: DataFrame, **chart: Any) -> list[Any]:
        return regime_areas(dataframe)

    def _signals(self) -> Any:
        signals = self.settings.signals
        return decided.shifted(signals, self.threshold_shift.value, self.confidence_shift.value)
