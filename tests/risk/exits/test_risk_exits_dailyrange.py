"""How far a price goes in a day."""

import math

import numpy as np
import pytest

from freqpilot.risk.exits.dailyrange import DAY, NONE, Bars, atr_share, daily

PERIOD = 14


def days(count: int, *, first: int = 0, width: float = 4.0) -> Bars:
    """Days that open and close at 100 and reach ``width`` / 2 to either side."""
    date = (first + np.arange(count)) * DAY
    flat = np.full(count, 100.0)
    return Bars(date, flat + width / 2, flat - width / 2, flat)


def joined(*parts: Bars) -> Bars:
    return Bars(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def test_hours_become_the_days_in_which_they_open() -> None:
    hours = np.arange(20, 50) * 3_600
    bars = Bars(hours, hours / 3_600 + 1.0, hours / 3_600 - 1.0, hours / 3_600)
    found = daily(bars)
    assert found.date.tolist() == [0, DAY, 2 * DAY]
    assert found.high.tolist() == [24.0, 48.0, 50.0]
    assert found.low.tolist() == [19.0, 23.0, 47.0]
    assert found.close.tolist() == [23.0, 47.0, 49.0]
    assert daily(NONE) is NONE


def test_the_mean_range_is_a_share_of_the_last_close() -> None:
    assert atr_share(days(30), 30 * DAY, PERIOD) == pytest.approx(0.04)


def test_a_gap_from_the_close_before_counts() -> None:
    """The true range: a day that opens far away has moved, however narrow it is."""
    bars = days(15, width=0.0)
    bars.high[-1] = bars.low[-1] = bars.close[-1] = 86.0
    assert atr_share(bars, 15 * DAY, PERIOD) == pytest.approx(14.0 / 14 / 86.0)


def test_what_opens_at_the_end_or_later_changes_nothing() -> None:
    known = days(20)
    later = joined(known, days(9, first=20, width=80.0))
    assert atr_share(later, 20 * DAY, PERIOD) == atr_share(known, 20 * DAY, PERIOD)


def test_what_comes_long_before_changes_nothing() -> None:
    known = days(15, first=40)
    longer = joined(days(40, width=80.0), known)
    assert atr_share(longer, 55 * DAY, PERIOD) == atr_share(known, 55 * DAY, PERIOD)


@pytest.mark.parametrize(
    ("bars", "end"),
    [
        (NONE, 30),
        (days(7), 7),
        (days(30), 34),
        (days(30, width=0.0), 30),
        (Bars(*days(30)[:3], np.full(30, math.nan)), 30),
    ],
    ids=["none", "few", "old", "still", "unsound"],
)
def test_where_candles_do_not_say_it_is_not_known(bars: Bars, end: int) -> None:
    assert math.isnan(atr_share(bars, end * DAY, PERIOD))
