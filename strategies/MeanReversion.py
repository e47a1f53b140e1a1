"""Buys what fell far from its mean in a market without a trend."""

from typing import Any

import numpy as np
from freqtrade.strategy import DecimalParameter
from pandas import DataFrame

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.trading.rules import StoppedStrategy
from freqpilot.signals.reversion import STARTUP, ReversionRule, Stretch, stretch


class MeanReversion(StoppedStrategy):
    """Enters ``far`` deviations below the mean of two days when RSI agrees and ADX sees no trend;
    leaves at the mean or at the stop. Shorts on futures only. Made for 1h.

    Measured long only it stays far below the trend baseline and loses money after costs
    (``docs/results.md``): a plain rule to build on, not one to trade.
    """

    plot_config: dict[str, Any] = {
        "main_plot": {},
        "subplots": {"stretch": {"distance": {}, "strength": {}}},
    }

    far = DecimalParameter(1.5, 3.5, default=2.5, decimals=1, space="buy")
    strength = DecimalParameter(0.2, 0.7, default=0.4, decimals=2, space="buy")
    direction = DecimalParameter(0.15, 0.50, default=0.30, decimals=2, space="buy")
    near = DecimalParameter(0.0, 1.0, default=0.0, decimals=1, space="sell")

    def startup(self) -> int:
        return STARTUP

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        seen = stretch(candles_from_frame(dataframe))
        return self.common(dataframe).assign(**vars(seen))

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        names = ("distance", "strength", "direction", "pace")
        seen = Stretch(*(dataframe[name].to_numpy(dtype=np.float64) for name in names))
        rule = ReversionRule(
            self.far.value, self.strength.value, self.direction.value, self.near.value
        )
        side = rule.side(seen)
        return dataframe.assign(
            side=side, composite=side, leave=rule.leave(seen), enter_tag="reversion"
        )
