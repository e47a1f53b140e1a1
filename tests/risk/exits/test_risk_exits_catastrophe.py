"""Where a catastrophe stop is, and that the cut stake costs no more than its budget there."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from freqtrade.configuration.load_config import load_config_file
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.host.boot.doors import config_dir
from freqpilot.risk.entries.limits import STAKE_TOLERANCE, fit
from freqpilot.risk.exits import catastrophe
from freqpilot.settings import CatastropheStop, RiskSettings, Tier
from freqpilot.shapes import Book, OrderRequest, Position, Side

STOP = CatastropheStop()
NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
BOOK = Book(stamp=NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)
SIDES = st.sampled_from(["long", "short"])
PRICES = st.floats(1e-6, 1e6)
SHARES = st.one_of(st.floats(1e-4, 2.0), st.just(math.nan))


@pytest.mark.parametrize(
    ("atr_share", "distance"),
    [
        (0.04, 0.12),
        (0.01, STOP.at_least),
        (0.2, STOP.at_most),
        (math.nan, STOP.without_candles),
        (math.inf, STOP.without_candles),
        (0.0, STOP.without_candles),
        (-0.1, STOP.without_candles),
    ],
)
def test_the_distance_is_three_daily_ranges_within_its_bounds(
    atr_share: float, distance: float
) -> None:
    assert catastrophe.distance(atr_share, STOP) == pytest.approx(distance)


@given(side=SIDES, paid=PRICES, atr_share=SHARES)
def test_a_stop_is_always_there_on_the_losing_side(
    side: Side, paid: float, atr_share: float
) -> None:
    stop = catastrophe.level(side, paid, catastrophe.distance(atr_share, STOP))
    assert math.isfinite(stop)
    assert 0 < stop < paid if side == "long" else stop > paid


@given(side=SIDES, stop=PRICES, candle=st.lists(PRICES, min_size=2, max_size=2), open_at=PRICES)
def test_a_candle_fills_a_stop_within_itself_and_never_better_than_its_price(
    side: Side, stop: float, candle: list[float], open_at: float
) -> None:
    low, high = min(*candle, open_at), max(*candle, open_at)
    if not catastrophe.is_hit(side, stop, low, high):
        return
    rate = catastrophe.fill_rate(side, stop, open_at)
    assert low <= rate <= high
    assert rate <= stop if side == "long" else rate >= stop


@pytest.mark.parametrize(
    ("side", "first", "second", "nearest"),
    [
        ("long", 90.0, 80.0, 90.0),
        ("short", 110.0, 120.0, 110.0),
        ("long", 90.0, 0.0, 90.0),
        ("short", 0.0, 120.0, 120.0),
        ("long", math.nan, 80.0, 80.0),
    ],
)
def test_the_nearer_of_two_stops(side: Side, first: float, second: float, nearest: float) -> None:
    assert catastrophe.nearest(side, first, second) == nearest


@given(
    stake=st.floats(1.0, 1e5),
    held=st.floats(0.0, 500.0),
    distance=st.floats(0.01, 0.9),
    leverage=st.floats(1.0, 20.0),
    budget=st.floats(0.001, 0.5),
)
def test_whatever_a_strategy_asks_for_its_stop_costs_no_more_than_the_budget(
    stake: float, held: float, distance: float, leverage: float, budget: float
) -> None:
    """With what the trade holds already: an addition that would pass the budget is cut or refused.
    Other limits are wide, so that this one alone has to hold."""
    settings = RiskSettings(
        tiers=(
            Tier(
                name="Wide",
                equity_from=0,
                risk_per_trade=1,
                max_position=1,
                max_open_trades=99,
                max_leverage=20,
            ),
        ),
        catastrophe_stop=CatastropheStop(budget=budget),
        max_exposure=1,
        max_exchange_exposure=1,
    )
    position = Position("BTC/USDT", "long", held, held, leverage=leverage)
    order = OrderRequest(
        NOW, "BTC/USDT", "long", "add", stake, 50_000.0, leverage, stop_distance=distance
    )
    verdict = fit(order, replace(BOOK, positions=(position,)), settings)
    lost = catastrophe.loss_share(distance, leverage)
    assert verdict.stake <= stake
    if verdict.allowed:
        loss = (held + verdict.stake) * lost
        assert loss <= budget * 1000 * (1 + STAKE_TOLERANCE)
    else:
        assert verdict.cuts[-1].rule in ("trade_risk", "max_position", "max_exposure", "max_class")


PROFILES: dict[str, Any] = {
    "full": {},
    "guard": load_config_file(str(config_dir() / "guard.json"))["freqpilot"]["risk"],
}
ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["BTC/USDT", "ETH/USDT", "DOGE/USDT", "NEW/USDT"]),
        st.floats(1.0, 1e4),
        st.sampled_from([1.0, 2.0, 5.0]),
        SHARES,
    ),
    max_size=25,
)
"""What a strategy asks for: pair, stake, leverage, and the pair's daily range."""


@given(orders=ORDERS, profile=st.sampled_from(["guard", "full"]))
def test_for_any_strategy_exposure_budget_and_stops_hold_after_every_fill(
    orders: list[tuple[str, float, float, float]], profile: str
) -> None:
    settings = RiskSettings(**PROFILES[profile])
    held: dict[str, tuple[float, float, float]] = {}
    for pair, asked, wanted, atr_share in orders:
        first = 0.0, wanted, catastrophe.distance(atr_share, settings.catastrophe_stop)
        before, leverage, distance = held.get(pair, first)
        order = OrderRequest(
            NOW,
            pair,
            "long",
            "add" if pair in held else "entry",
            asked,
            100.0,
            leverage,
            stop_distance=distance,
        )
        positions = tuple(
            Position(name, "long", stake, stake, leverage=lever)
            for name, (stake, lever, _) in held.items()
        )
        verdict = fit(order, replace(BOOK, positions=positions), settings)
        if not verdict.allowed:
            continue
        stake = before + verdict.stake
        held[pair] = stake, leverage, distance
        most = 1000 * (1 + len(orders) * STAKE_TOLERANCE)
        assert sum(each[0] for each in held.values()) <= settings.max_exposure * most
        lost = catastrophe.loss_share(distance, leverage)
        assert stake * lost <= settings.catastrophe_stop.budget * most
        assert 0 < catastrophe.level("long", 100.0, distance) < 100.0
