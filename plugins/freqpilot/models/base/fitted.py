"""The common interface of models: ``fit(window) → Fitted``, ``predict(x) → Forecast``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from freqpilot.models.base import artefact
from freqpilot.models.base.heads import Forecast, Head, TemperedClasses, head_from
from freqpilot.models.base.window import Window
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Bools, Floats, Floats32

VERSION = 1


class Core(Protocol):
    """The part of a fitted model that turns rows without a gap into raw output."""

    kind: ClassVar[str]

    def raw(self, x: Floats32) -> Floats:
        """Return raw means (n) or raw probabilities (n × 3)."""
        ...

    def leaning(self, x: Floats32) -> Floats:
        """Return what each feature adds (n × k): to the mean in volatilities, or to the lean
        towards a rise in log-odds."""
        ...

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold, and the core's class takes back by name."""
        ...


Cores = Mapping[str, Any]
"""Classes of cores by kind: :data:`freqpilot.models.catalogue.CORES`, or those of a pack of yours.
One whose content holds other cores has ``of_content(values, cores)``."""


class Model(Protocol):
    """What can be fitted. A new one is a class with these, and a subclass of the conformance tests
    (``tests/models/conformance.py``)."""

    name: ClassVar[str]
    classes: ClassVar[bool]
    """Whether its label is a class −1, 0, 1, and not a forward return."""

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> "Fitted":
        """Fit on one window.

        :raises TooShort: when its purged parts are empty.
        """
        ...


@dataclass(frozen=True)
class Fitted:
    """A fitted model: values and text only, so it pickles and compares as such.

    ``names`` are the features it was trained on, ``columns`` the numbers of those it uses.
    """

    core: Core
    head: Head
    names: tuple[str, ...]
    columns: tuple[int, ...]

    @property
    def classes(self) -> bool:
        """Whether it forecasts classes."""
        return isinstance(self.head, TemperedClasses)

    def predict(self, x: Floats32) -> Forecast:
        """Return the forecast of each row; NaN for a row with a missing figure, also in a column
        that the model does not use: what is absent there says that something is wrong.

        :raises ValueError: when ``x`` has another number of columns than the training data.
        """
        whole = self._whole(x)
        raw = np.full((len(x), 3) if self.classes else len(x), np.nan)
        if whole.any():
            raw[whole] = self.core.raw(x[whole][:, list(self.columns)])
        return self.head(raw)

    def leaning(self, x: Floats32) -> Floats:
        """Return what each feature adds to the core's output (n × k), 0 for one that it does not
        use; NaN for a row with a missing figure.

        :raises ValueError: when ``x`` has another number of columns than the training data.
        """
        whole = self._whole(x)
        out = np.full(x.shape, np.nan)
        added = np.zeros((int(whole.sum()), x.shape[1]))
        if len(added):
            added[:, list(self.columns)] = self.core.leaning(x[whole][:, list(self.columns)])
        out[whole] = added
        return out

    def _whole(self, x: Floats32) -> Bools:
        if x.ndim != 2 or x.shape[1] != len(self.names):
            raise ValueError(f"the model knows {len(self.names)} features, not {x.shape[1:]}")
        return np.asarray(np.isfinite(x).all(axis=1))

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold, and :meth:`of_content` takes back."""
        return {
            "version": VERSION,
            "core": {"kind": self.core.kind, **self.core.content()},
            "head": {"kind": self.head.kind, **self.head.content()},
            "names": self.names,
            "columns": self.columns,
        }

    @classmethod
    def of_content(cls, content: Mapping[str, Any], cores: Cores) -> "Fitted":
        """Return the model that :meth:`content` was of.

        :raises ValueError, KeyError, TypeError: for what is none, or has a core of another kind.
        """
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']} is not {VERSION}")
        core, head = core_from(content["core"], cores), head_from(content["head"])
        return cls(core, head, tuple(content["names"]), tuple(content["columns"]))

    def save(self, path: Path) -> None:
        """Write the model as JSON with a digest of its content."""
        artefact.write(path, self.content())

    @classmethod
    def load(cls, path: Path, cores: Cores) -> "Fitted":
        """Read a model whose core is one of ``cores``.

        :raises Degraded: when the file is missing, is none, or was changed.
        """
        content = artefact.read(path)
        try:
            return cls.of_content(content, cores)
        except (ValueError, KeyError, TypeError) as error:
            raise artefact.corrupt(path, error) from None


def core_from(content: Mapping[str, Any], cores: Cores) -> Core:
    """Return the core that ``{"kind": …, **core.content()}`` was of.

    :raises KeyError: for a kind that ``cores`` lack.
    """
    values = {name: tuples(value) for name, value in content.items() if name != "kind"}
    made = cores[content["kind"]]
    composed = getattr(made, "of_content", None)
    core: Core = made(**values) if composed is None else composed(values, cores)
    return core


def tuples(value: Any) -> Any:
    """Return JSON's lists as the tuples that they were."""
    return tuple(tuples(item) for item in value) if isinstance(value, list) else value
