"""Gradient-boosted trees by XGBoost, as a second opinion beside LightGBM's."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from freqpilot.models.base.fitted import Fitted
from freqpilot.models.base.heads import fit_mean
from freqpilot.models.base.window import Parts, Window, parts
from freqpilot.models.trees.boosting import winsorised
from freqpilot.models.trees.classifier import PATIENCE, ROUNDS
from freqpilot.models.trees.selection import select
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Floats, Floats32

DEFAULTS: Mapping[str, Any] = {
    "objective": "reg:squarederror",
    "eta": 0.05,
    "max_depth": 4,
    "min_child_weight": 50.0,
    "colsample_bynode": 0.7,
    "subsample": 0.7,
    "lambda": 5.0,
    "max_bin": 63,
    "tree_method": "hist",
    "nthread": 1,
    "verbosity": 0,
}
"""As LightGBM's where there is a like: trees of at most 16 leaves."""


@dataclass(frozen=True)
class XGBoostMean:
    """XGBoost's own JSON, or one figure where the labels were all alike (empty text)."""

    kind: ClassVar[str] = "xgboost_mean"
    text: str
    constant: float = 0.0

    def raw(self, x: Floats32) -> Floats:
        """Return means (n)."""
        if not self.text:
            return np.full(len(x), self.constant)
        return np.asarray(self._booster().inplace_predict(np.ascontiguousarray(x)), np.float64)

    def leaning(self, x: Floats32) -> Floats:
        """Return each feature's Shapley value by TreeSHAP, in volatilities (n × k)."""
        if not self.text:
            return np.zeros(x.shape)
        from xgboost import DMatrix

        given = self._booster().predict(DMatrix(x), pred_contribs=True)
        return np.asarray(given, np.float64)[:, :-1]

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    def _booster(self) -> Any:
        from xgboost import Booster

        made = Booster({"nthread": 1})
        made.load_model(bytearray(self.text.encode()))
        return made


@dataclass(frozen=True)
class XGBoostRegressor:
    """XGBoost on the forward return in its volatility, stopped early on the purged tail; fields as
    those of :class:`freqpilot.models.trees.boosting.TreesRegressor`. Codes count as figures."""

    name: ClassVar[str] = "xgboost_regressor"
    classes: ClassVar[bool] = False
    params: tuple[tuple[str, Any], ...] = ()
    selected: bool = True

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit on one window; see :class:`freqpilot.models.base.fitted.Model`."""
        split = parts(window, settings)
        columns = tuple(range(window.x.shape[1]))
        if self.selected:
            columns = select(window.take(split.train), seed)
        core = self._core(window, split, columns, seed)
        raw = core.raw(window.x[:, list(columns)])
        head = fit_mean(
            (raw[split.tune], window.y[split.tune], window.weights[split.tune]),
            (raw[split.hold], window.y[split.hold], window.unique[split.hold]),
        )
        return Fitted(core, head, window.names, columns)

    def _core(
        self, window: Window, split: Parts, columns: tuple[int, ...], seed: int
    ) -> XGBoostMean:
        if len(np.unique(window.y[split.train])) < 2:
            return XGBoostMean("", float(window.y[split.train[0]]))
        label = winsorised(window.y, window.y[split.train])
        from xgboost import DMatrix, QuantileDMatrix, train

        settings = {**DEFAULTS, "seed": seed, **dict(self.params)}
        rounds = int(settings.pop("n_estimators", ROUNDS))
        x = window.x[:, list(columns)]
        first = QuantileDMatrix(
            x[split.train],
            label[split.train],
            weight=window.weights[split.train],
            max_bin=int(settings["max_bin"]),
            nthread=1,
        )
        second = DMatrix(x[split.tune], label[split.tune], weight=window.weights[split.tune])
        booster = train(
            settings,
            first,
            rounds,
            evals=[(second, "tune")],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        best = booster[: booster.best_iteration + 1]
        return XGBoostMean(best.save_raw("json").decode())
