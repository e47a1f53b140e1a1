"""Locks entries while too many calls to the exchange fail."""

from datetime import datetime, timedelta
from typing import ClassVar

from freqtrade.plugins.protections import ProtectionReturn

from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.host.forms.protection import CheckedProtection
from freqpilot.host.gate.health import Health
from freqpilot.host.run.current import current


class ApiErrorRate(CheckedProtection):
    """Locks all pairs while the exchange's API is unwell, by the figures of ``freqpilot.risk``
    (``api_errors``, ``api_error_share``, ``api_window_minutes``).

    Live and dry run only: a backtest calls no exchange, so there it does nothing. Freqtrade asks
    when a trade closes, and the lock is over after ``stop_duration`` whether the exchange answers
    or not: it makes safe mode visible in FreqUI. What refuses orders from the first moment to the
    last is the order gate's safe mode.

    Example in a strategy::

        protections = [{"method": "ApiErrorRate"}]
    """

    about = "Lock entries while the exchange's API fails (live only)."
    parameters: ClassVar[Parameters] = {
        "stop_duration": Parameter(
            description="Stop duration",
            help="Minutes for which entries are locked.",
            setting="risk.api_window_minutes",
            above=0,
        )
    }

    def short_desc(self) -> str:
        """
        Short method description - used for startup-messages
        """
        risk = self.settings.risk
        return (
            f"{self.name} - Pause entries for {self.values['stop_duration']:g} minutes when "
            f"{risk.api_errors} calls or more, {risk.api_error_share:.0%} of all, failed within "
            f"{risk.api_window_minutes:g} minutes; live only."
        )

    def judge_all(self, now: datetime, starting_balance: float) -> ProtectionReturn | None:
        if not self.live or (reason := current().part(Health).look()) is None:
            return None
        return self.lock_until(now + timedelta(minutes=self.values["stop_duration"]), reason)
