"""No entry while no stop can be placed on the exchange.

A position whose stop cannot be placed is closed. Where the exchange takes no stop at all, each new
position would be opened only to be closed again. So entries wait, and one is let through now and
then: when its stop is placed, all go on.
"""

from datetime import UTC, datetime, timedelta

from freqpilot.errors import NoEntry
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import Run

FIRST, LONGEST = timedelta(minutes=15), timedelta(hours=4)
"""How long entries wait before one is let through, at first and at most: each that fails doubles
it."""


class Stopless:
    """Whether a run's stops can be placed, as the last attempts have it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._reason: str | None = None
        self._wait, self._next = FIRST, datetime.min.replace(tzinfo=UTC)
        self._tried = False

    def refuse(self, pair: str, reason: str) -> None:
        """Take note that no stop can be placed; a person hears of it, and of each entry that was
        let through in vain."""
        if self._reason is not None and not self._tried:
            return
        self._wait = FIRST if self._reason is None else min(LONGEST, 2 * self._wait)
        self._reason, self._tried = reason, False
        self._next = datetime.now(UTC) + self._wait
        text = (
            f"no stop can be placed for {pair}: {reason}. New entries wait as no stop can be "
            f"placed; one is tried at {self._next:%H:%M} UTC. A position that stays without its "
            "stop for two loops is closed at market. Exits go on"
        )
        alerts.record(self._run, "no stops", "CRITICAL", text, {"pair": pair})

    def placed(self) -> None:
        """Take note that a stop was placed."""
        if self._reason is None:
            return
        self._reason, self._tried = None, False
        text = "stops can be placed again; entries go on"
        alerts.record(self._run, "no stops over", "WARNING", text)

    def require(self) -> None:
        """Let an entry pass while stops can be placed, and one now and then while they cannot.

        :raises NoEntry: while none passes.
        """
        if self._reason is None:
            return
        now = datetime.now(UTC)
        if now < self._next <= now + self._wait:  # beyond that the clock has gone back
            raise NoEntry(
                f"no stop can be placed ({self._reason}); the next entry is tried at "
                f"{self._next:%H:%M} UTC"
            )

    def sent(self) -> None:
        """Take note that an order that raises risk is sent: while no stop can be placed, the next
        one waits for what becomes of its stop, or for as long again."""
        if self._reason is None:
            return
        self._tried, self._next = True, datetime.now(UTC) + self._wait
