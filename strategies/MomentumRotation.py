"""Holds the strongest pairs of the last months, chosen anew each week."""

from typing import Any

import numpy as np
from freqtrade.strategy import DecimalParameter, IntParameter
from pandas import DataFrame

from freqpilot.features.candles.frames import candles_from_frame, utc_dates
from freqpilot.host.frames.crosssection import CrossSection
from freqpilot.host.trading.rules import TargetStrategy
from freqpilot.signals.rotation import RotationRule, chosen, momentum
from freqpilot.signals.trend import sized


class MomentumRotation(TargetStrategy):
    """Ranks all pairs of the whitelist (or of ``freqpilot.universe``) at the close of each week by
    their return of the last months, per volatility; holds the ``top`` that rose at all, each with
    an equal part of the account scaled to ``target_volatility``. Needs ``max_open_trades`` of
    ``top`` or more. Acts once a week: an entry that is refused or not filled waits for the next.

    Measured its Sharpe ratio is above the published trend baseline's, below ``TrendFollowing``'s,
    and its drawdowns are deeper: half the account at worst (``docs/results.md``).
    """

    RULE = RotationRule()
    stoploss = -0.30
    plot_config: dict[str, Any] = {
        "main_plot": {},
        "subplots": {"rank": {"place": {}}, "target": {"target": {}}},
    }

    top = IntParameter(1, 8, default=4, space="buy")
    target_volatility = DecimalParameter(0.2, 1.0, default=0.5, decimals=2, space="buy")

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.can_short = False

    def startup(self) -> int:
        return self.RULE.startup(self.nanoseconds)

    def one_slot(self) -> float:
        return float(self.config.get("tradable_balance_ratio", 1.0)) / float(self.top.value)

    @property
    def section(self) -> CrossSection:
        """The ranks of all pairs."""
        if not hasattr(self, "_section"):
            step, rule = self.nanoseconds, self.RULE
            self._section = CrossSection(lambda c: momentum(c, step, rule).score, step)
        return self._section

    def universe(self) -> list[str]:
        """Return the pairs that are ranked."""
        return list(self.settings.universe) or list(self.dp.current_whitelist())

    def informative_pairs(self) -> list[tuple[str, str]]:
        return [(pair, self.timeframe) for pair in self.settings.universe]

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        score, place = self.section.columns(
            metadata["pair"],
            dataframe,
            self.universe(),
            lambda pair: self.dp.get_pair_dataframe(pair, self.timeframe),
        )
        seen = momentum(candles_from_frame(dataframe), self.nanoseconds, self.RULE)
        closed = (utc_dates(dataframe) + self.step).dt
        return self.common(dataframe).assign(
            score=score,
            place=place,
            volatility=seen.volatility,
            due=(closed.day_of_week == 0) & (closed.hour == 0),
        )

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        score, volatility = (dataframe[name].to_numpy() for name in ("score", "volatility"))
        held = chosen(dataframe["place"].to_numpy(), score, self.top.value)
        target = sized(held, volatility, self.target_volatility.value)
        return dataframe.assign(
            target=target,
            side=np.where(target > 0, 1.0, 0.0),
            composite=np.nan_to_num(held),
            leave=np.where(held == 0, 1, 0),
            enter_tag="rotation",
        )
