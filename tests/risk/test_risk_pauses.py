"""What the protections reckon with: closed trades, shocks, cooldowns, the cost of a book."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.account.closed import Close, losses, record_of, reviewed_until, start_of
from freqpilot.risk.account.ledger import Ledger, observe
from freqpilot.risk.entries.cooldown import cooldown_factor, volatility_ratio
from freqpilot.risk.market.breakers import IndexCandles
from freqpilot.risk.market.orderbook import fill_price, round_trip_cost
from freqpilot.risk.market.shocks import last_shock, last_wide_range, window
from freqpilot.risk.taxonomy import asset_of, capped
from freqpilot.settings import RiskSettings

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)
HOUR = 3_600.0
SETTINGS = RiskSettings()
profits = st.lists(st.floats(-50, 50), max_size=150)
COINS = ["BTC", "DOGE", "SHIB", "SOL", "ADA", "ETH", "XRP", "XLM", "UNI", "XYZ", "ARB"]


def closes(values: list[float]) -> list[Close]:
    count = len(values)
    return [Close(NOON - timedelta(hours=count - n), v) for n, v in enumerate(values)]


@given(profits)
def test_a_record_ends_at_the_equity_and_keeps_the_order(values: list[float]) -> None:
    record = record_of(closes(values), 100_000.0)
    assert record.total == len(values)
    equity = 100_000.0 + sum(values[: len(values) - len(record.outcomes)])
    for outcome in record.outcomes:
        assert outcome.share == pytest.approx(outcome.profit / equity)
        equity += outcome.profit
    assert equity == pytest.approx(100_000.0 + sum(values))


@given(profits, st.integers(0, 150))
def test_trades_before_a_review_are_not_in_the_record(values: list[float], kept: int) -> None:
    known = closes(values)
    since = known[-kept - 1].time if kept < len(known) else None
    record = record_of(known, 100_000.0, since)
    assert [o.profit for o in record.outcomes] == values[len(values) - min(kept, len(values)) :][
        -100:
    ]
    reviewed = record.review()
    assert reviewed_until(reviewed) == (record.outcomes[-1].time if record.outcomes else None)
    assert reviewed_until(record) is None


def test_an_account_without_money_has_lost_all() -> None:
    assert record_of([Close(NOON, -1.0)], 0.0).outcomes[0].share == -1.0
    assert losses([], 0.0, NOON).total == 1.0
    assert losses([], math.nan, NOON).total == 1.0


@given(profits, st.floats(0.05, 1.0))
def test_the_ledger_comes_before_a_starting_balance(values: list[float], ratio: float) -> None:
    known = closes(values)
    equity = 100_000.0 + sum(values)
    state = observe(Ledger.empty(), NOON, equity, SETTINGS)
    assert start_of(known, ratio * 100_000.0, state) == pytest.approx(100_000.0)
    assert losses(known, ratio * 100_000.0, NOON, state).total == 0.0
    assert start_of(known, 5.0, None) == start_of(known, 5.0, Ledger.empty()) == 5.0


@given(profits)
def test_a_weeks_loss_holds_its_days(values: list[float]) -> None:
    found = losses(closes(values), 100_000.0, NOON)
    assert 0 <= found.day <= 1
    assert 0 <= found.week <= 1
    assert found.total == pytest.approx(max(0.0, -sum(values) / 100_000.0))


def series(close: list[float], step: float = HOUR) -> IndexCandles:
    c = np.array(close)
    opened = np.concatenate([c[:1], c[:-1]])
    high, low = np.maximum(opened, c) * 1.001, np.minimum(opened, c) * 0.999
    return IndexCandles(np.arange(len(c)) * step, opened, high, low, c, step)


def seek(candles: IndexCandles, now: float) -> object:
    return last_shock(candles, now, fall=0.07, multiple=6, period=24, grace=120)


def test_a_shock_needs_candles_that_are_whole_and_of_now() -> None:
    quiet = series([100.0] * 100)
    end = 100 * HOUR
    assert seek(quiet, end) is None
    assert seek(quiet, end + HOUR + 120) is None
    assert not seek(quiet, end + HOUR + 121).known
    assert not seek(series([100.0] * 25), 25 * HOUR).known
    assert not seek(quiet._replace(open=np.where(quiet.time == 5 * HOUR, np.nan, 100)), end).known


@given(st.integers(30, 98), st.floats(0.5, 0.92))
def test_what_comes_later_changes_no_earlier_shock(row: int, fallen: float) -> None:
    close = [100.0] * row + [100.0 * fallen] * (100 - row)
    whole, now = series(close), (row + 1) * HOUR
    then = IndexCandles(*(column[: row + 1] for column in whole[:5]), whole.step)
    assert seek(whole, now) == seek(then, now)
    assert seek(whole, now).time == now
    assert seek(whole, now - HOUR) is None


@given(st.integers(0, 40), st.integers(24, 72))
def test_the_window_holds_all_that_a_pause_needs(back: int, pause: int) -> None:
    close = [100.0] * 150
    close[-back - 1] = 90.0
    whole, now = series(close), 150 * HOUR
    found, part = seek(whole, now), seek(window(whole, now, pause * HOUR, 24), now)
    assert found is not None
    if found.time > now - pause * HOUR:
        assert part == found


def test_a_market_that_stands_still_has_no_wide_range() -> None:
    flat = series([100.0] * 60)
    still = flat._replace(high=flat.close, low=flat.close)
    assert last_wide_range(still, 24, 6) is None
    moved = still._replace(high=np.where(still.time == 50 * HOUR, 100.1, still.high))
    assert last_wide_range(moved, 24, 6) == 51 * HOUR


@given(st.integers(1, 24), st.floats(0.1, 10))
def test_a_volatility_ratio_has_no_unit_and_no_future(size: int, scale: float) -> None:
    steps = np.random.default_rng(size).normal(0, 0.01, 400)
    opened = np.arange(400) * 3600
    close = np.exp(np.cumsum(steps))
    now = 300 * 3600.0
    found = volatility_ratio(opened, close, 3600, now)
    assert found == pytest.approx(volatility_ratio(opened, scale * close, 3600, now))
    assert found == volatility_ratio(opened[:300], close[:300], 3600, now)
    assert found == pytest.approx(np.std(steps[276:300]) / np.std(steps[132:300]))


@pytest.mark.parametrize(
    ("rows", "step", "now"),
    [
        (0, 3600, 0),
        (100, 3600, 100 * 3600),  # less than a week
        (400, 3600, 403 * 3600),  # old
        (400, 86_400, 400 * 86_400),  # a day is one candle
    ],
)
def test_a_volatility_that_is_not_known(rows: int, step: int, now: float) -> None:
    close = np.exp(np.random.default_rng(1).normal(0, 0.01, rows))
    assert math.isnan(volatility_ratio(np.arange(rows) * step, close, step, now))


@pytest.mark.parametrize(
    ("ratio", "factor"),
    [(0.3, 1), (1.3, 1), (1.31, 2), (2.0, 2), (2.01, 4), (math.nan, 4), (math.inf, 4)],
)
def test_a_cooldowns_factor(ratio: float, factor: float) -> None:
    assert cooldown_factor(ratio, 1.3, 2.0, 2, 4) == factor


books = st.lists(st.tuples(st.floats(0.001, 0.02), st.floats(0.1, 10)), min_size=1, max_size=8)


def ladder(levels: list[tuple[float, float]], sign: int) -> list[list[float]]:
    distance, side = 0.0, []
    for gap, amount in levels:
        distance += gap
        side.append([100 * (1 + sign * distance), amount])
    return side


@given(books, books, st.floats(0.001, 0.5), st.floats(0.1, 0.9))
def test_a_round_trip_costs_more_the_larger_it_is(
    up: list[tuple[float, float]], down: list[tuple[float, float]], share: float, less: float
) -> None:
    asks, bids = ladder(up, 1), ladder(down, -1)
    mid = (asks[0][0] + bids[0][0]) / 2
    size = share * mid * min(sum(a for _, a in asks), sum(a for _, a in bids))
    cost = round_trip_cost(bids, asks, size)
    assert cost >= (asks[0][0] - bids[0][0]) / mid - 1e-12
    assert round_trip_cost(bids, asks, less * size) <= cost + 1e-12


def test_a_fill_walks_the_book() -> None:
    assert fill_price([[10, 1], [11, 1]], 1) == 10
    assert fill_price([[10, 1], [11, 1]], 2) == 10.5
    assert math.isnan(fill_price([[10, 1], [11, 1]], 2.001))
    assert math.isnan(fill_price([[10, math.nan]], 1))
    assert math.isnan(fill_price([[10, 1]], 0))
    assert math.isnan(round_trip_cost([], [[10, 1]], 1))
    assert math.isnan(round_trip_cost([[10.1, 1]], [[10, 1]], 1))  # crossed


@given(
    st.lists(st.sampled_from(COINS), unique=True),
    st.none() | st.integers(1, 4),
    st.none() | st.integers(1, 4),
)
def test_a_cap_keeps_the_order_and_the_first(
    coins: list[str], per_sector: int | None, per_class: int | None
) -> None:
    pairs = [f"{coin}/USDT" for coin in coins]
    kept, dropped = capped(pairs, per_sector, per_class, SETTINGS)
    assert kept == [pair for pair in pairs if pair not in dropped]
    assert kept[:1] == pairs[:1]
    for name, most in (("sector", per_sector), ("kind", per_class)):
        held = [getattr(asset_of(pair, SETTINGS), name) for pair in kept]
        for group in set(held) - {"other"}:
            assert most is None or held.count(group) <= most
    assert capped(kept, per_sector, per_class, SETTINGS) == (kept, {})
