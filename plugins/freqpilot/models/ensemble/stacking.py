"""Several models as one: each has as much say as its forecasts were worth lately, out of sample.

Source: L. Breiman, Stacked Regressions, 1996 (out-of-fold forecasts, no negative weights). Folds
go forward in time and are purged, as M. López de Prado, Advances in Financial Machine Learning,
2018, section 7.4, asks of labels that overlap.
"""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from freqpilot.models.base.fitted import Core, Cores, Fitted, Model, core_from
from freqpilot.models.base.heads import conformal, fit_mean
from freqpilot.models.base.window import Parts, TooShort, Window, parts
from freqpilot.models.ensemble.whole import Learner
from freqpilot.models.linear import Autoregression, LastValue, Ridge
from freqpilot.models.trees.boosting import TreesRegressor, winsorised
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Floats, Floats32, Ints

FLAT = 0.43
"""A return of fewer volatilities than this is the class 0 of members that forecast classes: a third
of a normal distribution lies within."""
FOLDS = 3
OLDEST = 0.4
"""Share of the window's candles before the first fold."""
FAR = 3.0
"""Outcomes beyond this many volatilities add nothing to the scale of a stack."""
HALF_LIFE = 0.25
"""Share of the folded candles after which a forecast counts half in its model's score."""
LEAST_CHANCE = 1e-6
SEEN = 6_000
"""Rows, evenly spread, by which the deviation of a member's lean is told."""


@dataclass(frozen=True)
class Share:
    """A member that has a say: its core, the columns that it reads, whether it forecasts classes,
    and what its lean is multiplied by."""

    core: Core
    columns: tuple[int, ...]
    classes: bool
    factor: float


@dataclass(frozen=True)
class StackedMean:
    """The members that have a say; the sum of their leans, each times its factor, is the forward
    return in its volatility."""

    kind: ClassVar[str] = "stacked"
    members: tuple[Share, ...]

    def raw(self, x: Floats32) -> Floats:
        """Return means (n)."""
        out = np.zeros(len(x))
        for each in self.members:
            out += each.factor * leans(each.core, x[:, list(each.columns)], each.classes)
        return out

    def leaning(self, x: Floats32) -> Floats:
        """Return what each feature adds to the mean (n × k)."""
        out = np.zeros(x.shape)
        for each in self.members:
            columns = list(each.columns)
            out[:, columns] += each.factor * each.core.leaning(x[:, columns])
        return out

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold: of each member its core's kind, the core's content as text,
        columns, classes and factor."""
        return {
            "members": tuple(
                (
                    each.core.kind,
                    json.dumps(each.core.content(), sort_keys=True),
                    each.columns,
                    each.classes,
                    each.factor,
                )
                for each in self.members
            )
        }

    @classmethod
    def of_content(cls, values: Mapping[str, Any], cores: Cores) -> "StackedMean":
        """Return the core that :meth:`content` was of."""
        members = []
        for kind, text, columns, classes, factor in values["members"]:
            core = core_from({**json.loads(text), "kind": kind}, cores)
            members.append(Share(core, columns, classes, factor))
        return cls(tuple(members))


@dataclass(frozen=True)
class Stacked:
    """Several models, trained on one window; a member's say is its recent score.

    The score is the correlation of a member's forecasts with the outcome on the folds that it was
    not trained on, newer ones counting more; one below 0 has no say, and where none is above 0 the
    forecast is none. Members that forecast classes learn the return's sign beyond :data:`FLAT`.
    Those that can learn again from the whole window (:mod:`freqpilot.models.ensemble.whole`) do so
    at last: shares, scale and errors are from before. Trees read every feature here.

    ``params`` replace LightGBM's in the members that take them. It does not beat the baselines: see
    its door, ``FreqpilotStacked``, and ``docs/results.md``.
    """

    name: ClassVar[str] = "stacked"
    classes: ClassVar[bool] = False
    members: tuple[Model, ...] = (TreesRegressor(), Ridge())
    params: tuple[tuple[str, Any], ...] = ()

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit on one window; see :class:`freqpilot.models.base.fitted.Model`."""
        split = parts(window, settings)
        models = [self._made(each) for each in self.members if _readable(each, window)]
        shares = shares_of(models, window, split, settings, seed)
        members = []
        tail = np.concatenate([split.tune, split.hold])
        raw = np.zeros(len(tail))
        for model, share in zip(models, shares.of, strict=True):
            if share <= 0:
                continue
            fitted, deviation = _fitted(model, window, settings, seed)
            if not deviation:
                continue
            lean = leans(fitted.core, window.x[tail][:, list(fitted.columns)], model.classes)
            raw += share / deviation * lean
            core = fitted.core
            if isinstance(model, Learner):
                core = model.again(window, fitted, settings, seed)
                everything = np.arange(len(window.y))
                deviation = _deviation(core, window, everything, fitted.columns, False)
            if deviation > 0:
                factor = float(share / deviation)
                members.append(Share(core, fitted.columns, model.classes, factor))
        tune, hold = raw[: len(split.tune)], raw[len(split.tune) :]
        errors = (hold, window.y[split.hold], window.unique[split.hold])
        # The folds have scaled it, by more rows than the tail's first half, which is in the last.
        head = (
            conformal(1.0, errors)
            if shares.scaled
            else fit_mean((tune, window.y[split.tune], window.weights[split.tune]), errors)
        )
        columns = tuple(range(window.x.shape[1]))
        return Fitted(StackedMean(tuple(members)), head, window.names, columns)

    def _made(self, member: Model) -> Model:
        """Return a member with the parameters, reading every feature."""
        if not hasattr(member, "selected"):
            return member
        given: Any = member
        made: Model = replace(given, params=self.params, selected=False)
        return made


