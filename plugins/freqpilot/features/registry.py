"""The registry of features by name, and the bank that computes them together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from freqpilot.features.workspace import Workspace
from freqpilot.shapes import Candles, FeatureFrame, Floats


@dataclass(frozen=True)
class Feature:
    """A column: ``compute`` gives it over a workspace; ``startup`` is after how many candles it no
    longer depends on where they begin (and before which it is NaN)."""

    name: str
    startup: int
    compute: Callable[[Workspace], Floats]


FEATURES: dict[str, Feature] = {}


def feature(name: str, startup: int) -> Callable[[Callable[[Workspace], Floats]], None]:
    """Register the decorated function as feature ``name``.

    :raises ValueError: when the name is taken.
    """

    def register(compute: Callable[[Workspace], Floats]) -> None:
        if name in FEATURES:
            raise ValueError(f"there is a feature {name!r} already")
        FEATURES[name] = Feature(name, startup, compute)

    return register


class FeatureBank:
    """Features by name (all by default), computed together.

    >>> FeatureBank(["return_1", "rsi_14"]).names
    ('return_1', 'rsi_14')
    """

    def __init__(self, names: Sequence[str] | None = None) -> None:
        """:raises KeyError: for an unknown name."""
        wanted = tuple(FEATURES) if names is None else tuple(names)
        unknown = [name for name in wanted if name not in FEATURES]
        if unknown:
            raise KeyError(f"no feature {', '.join(unknown)}; there are {', '.join(FEATURES)}")
        self.names = wanted
        self._features = [FEATURES[name] for name in wanted]

    @property
    def startup(self) -> int:
        """Candles needed before the first complete row."""
        return max((f.startup for f in self._features), default=0)

    def compute(self, candles: Candles) -> FeatureFrame:
        """Return all columns of ``candles``; a row is NaN where a column has not settled."""
        work = Workspace(candles)
        matrix = np.empty((len(candles), len(self.names)), dtype=np.float32, order="F")
        for place, column in enumerate(self._features):
            matrix[:, place] = column.compute(work)
        return FeatureFrame(matrix, self.names, min(self.startup, len(candles)))
