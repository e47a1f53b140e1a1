"""Closed trades in the order in which they closed, each looked at once."""

from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np

from freqpilot.host.seams.freqtrade import Trade
from freqpilot.risk.account.closed import Close
from freqpilot.shapes import Floats


class ClosedTrades:
    """Closed trades by the time of closing, and what each was worth.

    What was taken before is not looked at again where the new ones come behind it: a backtest only
    appends, and its protections ask at every close.
    """

    def __init__(self) -> None:
        self.trades: list[Any] = []
        self.closes: list[Close] = []
        self.earned = 0.0
        self._profits = array("d")

    @property
    def profits(self) -> Floats:
        """What each close was worth, in their order; ``earned`` is the sum."""
        return np.array(self._profits)

    def take(self, trades: Sequence[Trade]) -> None:
        """Take all closed trades, in any order."""
        known = len(self.trades)
        if known > len(trades) or (known and self.trades[-1] is not trades[known - 1]):
            known = 0
        self.trades[known:] = trades[known:]
        self.closes[known:] = [_close_of(trade) for trade in trades[known:]]
        recent = self.closes[max(0, known - 1) :]
        if any(later.time < earlier.time for earlier, later in pairwise(recent)):
            self.trades.sort(key=closed_at)
            self.closes.sort(key=lambda close: close.time)
            known = 0
        del self._profits[known:]
        self._profits.extend(close.profit for close in self.closes[known:])
        self.earned = sum(self._profits[known:], self.earned if known else 0.0)


def closed_at(trade: Trade) -> datetime:
    """Return when a trade closed, in UTC."""
    time: datetime = trade.close_date_utc or datetime.min.replace(tzinfo=UTC)
    return time


def _close_of(trade: Trade) -> Close:
    return Close(closed_at(trade), float(trade.close_profit_abs or 0.0))
