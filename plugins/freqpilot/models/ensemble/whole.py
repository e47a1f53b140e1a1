"""Models that learn again from the whole window once its newest part has settled their choices.

A model holds out the newest fifth of its window, to choose by and to measure its errors on. What it
has learnt is then that much older than it could be: of 540 days some 108. Choices made, it learns
once more, the same way, from all rows; the errors stay those that were measured on candles that it
had not seen.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

from freqpilot.models.base.fitted import Core, Fitted
from freqpilot.models.base.window import Window
from freqpilot.settings import LabelSettings


@runtime_checkable
class Learner(Protocol):
    """A regression that can learn again."""

    name: ClassVar[str]
    classes: ClassVar[bool]

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit on one window; see :class:`freqpilot.models.base.fitted.Model`."""
        ...

    def again(self, window: Window, fitted: Fitted, settings: LabelSettings, seed: int) -> Core:
        """Return the core learnt from all rows, with the choices of ``fitted``: its columns, and
        how far it was let to go."""
        ...


@dataclass(frozen=True)
class Whole:
    """``model``, whose core is learnt from the whole window and whose head is not.

    Trees learnt so beat a ridge learnt so with a refit a month, and not with one a quarter: see
    ``docs/results.md``.
    """

    name: ClassVar[str] = "whole"
    classes: ClassVar[bool] = False
    model: Learner
    params: tuple[tuple[str, Any], ...] = ()
    """LightGBM's, for a model that takes them."""

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit on one window; see :class:`freqpilot.models.base.fitted.Model`."""
        model: Any = self.model
        if self.params and hasattr(model, "params"):
            model = replace(model, params=self.params)
        fitted: Fitted = model.fit(window, settings, seed)
        return replace(fitted, core=model.again(window, fitted, settings, seed))
