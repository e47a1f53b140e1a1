"""Baselines that every other model must beat: last value, ridge and logistic regression."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from freqpilot.models.base.fitted import Core, Fitted
from freqpilot.models.base.heads import fit_mean
from freqpilot.models.base.window import Parts, Window, parts
from freqpilot.models.trees.boosting import classes_head, winsorised
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Floats, Floats32, Ints

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties tried on the tail, as shares of the rows' weight."""
MOST_ROWS = 6_000
"""Rows of the training part that the logistic regression reads, evenly spread: labels overlap, so
a window's neighbours say much the same, and all of them take far longer."""
EXTREME = 5.0
"""Standard deviations beyond which a feature counts no further."""


@dataclass(frozen=True)
class LastValueMean:
    """One column as the forecast, in its own standard deviation of the training part; a negative
    ``deviation`` turns it round."""

    kind: ClassVar[str] = "last_value"
    column: int
    deviation: float

    def raw(self, x: Floats32) -> Floats:
        """Return means (n)."""
        return np.clip(x[:, self.column].astype(np.float64) / self.deviation, -EXTREME, EXTREME)

    def leaning(self, x: Floats32) -> Floats:
        """Return the mean at its column, 0 elsewhere (n × k)."""
        out = np.zeros(x.shape)
        out[:, self.column] = self.raw(x)
        return out

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class LinearOutput:
    """``intercept + z · slopes`` of standardised, clipped features; for three classes (three
    intercepts) the softmax of it."""

    kind: ClassVar[str] = "linear"
    centre: tuple[float, ...]
    deviation: tuple[float, ...]
    slopes: tuple[tuple[float, ...], ...]
    intercept: tuple[float, ...]

    def raw(self, x: Floats32) -> Floats:
        """Return means (n), or probabilities (n × 3)."""
        z = standardised(x, np.asarray(self.centre), np.asarray(self.deviation))
        # Not by BLAS, whose rounding of a row depends on how many rows there are.
        out = np.empty((len(z), len(self.intercept)))
        for place, (slope, intercept) in enumerate(zip(self.slopes, self.intercept, strict=True)):
            out[:, place] = np.sum(z * np.asarray(slope), axis=1) + intercept
        if len(self.intercept) == 1:
            return np.asarray(out[:, 0])
        chance = np.exp(out - out.max(axis=1, keepdims=True))
        return np.asarray(chance / chance.sum(axis=1, keepdims=True))

    def leaning(self, x: Floats32) -> Floats:
        """Return slope times figure; of classes, the profit's less the loss barrier's (n × k)."""
        slope = np.asarray(self.slopes[-1])
        if len(self.slopes) > 1:
            slope = slope - np.asarray(self.slopes[0])
        z = standardised(x, np.asarray(self.centre), np.asarray(self.deviation))
        return np.asarray(z * slope)

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


def standardised(x: Floats32, centre: Floats, deviation: Floats) -> Floats:
    """Return the columns in standard deviations from their centre, clipped at :data:`EXTREME`."""
    wide = x.astype(np.float64, order="C")
    return np.clip((wide - centre) / deviation, -EXTREME, EXTREME)


def _scale(x: Floats32) -> tuple[Floats, Floats]:
    wide = x.astype(np.float64)
    deviation = wide.std(axis=0)
    # A constant column has rounding for a deviation, by which it would be blown up.
    flat = deviation <= 1e-9 * np.maximum(np.abs(wide).max(axis=0), 1.0)
    return wide.mean(axis=0), np.where(flat, 1.0, deviation)


def _used(window: Window) -> tuple[int, ...]:
    """Return the columns that are figures: a code has no slope."""
    return tuple(k for k, name in enumerate(window.names) if name not in window.categorical)


def _mean_head(raw: Floats, window: Window, split: Parts) -> Any:
    return fit_mean(
        (raw[split.tune], window.y[split.tune], window.weights[split.tune]),
        (raw[split.hold], window.y[split.hold], window.unique[split.hold]),
    )


def _ridges(
    window: Window, rows: Ints, columns: tuple[int, ...], penalties: Sequence[float]
) -> Iterator[LinearOutput]:
    """Yield the ridge regression on some rows of a window for each penalty."""
    x, w = window.x[rows][:, list(columns)], window.weights[rows]
    centre, deviation = _scale(x)
    z = standardised(x, centre, deviation)
    y = winsorised(window.y[rows], window.y[rows])
    total = float(w.sum())
    at, level = (w @ z) / total, float(w @ y) / total
    moments = ((z - at) * w[:, None]).T @ (z - at)
    product = ((z - at) * w[:, None]).T @ (y - level)
    for penalty in penalties:
        slope = np.linalg.solve(moments + penalty * total * np.eye(len(columns)), product)
        yield LinearOutput(
            _floats(centre), _floats(deviation), (_floats(slope),), (level - float(at @ slope),)
        )


