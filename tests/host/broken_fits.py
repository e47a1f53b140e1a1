"""Models whose fits go wrong. Of a module of its own: the process of a fit imports it."""

import os
import signal
import time
from typing import Any

from freqpilot.models.linear import Ridge


class Raises(Ridge):
    """Its data are not what it thought."""

    def fit(self, window: Any, settings: Any, seed: int) -> Any:
        raise ValueError("no such figure")


class Hangs(Ridge):
    """It does not converge."""

    def fit(self, window: Any, settings: Any, seed: int) -> Any:
        time.sleep(60)


class Eats(Ridge):
    """It takes what it gets."""

    def fit(self, window: Any, settings: Any, seed: int) -> Any:
        held = b"1" * (700 << 20)
        time.sleep(60)
        return len(held)


class Dies(Ridge):
    """A library brings its process down."""

    def fit(self, window: Any, settings: Any, seed: int) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)
