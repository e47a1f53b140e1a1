"""Follows trends of many speeds, sized by volatility."""

from typing import Any

import numpy as np
from freqtrade.strategy import DecimalParameter
from pandas import DataFrame

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.features.candles.resample import HOUR, resample
from freqpilot.host.trading.rules import TargetStrategy
from freqpilot.signals.trend import TrendRule, sized, trend

BAR = 4 * HOUR


class TrendFollowing(TargetStrategy):
    """Four crosses of averages and three breakouts vote; a position takes the mean vote of its
    slot, scaled to ``target_volatility`` a year, never leveraged. Decides with each closed 4h
    candle, which it makes from shorter ones itself; trades back to the target when a position is
    ``rebalance_band`` of its slot off. Shorts on futures only.

    Give it as many open trades as pairs: each pair has a slot. Measured long only its Sharpe ratio
    is above the published trend baseline's, .43 and .29 in the two periods, because that line adds
    up log returns as far as one can tell; the same sum gives the same figure
    (``docs/results.md``).
    """

    RULE = TrendRule()
    stoploss = -0.30
    plot_config: dict[str, Any] = {
        "main_plot": {},
        "subplots": {"trend": {"composite": {"color": "#2f6f9f"}, "target": {"color": "#c08a2d"}}},
    }

    target_volatility = DecimalParameter(0.2, 0.8, default=0.5, decimals=2, space="buy")
    rebalance_band = DecimalParameter(0.05, 0.3, default=0.1, decimals=2, space="buy")

    def startup(self) -> int:
        return self.RULE.startup(self.nanoseconds) + BAR // self.nanoseconds

    def band(self) -> float:
        return float(self.rebalance_band.value)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        bars = resample(candles_from_frame(dataframe), BAR)
        found = trend(bars.candles, BAR, self.RULE)
        closes = np.zeros(len(dataframe))
        closes[bars.closes()] = 1.0
        return self.common(dataframe).assign(
            composite=bars.spread(found.strength),
            volatility=bars.spread(found.volatility),
            due=closes,
        )

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        strength = dataframe["composite"].to_numpy()
        target = sized(strength, dataframe["volatility"].to_numpy(), self.target_volatility.value)
        leave = np.where(target == 0, 2, -np.sign(target))
        return dataframe.assign(
            target=target,
            side=np.where(np.abs(target) >= self.band(), np.sign(target), 0.0),
            leave=np.where(np.isfinite(strength), leave, 0),
            enter_tag="trend",
        )
