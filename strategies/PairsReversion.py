"""Buys one pair and sells another short when two that hold together have come apart."""

from datetime import datetime
from typing import Any

import numpy as np
from freqtrade.strategy import DecimalParameter
from pandas import DataFrame

from freqpilot.host.candles.lookup import Lookup
from freqpilot.host.frames.spreads import COLUMNS, Spreads, couple_id
from freqpilot.host.trading.coupled import CoupleStrategy
from freqpilot.signals.pairs import Couple, PairsRule


class PairsReversion(CoupleStrategy):
    """Trades the couples of ``freqpilot.signals.pairs`` that are cointegrated over the last
    ``window_days``: long the cheap leg, short the dear one, in the ratio of the hedge, when their
    spread passes ``entry`` deviations; out near the mean, beyond ``stop``, or after three
    half-lives. Futures only. Made for 1h.

    Measured on BTC and ETH perpetuals it loses money after costs, tested or not, and a study of 16
    pairs stays below the trend baseline (``docs/results.md``): a rule to build on, not one to
    trade.
    """

    plot_config: dict[str, Any] = {"main_plot": {}, "subplots": {"spread": {"score": {}}}}

    entry = DecimalParameter(1.5, 3.0, default=2.0, decimals=1, space="buy")
    near = DecimalParameter(0.0, 1.0, default=0.5, decimals=1, space="sell")
    far = DecimalParameter(3.0, 6.0, default=4.0, decimals=1, space="sell")

    def startup(self) -> int:
        return Spreads(self.settings.signals.pairs, self.nanoseconds).startup

    @property
    def spreads(self) -> Spreads:
        """The spreads of all couples."""
        if not hasattr(self, "_spreads"):
            self._spreads = Spreads(self.settings.signals.pairs, self.nanoseconds)
        return self._spreads

    @property
    def lookup(self) -> Lookup:
        """What :meth:`leaves` asks of all pairs."""
        if not hasattr(self, "_lookup"):
            self._lookup = Lookup(COLUMNS, self.step)
        return self._lookup

    @property
    def rule(self) -> PairsRule:
        """The rule with its parameters."""
        return PairsRule(self.entry.value, self.near.value, self.far.value)

    def universe(self) -> list[str]:
        """Return the pairs among which couples are looked for."""
        return list(self.settings.universe) or list(self.dp.current_whitelist())

    def informative_pairs(self) -> list[tuple[str, str]]:
        named = {*self.settings.universe, *self.spreads.legs()}
        return [(pair, self.timeframe) for pair in sorted(named)]

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        columns = self.spreads.columns(
            metadata["pair"],
            dataframe,
            self.universe(),
            lambda pair: self.dp.get_pair_dataframe(pair, self.timeframe),
        )
        return self.common(dataframe).assign(**columns)

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        score, before, role, chosen = (
            dataframe[name].to_numpy() for name in ("score", "before", "role", "chosen")
        )
        tag = dataframe["couple_tag"].to_numpy()
        side = self.rule.side(score, before) * role * chosen * (tag != "")
        enter_tag = np.where(side != 0, tag, "")
        return dataframe.assign(side=side, composite=side, leave=0, enter_tag=enter_tag)

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe = super().populate_entry_trend(dataframe, metadata)
        self.lookup.fill(metadata["pair"], dataframe)
        return dataframe

    def leaves(self, couple: Couple, trade: Any, time: datetime) -> str | None:
        row = self.lookup.row(trade.pair, time)
        seen = {} if row is None else dict(zip(COLUMNS, row, strict=True))
        same = seen.get("couple") == couple_id((couple.first, couple.second))
        score = float(seen["score"]) if same else np.nan
        is_first = trade.pair == couple.first
        side = 1 if is_first != bool(trade.is_short) else -1
        age = (time.timestamp() - couple.candle) / self.step.total_seconds() - 1
        return self.rule.leave(side, score, age, couple.hold)
