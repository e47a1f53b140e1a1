"""Pauses all entries for a while after a close that leaves the account in a drawdown."""

import logging
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from freqtrade.constants import LongShort
from freqtrade.exceptions import ConfigurationError
from freqtrade.persistence import LocalTrade, Trade
from freqtrade.plugins.protections import IProtection, ProtectionReturn

from freqpilot.errors import NoEntry
from freqpilot.host import supervisor
from freqpilot.research.stats import drawdown_now
from freqpilot.risk.ledger import Ledger
from freqpilot.risk.soundness import reached

logger = logging.getLogger(__name__)

KEYS = ("method", "max_drawdown", "stop_duration", "stop_duration_candles", "unlock_at")


class ClosedTrades:
    """Closed trades by the time of closing, with those times and their profits. What was taken
    before is not looked at again where the new ones come behind it: a backtest only appends, and
    asks at every close."""

    def __init__(self) -> None:
        self.trades: list[LocalTrade] = []
        self.times: list[datetime] = []
        self.profits: list[float] = []

    def take(self, trades: Sequence[LocalTrade]) -> None:
        """Take all closed trades, in any order."""
        known = len(self.trades)
        if known > len(trades) or (known and self.trades[-1] is not trades[known - 1]):
            known = 0
        new = list(trades[known:])
        times = [_closed_at(trade) for trade in new]
        if any(
            later < earlier for earlier, later in pairwise([*self.times[known - 1 : known], *times])
        ):
            known, new = 0, sorted(trades, key=_closed_at)
            times = [_closed_at(trade) for trade in new]
        self.trades[known:], self.times[known:] = new, times
        self.profits[known:] = [trade.close_profit_abs or 0.0 for trade in new]


class DrawdownResponse(IProtection):
    """Locks all pairs when the drawdown of equity from its peak reaches ``max_drawdown``.

    The drawdown is the larger one of closed trades alone and of the risk supervisor's ledger,
    which counts open profit; both begin anew when a halt was released. Freqtrade asks when a trade
    closes. This only blocks entries for a time: the order gate is what limits.

    Example in a strategy::

        protections = [
            {"method": "DrawdownResponse", "max_drawdown": 0.10, "stop_duration_candles": 24}
        ]
    """

    has_global_stop: bool = True
    has_local_stop: bool = False

    def __init__(self, config: dict[str, Any], protection_config: dict[str, Any]) -> None:
        if unknown := sorted(set(protection_config) - set(KEYS)):
            raise ConfigurationError(
                f"DrawdownResponse does not know {', '.join(unknown)}; it takes "
                f"{', '.join(KEYS[1:])}. Its drawdown counts from the highest equity, so there is "
                "no lookback. Please mend the protections of your strategy."
            )
        super().__init__(config, protection_config)
        limit = protection_config.get("max_drawdown", 0.10)
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit < 1:
            raise ConfigurationError(
                f"DrawdownResponse needs max_drawdown between 0 and 1 (0.10 is ten percent), "
                f"not {limit!r}. Please mend the protections of your strategy."
            )
        self._max_drawdown = float(limit)
        self._closed = ClosedTrades()

    def short_desc(self) -> str:
        """
        Short method description - used for startup-messages
        """
        return (
            f"{self.name} - Pause entries when equity is {self._max_drawdown:.1%} or more below "
            f"its peak, {self.unlock_reason_time_element}."
        )

    def global_stop(
        self, date_now: datetime, side: LongShort, starting_balance: float
    ) -> ProtectionReturn | None:
        """
        Stops trading (position entering) for all pairs
        """
        self._closed.take(Trade.get_trades_proxy(is_open=False))
        drawdown = _drawdown(self._closed, starting_balance, _ledger())
        if not self._closed.trades or not reached(drawdown, self._max_drawdown):
            return None
        self.log_once(f"Entries paused: drawdown is {drawdown:.1%}.", logger.info)
        return ProtectionReturn(
            lock=True,
            until=self.calculate_lock_end(self._closed.trades[-1:]),
            reason=(
                f"Drawdown of {drawdown:.1%} reached {self._max_drawdown:.1%}, "
                f"locking {self.unlock_reason_time_element}."
            ),
        )

    def stop_per_pair(
        self, pair: str, date_now: datetime, side: LongShort, starting_balance: float
    ) -> ProtectionReturn | None:
        """
        Stops trading (position entering) for this pair: never
        """
        return None


def _ledger() -> Ledger | None:
    try:
        return supervisor.current().state
    except NoEntry:
        return None  # no supervised run in this process: closed trades have to do


def _closed_at(trade: LocalTrade) -> datetime:
    return trade.close_date_utc or datetime.min.replace(tzinfo=UTC)


def _drawdown(closed: ClosedTrades, starting_balance: float, ledger: Ledger | None) -> float:
    profits = np.array(closed.profits)
    since = ledger.rebased_at if ledger else None
    before = bisect_right(closed.times, since) if since else 0
    fell = drawdown_now(profits[before:], starting_balance + float(profits[:before].sum()))
    book = ledger.book() if ledger else None
    return max(fell, book.drawdown) if book else fell
