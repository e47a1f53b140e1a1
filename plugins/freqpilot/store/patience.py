"""How long a store may hold up who uses it: a bot's loop has exits to send."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError, TimeoutError

WAIT = 0.4
"""Seconds that a bot waits for another process that writes."""
PAUSE, LONGEST = 5.0, 60.0
"""Seconds after a failure in which the store is not asked again; twice as many after each further
one, up to ``LONGEST``."""


class Patience:
    """Lets a store be asked, but for a while after it could not be reached.

    Without :meth:`limit` it lets everything through.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._failed: float | None = None
        self._pause = self._next = PAUSE
        self.wait: float | None = None
        """Seconds to wait for another process; None: what the engine was made with."""

    def limit(self) -> None:
        """From here on a bot's loop uses the store."""
        self.wait = WAIT

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Note whether the store answers within the block.

        :raises TimeoutError: SQLAlchemy's, at once, where it did not a moment ago.
        """
        since = 0.0 if self._failed is None else self._clock() - self._failed
        # A clock that was set back lengthens no pause.
        if self._failed is not None and 0 <= since < self._pause:
            left = self._pause - since
            raise TimeoutError(f"the store was out of reach; it is asked again in {left:.0f} s")
        try:
            yield
        except OperationalError:
            if self.wait is not None:
                self._failed, self._pause = self._clock(), self._next
                self._next = min(2 * self._next, LONGEST)
            raise
        self._failed, self._next = None, PAUSE