def _readable(model: Model, window: Window) -> bool:
    """Tell whether the window has the feature without which a model cannot be fitted."""
    return not isinstance(model, LastValue | Autoregression) or bool(model.reads(window))


class Shares(NamedTuple):
    """What each member's lean is multiplied by, and whether that gives the outcome's scale."""

    of: Floats
    scaled: bool


def shares_of(
    models: list[Model], window: Window, split: Parts, settings: LabelSettings, seed: int
) -> Shares:
    """Return what each member's lean, in its own deviations, is multiplied by: its share of all
    scores times the slope of the outcome on their sum, both on the folds alone. Equal parts of one
    deviation in all, not scaled, where the window is too short for a fold.

    The candles that calibrate the forecast (``split.hold``) are in no fold.
    """
    first, last = int(window.time[0]), int(window.time[split.tune[-1]])
    begin = first + round(OLDEST * (last + 1 - first))
    edges = np.linspace(begin, last + 1, FOLDS + 1).round().astype(np.int64)
    told: list[Floats] = []
    rows: list[Ints] = []
    for at, stop in itertools.pairwise(edges):
        known = (window.time < at - settings.purge) & (window.end < at)
        before = window.take(np.flatnonzero(known))
        fold = np.flatnonzero((window.time >= at + settings.embargo) & (window.time < stop))
        if not len(fold):
            continue
        try:
            earlier = replace(before, last=int(at) - 1)
            told.append(
                np.column_stack(
                    [_served(m, earlier, window.x[fold], settings, seed) for m in models]
                )
            )
        except TooShort:
            continue
        rows.append(fold)
    if not rows:
        return Shares(np.full(len(models), 1.0 / len(models)), scaled=False)
    fold, lean = np.concatenate(rows), np.concatenate(told)
    age = (last - window.time[fold]) / max(1, last + 1 - begin)
    weight = window.unique[fold] * 0.5 ** (age / HALF_LIFE)
    outcome = winsorised(window.y[fold], window.y[fold])
    score = np.array([max(0.0, _correlation(each, outcome, weight)) for each in lean.T])
    if score.sum() <= 0:
        return Shares(np.zeros(len(models)), scaled=True)
    share = score / score.sum()
    mixed = np.sum(lean * share, axis=1)
    outcome = np.clip(window.y[fold], -FAR, FAR)
    slope = float(np.sum(weight * mixed * outcome)) / max(float(np.sum(weight * mixed**2)), 1e-12)
    return Shares(np.asarray(share * max(slope, 0.0)), scaled=True)


def leans(core: Core, x: Floats32, classes: bool) -> Floats:
    """Return what a core expects of each row: its mean, or of classes the log-odds of a rise
    against a fall, which its features add up to."""
    raw = core.raw(x)
    if not classes:
        return raw
    chance = np.maximum(raw, LEAST_CHANCE)
    return np.asarray(np.log(chance[:, 2]) - np.log(chance[:, 0]))


def _fitted(
    model: Model, window: Window, settings: LabelSettings, seed: int
) -> tuple[Fitted, float]:
    """Return a member and the deviation of its lean on the part it was trained on."""
    y = window.y
    if model.classes:
        y = np.where(np.abs(y) > FLAT, np.sign(y), 0.0)
    fitted = model.fit(replace(window, y=y), settings, seed)
    train = parts(window, settings).train
    return fitted, _deviation(fitted.core, window, train, fitted.columns, model.classes)


def _deviation(
    core: Core, window: Window, rows: Ints, columns: tuple[int, ...], classes: bool
) -> float:
    """Return the deviation of a core's lean on some rows, as seen on :data:`SEEN` of them."""
    seen = rows[:: max(1, len(rows) // SEEN)]
    deviation = float(leans(core, window.x[seen][:, list(columns)], classes).std())
    return deviation if deviation > 1e-9 else 0.0


def _served(
    model: Model, window: Window, x: Floats32, settings: LabelSettings, seed: int
) -> Floats:
    """Return the lean of a member trained on ``window`` at other rows, in its deviations."""
    fitted, deviation = _fitted(model, window, settings, seed)
    if not deviation:
        return np.zeros(len(x))
    return leans(fitted.core, x[:, list(fitted.columns)], model.classes) / deviation


def _correlation(x: Floats, y: Floats, weight: Floats) -> float:
    share = weight / weight.sum()
    a, b = x - np.sum(share * x), y - np.sum(share * y)
    power = float(np.sum(share * a * a) * np.sum(share * b * b))
    return float(np.sum(share * a * b)) / np.sqrt(power) if power > 1e-18 else 0.0
