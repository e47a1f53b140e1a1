"""Takes Freqpilot into hyperopt's worker processes.

Freqtrade pickles its config to each worker; unpickling this object imports and activates
Freqpilot there. Its text is constant because Freqtrade's backtest cache hashes it.
"""

from collections.abc import Callable
from typing import Any


class Carrier:
    """A singleton to put into ``config["internals"]``.

    :param arrive: is called in the process that unpickles the config, and returns its carrier; a
        function of a module, as pickle finds it by its name.
    """

    def __init__(self, arrive: Callable[[], "Carrier"]) -> None:
        self._arrive = arrive

    def __reduce__(self) -> tuple[Callable[[], "Carrier"], tuple[()]]:
        return (self._arrive, ())

    def __deepcopy__(self, memo: dict[int, Any]) -> "Carrier":
        return self

    def __repr__(self) -> str:
        return "freqpilot"
