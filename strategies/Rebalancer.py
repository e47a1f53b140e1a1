"""Holds all pairs at target weights and trades back what has drifted."""

from typing import Any

import numpy as np
from freqtrade.strategy import CategoricalParameter, DecimalParameter
from pandas import DataFrame

from freqpilot.features.candles.frames import candles_from_frame, utc_dates
from freqpilot.host.trading.rules import TargetStrategy
from freqpilot.signals.rotation import RotationRule, momentum
from freqpilot.signals.trend import sized


class Rebalancer(TargetStrategy):
    """Gives each pair of the whitelist the same slot, or (``weights`` of ``volatility``) a part of
    it that has ``target_volatility``, and trades back once a day when a position is ``threshold``
    of its slot off. It has no opinion about the market and falls with it: use it as a core or as
    a yardstick. Needs ``max_open_trades`` of as many as pairs, and has no stop of its
    own: only the supervisor's halts end it.

    Measured its Sharpe ratio is below ``TrendFollowing``'s and its drawdowns are far deeper
    (``docs/results.md``).
    """

    RULE = RotationRule(days=(30,))
    stoploss = -0.99

    weights = CategoricalParameter(["equal", "volatility"], default="volatility", space="buy")
    target_volatility = DecimalParameter(0.2, 1.0, default=0.5, decimals=2, space="buy")
    threshold = DecimalParameter(0.05, 0.5, default=0.2, decimals=2, space="buy")

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.can_short = False

    def startup(self) -> int:
        return self.RULE.startup(self.nanoseconds)

    def band(self) -> float:
        return float(self.threshold.value)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        seen = momentum(candles_from_frame(dataframe), self.nanoseconds, self.RULE)
        midnight = (utc_dates(dataframe) + self.step).dt.hour == 0
        return self.common(dataframe).assign(volatility=seen.volatility, due=midnight)

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        volatility = dataframe["volatility"].to_numpy()
        whole = np.where(np.isfinite(volatility), 1.0, np.nan)
        scaled = sized(whole, volatility, self.target_volatility.value)
        target = scaled if self.weights.value == "volatility" else np.nan_to_num(whole)
        side = np.where(target > 0, 1.0, 0.0)
        return dataframe.assign(
            target=target, side=side, composite=side, leave=0, enter_tag="weight"
        )
