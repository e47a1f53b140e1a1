"""The process in which one fit runs: reads a call, makes it, writes what came of it.

Started by :mod:`freqpilot.models.training.apart` as ``python -m freqpilot.models.training.worker
NICE PARENT``. It goes when its parent goes, and where memory is short the kernel takes it before
the bot.
"""

import ctypes
import os
import pickle
import signal
import sys
from contextlib import suppress
from pathlib import Path

KILL_WITH_PARENT = 1
"""Linux's ``PR_SET_PDEATHSIG``."""


def main() -> None:
    """Make the call that stands on the standard input, pickled, and write ``(well, value)``."""
    nice, parent = int(sys.argv[1]), int(sys.argv[2])
    _subordinate(nice, parent)
    # What a library prints must not get between the bytes of the answer.
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)
        try:
            function, arguments, named = pickle.load(sys.stdin.buffer)  # noqa: S301
            value = function(*arguments, **named)
            import cloudpickle  # the user's classes are in no module that could be imported

            found = cloudpickle.dumps((True, value))
        except BaseException as error:
            found = _failure(error)
        answer.write(found)


def _subordinate(nice: int, parent: int) -> None:
    os.nice(nice)
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(KILL_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # it went before it was watched
    with suppress(OSError):  # a container may hold /proc read-only
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _failure(error: BaseException) -> bytes:
    try:
        found = pickle.dumps((False, error))
        pickle.loads(found)  # noqa: S301
    except Exception:
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return found


if __name__ == "__main__":
    main()
