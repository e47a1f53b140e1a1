"""The lean dataset: LightGBM's trees come out alike, bit by bit."""

import lightgbm
import numpy as np
import pytest

from freqpilot.models import binned
from freqpilot.models.boosting import REGRESSION
from freqpilot.models.window import some
from freqpilot.shapes import Floats32

ROWS, TRAIN = 900, 600


def figures(kind: str) -> Floats32:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((ROWS, 24)).astype(np.float32)
    if kind == "constant":
        x[:, 3], x[:, 6:9] = 0.0, 7.0
    if kind == "sparse":
        x[:, 8:20] = np.where(rng.random((ROWS, 12)) < 0.04, x[:, 8:20], 0)
    if kind != "missing":
        x[:, 5] = rng.integers(0, 6, ROWS)
    if kind == "missing":
        x[:, 4:7] = 7.0
        x[rng.random(x.shape) < 0.02] = np.nan
    return x


def text(x: Floats32, few: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(binned, "FEW", few)
    rng = np.random.default_rng(6)
    y, weights = np.nan_to_num(x[:, 0]) + rng.standard_normal(len(x)), rng.random(len(x))
    codes = [] if np.isnan(x).any() else [5]
    first = binned.dataset(x[:TRAIN], y[:TRAIN], weights[:TRAIN], codes)
    second = binned.dataset(x[TRAIN:], y[TRAIN:], weights[TRAIN:], reference=first)
    settings = {**REGRESSION, "seed": 2, "min_data_in_leaf": 20}
    return str(lightgbm.train(settings, first, 12, valid_sets=[second]).model_to_string())


@pytest.mark.parametrize("kind", ["dense", "constant", "sparse", "missing"])
def test_the_trees_are_those_of_lightgbms_own_way(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = figures(kind)
    assert text(x, 0, monkeypatch) == text(x, x.size, monkeypatch)


def test_more_rows_than_lightgbm_looks_at_are_drawn_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binned, "FEW", 0)
    for rows, lean in ((binned.MOST_ROWS, True), (binned.MOST_ROWS + 1, False)):
        x = np.zeros((rows, 1), np.float32)
        found = binned.dataset(x, np.zeros(rows), np.ones(rows))
        assert (type(found) is not lightgbm.Dataset) is lean


def test_lightgbm_takes_the_lean_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    lean = binned.sampled
    monkeypatch.setattr(binned, "sampled", lambda *given: asked.append(1) or lean(*given))
    text(figures("dense"), 0, monkeypatch)
    assert asked, "LightGBM samples by itself, with several times the memory"


def test_a_dense_sample_is_one_block() -> None:
    x = np.delete(figures("dense"), 5, axis=1)
    values, places = binned.sampled(x, np.arange(ROWS, dtype=np.int32))
    assert len({id(column.base) for column in values}) == 1
    assert len({id(place) for place in places}) == 1
    np.testing.assert_array_equal(np.stack(values).T, x)


def test_neighbouring_rows_are_no_copy() -> None:
    x = figures("dense")
    assert np.shares_memory(some(x, np.arange(3, 9)), x)
    np.testing.assert_array_equal(some(x, np.arange(3, 9)), x[3:9])
    np.testing.assert_array_equal(some(x, np.array([1, 2, 4])), x[[1, 2, 4]])
    assert some(x, np.array([], dtype=np.int64)).shape == (0, 24)
