"""Breakers, market checks, exits, targets, correlation and gauges at the edge of what they know."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from freqpilot.risk.account.ledger import Ledger, observe
from freqpilot.risk.book.correlation import correlation, log_returns, uncrowded
from freqpilot.risk.entries.overview import Gauge, overview
from freqpilot.risk.exits.stops import Seen, moves, moving_stop, nearer, passed
from freqpilot.risk.exits.takings import Holding, Sale, due
from freqpilot.risk.market.breakers import (
    ErrorRate,
    FlashCrash,
    IndexCandles,
    OrderRate,
    depeg,
    last_fall,
)
from freqpilot.risk.market.fitness import Entry, MarketView, average_true_range, check
from freqpilot.settings import ExitSettings, MarketSettings, RiskSettings, Target
from freqpilot.shapes import Floats, Ints

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
MARKET = MarketSettings()
MINUTES = 300.0


def candles(rows: list[tuple[float, float, float, float]], step: float = MINUTES) -> IndexCandles:
    """Return candles from open, high, low and close, the first one at 0."""
    columns = np.array(rows, dtype=float).T.copy()
    return IndexCandles(np.arange(len(rows)) * step, *columns, step)


def flat(count: int, price: float = 100.0) -> list[tuple[float, float, float, float]]:
    return [(price, price, price, price)] * count


class TestLastFall:
    def test_a_high_of_an_hour_ago_counts_now(self) -> None:
        rows = [(94, 100, 94, 94), *flat(12, 94.0)]
        series = candles([*flat(1, 94.0), *rows])
        opened = MINUTES
        assert last_fall(series, opened + 3600, 92.9, 0.07) == opened + 3600
        assert last_fall(series, opened + 3601, 92.9, 0.07) is None

    def test_the_last_close_counts_for_an_hour_though_its_candle_opened_before(self) -> None:
        hourly = candles([*flat(4, 50.0), (50, 50, 50, 50), (50, 100, 50, 100)], 3600.0)
        # Within a candle its low may come first, so the sixth shows no fall by itself.
        closed = 6 * 3600.0
        for since in (1800.0, 3600.0):
            assert last_fall(hourly, closed + since, 92.9, 0.07) == closed + since
        assert last_fall(hourly, closed + 3601.0, 92.9, 0.07) is None
        assert last_fall(hourly, closed + 1800.0, 93.1, 0.07) is None

    @pytest.mark.parametrize(("back", "falls"), [(1, True), (2, True), (11, True), (12, False)])
    def test_a_candle_looks_back_for_an_hour(self, back: int, falls: bool) -> None:
        rows = flat(30, 95.0)
        rows[10] = (95.0, 100.0, 95.0, 95.0)
        rows[10 + back] = (95.0, 95.0, 92.9, 95.0)
        found = last_fall(candles(rows), 30 * MINUTES + 7200, 95.0, 0.07)
        assert found == ((11 + back) * MINUTES if falls else None)

    def test_two_candles_are_enough(self) -> None:
        rows = [(95.0, 100.0, 95.0, 95.0), (95.0, 95.0, 92.9, 95.0)]
        assert last_fall(candles(rows), 2 * MINUTES + 7200, 95.0, 0.07) == 2 * MINUTES

    def test_the_later_of_two_falls_counts(self) -> None:
        crash = FlashCrash(MARKET)
        quiet = candles(flat(20))
        first, second = 20 * MINUTES, 20 * MINUTES + 60
        assert crash.tripped(first, quiet, 92.0)
        assert crash.tripped(second, quiet, 92.0)
        assert crash._fell == second
        steady = candles(flat(20 + 24 * 12))
        assert crash.tripped(first + 24 * 3600, steady, 100.0)
        assert crash.tripped(second + 24 * 3600, steady, 100.0) is None

    def test_an_older_fall_in_the_candles_does_not_shorten_the_pause(self) -> None:
        crash, now = FlashCrash(MARKET), 20 * MINUTES
        assert crash.tripped(now, candles(flat(20)), 92.0)
        rows = flat(22)
        rows[9] = (100.0, 100.0, 92.0, 100.0)
        assert crash.tripped(now + 600, candles(rows), 100.0)
        assert crash._fell == now

    def test_a_cheap_index_has_a_price_and_nothing_has_none(self) -> None:
        cheap = candles(flat(20, 0.5))
        assert FlashCrash(MARKET).tripped(20 * MINUTES, cheap, 0.5) is None
        assert "missing" in str(FlashCrash(MARKET).tripped(20 * MINUTES, cheap, 0.0))
        assert "not known" in str(depeg("USDC/USDT", 0.0, MARKET))


def test_calls_that_nobody_asks_about_are_let_go() -> None:
    rate = ErrorRate(RiskSettings(api_window_minutes=5))
    for second in range(0, 3_000, 100):
        rate.note(float(second), failed=True)
    assert len(rate._calls) == 3


def test_an_order_window_is_in_minutes() -> None:
    rate = OrderRate(MarketSettings(max_orders=1, order_window_minutes=10))
    rate.note(0.0)
    rate.note(599.0)
    assert rate.tripped(1_198.0)
    assert rate.tripped(1_199.0) is None


def test_fewer_orders_do_not_end_it_while_there_are_any() -> None:
    rate = OrderRate(MarketSettings(max_orders=2, order_window_minutes=10))
    for time in (0.0, 100.0, 200.0, 750.0):
        rate.note(time)
    assert rate.tripped(760.0), "two in the window, and it has tripped"
    assert rate.tripped(1_349.0)
    assert rate.tripped(1_350.0) is None


VIEW = MarketView(99.9, 100.1, 10_000, 10_000, 3_600, 3_600, 100.0, 100.0, 1.0)
ENTRY = Entry(100.0, 500.0)


class TestMarket:
    @pytest.mark.parametrize(
        ("view", "entry", "rule"),
        [
            ({"entry_depth": -0.5}, {}, "market_data"),
            ({"before": 0.0}, {}, "market_data"),
            ({"atr": 0.0}, {}, None),
            ({}, {"value": 0.5}, None),
            ({}, {"value": 0.0}, "market_data"),
            (
                {"bid": 0.5, "ask": 0.5, "close": 0.5, "before": 0.5, "atr": 0.0},
                {"rate": 0.5},
                None,
            ),
            ({"before": 200.0}, {}, "price_jump"),
            ({"atr": 0.2 * (1 + 1e-6), "close": 1.0, "timeframe": 21_600.0}, {}, "volatility"),
        ],
    )
    def test_figures_at_their_edge(
        self, view: dict[str, float], entry: dict[str, float], rule: str | None
    ) -> None:
        if view.get("close") == 1.0:
            view |= {"bid": 1.0, "ask": 1.0, "before": 1.0}
            entry = {"rate": 1.0}
        found = check(replace(VIEW, **view), ENTRY._replace(**entry), MARKET)
        assert (found.rule if found else None) == rule
        assert found is None or found.reason

    def test_true_ranges_count_the_gap_to_the_close_before(self) -> None:
        high, low, close = [9.0, 12.0, 30.0], [8.0, 11.0, 29.0], [20.0, 11.5, 29.5]
        assert average_true_range(high, low, close, 2) == ((20.0 - 11.0) + (30.0 - 11.5)) / 2

    @pytest.mark.parametrize("column", [0, 1, 2])
    @pytest.mark.parametrize("row", [0, 1, 2, 3])
    def test_any_gap_among_them_spoils_the_mean(self, column: int, row: int) -> None:
        figures = [[3.0] * 4, [1.0] * 4, [2.0] * 4]
        figures[column][row] = math.nan
        # Three candles and a period of two: ranges of the last two, the close before each.
        used = row in (1, 2) if column == 2 else row in (2, 3)
        assert math.isnan(average_true_range(*figures, 2)) == used


SEEN = Seen(open_rate=100.0, close=100.0, atr=1.0, swing=95.0, best=110.0, recent=108.0, worst=90.0)


class TestExits:
    @pytest.mark.parametrize(
        ("chosen", "sold", "asked"),
        [
            ({"stops": ("atr", "percentage", "time")}, False, False),
            ({"stops": ("atr",)}, True, False),
            ({"stops": ("atr",), "targets": True}, False, False),
            ({"stops": ("atr",), "targets": True}, True, True),
            ({"stops": ("structure",)}, False, True),
            ({"stops": ("chandelier", "atr")}, False, True),
            ({"stops": ("trailing",), "targets": True}, True, True),
        ],
    )
    def test_which_stops_move(self, chosen: dict[str, Any], sold: bool, asked: bool) -> None:
        settings = ExitSettings(**chosen)
        assert moves(settings, sold=sold) is asked
        assert math.isfinite(moving_stop("long", SEEN, settings, sold=sold)) is asked

    def test_at_the_stop_is_passed_and_as_near_is_not_nearer(self) -> None:
        for side in ("long", "short"):
            assert passed(side, 100.0, 100.0)
            assert not nearer(side, 100.0, 100.0)

    @pytest.mark.parametrize(
        ("seen", "level"),
        [
            ({"atr": 0.5}, 108.0 - 1.5),
            ({"recent": math.inf}, None),
            ({"recent": 3.0}, None),  # 3 − 3 × 1: at nothing
            ({"recent": 2.5}, None),  # below it
        ],
    )
    def test_a_level_is_a_price(self, seen: dict[str, float], level: float | None) -> None:
        found = moving_stop("long", replace(SEEN, **seen), ExitSettings(stops=("chandelier",)))
        assert math.isnan(found) if level is None else found == level


class TestTakings:
    # A gain of .5 and shares of a quarter are exact in binary.
    TIERS = ExitSettings(
        targets=True, tiers=(Target(gain=0.5, share=0.25), Target(gain=1.0, share=0.5))
    )
    HOLDING = Holding("long", 100.0, bought=4.0, sold=0.0, held=4.0, leverage=1.0, min_stake=0.0)

    def sale(self, rate: float = 150.0, **changed: float) -> Sale | None:
        return due(replace(self.HOLDING, **changed), rate, self.TIERS)

    def test_a_target_is_reached_at_its_gain(self) -> None:
        assert self.sale() == Sale(1.0, 1)
        assert self.sale(149.99) is None

    def test_a_remainder_of_a_tier_is_left_out_up_to_a_tenth_of_it(self) -> None:
        assert self.sale(sold=0.9, held=3.1) is None, "a tenth of one coin"
        assert self.sale(sold=0.875, held=3.125) == Sale(0.125, 1)
        assert self.sale(200.0, sold=2.81, held=1.19) is None, "a tenth of the last tier's two"
        assert self.sale(sold=1.0, held=3.0) is None

    def test_the_least_sale_and_the_least_rest(self) -> None:
        assert self.sale(min_stake=150.0) == Sale(1.0, 1)
        assert self.sale(min_stake=151.0) is None
        assert self.sale(sold=0.0, held=2.0, min_stake=100.0) == Sale(1.0, 1), "150 is 1.5 × 100"
        assert self.sale(sold=0.0, held=2.0, min_stake=101.0) == Sale(2.0, 1)

    def test_a_stake_is_own_money(self) -> None:
        assert self.sale(leverage=3.0, min_stake=50.0) == Sale(1.0, 1)
        assert self.sale(leverage=3.0, min_stake=51.0) is None
        assert self.sale(leverage=0.0, min_stake=150.0) == Sale(1.0, 1), "none is 1"

    def test_dust_goes_with_the_rest(self) -> None:
        many = {"bought": 4000.0, "held": 1000.0 + 2e-6}
        assert self.sale(**many) == Sale(many["held"], 1)
        assert self.sale(**{**many, "held": 1000.0 + 8e-6}) == Sale(1000.0, 1)


def returns(*figures: float) -> tuple[Ints, Floats]:
    return np.arange(len(figures), dtype=np.int64), np.array(figures)


class TestCorrelation:
    def test_only_positive_closes_have_returns(self) -> None:
        close = np.array([1.0, 2.0, 0.0, 1.0, -1.0, -2.0, 1.0, math.inf, 1.0, math.nan, 1.0, 2.0])
        dates, found = log_returns(np.arange(len(close), dtype=np.int64), close, 1)
        assert dates.tolist() == [1, 11]
        assert found == pytest.approx([math.log(2)] * 2)

    def test_two_small_returns_correlate(self) -> None:
        up = returns(0.001, -0.001)
        assert correlation(up, up, 2) == pytest.approx(1.0)
        assert math.isnan(correlation(up, up, 3))

    def test_at_its_limit_a_pair_is_kept_and_a_stranger_is_named(self) -> None:
        both = {"A/USDT": returns(1.0, -1.0), "B/USDT": returns(1.0, -1.0)}
        kept, dropped = uncrowded(["A/USDT", "B/USDT", "C/USDT"], both, 1.0, 1, 2)
        assert kept == ["A/USDT", "B/USDT"]
        assert dropped == {"C/USDT": "only 0 usable returns, 2 needed"}


class TestOverview:
    def see(self, *equities: float) -> Any:
        state = Ledger.empty()
        for equity in equities:
            state = observe(state, NOW, equity, RiskSettings())
        return overview(state, NOW, RiskSettings())

    def test_an_account_that_was_not_seen_has_no_cut(self) -> None:
        assert self.see().factors == ()

    def test_a_share_is_a_fraction(self) -> None:
        assert Gauge("", -0.5, 1.0, "").share == 0.0
        assert Gauge("", 2.0, 1.0, "").share == 1.0

    def test_a_gain_uses_nothing_and_what_has_tripped_has_nothing_left(self) -> None:
        gauges = {gauge.name: gauge for gauge in self.see(0.5, 0.75).gauges}
        assert gauges["loss of the day"].used == 0.0
        fallen = {gauge.name: gauge for gauge in self.see(1000, 700).gauges}
        assert fallen["loss of the day"].left == 0.0
        start = fallen["loss since the start"]
        assert (start.limit, start.left) == (pytest.approx(0.15), 0.0)
