"""A strategy's own target as a label: centred and scaled for the fit, in its own units again for
whoever reads the forecast."""

from dataclasses import dataclass

import numpy as np

from freqpilot.models.base.fitted import Fitted
from freqpilot.models.base.heads import Forecast
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Floats, Floats32


@dataclass(frozen=True)
class Target:
    """A column ``name``, with the ``centre`` and the ``scale`` of what a window knew of it."""

    name: str
    centre: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, name: str, known: Floats) -> "Target":
        """Return the target with mean and standard deviation of its ``known`` values; NaN are
        left out, and one that never moves has the scale 1."""
        values = known[np.isfinite(known)]
        if not len(values):
            return cls(name)
        centre, scale = float(values.mean()), float(values.std())
        # A constant has rounding for a deviation, by which it would be blown up.
        return cls(name, centre, scale if scale > 1e-9 * max(abs(centre), 1e-9) else 1.0)

    def scaled(self, values: Floats) -> Floats:
        """Return values in standard deviations from the centre."""
        return (values - self.centre) / self.scale

    def restored(self, forecast: Forecast) -> Forecast:
        """Return a forecast of scaled values in the target's units. ``up`` and ``down`` stay the
        chances of more and of less than the centre."""
        mean, low, high = (
            self.centre + self.scale * part for part in (forecast.mean, forecast.low, forecast.high)
        )
        return forecast._replace(mean=mean, low=low, high=high)


@dataclass(frozen=True)
class Aimed:
    """A model that was fitted on a strategy's own target; values only, so it pickles as such."""

    fitted: Fitted
    target: Target

    def predict(self, x: Floats32) -> Forecast:
        """Return the forecast in the target's units; see :meth:`Fitted.predict`."""
        return self.target.restored(self.fitted.predict(x))

    def leaning(self, x: Floats32) -> Floats:
        """Return what each feature adds, in the target's deviations; see :meth:`Fitted.leaning`."""
        return self.fitted.leaning(x)


def spanning(labels: LabelSettings, horizon: int) -> LabelSettings:
    """Return ``labels`` for a target that looks ``horizon`` candles ahead: the purge covers it."""
    return labels.model_copy(update={"horizon": horizon, "purge": max(labels.purge, horizon)})
