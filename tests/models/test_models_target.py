"""A strategy's own target: scaled for the fit, in its own units again."""

import pickle

import numpy as np
import pytest
from conformance import LABELS, NAMES, planted, window
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.models.base.target import Aimed, Target, spanning
from freqpilot.models.base.window import known
from freqpilot.models.catalogue import MODELS

FIGURE = st.floats(-1e6, 1e6)


@given(st.lists(FIGURE, min_size=2, max_size=30), st.floats(1e-3, 1e3), FIGURE)
def test_scaled_labels_forget_unit_and_origin(
    values: list[float], unit: float, origin: float
) -> None:
    plain = np.array(values)
    moved = origin + unit * plain
    one, other = Target.of("&-y", plain), Target.of("&-y", moved)
    if plain.std() > 1e-6 * max(1.0, np.abs(plain).max(), np.abs(origin) / unit):
        np.testing.assert_allclose(one.scaled(plain), other.scaled(moved), atol=1e-4)
    np.testing.assert_allclose(other.centre + other.scale * other.scaled(moved), moved, atol=1e-3)


@pytest.mark.parametrize("values", [[], [np.nan], [3.0, 3.0, np.nan], [0.1] * 7])
def test_a_target_that_never_moves_is_not_blown_up(values: list[float]) -> None:
    assert Target.of("&-y", np.array(values)).scale == 1.0


def test_what_is_missing_does_not_count() -> None:
    assert Target.of("&-y", np.array([1.0, np.nan, 3.0, np.inf])) == Target("&-y", 2.0, 1.0)


def test_a_forecast_is_in_the_targets_units_and_its_chances_stay() -> None:
    x, y, end = planted(False)
    own = 40 + 1e-3 * y
    ones = np.ones(len(x))
    target = Target.of("&-y", own)
    fitted = MODELS["trees_regressor"].fit(
        known(x, target.scaled(own), end, ones, ones / 4, NAMES), LABELS, 5
    )
    model = Aimed(fitted, target)
    found, plain = model.predict(x), fitted.predict(x)
    assert np.corrcoef(found.mean[:-4], own[:-4])[0, 1] > 0.5
    assert abs(found.mean.mean() - 40) < 1e-3
    assert (found.low < found.mean).all()
    np.testing.assert_array_equal(found.up, plain.up)
    np.testing.assert_array_equal(model.leaning(x), fitted.leaning(x))
    assert pickle.loads(pickle.dumps(model)) == model
    assert window(False).names == NAMES


def test_a_longer_target_has_a_longer_purge() -> None:
    assert (spanning(LABELS, 40).horizon, spanning(LABELS, 40).purge) == (40, 40)
    assert (spanning(LABELS, 2).horizon, spanning(LABELS, 2).purge) == (2, LABELS.purge)
