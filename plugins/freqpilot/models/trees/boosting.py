"""Gradient-boosted trees by LightGBM as models of the common interface."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from freqpilot.models.base.fitted import Core, Fitted
from freqpilot.models.base.heads import fit_classes, fit_mean
from freqpilot.models.base.window import Parts, Window, parts, some
from freqpilot.models.trees import binned, classifier
from freqpilot.models.trees.selection import select
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Floats, Floats32, Ints

REGRESSION: Mapping[str, Any] = {
    **{key: value for key, value in classifier.DEFAULTS.items() if key != "num_class"},
    "objective": "regression",
    "metric": "l2",
    "extra_trees": True,
    "num_leaves": 31,
}


FAR = 1.5
"""Volatilities from the middle beyond which a label counts as this."""


def winsorised(label: Floats, among: Floats) -> Floats:
    """Return labels to train on: from the median of ``among``, the training part's, and clipped at
    :data:`FAR`; what is measured on them is not.

    A squared loss follows a few crashes, and the window's drift is no forecast. Ranks instead of
    returns order the outcomes as well and earn less: they count a large move like a small one.
    """
    return np.clip(label - np.median(among), -FAR, FAR)


@dataclass(frozen=True)
class TreesMean:
    """LightGBM's text, or one figure where the labels were all alike (empty text)."""

    kind: ClassVar[str] = "trees_mean"
    text: str
    constant: float = 0.0

    def raw(self, x: Floats32) -> Floats:
        """Return means (n)."""
        if not self.text:
            return np.full(len(x), self.constant)
        from lightgbm import Booster

        return np.asarray(Booster(model_str=self.text).predict(x, num_threads=1), np.float64)

    def leaning(self, x: Floats32) -> Floats:
        """Return each feature's Shapley value by TreeSHAP, in volatilities (n × k)."""
        if not self.text:
            return np.zeros(x.shape)
        from lightgbm import Booster

        given = Booster(model_str=self.text).predict(x, num_threads=1, pred_contrib=True)
        return np.asarray(given, np.float64)[:, :-1]

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class TreesClasses:
    """:class:`freqpilot.models.trees.classifier.FittedTrees` as a core."""

    kind: ClassVar[str] = "trees_classes"
    features: int
    text: str = ""
    constant: tuple[float, ...] = ()

    def raw(self, x: Floats32) -> Floats:
        """Return probabilities (n × 3)."""
        return classifier.FittedTrees(self.features, self.text, self.constant).predict_proba(x)

    def leaning(self, x: Floats32) -> Floats:
        """Return Shapley values in log-odds; see :meth:`trees.FittedTrees.leaning`."""
        return classifier.FittedTrees(self.features, self.text, self.constant).leaning(x)

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class TreesRegressor:
    """LightGBM on the forward return in its volatility, stopped early on the purged tail.

    ``params`` replace LightGBM's defaults here; ``selected`` leaves out features that gain no more
    than their shifted copies. It does not beat the baselines: see ``docs/results.md``.
    """

    name: ClassVar[str] = "trees_regressor"
    classes: ClassVar[bool] = False
    params: tuple[tuple[str, Any], ...] = ()
    selected: bool = True

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit on one window; see :class:`freqpilot.models.base.fitted.Model`."""
        split = parts(window, settings)
        columns = _columns(window, split, self.selected, seed)
        core = self._core(window, split, columns, seed)
        tune, hold = (
            core.raw(_of(some(window.x, rows), columns)) for rows in (split.tune, split.hold)
        )
        head = fit_mean(
            (tune, window.y[split.tune], window.weights[split.tune]),
            (hold, window.y[split.hold], window.unique[split.hold]),
        )
        return Fitted(core, head, window.names, columns)

    def again(self, window: Window, fitted: Fitted, settings: LabelSettings, seed: int) -> Core:
        """Return the trees grown on all rows, as many as ``fitted`` has: see
        :class:`freqpilot.models.ensemble.whole.Learner`."""
        core = fitted.core
        if not isinstance(core, TreesMean) or not core.text:
            return core
        import lightgbm

        rows = np.arange(len(window.y))
        known = {**self._parameters(len(rows), seed), "metric": "none"}
        known.pop("n_estimators", None)
        data = self._dataset(window, rows, winsorised(window.y, window.y), fitted.columns)
        booster = lightgbm.train(known, data, max(1, core.text.count("Tree=")))
        return TreesMean(booster.model_to_string())

    def _parameters(self, rows: int, seed: int) -> dict[str, Any]:
        leaf = classifier.smallest_leaf(rows)
        return {**REGRESSION, "seed": seed, "min_data_in_leaf": leaf, **dict(self.params)}

    def _dataset(
        self,
        window: Window,
        rows: Ints,
        label: Floats,
        columns: tuple[int, ...],
        reference: Any = None,
    ) -> Any:
        table = binned.Table(window.x, rows, np.array(columns, dtype=np.int64))
        coded = _coded(window, columns)
        return binned.dataset(table, label[rows], window.weights[rows], coded, reference)

    def _core(self, window: Window, split: Parts, columns: tuple[int, ...], seed: int) -> TreesMean:
        train, tune = split.train, split.tune
        if len(np.unique(window.y[train])) < 2:
            return TreesMean("", float(window.y[train[0]]))
        label = winsorised(window.y, window.y[train])
        import lightgbm

        settings = self._parameters(len(train), seed)
        rounds = int(settings.pop("n_estimators", classifier.ROUNDS))
        first = self._dataset(window, train, label, columns)
        second = self._dataset(window, tune, label, columns, first)
        stop = lightgbm.early_stopping(classifier.PATIENCE, verbose=False)
        booster = lightgbm.train(settings, first, rounds, valid_sets=[second], callbacks=[stop])
        return TreesMean(booster.model_to_string(num_iteration=booster.best_iteration))


@dataclass(frozen=True)
class TreesClassifier:
    """LightGBM on triple-barrier classes, with calibrated probabilities; fields as those of
    :class:`TreesRegressor`. It does not beat the baselines: see ``docs/results.md``."""

    name: ClassVar[str] = "trees_classifier"
    classes: ClassVar[bool] = True
    params: tuple[tuple[str, Any], ...] = ()
    selected: bool = True

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit on one window; see :class:`freqpilot.models.base.fitted.Model`."""
        split = parts(window, settings)
        columns = _columns(window, split, self.selected, seed)
        x, label = _of(window.x, columns), window.y.astype(np.int64)
        train, tune = split.train, split.tune
        found = classifier.fit(
            some(x, train), label[train], window.weights[train],
            some(x, tune), label[tune], window.weights[tune],
            seed=seed, params=dict(self.params), categorical=_coded(window, columns),
        )  # fmt: skip
        core = TreesClasses(found.features, found.text, found.constant)
        return Fitted(core, classes_head(core.raw(x), label, window, split), window.names, columns)


def classes_head(raw: Floats, label: Ints, window: Window, split: Parts) -> Any:
    """Return the head of raw probabilities of all rows of ``window``."""
    place = label + 1
    tune, hold = split.tune, split.hold
    return fit_classes(
        (raw[tune], place[tune], window.weights[tune]),
        (raw[hold], place[hold], window.unique[hold]),
    )


def _of(x: Floats32, columns: tuple[int, ...]) -> Floats32:
    """Return some columns, without a copy where they are all."""
    return x if columns == tuple(range(x.shape[1])) else x[:, list(columns)]


def _coded(window: Window, columns: tuple[int, ...]) -> list[int]:
    """Return the places among ``columns`` of those that hold codes."""
    return [columns.index(window.names.index(name)) for name in window.categorical]


def _columns(window: Window, split: Parts, selected: bool, seed: int) -> tuple[int, ...]:
    if not selected:
        return tuple(range(window.x.shape[1]))
    return select(window, seed, split.train)
