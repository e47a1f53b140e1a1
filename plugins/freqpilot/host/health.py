"""The health of the exchange's API: counts calls that fail, and opens no position in safe mode."""

import inspect
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host import reconcile, supervisor
from freqpilot.host.seams import Seam, expect, wrap
from freqpilot.risk.breakers import ErrorRate

logger = logging.getLogger(__name__)


class Health:
    """The error rate of this process's calls to its exchange, and whether it is in safe mode."""

    def __init__(self) -> None:
        self.rate: ErrorRate | None = None
        self.safe_mode: str | None = None
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Forget the calls of an earlier run."""
        self.rate, self.safe_mode = ErrorRate(supervisor.current().settings.risk), None

    def note(self, *, failed: bool) -> None:
        """Take note of a call that has just ended."""
        with self._lock:
            if self.rate is not None:
                self.rate.note(time.time(), failed=failed)

    def look(self) -> str | None:
        """Return why safe mode holds, or None; a change is kept in the store and logged."""
        with self._lock:
            reason = None if self.rate is None else self.rate.tripped(time.time())
            before, self.safe_mode = self.safe_mode, reason
        if bool(reason) != bool(before):
            run, now = supervisor.current(), datetime.now(UTC)
            kind = "safe mode" if reason else "safe mode over"
            text = reason or "the exchange answers again; entries are allowed"
            run.store.add_event(now, kind, "CRITICAL" if reason else "WARNING", text)
            run.counters.source("exchange", not reason, now)
            if reason:
                reconcile.PROGRESS.begin()  # what happened meanwhile is looked at before an entry
            logger.warning(text)
        return reason


HEALTH = Health()


def require_sound() -> None:
    """:raises NoEntry: in safe mode."""
    if reason := HEALTH.look():
        raise NoEntry(reason)


def _failed(error: Exception) -> bool:
    """Tell whether a call's error says that the exchange is not well: no answer, 5xx, 429. An order
    that it refuses says nothing of that."""
    import ccxt

    return isinstance(error, ccxt.OperationFailed)


def watch(api: Any) -> None:
    """Count the outcome of every request of a ccxt client, plain or asynchronous."""
    if getattr(api, "_freqpilot_watched", False):
        return
    original = api.fetch

    if inspect.iscoroutinefunction(original):

        async def fetch_later(*arguments: Any, **named: Any) -> Any:
            try:
                answer = await original(*arguments, **named)
            except Exception as error:
                HEALTH.note(failed=_failed(error))
                raise
            HEALTH.note(failed=False)
            return answer

        api.fetch = fetch_later
    else:

        def fetch(*arguments: Any, **named: Any) -> Any:
            try:
                answer = original(*arguments, **named)
            except Exception as error:
                HEALTH.note(failed=_failed(error))
                raise
            HEALTH.note(failed=False)
            return answer

        api.fetch = fetch
    api._freqpilot_watched = True


def _check() -> None:
    from freqtrade.exchange.exchange import Exchange

    expect(Exchange, "_init_ccxt")


def _apply() -> None:
    from freqtrade.exchange.exchange import Exchange

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def _init_ccxt(self: Any, *arguments: Any, **named: Any) -> Any:
            api = original(self, *arguments, **named)
            watch(api)
            return api

        return _init_ccxt

    wrap(Exchange, "_init_ccxt", make)


SEAMS = (Seam("exchange.health", "count calls to the exchange that fail", _check, _apply),)
