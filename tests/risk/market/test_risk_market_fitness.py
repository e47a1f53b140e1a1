"""Each market check and breaker: one row that trips it and one that just does not."""

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.market.breakers import FlashCrash, IndexCandles, OrderRate, depeg, last_fall
from freqpilot.risk.market.fitness import (
    RULES,
    Entry,
    MarketView,
    average_true_range,
    check,
    depth_within,
)
from freqpilot.settings import MarketSettings

SETTINGS = MarketSettings()
VIEW = MarketView(
    bid=99.9,
    ask=100.1,
    entry_depth=10_000,
    exit_depth=10_000,
    candle_age=3_600,
    timeframe=3_600,
    close=100,
    before=100,
    atr=1,
)
ENTRY = Entry(rate=100, value=500)

# rule, view and entry that trip it, view and entry that just do not
ROWS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("spread", {"bid": 99.74, "ask": 100.26}, {}, {"bid": 99.75, "ask": 100.25}, {}),
    ("depth", {}, {"value": 1_001}, {}, {"value": 1_000}),
    ("depth", {"entry_depth": 4_999}, {}, {"entry_depth": 5_000}, {}),
    ("depth", {"exit_depth": 4_999}, {}, {"exit_depth": 5_000}, {}),
    ("depth", {"exit_depth": 0}, {}, {"exit_depth": 5_000}, {}),
    ("candle_age", {"candle_age": 7_321}, {}, {"candle_age": 7_320}, {}),
    ("price_jump", {"close": 66}, {}, {"close": 67}, {}),
    ("price_jump", {"before": 66}, {}, {"before": 67}, {}),
    ("price_jump", {"before": 201}, {}, {"before": 199}, {}),
    ("rate", {}, {"rate": 105.01}, {}, {"rate": 105}),
    ("rate", {}, {"rate": 94.99}, {}, {"rate": 95}),
    ("volatility", {"atr": 8.17}, {}, {"atr": 8.16}, {}),
    ("volatility", {"atr": 41, "timeframe": 86_400}, {}, {"atr": 40, "timeframe": 86_400}, {}),
    ("market_data", {"bid": 100.2}, {}, {"bid": 100.1}, {}),
]


@pytest.mark.parametrize(("rule", "view", "entry", "fine_view", "fine_entry"), ROWS)
def test_each_rule(
    rule: str,
    view: dict[str, Any],
    entry: dict[str, Any],
    fine_view: dict[str, Any],
    fine_entry: dict[str, Any],
) -> None:
    refusal = check(replace(VIEW, **view), ENTRY._replace(**entry), SETTINGS)
    assert refusal is not None
    assert refusal.rule == rule
    assert check(replace(VIEW, **fine_view), ENTRY._replace(**fine_entry), SETTINGS) is None


def test_every_rule_has_a_row() -> None:
    assert {row[0] for row in ROWS} == {*RULES, "market_data"}


FIGURES = [*(field.name for field in fields(MarketView)), *Entry._fields]
BAD = st.sampled_from([math.nan, math.inf, -math.inf, None, True, "1", -1.0])


@given(st.dictionaries(st.sampled_from(FIGURES), BAD, min_size=1))
def test_a_figure_that_is_none_refuses(bad: dict[str, Any]) -> None:
    view = replace(VIEW, **{name: bad[name] for name in bad if name not in Entry._fields})
    entry = ENTRY._replace(**{name: bad[name] for name in bad if name in Entry._fields})
    refusal = check(view, entry, SETTINGS)
    assert refusal is not None
    assert refusal.rule == "market_data"


def test_depth_counts_what_is_near_and_keeps_what_is_missing() -> None:
    assert depth_within([(100, 1), (101, 2), (101.1, 50)], 100, 0.01) == pytest.approx(302)
    assert depth_within([], 100, 0.01) == 0
    assert math.isnan(depth_within([(100, math.nan)], 100, 0.01))
    assert math.isnan(depth_within([(math.nan, 1)], 100, 0.01))
    assert depth_within([(99, 1, 1_700_000_000)], 100, 0.01) == 99


def test_average_true_range() -> None:
    high, low, close = [11, 12, 20], [9, 10, 18], [10, 11, 19]
    assert average_true_range(high, low, close, 2) == pytest.approx((2 + 9) / 2)
    assert math.isnan(average_true_range(high, low, close, 3))
    assert math.isnan(average_true_range([11, math.nan, 20], low, close, 2))
    assert average_true_range([*high, math.inf], [*low, 1], [*close, 1], 2) != 0


class TestOrderRate:
    """Too many orders."""

    def test_it_trips_above_the_limit_and_ends_when_the_window_is_clean(self) -> None:
        rate = OrderRate(MarketSettings(max_orders=3, order_window_minutes=1))
        for second in (0, 1, 2):
            rate.note(second)
        assert rate.tripped(2) is None
        rate.note(3)
        assert "too many orders: 4" in str(rate.tripped(3))
        assert rate.tripped(62.9) is not None  # one is left in the window
        assert rate.tripped(63) is None

    def test_orders_far_apart_do_not_trip(self) -> None:
        rate = OrderRate(MarketSettings(max_orders=3, order_window_minutes=1))
        for number in range(50):
            rate.note(number * 20.0)
            assert rate.tripped(number * 20.0) is None

    def test_an_order_during_the_pause_extends_it(self) -> None:
        rate = OrderRate(MarketSettings(max_orders=1, order_window_minutes=1))
        for second in (0, 1, 50):
            rate.note(second)
        assert rate.tripped(100) is not None
        assert rate.tripped(110) is None


