"""Takes Freqpilot into hyperopt's worker processes.

Freqtrade pickles its config to each worker; unpickling this object imports and activates
Freqpilot there. Its text is constant because Freqtrade's backtest cache hashes it.
"""

from collections.abc import Callable
from typing import Any


class Carrier:
    """A singleton to put into ``config["internals"]``."""

    def __reduce__(self) -> tuple[Callable[[], "Carrier"], tuple[()]]:
        return (arrive, ())

    def __deepcopy__(self, memo: dict[int, Any]) -> "Carrier":
        return self

    def __repr__(self) -> str:
        return "freqpilot"


CARRIER = Carrier()


def arrive() -> Carrier:
    """Activate Freqpilot in the process that unpickles the config."""
    from freqpilot.host.seams.activation import activate

    activate()
    return CARRIER
