"""Ends entries when equity has fallen too far below the start."""

from datetime import datetime
from typing import ClassVar

from freqtrade.plugins.protections import ProtectionReturn

from freqpilot.host.account.locks import HELD
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.host.forms.protection import CheckedProtection, closes, ledger
from freqpilot.risk.account.closed import losses
from freqpilot.risk.soundness import reached


class CapitalPreservation(CheckedProtection):
    """Locks all pairs when equity is below ``floor`` of the start, until a person runs
    ``freqpilot release`` or ``/unlock`` (in a backtest: for
    ``freqpilot.risk.simulated_operator_hours``).

    Equity is that of the risk supervisor's ledger, which counts open profit and is as of the loop
    or candle before; of closed trades alone where there is no ledger. Freqtrade asks when a trade
    closes; the order gate has the same floor, which needs no close, closes what is open and does
    not mind ``/unlock``. A ``floor`` above the gate's is not re-based by a release: the next close
    locks again until equity is above it.

    Example in a strategy::

        protections = [{"method": "CapitalPreservation", "floor": 0.9}]
    """

    about = "End entries when equity is below a share of the start."
    parameters: ClassVar[Parameters] = {
        "floor": Parameter(
            description="Floor",
            help="Share of the account's start that equity must stay above (0.85 is 85 %).",
            setting="risk.capital_floor",
            above=0,
            below=1,
        )
    }

    def short_desc(self) -> str:
        """
        Short method description - used for startup-messages
        """
        floor = self.values["floor"]
        return f"{self.name} - End entries when equity is at {floor:.1%} of the start or below."

    def judge_all(self, now: datetime, starting_balance: float) -> ProtectionReturn | None:
        lost = losses(closes(), starting_balance, now, ledger())
        floor = self.values["floor"]
        if not reached(lost.total, 1.0 - floor):
            return None
        return self.lock_until_released(now, f"equity below {floor:.0%} of the start: {HELD}")
