"""Every registered label looks no further than its horizon; meta-labels and forward returns by
hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import MUTATIONS, candles, shuffled_after
from freqpilot.features.bank.library import FeatureBank
from freqpilot.features.labels.targets import (
    LABELS,
    Sides,
    forward_return,
    meta_labels,
    triple_barrier,
)
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Candles

SPANS = LabelSettings()
ENTRY = 119
ASYMMETRIC = LabelSettings(profit_multiple=2.0, loss_multiple=0.5)
WIDTH = 0.01 * np.sqrt(ASYMMETRIC.horizon)
seeds = st.integers(0, 10_000)
lengths = st.integers(150, 400)
mutations = st.sampled_from(MUTATIONS)


def sides(seed: int, length: int) -> Sides:
    return np.random.default_rng(seed).integers(-1, 2, length).astype(np.int8)


@pytest.mark.parametrize("name", list(LABELS))
@given(seeds, lengths, mutations, st.data())
def test_a_label_looks_no_further_than_its_horizon(
    name: str, seed: int, length: int, mutation: str, data: st.DataObject
) -> None:
    whole, side = candles(seed, length, mutation), sides(seed, length)
    cut = data.draw(st.integers(SPANS.horizon + 1, length))
    settled = cut - SPANS.horizon
    full = LABELS[name](whole, side, SPANS)
    part = LABELS[name](whole.window(0, cut), side[:cut], SPANS)
    np.testing.assert_array_equal(part[:settled], full[:settled])
    assert np.isnan(part[settled:]).all(), "labels at the end are not known yet"
    other = LABELS[name](shuffled_after(whole, cut, seed), side, SPANS)
    np.testing.assert_array_equal(other[:settled], full[:settled])
    assert not np.isinf(full).any()


@pytest.mark.parametrize("name", list(LABELS))
@pytest.mark.parametrize("length", [0, 1, 2, 12, 13])
def test_tiny_inputs_have_no_label(name: str, length: int) -> None:
    source = candles(1, 13).window(0, length)
    assert np.isnan(LABELS[name](source, sides(1, length), SPANS)).all()


@pytest.mark.parametrize("name", list(LABELS))
def test_a_label_is_known_wherever_candles_and_horizon_are(name: str) -> None:
    column = LABELS[name](candles(2, 400), np.ones(400, dtype=np.int8), SPANS)
    window = SPANS.volatility_window
    assert np.isfinite(column[window : 400 - SPANS.horizon]).all()


def touching(move: float) -> Candles:
    """Return calm candles, and on the third after the entry a wick ``move`` (log) away."""
    calm = 100 * np.exp(0.01 * (np.arange(ENTRY + 1) % 2))
    close = np.concatenate([calm, np.full(20, calm[-1])])
    high, low = close.copy(), close.copy()
    wick = close[ENTRY] * np.exp(move)
    high[ENTRY + 3], low[ENTRY + 3] = max(wick, close[ENTRY]), min(wick, close[ENTRY])
    return Candles(np.arange(len(close)), close, high, low, close, np.ones(len(close)))


@pytest.mark.parametrize(
    ("side", "move", "label", "taken"),
    [
        (1, 2.0 * WIDTH * 1.001, 1, 3),
        (1, 2.0 * WIDTH * 0.999, 0, 12),
        (1, -0.5 * WIDTH * 1.001, 0, 3),
        (-1, -2.0 * WIDTH * 1.001, 1, 3),
        (-1, -2.0 * WIDTH * 0.999, 0, 12),
        (-1, 0.5 * WIDTH * 1.001, 0, 3),
        (-1, 0.5 * WIDTH * 0.999, 0, 12),
    ],
)
def test_a_meta_label_is_one_where_the_side_meets_its_profit_first(
    side: int, move: float, label: int, taken: int
) -> None:
    source = touching(move)
    found = meta_labels(source, np.full(len(source), side, dtype=np.int8), ASYMMETRIC)
    assert found.known[ENTRY]
    assert found.label[ENTRY] == label
    assert found.end[ENTRY] - ENTRY == taken


def test_a_short_that_meets_both_barriers_is_no_win_and_no_side_is_not_known() -> None:
    source = touching(0.0)
    source.high[ENTRY + 1], source.low[ENTRY + 1] = 300.0, 30.0
    side = np.full(len(source), -1, dtype=np.int8)
    side[ENTRY - 1] = 0
    found = meta_labels(source, side, ASYMMETRIC)
    assert found.known[ENTRY]
    assert found.label[ENTRY] == 0
    assert not found.known[ENTRY - 1]
    assert found.end[ENTRY - 1] == ENTRY - 1
    assert not found.known[-SPANS.horizon :].any()


def test_long_meta_labels_are_the_profits_of_the_triple_barrier() -> None:
    source = candles(3, 600)
    barriers = triple_barrier(source, SPANS)
    found = meta_labels(source, np.ones(600, dtype=np.int8), SPANS)
    np.testing.assert_array_equal(found.label, barriers.label == 1)
    np.testing.assert_array_equal(found.end, barriers.end)
    np.testing.assert_array_equal(found.known, barriers.known)


@pytest.mark.parametrize("side", [np.ones(5, np.int8), np.full(600, 2, np.int8)])
def test_sides_that_do_not_fit_are_refused(side: Sides) -> None:
    with pytest.raises(ValueError, match="for each of 600 candles"):
        meta_labels(candles(3, 600), side, SPANS)


def test_a_forward_return_by_numpy() -> None:
    source, at, horizon = candles(4, 400), 200, SPANS.horizon
    moves = np.diff(np.log(source.close))
    known = moves[at - SPANS.volatility_window : at].std() * np.sqrt(horizon)
    expected = np.log(source.close[at + horizon] / source.close[at]) / known
    assert forward_return(source, SPANS)[at] == pytest.approx(expected)


def test_nothing_is_measured_against_a_volatility_of_nothing() -> None:
    assert np.isnan(forward_return(candles(5, 400, "flat"), SPANS)).all()


def test_read_only_columns_are_taken() -> None:
    """A pandas frame gives out columns that cannot be written."""
    source = candles(5, 400)
    for column in source[:6]:
        column.setflags(write=False)
    found = triple_barrier(source, LabelSettings())
    writable = triple_barrier(candles(5, 400), LabelSettings())
    np.testing.assert_array_equal(found.label, writable.label)
    FeatureBank().compute(source)
