"""Questions of the comparison to the exchange: each counts against the budget, none is repeated,
and all of a loop together take no longer than a second."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import ccxt

from freqpilot.host.orders.books.budget import Budget
from freqpilot.host.orders.lookup import PATIENCE
from freqpilot.host.run.run import Run

LEAST = 0.5
"""Seconds that have to be left for one more question."""


class NoTime(Exception):
    """A loop's second is over: what is left waits for the next loop."""


class Asker:
    """Asks the exchange within one loop.

    :param api: ccxt's client, whose requests end with the loop's second.
    """

    def __init__(self, run: Run, api: Any) -> None:
        self._budget, self._api = run.part(Budget), api
        self._begun = time.monotonic()

    @property
    def left(self) -> float:
        """Seconds that are left of this loop's patience."""
        return PATIENCE - (time.monotonic() - self._begun)

    def ask(self, call: Callable[..., Any], *given: object, **named: object) -> Any:
        """Return the answer to a question; one of Freqtrade's is asked once, without the repeats
        that sleep in between.

        :raises NoTime: when the second is over.
        :raises Exception: Freqtrade's or ccxt's, when it was not answered.
        """
        if hasattr(call, "__wrapped__"):
            named["count"] = 0
        first = self.left > PATIENCE - LEAST / 10
        with self.hurry():
            self._budget.spend(datetime.now(UTC))
            try:
                answer = call(*given, **named)
            except Exception as error:
                if not first and _is(error, ccxt.RequestTimeout):
                    raise NoTime from error  # it had less than a second
                if is_out(error):
                    self._budget.refused(datetime.now(UTC))
                raise
        self._budget.answered(datetime.now(UTC))
        return answer

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """Let each request of the block end with the loop's second.

        :raises NoTime: when that is over.
        """
        left = self.left
        if left < LEAST:
            raise NoTime
        usual = getattr(self._api, "timeout", None)
        if usual is None:
            yield
            return
        self._api.timeout = min(usual, int(left * 1000))
        try:
            yield
        finally:
            self._api.timeout = usual


def is_out(error: BaseException) -> bool:
    """Tell whether the exchange refused a request because there were too many, or did not answer in
    time: the next one waits."""
    return _is(error, ccxt.OperationFailed)


def _is(error: BaseException, kind: type[Exception]) -> bool:
    """Tell whether an error is ccxt's of this kind, or Freqtrade's that names it as its cause."""
    return isinstance(error, kind) or isinstance(error.__cause__, kind)
