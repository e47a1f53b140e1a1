"""Several rules in one account: each has a budget, what all want is netted into one position."""

from datetime import datetime
from typing import Any

from pandas import DataFrame

from freqpilot.host.candles.lookup import Lookup
from freqpilot.host.frames import sleeves as sleeveframes
from freqpilot.host.run.current import current
from freqpilot.host.trading import sleeves, slots
from freqpilot.host.trading.rules import TargetStrategy
from freqpilot.settings import Settings
from freqpilot.shapes import Floats


class Ensemble(TargetStrategy):
    """Runs the sleeves of ``freqpilot.ensemble``. What each wants of a pair, times its budget, is
    summed; the position follows that sum by entries, adds (through the risk gate) and partial
    exits. Sub-ledgers tell what each sleeve has earned (``freqpilot sleeves``); one that loses too
    much is switched off alone. On spot a net short is flat. Give it as many open trades as pairs.

    Measured with its default sleeves its Sharpe ratio is above the published trend baseline's in
    both periods, but in the later one below ``TrendFollowing``'s alone (1.19 against 1.28), with a
    deeper drawdown (``docs/results.md``).
    """

    stoploss = -0.30
    plot_config: dict[str, Any] = {"main_plot": {}, "subplots": {"net": {"composite": {}}}}

    def __init__(self, config: dict[str, Any]) -> None:
        self.ensemble = Settings.from_config(config).ensemble
        super().__init__(config)

    def startup(self) -> int:
        days = self.ensemble.max_holding_days
        return sleeveframes.startup_candles(self.ensemble.sleeves, self.nanoseconds, days)

    def band(self) -> float:
        budgets = [sleeve.budget for sleeve in self.ensemble.sleeves]
        # A small sleeve's whole position must not stay below the band.
        return min(self.ensemble.band * sum(budgets), min(budgets) / 2)

    @property
    def lookup(self) -> Lookup:
        """What the sleeves want of all pairs."""
        if not hasattr(self, "_lookup"):
            self._lookup = Lookup(sleeveframes.names(self.ensemble.sleeves), self.step)
        return self._lookup

    def slots(self) -> Floats:
        """Return for each sleeve the share of its money that belongs to one pair."""
        pairs = len(self.dp.current_whitelist())
        return sleeveframes.slot_shares(self.ensemble.sleeves, self.config, pairs)

    def universe(self) -> list[str]:
        """Return the pairs that are ranked."""
        return list(self.settings.universe) or list(self.dp.current_whitelist())

    def informative_pairs(self) -> list[tuple[str, str]]:
        return [(pair, self.timeframe) for pair in self.settings.universe]

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        if not hasattr(self, "_section"):
            self._section = sleeveframes.section(self.nanoseconds)

        def ranked() -> tuple[Floats, Floats]:
            return self._section.columns(
                metadata["pair"],
                dataframe,
                self.universe(),
                lambda pair: self.dp.get_pair_dataframe(pair, self.timeframe),
            )

        frame = self.common(dataframe)
        step, slot = self.nanoseconds, self.slots()
        return sleeveframes.add_wants(frame, self.settings, step, slot, ranked)

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        return sleeveframes.decided(dataframe)

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        current().part(sleeves.Keeper).loop(self.about())

    def about(self) -> sleeves.About:
        """Return what the sub-ledgers need to know."""
        return sleeves.About(self.lookup, self.slots(), self.step, bool(self.can_short))

    def net(self, pair: str, time: datetime) -> float | None:
        """Return what share of the account the pair is to have, None where that is not known."""
        return current().part(sleeves.Keeper).target(pair, time, self.about())

    def custom_stake_amount(self, pair: str, current_time: datetime, **call: Any) -> float:
        share = self.net(pair, current_time) or 0.0
        wanted = max(-share if call["side"] == "short" else share, 0.0)
        row = self.row(pair, current_time)
        return slots.stake(row, pair, current_time, call, wanted, self.stoploss)

    def wants_adjustment(self, trade: Any, rate: float, time: datetime) -> bool:
        """Tell whether nobody wants the position on balance, or it is ``band`` or more off."""
        share = self.net(trade.pair, time)
        if share is None:
            return False
        if slots.unwanted(trade, share):
            return True
        row = self.lookup.row(trade.pair, time)
        if row is None or not row[-2]:
            return False
        off = abs(slots.off_target(trade, rate, abs(share))) >= self.band() * self.one_slot()
        return off and not slots.acted(trade, time, self.step)

    def adjust_trade_position(
        self, trade: Any, current_time: datetime, current_rate: float, **call: Any
    ) -> tuple[float, str] | None:
        if not self.wants_adjustment(trade, current_rate, current_time):
            return None
        share = self.net(trade.pair, current_time) or 0.0
        if slots.unwanted(trade, share):
            return slots.out(trade)
        row = self.row(trade.pair, current_time)
        call |= {"current_time": current_time, "current_rate": current_rate}
        return slots.change(row, trade, call, abs(share), self.stoploss)

    def order_filled(
        self, pair: str, trade: Any, order: Any, current_time: datetime, **call: Any
    ) -> None:
        super().order_filled(pair, trade, order, current_time, **call)
        current().part(sleeves.Keeper).book(trade, current_time, self.about())
