"""Pauses all entries for a while after a close that leaves the account in a drawdown."""

from bisect import bisect_right
from datetime import datetime
from typing import ClassVar

from freqtrade.plugins.protections import ProtectionReturn

from freqpilot.host.forms.closed import ClosedTrades
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.host.forms.protection import (
    UNLOCK_AT,
    CheckedProtection,
    all_closed,
    duration,
    ledger,
)
from freqpilot.research.stats import drawdown_now
from freqpilot.risk.account.closed import start_before
from freqpilot.risk.account.ledger import Ledger
from freqpilot.risk.soundness import reached


class DrawdownResponse(CheckedProtection):
    """Locks all pairs when the drawdown of equity from its peak reaches ``max_drawdown``.

    The drawdown is the larger one of closed trades alone and of the risk supervisor's ledger,
    which counts open profit; both begin anew when a halt was released. Freqtrade asks when a trade
    closes. This only blocks entries for a time: the order gate is what limits.

    Example in a strategy::

        protections = [
            {"method": "DrawdownResponse", "max_drawdown": 0.10, "stop_duration_candles": 24}
        ]
    """

    about = "Pause entries while the account's drawdown is above a limit."
    note = " Its drawdown counts from the highest equity, so there is no lookback."
    parameters: ClassVar[Parameters] = {
        "max_drawdown": Parameter(
            description="Maximum drawdown",
            help="Drawdown from the peak that locks, as a share of it (0.10 is ten percent).",
            default=0.10,
            above=0,
            below=1,
        ),
        **duration(60),
        **UNLOCK_AT,
    }

    def short_desc(self) -> str:
        """
        Short method description - used for startup-messages
        """
        return (
            f"{self.name} - Pause entries when equity is {self.values['max_drawdown']:.1%} or more "
            f"below its peak, {self.unlock_reason_time_element}."
        )

    def judge_all(self, now: datetime, starting_balance: float) -> ProtectionReturn | None:
        known, limit = all_closed(), self.values["max_drawdown"]
        trades, drawdown = known.trades, _drawdown(known, starting_balance, ledger())
        if not trades or not reached(drawdown, limit):
            return None
        return self.lock_until(
            self.calculate_lock_end(trades[-1:]),
            f"Drawdown of {drawdown:.1%} reached {limit:.1%}, "
            f"locking {self.unlock_reason_time_element}.",
        )


def _drawdown(known: ClosedTrades, starting_balance: float, state: Ledger | None) -> float:
    since, profits = state.rebased_at if state else None, known.profits
    before = bisect_right(known.closes, since, key=lambda close: close.time) if since else 0
    start = start_before(known.earned, starting_balance, state) + float(profits[:before].sum())
    closed = drawdown_now(profits[before:], start)
    return max(closed, state.drawdown) if state else closed
