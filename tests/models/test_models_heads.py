"""Chances mean what they say, and intervals are as wide as the evidence is thin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.models.base.heads import (
    COVERAGE,
    LEAST_FACTOR,
    MOST_FACTOR,
    ConformalMean,
    TemperedClasses,
    fit_classes,
    fit_mean,
    tempered,
)


def classes(rows: int, sharpness: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return stated chances, which are the true ones to the power of ``sharpness``, and what
    happened."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet((4.0, 2.0, 4.0), rows)
    place = (rng.random(rows)[:, None] > np.cumsum(true, axis=1)).sum(axis=1)
    return tempered(true, 1.0 / sharpness), place


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_an_overconfident_model(sharpness: float) -> None:
    stated, place = classes(4_000, sharpness)
    ones = np.ones(len(place))
    head = fit_classes((stated, place, ones), (stated, place, ones))
    assert head.temperature == pytest.approx(sharpness, rel=0.15)


def test_a_mean_of_classes_is_the_rise_less_the_fall() -> None:
    head = TemperedClasses(1.0, 0.2)
    found = head(np.array([[0.1, 0.2, 0.7], [0.6, 0.1, 0.3], [0.25, 0.5, 0.25]]))
    np.testing.assert_allclose(found.mean, [0.6, -0.3, 0.0])
    np.testing.assert_allclose(found.confidence, [0.7 / 0.8, 0.6 / 0.9, 0.5])
    # The classes that are as likely as the least of the set, from the lowest to the highest.
    assert found.low.tolist() == [0, -1, -1]
    assert found.high.tolist() == [1, 1, 1]


def test_a_temperature_keeps_the_order_of_chances() -> None:
    stated, _ = classes(50, 2.0)
    for temperature in (0.3, 5.0):
        other = tempered(stated, temperature)
        assert (np.argsort(stated, axis=1) == np.argsort(other, axis=1)).all()
        np.testing.assert_allclose(other.sum(axis=1), 1)


def test_the_set_of_classes_holds_what_it_says() -> None:
    stated, place = classes(4_000, 2.0)
    ones = np.ones(len(place))
    head = fit_classes((stated, place, ones), (stated, place, ones))
    fresh, happened = classes(4_000, 2.0, seed=2)
    found = head(fresh)
    label = happened - 1.0
    assert ((found.low <= label) & (label <= found.high)).mean() >= COVERAGE - 0.02
    assert (found.low > -1).any() or (found.high < 1).any(), "some sets leave a class out"


def test_intervals_and_chances_of_a_mean_hold_on_fresh_rows() -> None:
    rng = np.random.default_rng(3)
    raw = rng.standard_normal((3, 5_000)) * 0.5
    outcome = raw + rng.standard_normal(raw.shape)
    ones = np.ones(5_000)
    head = fit_mean((raw[0], outcome[0], ones), (raw[1], outcome[1], ones))
    found = head(raw[2])
    inside = (found.low <= outcome[2]) & (outcome[2] <= found.high)
    assert inside.mean() == pytest.approx(COVERAGE, abs=0.02)
    for begin, end in ((0.1, 0.3), (0.4, 0.6), (0.7, 0.9)):
        rows = (found.up > begin) & (found.up < end)
        rose = (outcome[2][rows] > 0).mean()
        assert rose == pytest.approx(found.up[rows].mean(), abs=0.04)


def test_a_mean_that_the_tail_does_not_confirm_is_shrunk_but_keeps_its_order() -> None:
    rng = np.random.default_rng(4)
    raw, outcome, ones = rng.standard_normal(800), rng.standard_normal(800), np.ones(800)
    turned = fit_mean((raw, -raw, ones), (raw, outcome, ones))
    assert turned.factor == LEAST_FACTOR
    assert fit_mean((raw, 3 * raw, ones), (raw, outcome, ones)).factor == MOST_FACTOR
    assert (np.argsort(turned(raw).mean) == np.argsort(raw)).all()


def test_labels_that_overlap_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    raw, outcome, ones = np.zeros(400), rng.standard_normal(400), np.ones(400)
    alone = fit_mean((raw, outcome, ones), (raw, outcome, ones))
    shared = fit_mean((raw, outcome, ones), (raw, outcome, ones / 24))
    few = fit_mean((raw, outcome, ones), (raw, outcome, ones / 400))
    assert alone.half is not None
    assert shared.half is not None
    assert shared.half > alone.half
    assert few.half is None, "one outcome says nothing about 80 % of them"
    assert np.isinf(few(np.ones(1)).high[0])


@given(st.floats(-5, 5), st.floats(0.05, 1))
def test_a_turned_mean_turns_the_chances(mean: float, factor: float) -> None:
    head = ConformalMean(factor, 1.0, tuple(np.linspace(0.1, 2, 50)))
    one, other = head(np.array([mean])), head(np.array([-mean]))
    np.testing.assert_allclose(one.up, other.down)
    np.testing.assert_allclose(one.confidence, np.maximum(one.up, one.down))
    assert one.low[0] <= one.mean[0] <= one.high[0]
