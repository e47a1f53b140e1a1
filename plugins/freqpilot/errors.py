"""The four kinds of error, from the least to the most drastic for open trades.

Each says what happened, what it means for open trades and what to do next; ``exit_code`` is what a
command returns for it and ``alert`` how loudly a person is called.
"""

from typing import ClassVar


class FreqpilotError(Exception):
    """Base of all errors that Freqpilot raises on purpose."""

    exit_code: ClassVar[int] = 1
    alert: ClassVar[str] = "WARNING"


class RefuseToStart(FreqpilotError):
    """The configuration, a seam or the data do not allow a safe start; nothing was changed."""

    exit_code = 2
    alert = "CRITICAL"


class NoEntry(FreqpilotError):
    """A new position may not be opened now; open trades are still managed and may be closed."""

    exit_code = 3
    alert = "WARNING"


class Degraded(FreqpilotError):
    """A source or a model is out: its opinion has no weight until it is back."""

    exit_code = 4
    alert = "WARNING"


class Flatten(FreqpilotError):
    """A limit was broken that allows no open position: everything is being closed."""

    exit_code = 5
    alert = "EMERGENCY"
