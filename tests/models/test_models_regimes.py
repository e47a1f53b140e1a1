"""The fit finds what made the candles, says so when it cannot, and its files are checked."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from freqpilot.errors import Degraded
from freqpilot.models import regimes
from freqpilot.models.regimes import RegimeModel, fit
from freqpilot.shapes import Floats

MEANS = np.array([[0.0, 2.0], [-1.5, -1.0], [2.5, 0.0]])
SPREAD = np.array([[[0.3, 0.1], [0.1, 0.4]], [[0.5, -0.2], [-0.2, 0.3]], [[0.2, 0.0], [0.0, 0.6]]])
MOVES = np.array([[0.96, 0.03, 0.01], [0.02, 0.95, 0.03], [0.04, 0.04, 0.92]])


def planted(seed: int, length: int) -> tuple[Floats, Floats, Floats]:
    """Return figures of a known chain, a blurred opinion of its states, and the states."""
    rng = np.random.default_rng(seed)
    states = np.zeros(length, dtype=np.int64)
    for row in range(1, length):
        states[row] = rng.choice(3, p=MOVES[states[row - 1]])
    roots = np.linalg.cholesky(SPREAD)
    x = MEANS[states] + np.einsum("nij,nj->ni", roots[states], rng.standard_normal((length, 2)))
    distance = ((x[:, None] - (MEANS + 0.3)) ** 2).sum(axis=2)
    said = np.exp(-distance)
    return x, said / said.sum(axis=1, keepdims=True), states


def found(seeds: tuple[int, ...] = (1, 2, 3), length: int = 2_500) -> RegimeModel:
    parts = [planted(seed, length) for seed in seeds]
    return fit(
        [x for x, _, _ in parts],
        [said for _, said, _ in parts],
        ("a", "b"),
        timeframe=60,
        fitted_from=0,
        fitted_until=10**18,
        pairs=("BTC/USDT",),
    )


def test_planted_states_are_found_again() -> None:
    model = found()
    np.testing.assert_allclose(model.means * model.scale + model.center, MEANS, atol=0.15)
    np.testing.assert_allclose(model.transition, MOVES, atol=0.02)
    scaled = model.covariances * np.outer(model.scale, model.scale)
    np.testing.assert_allclose(scaled, SPREAD, atol=0.12)
    np.testing.assert_allclose(model.stationary @ model.transition, model.stationary, atol=1e-9)
    assert model.rows == 7_500


def test_the_order_of_the_pairs_does_not_matter() -> None:
    one, other = found((1, 2, 3)), found((3, 1, 2))
    np.testing.assert_allclose(one.means, other.means, atol=1e-6)
    np.testing.assert_allclose(one.transition, other.transition, atol=1e-6)


def test_a_rare_state_is_found() -> None:
    rng = np.random.default_rng(5)
    ordinary, rare = rng.standard_normal((4_900, 2)), rng.standard_normal((100, 2)) * 2 - 2.5
    x = np.concatenate([ordinary[:2_500], rare, ordinary[2_500:]])
    far = 1 / (1 + np.exp(2 * (x.sum(axis=1) + 4)))
    said = np.column_stack([1 - far, far])
    model = fit([x], [said], ("a", "b"), timeframe=60, fitted_from=0, fitted_until=1)
    assert (model.means[1] * model.scale + model.center).sum() < -4


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda x: x[:500], "500 rows are too few"),
        (lambda x: np.where(np.arange(len(x))[:, None] == 7, np.nan, x), "a figure is missing"),
        (lambda x: x * [1.0, 0.0], "never changes"),
    ],
)
def test_what_cannot_be_fitted_is_said(broken: Callable[[Floats], Floats], words: str) -> None:
    x, said, _ = planted(1, 2_500)
    x = broken(x)
    with pytest.raises(Degraded, match=words):
        fit([x], [said[: len(x)]], ("a", "b"), timeframe=60, fitted_from=0, fitted_until=1)


def test_a_fit_that_does_not_settle_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regimes, "STEPS", 1)
    with pytest.raises(Degraded, match="has not settled in 1 steps"):
        found((1,))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "deep" / "60m.json"
    found((1,)).save(path)
    return path


def test_a_model_is_read_as_it_was_written(file: Path) -> None:
    model, again = found((1,)), RegimeModel.load(file)
    for name in ("center", "scale", "means", "covariances", "transition"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    plain = ("names", "inputs", "timeframe", "fitted_until", "rows", "pairs", "data", "versions")
    assert all(getattr(again, name) == getattr(model, name) for name in plain)
    assert set(model.versions) == {"hmmlearn", "numpy", "freqpilot"}
    assert [each.name for each in file.parent.iterdir()] == ["60m.json"]


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_half_a_file_is_refused(file: Path, tmp_path: Path, cut: int) -> None:
    part = tmp_path / "part.json"
    part.write_text(file.read_text()[:cut])
    with pytest.raises(
        Degraded, match=r"part\.json is corrupt or missing .* freqpilot regimes fit"
    ):
        RegimeModel.load(part)


def test_a_changed_file_is_refused(file: Path, tmp_path: Path) -> None:
    document: dict[str, Any] = json.loads(file.read_text())
    document["content"] = document["content"].replace('"timeframe": 60', '"timeframe": 15')
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(document))
    with pytest.raises(Degraded, match="does not fit its digest"):
        RegimeModel.load(changed)


@pytest.mark.parametrize("fault", [{"means": np.zeros((2, 2))}, {"scale": np.full(2, np.nan)}])
def test_a_model_of_other_shapes_is_refused(tmp_path: Path, fault: dict[str, Floats]) -> None:
    path = tmp_path / "odd.json"
    replace(found((1,)), **fault).save(path)  # type: ignore[arg-type]
    with pytest.raises(Degraded, match="is not of finite figures of the shape"):
        RegimeModel.load(path)


def test_what_is_no_covariance_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    replace(found((1,)), covariances=-found((1,)).covariances).save(path)
    with pytest.raises(Degraded, match="corrupt or missing"):
        RegimeModel.load(path)
