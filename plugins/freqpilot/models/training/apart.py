"""A fit in a process of its own, so that its limits of time and memory hold.

A thread cannot be stopped, and what it allocates is the bot's. Whoever fits a model asks
:func:`call`; within :func:`limited` the call goes to another process, else it is made right here.
"""

import logging
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from freqpilot.errors import Degraded

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
LOOK = 0.05
"""Seconds between two looks at the memory of the process."""
SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""One thread a fit: the other cores are the bot's, and sums come out alike on every machine."""
WORKER = "freqpilot.models.training.worker"
_local = threading.local()


@dataclass
class Limits:
    """What one fit may take: ``seconds`` until ``deadline`` (of ``time.monotonic``), ``memory_mb``
    resident; ``stop`` ends it early. What it took at most is kept in ``peak_mb``, and ``calls``
    counts the fits."""

    seconds: float
    memory_mb: int
    nice: int
    stop: threading.Event
    peak_mb: float = 0.0
    calls: int = 0

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.seconds


class GivenUp(Degraded):
    """A fit went past a limit and was ended; the last good model stays in use."""


@contextmanager
def limited(limits: Limits) -> Iterator[Limits]:
    """Let what this thread asks of :func:`call` run in a process of its own under ``limits``."""
    _local.limits = limits
    try:
        yield limits
    finally:
        _local.limits = None


def call(function: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """Return ``function(*arguments, **named)``, in another process where this thread is limited.

    :raises GivenUp: when a limit is passed or the bot stops. What the function raises is raised.
    """
    limits: Limits | None = getattr(_local, "limits", None)
    if limits is None:
        return function(*arguments, **named)
    return run(function, arguments, named, limits)


def run(
    function: Callable[..., Result], arguments: Any, named: dict[str, Any], limits: Limits
) -> Result:
    """Make a call in another process; see :func:`call`."""
    import cloudpickle  # also takes classes of files that no process can import by name

    limits.calls += 1
    with (
        tempfile.TemporaryFile() as asked,
        tempfile.TemporaryFile() as answer,
        tempfile.TemporaryFile() as told,
    ):
        cloudpickle.dump((function, arguments, named), asked)
        asked.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", WORKER, str(limits.nice), str(os.getpid())],
            stdin=asked,
            stdout=answer,
            stderr=told,
            env=_environment(),
        )
        try:
            _watch(process, limits)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        answer.seek(0)
        found = answer.read()
        if process.returncode or not found:
            told.seek(0)
            last = told.read().decode("utf-8", "replace").strip().splitlines()[-1:] or ["no word"]
            raise Degraded(
                f"the fit ended with {process.returncode} ({last[0][:200]}): the last good model "
                "stays in use and it is tried again later"
            )
    well, value = pickle.loads(found)  # noqa: S301  written by our own process
    if not well:
        raise value
    result: Result = value
    return result


def _watch(process: "subprocess.Popen[bytes]", limits: Limits) -> None:
    """Wait for the process's end.

    :raises GivenUp: as soon as a limit is passed or the bot stops.
    """
    import psutil

    try:
        seen = psutil.Process(process.pid)
    except psutil.NoSuchProcess:
        return
    while process.poll() is None:
        try:
            memory = seen.memory_info().rss / 2**20
        except psutil.NoSuchProcess:
            return
        limits.peak_mb = max(limits.peak_mb, memory)
        if memory > limits.memory_mb:
            _give_up(f"it took {memory:.0f} MB of {limits.memory_mb} (training.memory_mb)")
        if time.monotonic() > limits.deadline:
            _give_up(f"it took longer than {limits.seconds:g} s (training.fit_seconds)")
        if limits.stop.wait(LOOK):
            _give_up("the bot stops")


def _give_up(reason: str) -> None:
    raise GivenUp(
        f"the fit was given up, {reason}: the last good model stays in use until it expires"
    )


def _environment() -> dict[str, str]:
    path = os.pathsep.join(part for part in sys.path if part)
    return {**os.environ, "PYTHONPATH": path, **dict.fromkeys(SINGLE, "1")}
