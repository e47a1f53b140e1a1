"""Longer candles from shorter ones: closed ones only, the same from wherever the frame begins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_source import HOUR, candles
from freqpilot.features.candles.resample import resample
from freqpilot.shapes import Candles

seeds = st.integers(0, 10_000)


def table(*rows: tuple[int, float, float, float, float, float]) -> Candles:
    """Return hourly candles from rows of hour, open, high, low, close, volume."""
    columns = np.array(rows, dtype=np.float64).T
    return Candles((columns[0] * HOUR).astype(np.int64), *columns[1:])


def test_a_table_of_candles() -> None:
    source = table(
        (3, 9, 9, 9, 9, 1),  # 00:00 – 04:00 without its first hours
        (4, 10, 12, 9, 11, 1),
        (5, 11, 15, 10, 14, 2),
        (6, 14, 14, 7, 8, 3),
        (7, 8, 9, 8, 9, 4),
        (8, 9, 10, 9, 10, 1),
        (9, 10, 11, 10, 11, 1),  # 10:00 and 11:00 are missing
        (12, 11, 11, 11, 11, 1),
        (13, 11, 20, 11, 20, 1),  # not closed
    )
    longer = resample(source, 4 * HOUR)
    assert (longer.candles.date // HOUR).tolist() == [4, 8]
    assert longer.candles.open.tolist() == [10, 9]
    assert longer.candles.high.tolist() == [15, 11]
    assert longer.candles.low.tolist() == [7, 9]
    assert longer.candles.close.tolist() == [9, 11]
    assert longer.candles.volume.tolist() == [10, 2]
    assert longer.place.tolist() == [-1, -1, -1, -1, 0, 0, 0, 1, 1]
    assert longer.closes().tolist() == [4, 7]
    spread = longer.spread(longer.candles.close)
    assert np.isnan(spread[:4]).all()
    assert spread[4:].tolist() == [9, 9, 9, 11, 11]


@given(seeds, st.integers(9, 200), st.data())
def test_no_candle_knows_the_future_or_where_the_frame_begins(
    seed: int, length: int, data: st.DataObject
) -> None:
    whole = candles(seed, length, "gap")
    cut, begin = data.draw(st.integers(3, length)), data.draw(st.integers(0, 5))
    full = resample(whole, 4 * HOUR)
    part = resample(whole.window(0, cut), 4 * HOUR)
    known = full.spread(full.candles.close)
    np.testing.assert_array_equal(part.spread(part.candles.close), known[:cut])
    late = resample(whole.window(begin), 4 * HOUR)
    found = late.spread(late.candles.high)
    expected = full.spread(full.candles.high)[begin:]
    settled = np.isfinite(found)
    np.testing.assert_array_equal(found[settled], expected[settled])
    assert settled[8:].all()


def test_candles_of_that_length_stay_the_same() -> None:
    source = candles(1, 50)
    same = resample(source, HOUR)
    for a, b in zip(same.candles[:6], source[:6], strict=True):
        np.testing.assert_array_equal(a, b)
    assert same.place.tolist() == list(range(50))


def test_what_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="do not make up candles"):
        resample(resample(candles(1, 50), 4 * HOUR).candles, 6 * HOUR)


@pytest.mark.parametrize("length", [0, 1])
def test_too_few(length: int) -> None:
    longer = resample(candles(1, 5).window(0, length), 4 * HOUR)
    assert len(longer.candles) == 0
    assert longer.place.tolist() == [-1] * length
