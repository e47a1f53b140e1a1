"""Files of pooled models: one a training, with a digest, beside FreqAI's folders of the pairs."""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from freqpilot.models.catalogue import CORES
from freqpilot.models.pooled import Pooled

FOLDER = "pooled"
HELD = 2
"""Models that a live bot keeps in memory: pairs change from the last to the newest one by one."""


@dataclass(frozen=True)
class Reference:
    """What FreqAI keeps for each pair: the name of the file of all, and the end of its training
    (seconds since 1970)."""

    file: str
    stop: int

    @classmethod
    def of(cls, stop: int, mark: str) -> "Reference":
        """Return the reference of a training, with the digest of what it was made with."""
        return cls(f"{FOLDER}_{stop}_{mark}.json", stop)


class PoolFiles:
    """The models of one identifier, in memory and in ``folder``; threads may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER
        self._models: OrderedDict[str, Pooled] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, reference: Reference) -> bool:
        return reference.file in self._models

    def keep(self, reference: Reference, model: Pooled, *, live: bool, write: bool) -> None:
        """Hold a model in memory, a backtest's for the whole run, and ``write`` it."""
        if write:
            self.folder.mkdir(parents=True, exist_ok=True)
            model.save(self.folder / reference.file)
        with self._lock:
            self._models[reference.file] = model
            while live and len(self._models) > HELD:
                self._models.popitem(last=False)

    def load(self, reference: Reference, *, live: bool) -> Pooled:
        """Return a model.

        :raises Degraded: when its file is missing, is none, or was changed.
        """
        if (found := self._models.get(reference.file)) is None:
            found = Pooled.load(self.folder / reference.file, CORES)
            self.keep(reference, found, live=live, write=False)
        return found

    def fresh(self, mark: str, since: float) -> Reference | None:
        """Return the newest model of ``mark`` whose training ended after ``since``."""
        stops = [stop for stop, name in self._written() if name == mark and stop > since]
        return Reference.of(max(stops), mark) if stops else None

    def set_aside(self, reference: Reference) -> None:
        """Keep a corrupt file under another name, so that another can take its place."""
        if (file := self.folder / reference.file).is_file():
            file.rename(file.with_suffix(".corrupt"))

    def purge(self, most: int, used: Iterable[str]) -> None:
        """Remove all files but the ``most`` newest and those ``used``."""
        kept = set(used)
        for stop, mark in self._written()[:-most]:
            if (name := Reference.of(stop, mark).file) not in kept:
                (self.folder / name).unlink(missing_ok=True)

    def _written(self) -> list[tuple[int, str]]:
        """Return end of training and mark of each file, rising."""
        stems = (file.stem for file in self.folder.glob(f"{FOLDER}_*_*.json"))
        found = (re.fullmatch(rf"{FOLDER}_(\d+)_(\w+)", stem) for stem in stems)
        return sorted((int(parts[1]), parts[2]) for parts in found if parts)
