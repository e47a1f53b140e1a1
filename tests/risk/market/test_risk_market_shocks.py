"""When a candle's range is a shock, and for how long candles can tell."""

import math

import numpy as np
import pytest

from freqpilot.risk.market.breakers import IndexCandles
from freqpilot.risk.market.shocks import Shock, last_shock, last_wide_range, window

STEP = 900.0
PERIOD = 4


def candles(*ranges: float, close: float = 100.0) -> IndexCandles:
    """Return candles of 15 minutes from time 0 on, each of a range around one price."""
    half, flat = np.array(ranges) / 2, np.full(len(ranges), close)
    return IndexCandles(np.arange(len(ranges)) * STEP, flat, flat + half, flat - half, flat, STEP)


def seek(
    known: IndexCandles, now: float, *, fall: float = 0.9, multiple: float = 3.0
) -> Shock | None:
    return last_shock(known, now, fall=fall, multiple=multiple, period=PERIOD, grace=60.0)


QUIET = candles(*[1.0] * 10)
END = 10 * STEP


@pytest.mark.parametrize(
    ("ranges", "closed"),
    [
        ([1, 1, 1, 1, 1, 3], 6),
        ([1, 1, 1, 1, 1, 2.99], None),
        ([1, 1, 1, 1, 1, 3, 1, 1, 9], 9),  # the newest counts: 9 of 1.5
        ([1, 1, 1, 1, 1, 3, 1, 1, 4], 6),  # 4 is less than 3 × 1.5
        ([1, 1, 1, 1, 9, 1, 1, 1, 1, 1], None),  # nothing to compare it with
        ([9, 1, 1, 1, 1, 3], 6),  # the first has no close before it and is not compared with
        ([1, 1, 1, 1, 5, 3, 1, 1], None),
        ([0, 0, 0, 0, 0, 0], None),  # a market that stands still
        ([0, 0, 0, 0, 0, 0.1], 6),
        ([1, 1, 1, 1, 3], None),
    ],
)
def test_a_range_is_compared_with_the_ones_before_it(
    ranges: list[float], closed: int | None
) -> None:
    found = last_wide_range(candles(*ranges), PERIOD, 3.0)
    assert found == (None if closed is None else closed * STEP)


@pytest.mark.parametrize("move", [1, -1])
def test_a_gap_belongs_to_the_true_range(move: int) -> None:
    """Wilder 1978: the range counts from the close before, above or below it."""
    known = candles(*[1.0] * 8)
    shift = np.where(known.time >= 7 * STEP, 2.5 * move, 0.0)
    moved = known._replace(high=known.high + shift, low=known.low + shift)
    assert last_wide_range(moved, PERIOD, 3.0) == 8 * STEP
    assert last_wide_range(moved, PERIOD, 3.01) is None


def test_a_true_range_counts_from_the_close_before_and_no_other() -> None:
    drift = np.arange(10.0)
    drift[9] += 3.0  # a move of 4 and half a range: three times the usual 1.5
    known = candles(*[1.0] * 10)
    moved = known._replace(
        **{name: getattr(known, name) + drift for name in ("high", "low", "close")}
    )
    assert last_wide_range(moved, PERIOD, 3.0) == END
    assert last_wide_range(moved, PERIOD, 3.01) is None


@pytest.mark.parametrize(("low", "close", "high"), [(90.0, 90.0, 100.0), (99.9, 99.9, 111.0)])
def test_a_fall_that_is_there_now_is_of_now(low: float, close: float, high: float) -> None:
    """From the open, or from the candle's own high, which came before its close."""
    last = QUIET.time == 9 * STEP
    columns = {"low": low, "close": close, "high": high}
    known = QUIET._replace(
        **{name: np.where(last, figure, getattr(QUIET, name)) for name, figure in columns.items()}
    )
    told = Shock(END, "it fell by 10.0% or more within an hour")
    assert seek(known, END, fall=0.1, multiple=99) == told
    assert seek(known, END + 30.0, fall=0.1, multiple=99) == told


def test_the_shock_that_came_last_is_told() -> None:
    known = candles(*[1.0] * 10)
    low = known.low.copy()
    low[6] = 90.0
    fell = known._replace(low=low)
    assert seek(fell, END, fall=0.1) == Shock(7 * STEP, "it fell by 10.0% or more within an hour")
    wide = Shock(7 * STEP, "a candle moved 3 times the usual range or more")
    assert seek(fell, END, fall=0.11) == wide
    # 111 to 100 is no fall of a tenth, but far more than three times the usual.
    later = fell._replace(high=np.where(known.time == 9 * STEP, 111.0, known.high))
    found = seek(later, END, fall=0.1)
    assert found == Shock(END, "a candle moved 3 times the usual range or more")
    assert seek(fell, END, fall=0.1, multiple=99) == Shock(
        7 * STEP, "it fell by 10.0% or more within an hour"
    )


def test_a_candle_that_is_not_closed_is_not_seen() -> None:
    known = candles(*[1.0] * 10, 9.0)
    assert seek(known, 11 * STEP - 1) is None
    assert seek(known, 11 * STEP) is not None


@pytest.mark.parametrize(
    ("late", "known"), [(0.0, True), (STEP + 60.0, True), (STEP + 60.1, False)]
)
def test_how_late_the_newest_candle_may_be(late: float, known: bool) -> None:
    found = seek(QUIET, END + late)
    assert found == (None if known else Shock(END + late, "its candles are missing", known=False))


@pytest.mark.parametrize(("count", "known"), [(0, False), (1, False), (5, False), (6, True)])
def test_a_range_needs_those_before_it(count: int, known: bool) -> None:
    found = seek(candles(*[1.0] * count), count * STEP)
    assert (found is None) is known
    assert known or found == Shock(count * STEP, "its candles are missing", known=False)


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("figure", [math.nan, math.inf])
def test_a_figure_that_is_missing_is_told(column: str, figure: float) -> None:
    values = getattr(QUIET, column).copy()
    values[3] = figure
    found = seek(QUIET._replace(**{column: values}), END)
    assert found == Shock(END, "a figure of its candles is missing", known=False)


def test_a_shock_is_known_unless_said_otherwise() -> None:
    assert Shock(0.0, "").known


def test_what_matters_is_the_pause_an_hour_and_what_they_are_compared_with() -> None:
    known = candles(*[1.0] * 40)
    now, pause = 40 * STEP, 10 * STEP
    # 10 candles, an hour's 4, the period's 4 and 2 at its edge.
    assert window(known, now, pause, PERIOD).time.tolist() == known.time[20:].tolist()
