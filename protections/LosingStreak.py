"""Pauses all entries for a while after a streak of losing trades."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqtrade.exceptions import ConfigurationError
from freqtrade.plugins.protections import ProtectionReturn

from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.host.forms.protection import (
    UNLOCK_AT,
    CheckedProtection,
    closed_trades,
    closes,
    duration,
    ledger,
)
from freqpilot.risk.account.closed import record_of, reviewed_until, start_of
from freqpilot.risk.account.streaks import StreakLimits, streak


class LosingStreak(CheckedProtection):
    """Locks all pairs when the newest trade lost, and with it ``losses`` in a row did,
    ``losses_of`` of the last ``trades``, or ``net_loss`` of equity within ``hours``.

    Trades that a person has reviewed (``freqpilot release``) do not count any more. Freqtrade asks
    when a trade closes. This only blocks entries for a time: the order gate makes them smaller, and
    ends them after ``freqpilot.risk.streak_halt`` losses.

    Example in a strategy::

        protections = [{"method": "LosingStreak", "losses": 4, "stop_duration_candles": 24}]
    """

    about = "Pause entries after a losing streak."
    parameters: ClassVar[Parameters] = {
        "losses": Parameter(
            description="Losses in a row",
            help="Losing trades in a row that lock.",
            default=5,
            whole=True,
            least=1,
            most=100,
        ),
        "losses_of": Parameter(
            description="Losses of the last trades",
            help="Losing trades among the last ones that lock.",
            setting="risk.streak_losses",
            whole=True,
            least=1,
            most=100,
        ),
        "trades": Parameter(
            description="Last trades",
            help="How many the last ones are.",
            default=10,
            whole=True,
            least=1,
            most=100,
        ),
        "net_loss": Parameter(
            description="Net loss",
            help="Net loss that locks, as a share of equity (0.1 is ten percent).",
            setting="risk.burst_loss",
            above=0,
            below=1,
        ),
        "hours": Parameter(
            description="Hours of the net loss",
            help="Hours that the net loss is counted over.",
            setting="risk.burst_hours",
            above=0,
        ),
        **duration(24 * 60),
        **UNLOCK_AT,
    }

    def __init__(self, config: dict[str, Any], protection_config: dict[str, Any]) -> None:
        super().__init__(config, protection_config)
        if self.values["losses_of"] > self.values["trades"]:
            raise ConfigurationError(
                f"{self.name} needs losses_of to be at most trades, not {self.values['losses_of']} "
                f"of {self.values['trades']}. Please mend the protections of your strategy."
            )
        v = self.values
        within = timedelta(hours=v["hours"])
        self._limits = StreakLimits(v["losses"], v["losses_of"], v["trades"], v["net_loss"], within)

    def short_desc(self) -> str:
        """
        Short method description - used for startup-messages
        """
        v = self.values
        return (
            f"{self.name} - Pause entries after {v['losses']} losses in a row, {v['losses_of']} "
            f"of {v['trades']}, or {v['net_loss']:.1%} lost in {v['hours']:g} hours, "
            f"{self.unlock_reason_time_element}."
        )

    def judge_all(self, now: datetime, starting_balance: float) -> ProtectionReturn | None:
        state = ledger()
        since = reviewed_until(state.record) if state else None
        known = closes()
        record = record_of(known, start_of(known, starting_balance, state), since)
        reason = streak(record, now, self._limits)
        if reason is None:
            return None
        until = self.calculate_lock_end(closed_trades()[-1:])
        return self.lock_until(until, f"{reason}, locking {self.unlock_reason_time_element}.")
