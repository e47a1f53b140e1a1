"""What models learn from: labels around the training part's median, and not beyond."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from freqpilot.models.base.window import Window, known
from freqpilot.models.linear import LastValue
from freqpilot.models.trees.boosting import FAR, TreesRegressor, winsorised
from freqpilot.models.trees.classifier import smallest_leaf
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Floats

LABELS = LabelSettings(horizon=4, purge=6, embargo=6)


def window(noise: Floats, rows: int = 1_500) -> Window:
    """Return a window whose second feature, a past return, comes back in the label."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((rows, 3)).astype(np.float32)
    y = -0.5 * x[:, 1].astype(np.float64) + noise[:rows]
    ones = np.ones(rows)
    return known(x, y, np.arange(rows), ones, ones, ("trend", "return_1", "volume"))


@given(arrays(np.float64, st.integers(1, 50), elements=st.floats(-20, 20)), st.floats(-5, 5))
def test_a_drift_is_no_label(label: Floats, drift: float) -> None:
    plain = winsorised(label, label)
    assert np.allclose(plain, winsorised(label + drift, label + drift), atol=1e-9)
    assert (np.abs(plain) <= FAR).all()
    assert np.median(plain) == pytest.approx(0, abs=1e-9) or len(label) % 2 == 0


def test_the_tail_does_not_move_the_median() -> None:
    train = np.array([0.0, 1.0, 2.0])
    assert winsorised(np.array([1.0, 99.0, -99.0]), train).tolist() == [0.0, FAR, -FAR]


def test_a_crash_changes_no_forecast() -> None:
    """Its size beyond the clip does not count, only that it was one."""
    noise = np.random.default_rng(4).standard_normal(1_500)
    crash = noise.copy()
    crash[100:110] = -8.0
    worse = crash.copy()
    worse[100:110] = -80.0
    asked = window(noise).x[:50]
    first, second = (
        TreesRegressor(selected=False).fit(window(each), LABELS, 1).predict(asked).mean
        for each in (crash, worse)
    )
    assert np.array_equal(first, second)


def test_what_went_up_goes_on_or_comes_back() -> None:
    given_ = window(np.random.default_rng(4).standard_normal(1_500))
    back = LastValue(column="return_1", against=True).fit(given_, LABELS, 1).predict(given_.x).mean
    on = LastValue(column="return_1").fit(given_, LABELS, 1).predict(given_.x).mean
    assert np.array_equal(np.sign(back), -np.sign(given_.x[:, 1]))
    assert np.array_equal(np.sign(on), np.sign(given_.x[:, 1]))
    assert np.corrcoef(back, given_.y)[0, 1] > 0.3


@pytest.mark.parametrize(("rows", "least"), [(100, 50), (10_000, 50), (60_000, 300)])
def test_a_leaf_grows_with_the_rows(rows: int, least: int) -> None:
    assert smallest_leaf(rows) == least
