"""Sample weights count, and input that cannot be trained on is named."""

import numpy as np
import pytest

from freqpilot.models.trees.classifier import fit


def separable(rows: int = 1_200) -> tuple[np.ndarray, np.ndarray]:
    """Return features of which the first decides between rise and fall, and the classes."""
    x = np.random.default_rng(3).standard_normal((rows, 4)).astype(np.float32)
    return x, np.where(x[:, 0] > 0, 1, -1).astype(np.int64)


@pytest.mark.parametrize("turned_weigh_more", [False, True])
def test_the_heavier_samples_win(turned_weigh_more: bool) -> None:
    x, y = separable()
    turned = np.arange(len(y)) % 2 == 0
    y = np.where(turned, -y, y)
    weights = np.where(turned == turned_weigh_more, 1.0, 0.01)
    model = fit(x[:800], y[:800], weights[:800], x[800:], y[800:], weights[800:], seed=1)
    down, _, up = model.predict_proba(np.array([[2, 0, 0, 0]], np.float32))[0]
    assert (down > up) == turned_weigh_more


@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_class_that_is_none_is_named(part: str) -> None:
    x, y = separable(100)
    wrong, weights = y + 1, np.ones(100)
    train, valid = (wrong, y) if part == "training" else (y, wrong)
    with pytest.raises(ValueError, match=f"{part} classes 2 are none of -1, 0, 1"):
        fit(x, train, weights, x, valid, weights, seed=1)


def test_no_row_to_validate_on_is_named() -> None:
    x, y = separable(100)
    weights = np.ones(100)
    with pytest.raises(ValueError, match="no row to validate on"):
        fit(x, y, weights, x[:0], y[:0], weights[:0], seed=1)
