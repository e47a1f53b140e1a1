"""What the rule-based strategies share: the callbacks that are the same for all.

A base of strategies travels to hyperopt's workers by value, so it holds no state of its own.
"""

from datetime import datetime
from typing import Any

from pandas import DataFrame

from freqpilot.features.bank.atr import atr
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.account import stakes
from freqpilot.host.candles.lookup import Lookup
from freqpilot.host.seams.freqtrade import Trade
from freqpilot.host.trading import exits, proposals, slots
from freqpilot.host.trading.base import BaseStrategy, stop_distance


class RuleStrategy(BaseStrategy):
    """Enters where ``side`` of a closed candle is 1 (−1: short, on futures only) and leaves where
    ``leave`` is 1 (for a short −1, for both 2). A subclass writes both in ``decide``, from columns
    that it adds in ``populate_indicators``; the stake is the supervisor's proposal."""

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Return the frame with ``side``, ``leave`` and ``enter_tag``."""
        raise NotImplementedError

    @property
    def nanoseconds(self) -> int:
        """The timeframe in nanoseconds."""
        return int(self.step.total_seconds()) * 1_000_000_000

    def common(self, dataframe: DataFrame) -> DataFrame:
        """Return the frame with what sizes and stops are computed from; a rule is as sure as it
        gets, its strength is in the target."""
        candles = candles_from_frame(dataframe)
        columns = {"atr": atr(candles, self.settings.risk.atr_period)}
        return dataframe.assign(**columns, composite=0.0, confidence=1.0, coverage=1.0)

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe = self.decide(dataframe, metadata)
        dataframe["enter_long"] = (dataframe["side"] > 0).astype(int)
        dataframe["enter_short"] = ((dataframe["side"] < 0) & self.can_short).astype(int)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["exit_long"] = dataframe["leave"].isin([1, 2]).astype(int)
        dataframe["exit_short"] = dataframe["leave"].isin([-1, 2]).astype(int)
        return dataframe

    def custom_stake_amount(self, pair: str, current_time: datetime, **call: object) -> float:
        if slots.full():
            return 0.0
        return proposals.stake(self.row(pair, current_time), pair, current_time, call)


class StoppedStrategy(RuleStrategy):
    """A rule whose trades end at the stops of ``freqpilot.risk.exits`` at the latest."""

    use_custom_stoploss = True

    def custom_stoploss(
        self, pair: str, trade: Trade, current_rate: float, after_fill: bool, **call: object
    ) -> float | None:
        stop = exits.stop(self.frame(pair), trade, self.step, call, filled=after_fill)
        return stop_distance(stop, trade, current_rate)


class TargetStrategy(RuleStrategy):
    """A rule whose positions follow ``target``, the share of a slot (−1…1) of each closed candle,
    in steps of at least :meth:`band`. Columns: ``target``, and ``due`` where it may be acted on;
    only an exit does not wait for that."""

    position_adjustment_enable = True

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe = super().populate_entry_trend(dataframe, metadata)
        for name in ("enter_long", "enter_short"):
            dataframe[name] *= dataframe["due"].astype(int)
        self.lookup.fill(metadata["pair"], dataframe)
        return dataframe

    def band(self) -> float:
        """Return the parts of a slot by which a position may be off its target."""
        return 0.1

    @property
    def lookup(self) -> Lookup:
        """The targets of all pairs."""
        if not hasattr(self, "_lookup"):
            self._lookup = Lookup(("target", "due"), self.step)
        return self._lookup

    def share(self, pair: str, time: datetime) -> float | None:
        """Return what share of the account the pair is to have (below zero short), None where that
        is not to be acted on now."""
        found = self.lookup.row(pair, time)
        if found is None or not found[1]:
            return None
        return float(found[0]) * self.one_slot()

    def one_slot(self) -> float:
        """Return the share of the account that belongs to one pair."""
        return stakes.slot_share(self.config, len(self.dp.current_whitelist()))

    def custom_stake_amount(self, pair: str, current_time: datetime, **call: object) -> float:
        if slots.full():
            return 0.0
        found = self.lookup.row(pair, current_time)
        share = 0.0 if found is None else abs(float(found[0])) * self.one_slot()
        row = self.row(pair, current_time)
        return slots.stake(row, pair, current_time, call, share, self.stoploss)

    def wants_adjustment(self, trade: Trade, rate: float, time: datetime) -> bool:
        """Tell whether a position is ``band`` or more off its target and may be changed by that,
        once a candle."""
        share = self.share(trade.pair, time)
        if share is None or share == 0 or (share < 0) != trade.is_short:
            return False
        if slots.acted(trade, time, self.step):
            return False
        missing, step = slots.off_target(trade, rate, abs(share)), self.band() * self.one_slot()
        return missing <= -step or (missing >= step and slots.room(trade) >= step)

    def adjust_trade_position(
        self, trade: Trade, current_time: datetime, current_rate: float, **call: object
    ) -> tuple[float, str] | None:
        if not self.wants_adjustment(trade, current_rate, current_time):
            return None
        share = self.share(trade.pair, current_time)
        row = self.row(trade.pair, current_time)
        call |= {"current_time": current_time, "current_rate": current_rate}
        return slots.change(row, trade, call, abs(share or 0.0), self.stoploss)
