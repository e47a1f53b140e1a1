"""Breakers: what stops new positions because the surroundings are not sound."""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from freqpilot.risk.soundness import is_number
from freqpilot.settings import MarketSettings, RiskSettings

Series = npt.NDArray[np.float64]
HOUR_SECONDS = 3_600.0
KEPT_ORDERS = 1_000


class ErrorRate:
    """The share of calls to the exchange that failed lately.

    It trips at ``api_errors`` failures or more that are ``api_error_share`` of the calls of the
    last ``api_window_minutes``, and stays so until the window has a call again and no failure: an
    exchange that answers every second call is not one to open positions on.

    :param tripped: whether it had tripped before a restart, which forgets the calls.
    """

    def __init__(self, settings: RiskSettings, *, tripped: bool = False) -> None:
        self._settings = settings
        self._calls: deque[tuple[float, bool]] = deque()
        self._failed = 0
        self._tripped = tripped

    def note(self, time: float, *, failed: bool) -> None:
        """Take note of a call that ended at ``time`` (seconds since the epoch)."""
        self._set_back(time)
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
        self._set_back(time)
        while self._calls and self._calls[0][0] <= oldest:
            self._failed -= self._calls.popleft()[1]

    def _set_back(self, time: float) -> None:
        """Let what a clock that was ahead has dated later count as of ``time``."""
        if self._calls and self._calls[-1][0] > time:
            self._calls = deque((min(then, time), failed) for then, failed in self._calls)


