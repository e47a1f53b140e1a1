"""What strategies share that trade two pairs against each other: both legs enter, or none.

A base of strategies travels to hyperopt's workers by value, so it holds no state of its own.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
from pandas import DataFrame, Timestamp

from freqpilot.errors import NoEntry, RefuseToStart
from freqpilot.features.candles.frames import utc_dates
from freqpilot.host.account import stakes
from freqpilot.host.account.trades import open_trades
from freqpilot.host.candles.lookup import Lookup
from freqpilot.host.frames.spreads import tag_id
from freqpilot.host.run import exitsonly
from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import Trade
from freqpilot.host.trading import couples, proposals, reservation, slots
from freqpilot.host.trading.rules import RuleStrategy
from freqpilot.signals.pairs import Couple

LEG = ("side", "close", "atr", "composite", "confidence", "tag")


class CoupleStrategy(RuleStrategy):
    """Enters both legs of a couple at the market, or neither. A subclass gives both rows of a
    closed candle the same ``enter_tag`` (:attr:`Couple.tag`) and opposite sides in ``decide``, and
    says in :meth:`leaves` when a couple is over. A leg without its partner, or not of its size, is
    closed whatever it says. For futures only."""

    stoploss = -0.20
    order_types: ClassVar[dict[str, Any]] = {**RuleStrategy.order_types} | {
        "entry": "market",
        "exit": "market",
    }

    def leverage(self, pair: str, max_leverage: float, **call: object) -> float:
        return 1.0  # both legs are reserved by it before the first is ordered

    def bot_start(self, **kwargs: object) -> None:
        super().bot_start(**kwargs)
        require_both(type(self).__name__, self.config, self.order_types)

    @property
    def legs(self) -> Lookup:
        """The legs' rows: within a candle of a backtest Freqtrade's own frame of a pair whose turn
        is yet to come ends a candle earlier."""
        if not hasattr(self, "_legs"):
            self._legs = Lookup((*LEG, "opened"), self.step)
        return self._legs

    def leg_row(self, pair: str, time: datetime) -> dict[str, Any] | None:
        """Return what the last candle of a pair that is closed at ``time`` says of it as a leg."""
        found = self.legs.row(pair, time)
        if found is None:
            return None
        opened = Timestamp(int(found[-1]), unit="s", tz="UTC")
        return dict(zip(LEG, found.tolist(), strict=False)) | {"date": opened}

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe = super().populate_entry_trend(dataframe, metadata)
        opened = utc_dates(dataframe).to_numpy(dtype="datetime64[s]").astype(np.int64)
        tags = [tag_id(tag) if tag else 0.0 for tag in dataframe["enter_tag"]]
        self.legs.fill(metadata["pair"], dataframe.assign(opened=opened, tag=tags))
        return dataframe

    def leaves(self, couple: Couple, trade: Trade, time: datetime) -> str | None:
        """Return why the couple of a trade is over, None while it is not."""
        raise NotImplementedError

    def couple_share(self) -> float:
        """Return the value of both legs together, in stake currency, before any cap: the slots of
        two pairs."""
        slot = stakes.slot_share(self.config, len(self.dp.current_whitelist()))
        return 2.0 * slots.own_money(slot, 0.0, 1.0)

    def alone(self) -> bool:
        """Tell whether Freqtrade's analysis looks at one pair without any other, which makes no
        couples: its signals are judged leg by leg then. Never in a bot."""
        try:
            run = current()
        except NoEntry:
            return False
        return run.settings.analysis and not run.live

    def custom_stake_amount(self, pair: str, current_time: datetime, **call: Any) -> float:
        couple = Couple.parse(call.get("entry_tag"))
        if couple is None or self.alone():
            return proposals.stake(self.row(pair, current_time), pair, current_time, call)
        return reservation.stake(self, couple, pair, current_time, call)

    def confirm_trade_entry(
        self, pair: str, current_time: datetime, entry_tag: str | None, **call: object
    ) -> bool:
        couple = Couple.parse(entry_tag)
        if couple is None or self.alone():
            return super().confirm_trade_entry(pair, current_time, entry_tag, **call)
        if not proposals.confirm(self.leg_row(pair, current_time), pair, entry_tag):
            return False
        return reservation.admitted(self, couple, pair, {**call, "current_time": current_time})

    def custom_exit(
        self, pair: str, trade: Trade, current_time: datetime, **call: object
    ) -> str | None:
        couple = Couple.parse(trade.enter_tag)
        if couple is None:
            return None
        own = self.leaves(couple, trade, current_time)  # of both legs, the first of which is closed
        return own or (None if self.alone() else self.broken(trade, current_time))

    def broken(self, trade: Trade, time: datetime) -> str | None:
        """Return why a leg has to be closed because of the other one."""
        if couples.too_young(trade, time) or couples.lately_closed(trade, time):
            return None
        return couples.verdict(trade, open_trades())


def require_both(name: str, config: Mapping[str, Any], order_types: Mapping[str, Any]) -> None:
    """Ask for what two legs at once need.

    :raises RefuseToStart: with the line of the config to change.
    """
    faults = []
    if str(config.get("trading_mode", "spot")) != "futures":
        faults.append(
            'it sells one leg short, which spot cannot: set "trading_mode": "futures" and '
            '"margin_mode": "isolated"'
        )
    most = float(config.get("max_open_trades", -1))
    if 0 <= most < 2 and exitsonly.reason() is None:
        faults.append(f'"max_open_trades" is {most:.0f}, a couple needs 2')
    for kind in ("entry", "exit"):
        if order_types.get(kind) != "market":
            faults.append(
                f'"order_types" has {kind} {order_types.get(kind)!r}: it must be "market", for a '
                "leg that waits in the book leaves the other alone"
            )
    if config.get("use_exit_signal") is False:
        faults.append('"use_exit_signal" is false: no leg would ever be closed for the other')
    if faults:
        raise RefuseToStart(
            f"{name} cannot start: {'; '.join(faults)}. Open trades are not touched; change the "
            "config and start again."
        )
