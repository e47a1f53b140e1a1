"""The lean dataset: LightGBM's trees come out alike, bit by bit."""

import weakref
from typing import Any

import lightgbm
import numpy as np
import pytest

from freqpilot.models.base.window import some
from freqpilot.models.trees import binned
from freqpilot.models.trees.boosting import REGRESSION
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
    table = binned.Table(x, np.arange(ROWS), np.arange(x.shape[1]))
    values, places = binned.sampled(table, np.arange(ROWS, dtype=np.int32))
    assert len({id(column.base) for column in values}) == 1
    assert len({id(place) for place in places}) == 1
    np.testing.assert_array_equal(np.stack(values).T, x)


def test_neighbouring_rows_are_no_copy() -> None:
    x = figures("dense")
    assert np.shares_memory(some(x, np.arange(3, 9)), x)
    np.testing.assert_array_equal(some(x, np.arange(3, 9)), x[3:9])
    np.testing.assert_array_equal(some(x, np.array([1, 2, 4])), x[[1, 2, 4]])
    assert some(x, np.array([], dtype=np.int64)).shape == (0, 24)


@pytest.mark.parametrize("beside", [False, True])
def test_a_table_is_the_matrix_that_would_be_copied(beside: bool) -> None:
    x = figures("sparse")
    rows, columns = np.arange(2, ROWS, 3), np.array([1, 4, 5, 11])
    other = (rows * 7) % ROWS
    table = binned.Table(x, rows, columns, other if beside else None)
    parts = [x[rows][:, columns], *([x[other][:, columns]] if beside else [])]
    wanted = np.concatenate(parts, axis=1)
    assert table.shape == wanted.shape
    np.testing.assert_array_equal(table.block(slice(None)), wanted)
    np.testing.assert_array_equal(table.block(slice(5, 9)), wanted[5:9])
    for number in range(wanted.shape[1]):
        np.testing.assert_array_equal(table.column(number), wanted[:, number])


@pytest.mark.parametrize("few", [0, 10**9])
def test_trees_of_a_table_are_those_of_the_matrix(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binned, "FEW", few)
    x = figures("sparse")
    rows, columns = np.arange(0, TRAIN), np.arange(3, 20)
    table = binned.Table(x, rows, columns, rows[::-1])
    y, weights = x[rows, 4] + x[rows[::-1], 8].astype(np.float64), np.ones(TRAIN)
    settings = {**REGRESSION, "seed": 2, "min_data_in_leaf": 20}
    made = [
        lightgbm.train(settings, binned.dataset(given, y, weights), 8).model_to_string()
        for given in (table, table.block(slice(None)))
    ]
    assert made[0] == made[1]
    assert "split_feature=" in made[0]


def test_the_sample_is_gone_before_the_rows_are_binned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binned, "FEW", 0)
    kept: list[weakref.ref[object]] = []
    lean = binned.sampled

    def seen(table: binned.Table, rows: Any) -> binned.Columns:
        values, places = lean(table, rows)
        kept.extend(weakref.ref(value) for value in values)
        return values, places

    held = []
    block = binned.Table.block
    monkeypatch.setattr(binned, "sampled", seen)
    monkeypatch.setattr(
        binned.Table,
        "block",
        lambda table, at: held.append(any(one() is not None for one in kept)) or block(table, at),
    )
    x = np.delete(figures("dense"), 5, axis=1)
    binned.dataset(x, x[:, 0].astype(np.float64), np.ones(ROWS)).construct()
    assert len(kept) == 23
    assert held == [False] * len(held)
    assert len(held) == -(-ROWS // binned.BATCH)
