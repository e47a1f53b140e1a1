"""The contract of every fitted model: same seed same model, safe files, NaN in gives NaN out."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from freqpilot.errors import Degraded
from freqpilot.models.trees.classifier import CLASSES, FittedTrees, fit


def planted(seed: int = 1, rows: int = 1_500) -> tuple[np.ndarray, np.ndarray]:
    """Return features of which the first decides the class, and the classes."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 5)).astype(np.float32)
    noise = rng.standard_normal(rows) * 0.3
    y = np.digitize(x[:, 0] + noise, [-0.5, 0.5]) - 1
    return x, y.astype(np.int64)


def trained(seed: int = 7, **params: object) -> FittedTrees:
    x, y = planted()
    weights = np.ones(len(y))
    return fit(
        x[:1000], y[:1000], weights[:1000], x[1000:], y[1000:], weights[1000:],
        seed=seed, params=params,
    )  # fmt: skip


def test_it_finds_a_planted_signal() -> None:
    x, y = planted(seed=2)
    probabilities = trained().predict_proba(x)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    guessed = np.array(CLASSES)[probabilities.argmax(axis=1)]
    assert (guessed == y).mean() > 0.7


def test_the_same_seed_gives_the_same_model() -> None:
    assert trained().text == trained().text
    assert trained(seed=8).text != trained().text


def test_a_row_with_a_nan_has_no_prediction_and_leaves_the_others_alone() -> None:
    x, _ = planted()
    model = trained()
    clean = model.predict_proba(x[:4])
    x[1, 3] = np.nan
    dirty = model.predict_proba(x[:4])
    assert np.isnan(dirty[1]).all()
    np.testing.assert_array_equal(np.delete(dirty, 1, 0), np.delete(clean, 1, 0))


def test_saved_and_pickled_models_predict_the_same(tmp_path: Path) -> None:
    x, _ = planted()
    model = trained()
    model.save(tmp_path / "model.json")
    for other in (FittedTrees.load(tmp_path / "model.json"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict_proba(x), model.predict_proba(x))


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "not json"])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "model.json"
    trained().save(file)
    text = file.read_text()
    damaged = {
        "truncate": text[: len(text) // 2],
        "flip": text.replace("num_leaves", "num_leavez", 1),
        "not json": "tree",
        "delete": None,
    }[damage]
    if damaged is None:
        file.unlink()
    else:
        file.write_text(damaged)
    with pytest.raises(Degraded, match=r"corrupt or missing.*until it is trained anew"):
        FittedTrees.load(file)
    assert damaged is None or file.read_text() == damaged


def test_one_class_gives_constant_probabilities() -> None:
    x, y = planted()
    model = fit(x, np.zeros_like(y), np.ones(len(y)), x, y, np.ones(len(y)), seed=1)
    np.testing.assert_array_equal(model.predict_proba(x[:3]), [[0, 1, 0]] * 3)


def test_a_tiny_window_and_constant_features_still_give_probabilities() -> None:
    x, y = planted(rows=12)
    x[:] = 1.0
    model = fit(x, y, np.ones(12), x, y, np.ones(12), seed=1)
    np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="knows 5 features"):
        trained().predict_proba(np.zeros((1, 4), np.float32))
    empty = np.empty((0, 5), np.float32)
    with pytest.raises(ValueError, match="no row to train on"):
        fit(
            empty,
            np.empty(0, np.int64),
            np.empty(0),
            empty,
            np.empty(0, np.int64),
            np.empty(0),
            seed=1,
        )


def test_the_file_holds_no_code(tmp_path: Path) -> None:
    trained().save(tmp_path / "model.json")
    assert set(json.loads((tmp_path / "model.json").read_text())) == {"digest", "content"}


def test_the_leaning_is_the_difference_of_the_two_barriers_margins() -> None:
    from lightgbm import Booster

    model = trained()
    x, _ = planted(seed=3, rows=50)
    leaning = model.leaning(x)
    booster = Booster(model_str=model.text)
    raw = np.asarray(booster.predict(x, raw_score=True))
    lean = raw[:, CLASSES.index(1)] - raw[:, CLASSES.index(-1)]
    # The features explain what differs from row to row; the expected value is the same for all.
    np.testing.assert_allclose(leaning.sum(axis=1) - leaning[0].sum(), lean - lean[0], atol=1e-9)
    assert np.abs(leaning).mean(axis=0).argmax() == 0, "the planted feature leads"
    assert (np.sign(leaning[:, 0]) == np.sign(x[:, 0]))[np.abs(x[:, 0]) > 1].all()


def test_a_row_with_a_nan_has_no_leaning_and_a_constant_model_none_to_give() -> None:
    x = np.zeros((2, 5), np.float32)
    x[1, 2] = np.nan
    leaning = trained().leaning(x)
    assert np.isfinite(leaning[0]).all()
    assert np.isnan(leaning[1]).all()
    assert (FittedTrees(5, constant=(0, 1, 0)).leaning(x)[0] == 0).all()
    with pytest.raises(ValueError, match="knows 5 features"):
        trained().leaning(x[:, :4])
