"""Clocks: each is a callable that returns seconds since the epoch, like ``time.time``."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from freqpilot.errors import RefuseToStart

Clock = Callable[[], float]

BUSY_WAIT = 0.1
"""Seconds. A shorter sleep is a wait for a thread of this process, which needs real time."""


class FixedClock:
    """A clock that stands still, for backtests: the market as it was at one moment."""

    def __init__(self, moment: datetime) -> None:
        self._seconds = moment.timestamp()

    def __call__(self) -> float:
        return self._seconds


class FastClock:
    """A clock that begins at ``start`` and runs ``speed`` times as fast as real time."""

    def __init__(self, start: datetime, speed: float = 1.0) -> None:
        if not speed > 0:
            raise RefuseToStart(f"a clock's speed must be above 0, not {speed}")
        self._start, self._speed = start.timestamp(), speed
        self._begun = time.monotonic()

    def __call__(self) -> float:
        return self._start + (time.monotonic() - self._begun) * self._speed


class VirtualClock:
    """The time of this whole process: it stands still but where somebody sleeps.

    Between ``with`` and its end, ``time``, ``datetime`` and ``time.sleep`` of the main thread work
    on virtual time: a sleep moves the clock. Other threads sleep in real time, and monotonic clocks
    stay real, so that asyncio, sockets and locks work.
    Because nothing but a sleep moves it, a run is the same however fast the machine is.

    A module that has done ``from time import sleep`` before the clock begins keeps real sleep:
    begin before Freqtrade is imported.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start.astimezone(UTC)
        self._sleep = time.sleep
        self._travel: Any = None
        self._traveller: Any = None

    def __call__(self) -> float:
        return time.time()

    def now(self) -> datetime:
        """Return the virtual time, UTC."""
        return datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._traveller.shift(timedelta(seconds=seconds))

    def __enter__(self) -> Self:
        import time_machine

        owner = threading.get_ident()
        self._travel = time_machine.travel(self._start, tick=False)
        self._traveller = self._travel.start()

        def sleep(seconds: float, /) -> None:
            if threading.get_ident() != owner or 0 <= seconds < BUSY_WAIT:
                self._sleep(seconds)
                return
            self.advance(seconds)

        time.sleep = sleep  # type: ignore[assignment]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        time.sleep = self._sleep
        self._travel.stop()
