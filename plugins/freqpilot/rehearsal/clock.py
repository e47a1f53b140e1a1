"""Clocks: each is a callable that returns seconds since the epoch, like ``time.time``."""

import mmap
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from freqpilot.errors import RefuseToStart

Clock = Callable[[], float]

BUSY_WAIT = 0.1
"""Seconds. A shorter sleep is a wait for a thread of this process, which needs real time."""

CALLERS = "AnyIO worker thread"
"""Names of the threads in which Freqtrade's REST API answers calls."""


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


class SharedClock:
    """A time that one process sets and another reads, kept in a file: it outlives both. So does
    ``ahead``, by which the machine's clock is wrong.

    Reading and setting are single stores of eight bytes, so neither waits for the other.
    """

    def __init__(self, path: Path) -> None:
        """:raises OSError: when the file cannot be made."""
        with path.open("a+b") as file:
            if file.tell() < 2 * _SECONDS.size:
                file.write(bytes(2 * _SECONDS.size))
                file.flush()
            self._memory = mmap.mmap(file.fileno(), 2 * _SECONDS.size)

    def __call__(self) -> float:
        return float(_SECONDS.unpack_from(self._memory)[0])

    def set(self, seconds: float) -> None:
        """Set the time, in seconds since the epoch."""
        _SECONDS.pack_into(self._memory, 0, seconds)

    @property
    def ahead(self) -> float:
        """Seconds by which the clock of the bot's machine is ahead of this time."""
        return float(_SECONDS.unpack_from(self._memory, _SECONDS.size)[0])

    @ahead.setter
    def ahead(self, seconds: float) -> None:
        _SECONDS.pack_into(self._memory, _SECONDS.size, seconds)

    def close(self) -> None:
        """Let go of the file."""
        self._memory.close()


class VirtualClock:
    """The time of this whole process: it stands still but where somebody sleeps.

    Between ``with`` and its end, ``time``, ``datetime`` and ``time.sleep`` of the main thread work
    on virtual time: a sleep moves the clock, also one of a thread that answers a call of the REST
    API (the bot's own waits meanwhile). Other threads sleep in real time, and monotonic clocks
    stay real, so that asyncio, sockets and locks work.
    Because nothing but a sleep moves it, a run is the same however fast the machine is.

    A module that has done ``from time import sleep`` before the clock begins keeps real sleep:
    begin, or call :func:`install_sleep`, before Freqtrade is imported.
    """

    def __init__(self, start: datetime, mirror: SharedClock | None = None) -> None:
        """
        :param mirror: shown every move of this clock, but for those by which it goes wrong: where
            ``ahead`` has changed there, the next move takes that in.
        """
        self._start, self._mirror = start.astimezone(UTC), mirror
        self._ahead = 0.0
        self._travel: Any = None
        self._traveller: Any = None

    def __call__(self) -> float:
        return time.time()

    def now(self) -> datetime:
        """Return the virtual time, UTC: the true one, also where this clock is wrong."""
        return datetime.now(UTC) - timedelta(seconds=self._ahead)

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._traveller.shift(timedelta(seconds=seconds + self._turn()))
        self._show()

    def _turn(self) -> float:
        """Return the seconds by which this clock goes wrong, or right again, now."""
        if self._mirror is None:
            return 0.0
        before, self._ahead = self._ahead, self._mirror.ahead
        return self._ahead - before

    def __enter__(self) -> Self:
        import time_machine

        self._travel = time_machine.travel(self._start, tick=False)
        self._traveller = self._travel.start()
        self._traveller.shift(timedelta(seconds=self._turn()))
        self._sleep_before = time.sleep
        install_sleep()
        _sleepers[threading.get_ident()] = self
        self._show()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del _sleepers[threading.get_ident()]
        time.sleep = self._sleep_before
        self._travel.stop()

    def _show(self) -> None:
        if self._mirror is not None:
            self._mirror.set(time.time() - self._ahead)


def install_sleep() -> None:
    """Put our ``time.sleep`` in place: it is the real one but for a thread whose virtual clock
    runs."""
    time.sleep = _sleep  # type: ignore[assignment]


def _sleep(seconds: float, /) -> None:
    thread = threading.current_thread()
    clock = _sleepers.get(thread.ident or 0)
    if clock is None and _sleepers and thread.name.startswith(CALLERS):
        clock = next(iter(_sleepers.values()))  # a person's call waits as the bot itself does
    if clock is None or 0 <= seconds < BUSY_WAIT:
        _REAL_SLEEP(seconds)
    else:
        clock.advance(seconds)


_SECONDS = struct.Struct("<d")
_REAL_SLEEP = time.sleep
_sleepers: dict[int, VirtualClock] = {}
