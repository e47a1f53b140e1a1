"""What the pack's protections share: options from one table, closed trades, the ledger.

Freqtrade asks a protection right after a trade has closed, and at no other time: first whether to
lock the pair of that trade, then whether to lock all. A lock is what FreqUI shows and ``/unlock``
removes. What must hold without a closed trade, or against ``/unlock``, is judged by the risk
supervisor's gate in front of every order.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqtrade.constants import LongShort
from freqtrade.enums import TRADE_MODES
from freqtrade.persistence import LocalTrade, Trade
from freqtrade.plugins.protections import IProtection, ProtectionReturn

from freqpilot.errors import NoEntry
from freqpilot.host.forms.closed import ClosedTrades, closed_at
from freqpilot.host.forms.parameters import Parameter, Parameters, checked, forms
from freqpilot.host.run.current import current
from freqpilot.host.run.run import Run
from freqpilot.risk.account.closed import Close
from freqpilot.risk.account.ledger import Ledger
from freqpilot.settings import Settings

logger = logging.getLogger(__name__)

UNTIL_RELEASED = timedelta(days=3650)
"""Freqtrade's locks need an end; this one is meant to be a person's release."""


AFTER_FAULT = timedelta(hours=1)
REASON = 255
"""Characters of a reason that Freqtrade's database holds."""


def duration(minutes: int) -> dict[str, Parameter]:
    """Return the options that say how long a lock holds: Freqtrade's own two."""
    return {
        "stop_duration": Parameter(
            description="Stop duration",
            help="Minutes for which entries are locked.",
            default=minutes,
            whole=True,
            least=1,
        ),
        "stop_duration_candles": Parameter(
            description="Stop duration in candles",
            help="Candles for which entries are locked, instead of minutes.",
            whole=True,
            least=1,
            optional=True,
        ),
    }


UNLOCK_AT = {
    "unlock_at": Parameter(
        description="Unlock at",
        help="Time of day (UTC, as 08:30) until which entries are locked, instead of a duration.",
        kind="string",
        optional=True,
    )
}


class CheckedProtection(IProtection):
    """A protection whose options are those of ``parameters``; ``values`` holds them by name.

    Every fault of the options is refused when the bot starts.
    """

    parameters: ClassVar[Parameters] = {}
    about: ClassVar[str] = ""
    note: ClassVar[str] = ""
    has_global_stop: bool = True
    has_local_stop: bool = False

    def __init__(self, config: dict[str, Any], protection_config: dict[str, Any]) -> None:
        self.settings = Settings.from_config(config)
        self.values = checked(
            self.name,
            protection_config,
            self.parameters,
            self.settings,
            place="the protections of your strategy",
            note=self.note,
        )
        chosen = {k: v for k, v in protection_config.items() if v is not None}
        if not {"stop_duration_candles", "unlock_at"} & set(chosen):
            chosen["stop_duration"] = self.values.get("stop_duration", 60)
        super().__init__(config, chosen)

    @classmethod
    def description(cls) -> str:
        """Return what it does, in one line."""
        return cls.about

    @classmethod
    def available_parameters(cls) -> dict[str, Any]:
        """Return the options in the form that FreqUI draws for pairlists."""
        return forms(cls.parameters)

    @property
    def live(self) -> bool:
        """Whether this is a live or dry run."""
        return self._config.get("runmode") in TRADE_MODES

    def judge_all(self, now: datetime, starting_balance: float) -> ProtectionReturn | None:
        """Return a lock of all pairs, or None.

        :param starting_balance: equity before the first trade, in stake currency.
        """
        return None

    def judge_pair(self, pair: str, now: datetime) -> ProtectionReturn | None:
        """Return a lock of the pair whose trade has closed, or None."""
        return None

    def global_stop(
        self, date_now: datetime, side: LongShort, starting_balance: float
    ) -> ProtectionReturn | None:
        """
        Stops trading (position entering) for all pairs
        """
        return self._guarded(lambda: self.judge_all(date_now, starting_balance), date_now)

    def stop_per_pair(
        self, pair: str, date_now: datetime, side: LongShort, starting_balance: float
    ) -> ProtectionReturn | None:
        """
        Stops trading (position entering) for this pair
        """
        return self._guarded(lambda: self.judge_pair(pair, date_now), date_now)

    def _guarded(
        self, judge: Callable[[], ProtectionReturn | None], now: datetime
    ) -> ProtectionReturn | None:
        """Live, a fault locks: Freqtrade asks while it books an exit, which must go through."""
        try:
            return judge()
        except Exception as error:
            if not self.live:
                raise
            logger.exception("%s failed; entries are locked, exits go on", self.name)
            reason = f"{self.name} failed ({type(error).__name__}), see the log"
            return self.lock_until(now + AFTER_FAULT, reason)

    def lock_for(self, begin: datetime, reason: str, *, factor: float = 1.0) -> ProtectionReturn:
        """Return a lock for the stop duration from ``begin`` on, and log it once."""
        until = begin + timedelta(minutes=self._stop_duration * factor)
        return self.lock_until(until, reason)

    def lock_until(self, until: datetime, reason: str) -> ProtectionReturn:
        """Return a lock until then, and log it once."""
        self.log_once(f"{self.name}: {reason}", logger.info)
        return ProtectionReturn(lock=True, until=until, reason=reason[:REASON])

    def lock_until_released(self, now: datetime, reason: str) -> ProtectionReturn:
        """Return a lock that a person ends (see :func:`freqpilot.host.account.locks.follow`); in a
        backtest the simulated operator does, after its hours."""
        if self.live:
            return self.lock_until(now + UNTIL_RELEASED, reason)
        hours = self.settings.risk.simulated_operator_hours
        return self.lock_until(now + timedelta(hours=hours), reason)


class _ClosedTrades(ClosedTrades):
    """A run's closed trades."""

    def __init__(self, run: Run) -> None:
        super().__init__()


def closed_trades(pair: str | None = None) -> list[LocalTrade]:
    """Return the closed trades in the order in which they closed."""
    if pair:
        return sorted(Trade.get_trades_proxy(pair=pair, is_open=False), key=closed_at)
    return all_closed().trades


def closes() -> list[Close]:
    """Return time and profit of every closed trade, oldest first."""
    return all_closed().closes


def all_closed() -> ClosedTrades:
    """Return every closed trade with its sums, none of them looked at twice."""
    try:
        known: ClosedTrades = current().part(_ClosedTrades)
    except NoEntry:
        known = ClosedTrades()
    known.take(Trade.get_trades_proxy(is_open=False))
    return known


def ledger() -> Ledger | None:
    """Return the run's ledger once it has seen the account; None without a supervised run, where
    closed trades have to do."""
    try:
        state = current().state
    except NoEntry:
        return None
    return state if state.stamp is not None else None
