"""What is known at the end of one of the bot's loops: what the bot says, and what kept it busy."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LoopReport:
    """What the bot says of itself at the end of a loop.

    ``stops``: it keeps its stops on the exchange; ``running``: it is not stopped; ``supervised``:
    Freqpilot is active; ``halted``: why, if it is; ``equity`` as it saw it, its ``peak`` and
    ``stamp`` when it saw it (ms); ``waiting``: why no entry can be judged, None when one can, or
    where it does not say; ``process``: the number of its process.
    """

    stops: bool = True
    running: bool = True
    supervised: bool = False
    halted: str | None = None
    equity: float | None = None
    peak: float | None = None
    stamp: int | None = None
    waiting: str | None = None
    process: int = 0

    @classmethod
    def of(cls, told: dict[str, Any]) -> "LoopReport":
        """Return what was posted."""
        return cls(**{name: told[name] for name in cls.__dataclass_fields__ if name in told})


@dataclass(frozen=True)
class Meanwhile:
    """What has happened to the bot within the loop, besides faults of single requests.

    ``store_out``: its store could not be written; ``ahead``: seconds by which its clock was;
    ``ticked``: symbols of which it was shown a wrong price; ``called``: a person has called it;
    ``restored``: its store was put back to an older one.
    """

    store_out: bool = False
    ahead: float = 0.0
    ticked: frozenset[str] = frozenset()
    called: bool = False
    restored: bool = False


QUIET = Meanwhile()