@dataclass(frozen=True)
class LastValue:
    """What went up goes on, or with ``against`` comes back: the feature ``column`` (a past return)
    is the forecast.

    The first feature with ``return`` in its name where ``column`` is empty.
    """

    name: ClassVar[str] = "last_value"
    classes: ClassVar[bool] = False
    column: str = ""
    against: bool = False

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit the scale only.

        :raises ValueError: when there is no such feature.
        """
        split = parts(window, settings)
        found = self.reads(window)
        if not found:
            raise ValueError(
                f"the features hold no {self.column or 'past return'}, which the last value is "
                "read from; name one of them"
            )
        _, deviation = _scale(window.x[split.train][:, found[:1]])
        core = LastValueMean(0, float(deviation[0]) * (-1.0 if self.against else 1.0))
        raw = core.raw(window.x[:, found[:1]])
        return Fitted(core, _mean_head(raw, window, split), window.names, (found[0],))

    def reads(self, window: Window) -> tuple[int, ...]:
        """Return the columns that it may read, of which it takes the first; empty where the window
        has none."""
        return tuple(
            k
            for k, name in enumerate(window.names)
            if (name == self.column if self.column else "return" in name)
        )


@dataclass(frozen=True)
class Ridge:
    """Linear regression with a squared penalty, chosen on the purged tail."""

    name: ClassVar[str] = "linear"
    classes: ClassVar[bool] = False

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit on one window; see :class:`freqpilot.models.base.fitted.Model`."""
        split = parts(window, settings)
        columns = self._columns(window)
        core = self._best(window, split, columns)[1]
        raw = core.raw(window.x[:, list(columns)])
        return Fitted(core, _mean_head(raw, window, split), window.names, columns)

    def again(self, window: Window, fitted: Fitted, settings: LabelSettings, seed: int) -> Core:
        """Return the slopes of all rows, by the penalty that the tail chose: see
        :class:`freqpilot.models.ensemble.whole.Learner`."""
        penalty = self._best(window, parts(window, settings), fitted.columns)[0]
        rows = np.arange(len(window.y))
        return next(_ridges(window, rows, fitted.columns, (penalty,)))

    def _best(
        self, window: Window, split: Parts, columns: tuple[int, ...]
    ) -> tuple[float, LinearOutput]:
        """Return the penalty of least loss on the tail, and what the training part gives by it."""
        label = winsorised(window.y, window.y[split.train])[split.tune]
        x, weights = window.x[split.tune][:, list(columns)], window.weights[split.tune]
        tried = list(_ridges(window, split.train, columns, PENALTIES))
        losses = [float(weights @ (label - core.raw(x)) ** 2) for core in tried]
        best = int(np.argmin(losses))
        return PENALTIES[best], tried[best]

    def _columns(self, window: Window) -> tuple[int, ...]:
        return _used(window)


@dataclass(frozen=True)
class Autoregression(Ridge):
    """What the past returns say of the next one: :class:`Ridge` on the features with ``return`` in
    their names.

    Returns over several spans are a long autoregression of few parameters (F. Corsi, A Simple
    Approximate Long-Memory Model of Realized Volatility, 2009). ARIMA itself is fitted to one
    series; its moving-average part needs the errors of a series without gaps, which rows of
    features do not have.
    """

    name: ClassVar[str] = "autoregression"

    def reads(self, window: Window) -> tuple[int, ...]:
        """Return the columns of past returns; empty where the window has none."""
        return tuple(k for k in _used(window) if "return" in window.names[k])

    def _columns(self, window: Window) -> tuple[int, ...]:
        found = self.reads(window)
        if not found:
            raise ValueError(
                "the features hold no past return, which an autoregression is made of; "
                "choose another model"
            )
        return found


@dataclass(frozen=True)
class Logistic:
    """Multinomial logistic regression on triple-barrier classes, with a squared penalty."""

    name: ClassVar[str] = "logistic"
    classes: ClassVar[bool] = True
    penalty: float = 1e-2

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit on one window; see :class:`freqpilot.models.base.fitted.Model`."""
        split = parts(window, settings)
        columns, label = _used(window), window.y.astype(np.int64)
        x = window.x[:, list(columns)]
        centre, deviation = _scale(x[split.train])
        some = split.train[:: max(1, -(-len(split.train) // MOST_ROWS))]
        z = standardised(x[some], centre, deviation)
        slopes, intercept = _softmax(z, label[some] + 1, window.weights[some], self.penalty)
        core = LinearOutput(
            _floats(centre), _floats(deviation), tuple(map(_floats, slopes)), _floats(intercept)
        )
        head = classes_head(core.raw(x), label, window, split)
        return Fitted(core, head, window.names, columns)


def _softmax(z: Floats, place: Any, weights: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Return slopes (3 × k) and intercepts (3) of least weighted log loss, by L-BFGS."""
    from scipy.optimize import minimize

    wide = np.column_stack([z, np.ones(len(z))])
    share = weights / weights.sum()
    hit = np.eye(3)[place]

    def loss(flat: Floats) -> tuple[float, Floats]:
        slope = flat.reshape(3, -1)
        out = wide @ slope.T
        out -= out.max(axis=1, keepdims=True)
        chance = np.exp(out)
        total = chance.sum(axis=1, keepdims=True)
        chance /= total
        held = slope.copy()
        # The intercept keeps a small penalty too: a class that never comes has none to end at.
        held[:, -1] *= 1e-3
        value = -float(share @ (hit * (out - np.log(total))).sum(axis=1))
        slopes = ((chance - hit) * share[:, None]).T @ wide + penalty * held
        return value + 0.5 * penalty * float(np.sum(slope * held)), slopes.ravel()

    begin = np.zeros(3 * wide.shape[1])
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": 60})
    slope = np.asarray(found.x).reshape(3, -1)
    return slope[:, :-1], slope[:, -1]


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