def candles(closes: list[float], step: float = 300.0, begin: float = 0.0) -> IndexCandles:
    """Return candles that go straight from one close to the next."""
    close = np.asarray(closes, dtype=float)
    opened = np.concatenate([close[:1], close[:-1]])
    time = begin + step * np.arange(len(close))
    return IndexCandles(
        time, opened, np.maximum(opened, close), np.minimum(opened, close), close, step
    )


class TestFlashCrash:
    """The index."""

    @pytest.mark.parametrize(
        ("now", "trips"), [(93.0, True), (93.01, False), (math.nan, True), (0.0, True)]
    )
    def test_a_fall_right_now(self, now: float, trips: bool) -> None:
        quiet = candles([100.0] * 50)
        time = 50 * 300.0
        assert (FlashCrash(SETTINGS).tripped(time, quiet, now) is not None) is trips

    @pytest.mark.parametrize(("step", "count"), [(60, 60), (300, 12), (900, 4), (3_600, 1)])
    def test_a_fall_within_an_hour_is_seen_and_a_slower_one_is_not(
        self, step: float, count: int
    ) -> None:
        fast = candles([100.0, *np.linspace(100, 93, count + 1)[1:], 93.0], step)
        assert last_fall(fast, 1e9, 93.0, 0.07) == step * (count + 1)
        slow = candles([100.0, *np.linspace(100, 93, 2 * count + 2)[1:], 93.0], step)
        assert last_fall(slow, 1e9, 93.0, 0.07) is None

    def test_it_lasts_a_day_from_the_candles_alone(self) -> None:
        """As after a restart, when nothing is remembered; for 55 minutes after its fall the price
        is still that far below the highest of the hour."""
        day = 24 * 12 + 11
        for since, trips in ((1, True), (day - 1, True), (day, False)):
            series = candles([100.0] * 20 + [92.0] * (since + 1))
            reason = FlashCrash(SETTINGS).tripped((21 + since) * 300.0, series, 92.0)
            assert (reason is not None) is trips

    def test_a_pause_of_a_clock_that_was_ahead_lasts_no_longer_than_one(self) -> None:
        crash, quiet = FlashCrash(SETTINGS), candles([100.0] * 50)
        ahead, time = candles([100.0] * 50), 50 * 300.0
        ahead = ahead._replace(time=ahead.time + 1e7)
        assert crash.tripped(time + 1e7, ahead, 92.0) is not None
        assert crash.tripped(time, quiet, 100.0) is not None
        later = quiet._replace(time=quiet.time + 24 * 3_600)
        assert crash.tripped(time + 24 * 3_600 - 1, later, 100.0) is not None
        assert crash.tripped(time + 24 * 3_600, later, 100.0) is None

    def test_it_is_remembered_when_the_candles_do_not_reach_back(self) -> None:
        crash = FlashCrash(SETTINGS)
        assert crash.tripped(21 * 300.0, candles([100.0] * 20 + [92.0]), 92.0)
        later = candles([92.0] * 10, begin=12 * 3_600.0)
        assert crash.tripped(12 * 3_600.0 + 3_000, later, 92.0)

    def test_missing_candles_and_figures_refuse(self) -> None:
        quiet = candles([100.0] * 50)
        late = quiet.time[-1] + 2 * 300 + 120
        assert FlashCrash(SETTINGS).tripped(late, quiet, 100.0) is None
        assert "missing" in str(FlashCrash(SETTINGS).tripped(late + 1, quiet, 100.0))
        assert "missing" in str(FlashCrash(SETTINGS).tripped(0, candles([]), 100.0))

    @given(
        st.sampled_from(["open", "high", "low", "close"]),
        st.integers(0, 49),
        st.sampled_from([math.nan, math.inf, -math.inf]),
    )
    def test_a_bad_figure_of_the_last_day_refuses(self, name: str, row: int, bad: float) -> None:
        series = candles([100.0] * 50)
        column = getattr(series, name).copy()
        column[row] = bad
        crash = FlashCrash(SETTINGS)
        assert crash.tripped(15_000, series._replace(**{name: column}), 100.0)
        assert crash.tripped(15_000, series, 100.0) is None


@pytest.mark.parametrize(
    ("price", "trips"),
    [
        (1.0, False),
        (0.98, False),
        (1.02, False),
        (0.979, True),
        (1.021, True),
        (math.nan, True),
        (math.inf, True),
        (0.0, True),
        (None, True),
    ],
)
def test_depeg(price: Any, trips: bool) -> None:
    assert (depeg("USDC/USDT", price, SETTINGS) is not None) is trips
