"""Buys a range's break after a squeeze, with volume."""

from dataclasses import fields
from typing import Any

import numpy as np
from freqtrade.strategy import DecimalParameter
from pandas import DataFrame

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.trading.rules import StoppedStrategy
from freqpilot.signals.breakout import STARTUP, BreakoutRule, Range, ranges

PREFIX = "range_"


class Breakout(StoppedStrategy):
    """Enters at a close outside the channel of 48 candles after the band has been among the
    narrowest ``squeeze`` share of 240, with volume above usual; leaves at the other side of the
    channel of 24, or at the stop. Shorts on futures only.

    Measured long only it earns after costs but stays below the trend baseline in both periods
    (``docs/results.md``).
    """

    plot_config: dict[str, Any] = {"main_plot": {}, "subplots": {"squeeze": {"range_squeeze": {}}}}

    squeeze = DecimalParameter(0.05, 0.40, default=0.15, decimals=2, space="buy")
    margin = DecimalParameter(0.0, 1.0, default=0.1, decimals=1, space="buy")
    volume = DecimalParameter(0.0, 2.5, default=1.0, decimals=1, space="buy")

    def startup(self) -> int:
        return STARTUP

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        seen = ranges(candles_from_frame(dataframe))
        columns = {f"{PREFIX}{name}": values for name, values in vars(seen).items()}
        return self.common(dataframe).assign(**columns)

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        names = (f"{PREFIX}{each.name}" for each in fields(Range))
        seen = Range(*(dataframe[name].to_numpy(dtype=np.float64) for name in names))
        rule = BreakoutRule(self.squeeze.value, self.margin.value, self.volume.value)
        side = rule.side(seen)
        return dataframe.assign(
            side=side, composite=side, leave=rule.leave(seen), enter_tag="breakout"
        )
