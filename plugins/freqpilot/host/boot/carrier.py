"""Takes Freqpilot into hyperopt's worker processes.

Freqtrade pickles its config to each worker; unpickling this object imports and activates
Freqpilot there. Its text is constant because Freqtrade's backtest cache hashes it.
"""

from collections.abc import Callable, Sequence
from typing import Any


class Carrier:
    """A singleton to put into ``config["internals"]``.

    :param arrive: is called with what ``load`` returned in the process that unpickles the config,
        and returns its carrier; a function of a module, as pickle finds it by its name.
    :param load: is called in the process that pickles, and returns what a worker has to bring.
    """

    def __init__(
        self, arrive: Callable[[Any], "Carrier"], load: Callable[[], Sequence[str]]
    ) -> None:
        self._arrive, self._load = arrive, load

    def __reduce__(self) -> tuple[Callable[[Any], "Carrier"], tuple[Sequence[str]]]:
        return (self._arrive, (self._load(),))

    def __deepcopy__(self, memo: dict[int, object]) -> "Carrier":
        return self

    def __repr__(self) -> str:
        return "freqpilot"