class OrderRate:
    """How many orders were sent lately.

    It trips at more than ``max_orders`` within ``order_window_minutes``, and stays so until no
    order was sent for as long: what sends orders in a loop is to be looked at, not slowed down.
    """

    def __init__(self, settings: MarketSettings) -> None:
        self._settings = settings
        self._sent: deque[float] = deque()
        self._tripped = False

    def to_dict(self) -> dict[str, Any]:
        """Return what has to survive a restart."""
        return {"sent": list(self._sent)[-KEPT_ORDERS:], "tripped": self._tripped}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take up what :meth:`to_dict` gave before a restart."""
        self._sent = deque(sorted(float(time) for time in saved["sent"]))
        self._tripped = bool(saved["tripped"])

    def note(self, time: float) -> None:
        """Take note of an order that is sent at ``time`` (seconds since the epoch)."""
        self._set_back(time)
        self._sent.append(time)
        self._forget(time)
        self._tripped = self._tripped or len(self._sent) > self._settings.max_orders

    def tripped(self, time: float) -> str | None:
        """Return why no new position may be opened, or None."""
        self._forget(time)
        self._tripped = self._tripped and bool(self._sent)
        if not self._tripped:
            return None
        minutes, most = self._settings.order_window_minutes, self._settings.max_orders
        return (
            f"too many orders: {len(self._sent)} were sent within {minutes:g} minutes, limit "
            f"{most}; entries wait for {minutes:g} minutes without one"
        )

    def _forget(self, time: float) -> None:
        oldest = time - 60 * self._settings.order_window_minutes
        self._set_back(time)
        while self._sent and self._sent[0] <= oldest:
            self._sent.popleft()

    def _set_back(self, time: float) -> None:
        """Let what a clock that was ahead has dated later count as of ``time``."""
        if self._sent and self._sent[-1] > time:
            self._sent = deque(min(then, time) for then in self._sent)


class IndexCandles(NamedTuple):
    """Closed candles of the reference pair, of ``step`` seconds each, an hour at most; ``time`` is
    when they opened, in seconds since the epoch, oldest first."""

    time: Series
    open: Series
    high: Series
    low: Series
    close: Series
    step: float

    def since(self, time: float) -> "IndexCandles":
        """Return the candles that opened at ``time`` or later."""
        return self._rows(slice(int(np.searchsorted(self.time, time)), None))

    def until(self, time: float) -> "IndexCandles":
        """Return the candles that are closed at ``time``."""
        return self._rows(slice(int(np.searchsorted(self.time, time - self.step, side="right"))))

    def _rows(self, part: slice) -> "IndexCandles":
        return IndexCandles(
            self.time[part],
            self.open[part],
            self.high[part],
            self.low[part],
            self.close[part],
            self.step,
        )


class FlashCrash:
    """The reference pair fell by ``index_fall`` within an hour: no entry for
    ``index_pause_hours`` from then on. What the candles show counts after a restart as well."""

    def __init__(self, settings: MarketSettings) -> None:
        self._settings = settings
        self._fell: float | None = None

    def tripped(self, time: float, candles: IndexCandles, price: float) -> str | None:
        """Return why no new position may be opened at ``time``, or None.

        :param price: the reference pair's price now.
        """
        settings, pause = self._settings, self._settings.index_pause_hours * HOUR_SECONDS
        known = candles.since(time - pause - HOUR_SECONDS)
        late = 2 * known.step + settings.candle_grace_seconds
        if not len(known.time) or not time - known.time[-1] <= late:
            return f"candles of {settings.index}, the index, are missing"
        if not (is_number(price, above=0) and all(np.isfinite(column).all() for column in known)):
            return f"a figure of {settings.index}, the index, is missing"
        seen = last_fall(known, time, price, settings.index_fall)
        if seen is not None:
            self._fell = max(seen, self._fell or seen)
        if self._fell is not None:
            self._fell = min(self._fell, time)  # the clock may have been ahead
        if self._fell is None or time - self._fell >= pause:
            return None
        return (
            f"flash crash: {settings.index} fell by {settings.index_fall:.0%} or more within an "
            f"hour; entries wait for {(pause - time + self._fell) / HOUR_SECONDS:.1f} hours"
        )


def last_fall(candles: IndexCandles, time: float, price: float, limit: float) -> float | None:
    """Return when the price last was ``limit`` (a share) below its highest of the hour, in seconds
    since the epoch (a candle counts at its close), or None.

    Within a candle only its open is known to come before its low.
    """
    recent = candles.high[candles.time >= time - HOUR_SECONDS]
    closed = candles.time[-1] + candles.step
    start = candles.close[-1] if closed >= time - HOUR_SECONDS else -math.inf
    if price <= max(start, *recent, -math.inf) * (1 - limit) + 1e-12:
        return time
    earlier = max(1, int(HOUR_SECONDS // candles.step)) - 1
    peak = candles.open.copy()
    for back in range(1, min(earlier, len(peak) - 1) + 1):
        peak[back:] = np.maximum(peak[back:], candles.high[:-back])
    fell = np.flatnonzero(candles.low <= peak * (1 - limit) + 1e-12)
    return float(candles.time[fell[-1]] + candles.step) if len(fell) else None


LEAST_DAYS = 2
"""Days of the volatility index without which its median says nothing."""


def volatility_spike(volatility: Series, settings: MarketSettings) -> str | None:
    """Return why no new position may be opened, or None: the index's volatility is more than
    ``volatility_spike`` times its median of ``volatility_days``, or of what there is of them.

    :param volatility: of each hour, oldest first, the newest now; what is not finite is left out of
        the median.
    """
    seen = volatility[-24 * settings.volatility_days :]
    known = seen[np.isfinite(seen)]
    if len(known) < 24 * LEAST_DAYS or not math.isfinite(seen[-1]):
        return f"the volatility of {settings.index}, the index, is not known"
    now, usual = float(known[-1]), float(np.median(known))
    if not usual > 0:
        return None if now <= 0 else f"the volatility of {settings.index} has no median to go by"
    if now <= settings.volatility_spike * usual * (1 + 1e-9):
        return None
    return (
        f"volatility spike: that of {settings.index} is {now / usual:.1f} times its median, limit "
        f"{settings.volatility_spike:g}; entries wait until it is back"
    )


def depeg(pair: str, price: float, settings: MarketSettings) -> str | None:
    """Return why a stablecoin pair's price forbids entries, or None."""
    if not is_number(price, above=0):
        return f"the price of {pair} is {price}: whether the stablecoins hold is not known"
    if abs(price - 1) <= settings.max_depeg + 1e-9:
        return None
    return (
        f"depeg: {pair} is at {price:.4f}, {price - 1:+.1%} from 1, limit {settings.max_depeg:.1%}"
    )
