"""Ends entries when the day, the week or the account has lost too much."""

from datetime import datetime, timedelta
from typing import ClassVar

from freqtrade.plugins.protections import ProtectionReturn

from freqpilot.host.account.locks import HELD
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.host.forms.protection import CheckedProtection, closes, ledger
from freqpilot.risk.account.closed import day_of, losses, monday_of
from freqpilot.risk.soundness import reached

JUST_BEFORE = timedelta(seconds=1)
"""Freqtrade rounds the end of a lock up to the next candle."""


class LossLimit(CheckedProtection):
    """Locks all pairs at a loss of ``daily`` until the next UTC day, of ``weekly`` until Monday, of
    ``total`` until a person runs ``freqpilot release`` or ``/unlock`` (in a backtest: for
    ``freqpilot.risk.simulated_operator_hours``).

    A loss is the larger one of closed trades alone and of the risk supervisor's ledger, which
    counts open profit and is as of the loop or candle before; the total is the ledger's alone
    where there is one. Freqtrade asks when a trade closes; open losses without a close, and orders
    after an ``/unlock``, are the order gate's part, which has the same limits. A ``total`` below
    the gate's is not re-based by a release: the next close locks again until the loss is less.

    Example in a strategy::

        protections = [{"method": "LossLimit", "daily": 0.03, "weekly": 0.08}]
    """

    about = "End entries after a loss of the day, the week or the account."
    parameters: ClassVar[Parameters] = {
        "daily": Parameter(
            description="Daily loss",
            help="Loss of the UTC day that locks until the next, as a share of equity.",
            setting="risk.daily_loss",
            above=0,
            below=1,
        ),
        "weekly": Parameter(
            description="Weekly loss",
            help="Loss since Monday 00:00 UTC that locks until the next, as a share of equity.",
            setting="risk.weekly_loss",
            above=0,
            below=1,
        ),
        "total": Parameter(
            description="Total loss",
            help="Loss since the start that locks until a person releases it, as a share of it.",
            setting="risk.total_loss",
            above=0,
            below=1,
        ),
    }

    def short_desc(self) -> str:
        """
        Short method description - used for startup-messages
        """
        v = self.values
        return (
            f"{self.name} - End entries at a loss of {v['daily']:.1%} a day, {v['weekly']:.1%} a "
            f"week or {v['total']:.1%} in all."
        )

    def judge_all(self, now: datetime, starting_balance: float) -> ProtectionReturn | None:
        lost = losses(closes(), starting_balance, now, ledger())
        v = self.values
        if reached(lost.total, v["total"]):
            return self.lock_until_released(now, f"total loss reached {v['total']:.1%}: {HELD}")
        if reached(lost.week, v["weekly"]):
            monday = monday_of(now) + timedelta(days=7)
            reason = f"loss of the week {lost.week:.1%} reached {v['weekly']:.1%}, until Monday UTC"
            return self.lock_until(monday - JUST_BEFORE, reason)
        if reached(lost.day, v["daily"]):
            tomorrow = day_of(now) + timedelta(days=1)
            reason = f"loss of the day {lost.day:.1%} reached {v['daily']:.1%}, until the next day"
            return self.lock_until(tomorrow - JUST_BEFORE, f"{reason} UTC")
        return None
