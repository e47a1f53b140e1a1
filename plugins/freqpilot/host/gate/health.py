"""The health of the exchange's API: counts calls that fail, and opens no position in safe mode."""

import inspect
import logging
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.alerts import events as alerts
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.current import current, has_begun
from freqpilot.host.run.run import BLOCKED, Run
from freqpilot.host.seams.freqtrade import Api, Exchange
from freqpilot.host.seams.seam import Place, Seam
from freqpilot.risk.market.breakers import ErrorRate

logger = logging.getLogger(__name__)

WATCHED = "_freqpilot_watched"
SAFE_MODE = ", safe mode"
ACCOUNT = re.compile(r"order|account|balance|position", re.IGNORECASE)
"""What the address of a request for orders or the account holds, on any exchange."""


class Health:
    """The error rate of a run's calls to its exchange, and whether it is in safe mode.

    A run of the same bot before is remembered by what it has saved: that safe mode held, and that
    the account was blocked.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = threading.Lock()
        held = run.store.load_state(f"{run.key}{SAFE_MODE}") if run.live else None
        self.rate = ErrorRate(run.settings.risk, tripped=bool(held))
        self.safe_mode = held["reason"] if held else None
        saved = run.store.load_state(f"{run.key}{BLOCKED}") if run.live else None
        self.blocked = saved["reason"] if saved else None
        self.passing = bool(saved and saved["passing"])

    def note(self, *, failed: bool) -> None:
        """Take note of a call that has just ended."""
        with self._lock:
            self.rate.note(time.time(), failed=failed)

    def block(self, reason: str, *, passing: bool = False) -> None:
        """Take note that the exchange does not let the account trade: safe mode until a person
        releases it, across restarts, or, where it is ``passing``, until the exchange answers a
        request for orders or the account. It never raises: any call comes here."""
        with self._lock:
            if self.blocked and (passing or not self.passing):
                return
            self.blocked, self.passing = reason, passing
        run, now = self._run, datetime.now(UTC)
        try:
            # First of all: the store may be out.
            alerts.record(run, "blocked", "CRITICAL", reason, time=now)
            state = {"reason": reason, "passing": passing}
            run.store.save_state(f"{run.key}{BLOCKED}", state, now)
            run.counters.source("account", False, now)
        except Exception:
            logger.exception("That the account is blocked could not be kept")

    def answered(self, url: str) -> None:
        """Take note that a request was answered. It never raises."""
        if not (self.blocked and self.passing and ACCOUNT.search(url.partition("?")[0])):
            return
        self.blocked = None
        run, now = self._run, datetime.now(UTC)
        try:
            run.store.save_state(f"{run.key}{BLOCKED}", {}, now)
            alerts.record(run, "blocked over", "WARNING", "the exchange answers again", time=now)
            run.counters.source("account", True, now)
            run.part(Reconciliation).ask()
        except Exception:
            logger.exception("That the exchange answers again could not be kept")

    def _released(self) -> None:
        run = self._run
        if self.blocked and run.live and not run.store.load_state(f"{run.key}{BLOCKED}"):
            self.blocked = None
            run.counters.source("account", True, datetime.now(UTC))
            run.part(Reconciliation).ask()
            logger.warning("The block of the account was released; entries are allowed")

    def look(self) -> str | None:
        """Return why safe mode holds, or None; a change is kept in the store and logged."""
        self._released()
        with self._lock:
            reason = self.rate.tripped(time.time())
            before, self.safe_mode = self.safe_mode, reason
        if bool(reason) != bool(before):
            run, now = self._run, datetime.now(UTC)
            kind = "safe mode" if reason else "safe mode over"
            text = reason or "the exchange answers again; entries are allowed"
            run.counters.source("exchange", not reason, now)
            if reason:
                run.part(
                    Reconciliation
                ).ask()  # what happened meanwhile is looked at before an entry
            try:
                # A bot killed in between says too much of safe mode, not too little.
                if reason:
                    run.store.save_state(f"{run.key}{SAFE_MODE}", {"reason": reason}, now)
            finally:  # the store may be out
                alerts.record(run, kind, "CRITICAL" if reason else "WARNING", text, time=now)
            if not reason:
                run.store.save_state(f"{run.key}{SAFE_MODE}", {}, now)
        return self.blocked or reason

    def require_sound(self) -> None:
        """Let an entry pass only when the exchange is well.

        :raises NoEntry: in safe mode.
        """
        if reason := self.look():
            raise NoEntry(reason)


def _failed(error: Exception) -> bool:
    """Tell whether a call's error says that the exchange is not well: no answer, 5xx, 429. An order
    that it refuses says nothing of that."""
    import ccxt

    return isinstance(error, ccxt.OperationFailed)


def block_of(error: Exception, url: str) -> str | None:
    """Return why an error means that the account may not trade, or None.

    A refused key or permission says so only where the request was for orders, balances or
    positions: other places are closed to many keys, and a coin may be closed to one account.
    """
    import ccxt

    if isinstance(error, ccxt.OnMaintenance):
        what = "the exchange is under maintenance"
    elif isinstance(error, ccxt.AccountSuspended | ccxt.AccountNotEnabled):
        what = "the exchange has suspended the account or does not let it trade"
    elif isinstance(error, ccxt.AuthenticationError):
        if not ACCOUNT.search(url.partition("?")[0]) or "symbol" in str(error).lower():
            return None
        what = "the exchange refuses the account's key or a permission of it"
    else:
        return None
    end = "it ends by itself" if is_passing(error) else "`freqpilot release` ends it"
    return (
        f"safe mode: {what} ({type(error).__name__}: {str(error)[:200]}). No new position; open "
        f"trades may be without exits, look at the exchange now; {end}"
    )


def is_passing(error: Exception) -> bool:
    """Tell whether a block ends by itself: maintenance does."""
    import ccxt

    return isinstance(error, ccxt.OnMaintenance)


def _note(error: Exception | None, arguments: tuple[Any, ...]) -> None:
    """Count a call; before the run has begun there is nothing to count it by."""
    health = current().parts.get(Health) if has_begun() else None
    if health is None:
        return
    url = str(arguments[0]) if arguments else ""
    if error is None:
        health.note(failed=False)
        health.answered(url)
        return
    health.note(failed=_failed(error))
    if reason := block_of(error, url):
        health.block(reason, passing=is_passing(error))


def watch(api: Api) -> None:
    """Count the outcome of every request of a ccxt client, plain or asynchronous."""
    if getattr(api, WATCHED, False) is True:  # a mock has any attribute
        return
    original = api.fetch

    if inspect.iscoroutinefunction(original):

        async def fetch_later(*arguments: object, **named: object) -> Any:
            try:
                answer = await original(*arguments, **named)
            except Exception as error:
                _note(error, arguments)
                raise
            _note(None, arguments)
            return answer

        api.fetch = fetch_later
    else:

        def fetch(*arguments: object, **named: object) -> Any:
            try:
                answer = original(*arguments, **named)
            except Exception as error:
                _note(error, arguments)
                raise
            _note(None, arguments)
            return answer

        api.fetch = fetch
    setattr(api, WATCHED, True)


def _make_init_ccxt(original: Callable[..., Any]) -> Callable[..., Any]:
    def _init_ccxt(self: Exchange, *arguments: object, **named: object) -> Any:
        api = original(self, *arguments, **named)
        watch(api)
        return api

    return _init_ccxt


SEAMS = (
    Seam(
        "exchange.health",
        "count the requests to the exchange that fail, and see when it blocks the account",
        until="Freqtrade hands the outcome of each request to a plug-in",
        places=(Place("freqtrade.exchange.exchange:Exchange._init_ccxt", make=_make_init_ccxt),),
    ),
)
