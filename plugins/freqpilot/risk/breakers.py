"""Breakers: what stops new positions because the surroundings are not sound."""

from collections import deque

from freqpilot.settings import RiskSettings


class ErrorRate:
    """The share of calls to the exchange that failed lately.

    It trips at ``api_errors`` failures or more that are ``api_error_share`` of the calls of the
    last ``api_window_minutes``, and stays so until the window has a call again and no failure: an
    exchange that answers every second call is not one to open positions on.
    """

    def __init__(self, settings: RiskSettings) -> None:
        self._settings = settings
        self._calls: deque[tuple[float, bool]] = deque()
        self._failed = 0
        self._tripped = False

    def note(self, time: float, *, failed: bool) -> None:
        """Take note of a call that ended at ``time`` (seconds since the epoch)."""
        self._calls.append((time, failed))
        self._failed += failed
        self._forget(time)

    def tripped(self, time: float) -> str | None:
        """Return why no new position may be opened, or None."""
        self._forget(time)
        calls, failed, settings = len(self._calls), self._failed, self._settings
        if failed >= settings.api_errors and failed >= settings.api_error_share * calls:
            self._tripped = True
        elif calls and not failed:
            self._tripped = False
        if not self._tripped:
            return None
        return (
            f"safe mode: {failed} of the last {calls} calls to the exchange failed; entries wait "
            f"for {settings.api_window_minutes:g} minutes without a failure"
        )

    def _forget(self, time: float) -> None:
        oldest = time - 60 * self._settings.api_window_minutes
        while self._calls and self._calls[0][0] <= oldest:
            self._failed -= self._calls.popleft()[1]
