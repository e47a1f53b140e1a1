"""What a book and its trades show: spread, depth, absorption and icebergs, by hand."""

import numpy as np
import pytest
from scipy import stats

from freqpilot.features.candles import orderflow


def test_relative_spread() -> None:
    bid, ask = np.array([99.0, np.nan, -1.0]), np.array([101.0, 1.0, 1.0])
    np.testing.assert_array_equal(orderflow.relative_spread(bid, ask), [0.02, np.nan, np.nan])


def test_depth_counts_the_levels_near_the_middle() -> None:
    bid, ask = np.array([98.0, 99.5, np.nan]), np.array([100.5, 101.0, 103.0])
    sizes = np.array([1.0, 2.0, 4.0])
    assert orderflow.book_depth(bid, sizes, ask, sizes, 0.01) == (2.0, 3.0)
    assert orderflow.book_depth(bid, sizes, ask, sizes, 0.05) == (3.0, 7.0)
    nothing = np.empty(0)
    assert np.isnan(orderflow.book_depth(nothing, nothing, ask, sizes, 0.01)).all()


def test_absorption_is_volume_without_a_move() -> None:
    rng = np.random.default_rng(1)
    close = 100 + np.cumsum(rng.standard_normal(200))
    flow = rng.standard_normal(200)
    flow[150], close[150:] = -8.0, close[150:] - close[150] + close[149]
    ours = orderflow.absorption(flow, close, 50)
    part = slice(101, 151)
    sizes, moves = np.abs(flow[part]), np.abs(np.diff(close))[100:150]
    expected = stats.zscore(sizes)[-1] - stats.zscore(moves)[-1]
    assert ours[150] == pytest.approx(expected, rel=1e-9)
    assert ours[150] == np.nanmax(np.abs(ours))
    assert np.isnan(ours[:50]).all()
    np.testing.assert_array_equal(orderflow.absorption(flow[:120], close[:120], 50), ours[:120])


def test_absorption_with_a_gap_and_without_movement() -> None:
    flow, close = np.ones(100), np.ones(100)
    close[50] = np.nan
    ours = orderflow.absorption(flow, close, 10)
    assert np.isnan(ours[50:61]).all()
    assert (ours[61:] == 0.0).all()
    assert orderflow.absorption(flow[:0], close[:0], 10).shape == (0,)


def test_iceberg_trace() -> None:
    executed = np.array([10.0, 10.0, 0.0, np.nan])
    displayed = np.array([4.0, 20.0, 5.0, 1.0])
    np.testing.assert_array_equal(
        orderflow.iceberg_trace(executed, displayed), [0.6, 0.0, 0.0, np.nan]
    )
