"""What the rule-based strategies share: the callbacks that are the same for all.

A base of strategies travels to hyperopt's workers by value, so it holds no state of its own.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqtrade.exchange import timeframe_to_minutes
from freqtrade.strategy import IStrategy, stoploss_from_absolute
from pandas import DataFrame

from freqpilot.features.bank.atr import atr
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.account import stakes
from freqpilot.host.candles import rows
from freqpilot.host.candles.lookup import Lookup
from freqpilot.host.frames import decided as frames
from freqpilot.host.seams.activation import require_active
from freqpilot.host.trading import exits, proposals, record, slots
from freqpilot.host.trading.fills import reads_only
from freqpilot.settings import Settings


class RuleStrategy(IStrategy):
    """Enters where ``side`` of a closed candle is 1 (−1: short, on futures only) and leaves where
    ``leave`` is 1 (for a short −1, for both 2). A subclass writes both in ``decide``, from columns
    that it adds in ``populate_indicators``; the stake is the supervisor's proposal."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    process_only_new_candles = True
    ignore_buying_expired_candle_after = 300
    minimal_roi: ClassVar[dict[str, float]] = {}
    stoploss = -0.10
    use_exit_signal = True
    position_adjustment_enable = False
    order_types: ClassVar[dict[str, Any]] = {
        "entry": "limit",
        "exit": "limit",
        "emergency_exit": "market",
        "force_entry": "limit",
        "force_exit": "market",
        "stoploss": "market",  # where the exchange has such stops; Binance spot takes a limit
        "stoploss_on_exchange": True,
        "stoploss_on_exchange_limit_ratio": 0.99,
    }

    def __init__(self, config: dict[str, Any]) -> None:
        self.can_short = config.get("trading_mode") == "futures"
        self.timeframe = config.get("timeframe") or self.timeframe
        self.startup_candle_count = self.startup()
        super().__init__(config)

    def startup(self) -> int:
        """Return the candles before the first decision that can be trusted."""
        raise NotImplementedError

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Return the frame with ``side``, ``leave`` and ``enter_tag``."""
        raise NotImplementedError

    @property
    def step(self) -> timedelta:
        """The timeframe."""
        return timedelta(minutes=timeframe_to_minutes(self.timeframe))

    @property
    def nanoseconds(self) -> int:
        """The timeframe in nanoseconds."""
        return int(self.step.total_seconds()) * 1_000_000_000

    @property
    def settings(self) -> Settings:
        """The ``freqpilot`` section of the config."""
        return Settings.from_config(self.config)

    def bot_start(self, **kwargs: Any) -> None:
        require_active(type(self).__name__)

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

    def custom_stake_amount(self, pair: str, current_time: datetime, **call: Any) -> float:
        if slots.full():
            return 0.0
        return proposals.stake(self.row(pair, current_time), pair, current_time, call)

    def confirm_trade_entry(
        self, pair: str, current_time: datetime, entry_tag: str | None, **call: Any
    ) -> bool:
        return proposals.confirm(self.row(pair, current_time), pair, entry_tag)

    @reads_only
    def order_filled(
        self, pair: str, trade: Any, order: Any, current_time: datetime, **_: Any
    ) -> None:
        if order.ft_order_side != trade.entry_side:
            return
        if (row := self.row(pair, order.order_date_utc)) is not None:
            decision = frames.decision_of(pair, row, trade.trade_direction, self.step)
            record.record_decision(trade, decision)

    def row(self, pair: str, time: datetime) -> Any:
        """Return the analysed row of the last candle that is closed at ``time``, or None."""
        return rows.latest(self.dp, pair, self.timeframe, time, self.step)

    def frame(self, pair: str) -> DataFrame:
        """Return the pair's analysed candles, as far as they are closed."""
        found: DataFrame = self.dp.get_analyzed_dataframe(pair, self.timeframe)[0]
        return found


class StoppedStrategy(RuleStrategy):
    """A rule whose trades end at the stops of ``freqpilot.risk.exits`` at the latest."""

    use_custom_stoploss = True

    def custom_stoploss(
        self, pair: str, trade: Any, current_rate: float, after_fill: bool, **call: Any
    ) -> float | None:
        stop = exits.stop(self.frame(pair), trade, self.step, call, filled=after_fill)
        if stop is None:
            return None
        return float(stoploss_from_absolute(stop, current_rate, trade.is_short, trade.leverage))


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

    def custom_stake_amount(self, pair: str, current_time: datetime, **call: Any) -> float:
        if slots.full():
            return 0.0
        found = self.lookup.row(pair, current_time)
        share = 0.0 if found is None else abs(float(found[0])) * self.one_slot()
        row = self.row(pair, current_time)
        return slots.stake(row, pair, current_time, call, share, self.stoploss)

    def wants_adjustment(self, trade: Any, rate: float, time: datetime) -> bool:
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
        self, trade: Any, current_time: datetime, current_rate: float, **call: Any
    ) -> tuple[float, str] | None:
        if not self.wants_adjustment(trade, current_rate, current_time):
            return None
        share = self.share(trade.pair, current_time)
        row = self.row(trade.pair, current_time)
        call |= {"current_time": current_time, "current_rate": current_rate}
        return slots.change(row, trade, call, abs(share or 0.0), self.stoploss)
