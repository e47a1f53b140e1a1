"""Gradient-boosted trees on triple-barrier classes, by LightGBM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqpilot.models.base import artefact
from freqpilot.models.trees import binned
from freqpilot.shapes import Floats, Floats32, Ints

CLASSES = (-1, 0, 1)
"""Order of the probability columns: loss barrier, neither, profit barrier."""

DEFAULTS: Mapping[str, Any] = {
    "objective": "multiclass",
    "num_class": len(CLASSES),
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
ROUNDS = 200
PATIENCE = 20


def smallest_leaf(rows: int) -> int:
    """Return how many rows a leaf holds at least: more where there are more, as neighbours in time
    and pairs of one market say much the same."""
    return max(int(DEFAULTS["min_data_in_leaf"]), rows // 200)


@dataclass(frozen=True)
class FittedTrees:
    """A fitted model as LightGBM's text (``text``), or constant probabilities where a window knew
    one class only (``constant``). It holds no state and pickles as that text."""

    features: int
    text: str = ""
    constant: tuple[float, ...] = ()

    def predict_proba(self, x: Floats32) -> Floats:
        """Return probabilities (n × 3) in the order of :data:`CLASSES`; NaN for a row that holds
        one.

        :raises ValueError: when ``x`` has another number of columns than the training data.
        """
        self._check_width(x)
        out = np.full((x.shape[0], len(CLASSES)), np.nan)
        whole = np.isfinite(x).all(axis=1)
        if self.constant:
            out[whole] = self.constant
        elif whole.any():
            from lightgbm import Booster

            out[whole] = Booster(model_str=self.text).predict(x[whole], num_threads=1)
        return out

    def leaning(self, x: Floats32) -> Floats:
        """Return what each feature adds to the lean towards a rise (n × k), in log-odds of the
        profit against the loss barrier: the difference of the two classes' Shapley values by
        TreeSHAP (Lundberg et al. 2018). NaN for a row that holds one, 0 for a constant model.

        :raises ValueError: when ``x`` has another number of columns than the training data.
        """
        self._check_width(x)
        out = np.full(x.shape, np.nan)
        whole = np.isfinite(x).all(axis=1)
        if self.constant:
            out[whole] = 0.0
        elif whole.any():
            from lightgbm import Booster

            booster = Booster(model_str=self.text)
            given = booster.predict(x[whole], num_threads=1, pred_contrib=True)
            # One block a class, each with its expected value behind the features.
            by_class = np.asarray(given).reshape(-1, len(CLASSES), self.features + 1)[..., :-1]
            out[whole] = by_class[:, CLASSES.index(1)] - by_class[:, CLASSES.index(-1)]
        return out

    def _check_width(self, x: Floats32) -> None:
        if x.ndim != 2 or x.shape[1] != self.features:
            raise ValueError(f"the model knows {self.features} features, not {x.shape[1:]}")

    def save(self, path: Path) -> None:
        """Write the model as JSON with a digest of its content."""
        content = {"features": self.features, "text": self.text, "constant": self.constant}
        artefact.write(path, content)

    @classmethod
    def load(cls, path: Path) -> "FittedTrees":
        """Read a model.

        :raises Degraded: when the file is missing, is none, or was changed.
        """
        content = artefact.read(path)
        try:
            return cls(content["features"], content["text"], tuple(content["constant"]))
        except (KeyError, TypeError) as error:
            raise artefact.corrupt(path, error) from None


def fit(
    x: Floats32,
    y: Ints,
    weights: Floats,
    x_valid: Floats32,
    y_valid: Ints,
    weights_valid: Floats,
    *,
    seed: int,
    params: Mapping[str, Any] | None = None,
    categorical: Sequence[int] = (),
) -> FittedTrees:
    """Fit on the training part, stopping early on the validation part.

    :param x: features (n × k), no NaN; ``y`` classes of :data:`CLASSES`; ``weights`` of the rows.
    :param params: LightGBM parameters that replace :data:`DEFAULTS`; ``n_estimators`` is the
        number of rounds at most.
    :param categorical: numbers of the columns that hold codes, not figures.
    :raises ValueError: when there is no row to train or to validate on, or a class is unknown.
    """
    _check(y, "train", "training")
    _check(y_valid, "validate", "validation")
    classes = np.unique(y)
    if len(classes) == 1:
        constant = tuple(float(code == classes[0]) for code in CLASSES)
        return FittedTrees(x.shape[1], constant=constant)
    import lightgbm

    settings = {**DEFAULTS, "seed": seed, **(params or {})}
    rounds = int(settings.pop("n_estimators", ROUNDS))
    train = binned.dataset(x, _codes(y), weights, categorical)
    valid = binned.dataset(x_valid, _codes(y_valid), weights_valid, reference=train)
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    booster = lightgbm.train(settings, train, rounds, valid_sets=[valid], callbacks=[stop])
    return FittedTrees(x.shape[1], booster.model_to_string(num_iteration=booster.best_iteration))


def _check(y: Ints, act: str, part: str) -> None:
    if not len(y):
        raise ValueError(f"there is no row to {act} on")
    if unknown := sorted({int(code) for code in np.unique(y)} - set(CLASSES)):
        raise ValueError(
            f"the {part} classes {', '.join(map(str, unknown))} are none of "
            f"{', '.join(map(str, CLASSES))}"
        )


def _codes(y: Ints) -> NDArray[np.int64]:
    """Map −1, 0, 1 to LightGBM's 0, 1, 2."""
    return np.asarray(y, dtype=np.int64) + 1
