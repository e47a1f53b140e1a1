"""Exits by class and regime: what each rule changes, what it does not, and that no stop loosens."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.entries.sizing import Proposal, propose
from freqpilot.risk.entries.volatility import with_stop
from freqpilot.risk.exits import plan as exitplan
from freqpilot.risk.exits.stops import (
    Seen,
    initial_stop,
    nearer,
    never_loosened,
    passed,
    risk_distance,
)
from freqpilot.risk.exits.takings import Holding, due
from freqpilot.settings import ExitSettings, RiskSettings
from freqpilot.shapes import Book, Side
from freqpilot.signals.regimes import NAMES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEEN = Seen(100.0, 104.0, 2.0, math.nan, 106.0, 106.0, 99.0)


def risk(**exits: Any) -> RiskSettings:
    return RiskSettings(exits=ExitSettings.model_validate(exits))


ON = risk(targets=True)
MEMES = risk(meme={"enabled": True})


def gains(chosen: ExitSettings) -> list[Any]:
    return [pytest.approx(tier.gain) for tier in chosen.tiers]


@pytest.mark.parametrize(
    ("chosen", "pair", "side", "own"),
    [
        (risk(), "DOGE/USDT", "long", False),
        (risk(meme={"enabled": True}), "DOGE/USDT", "long", True),
        (risk(meme={"enabled": True}), "1000PEPE/USDT:USDT", "long", True),
        (risk(meme={"enabled": True}), "SOL/USDT", "long", False),
        (risk(meme={"enabled": True}), "DOGE/USDT:USDT", "short", False),
        (ON, "DOGE/USDT", "long", True),
        (ON, "SOL/USDT", "long", False),
        (risk(targets=True, meme={"enabled": False}), "DOGE/USDT", "long", False),
    ],
)
def test_only_longs_of_memes_have_a_plan_of_their_own(
    chosen: RiskSettings, pair: str, side: Side, own: bool
) -> None:
    found = exitplan.exits_of(pair, side, chosen)
    assert (found is not chosen.exits) is own
    if own:
        assert [(tier.gain, tier.share) for tier in found.tiers] == [
            (1, 0.25),
            (4, 0.25),
            (9, 0.25),
        ]
        assert (found.targets, found.stops, found.trail_rest) == (True, ("time",), False)
        assert (found.flat_hours, found.unprofitable_hours) == (60, None)
    else:
        assert exitplan.risk_of(pair, side, chosen, -0.3) is chosen
        assert exitplan.widest_stop(pair, side, chosen) == chosen.hard_stop


def test_all_is_as_it_was_where_nothing_was_switched_on() -> None:
    chosen = risk()
    for regime in NAMES:
        assert exitplan.in_regime("long", regime, chosen.exits) is chosen.exits
    assert exitplan.plans(chosen.exits) == (chosen.exits,)
    assert not exitplan.sells_parts(chosen.exits)
    assert not exitplan.may_move(chosen.exits)


def test_a_meme_is_sold_in_quarters_and_the_last_is_held() -> None:
    chosen = exitplan.exits_of("DOGE/USDT", "long", MEMES)
    held = Holding("long", 1.0, bought=100.0, sold=0.0, held=100.0, leverage=1.0, min_stake=5.0)
    assert due(held, 1.999, chosen) is None
    for rate, expected in ((2.0, 25.0), (4.99, None), (5.0, 25.0), (9.99, None), (10.0, 25.0)):
        sale = due(held, rate, chosen)
        assert (sale and sale.amount) == (expected and pytest.approx(expected))
        if sale:
            held = replace(held, sold=held.sold + sale.amount, held=held.held - sale.amount)
    assert due(held, 1000.0, chosen) is None
    assert held.held == pytest.approx(25.0)
    assert not exitplan.may_move(chosen), "the rest does not trail"


@pytest.mark.parametrize(
    ("stoploss", "leverage", "hard"),
    [
        (-0.30, 1.0, 0.30),
        (-0.50, 1.0, 0.30),  # a wider one changes nothing
        (-0.29, 1.0, 0.29),  # the strategy's own holds
        (-0.10, 1.0, 0.10),
        (-0.05, 1.0, 0.10),
        (-0.60, 2.0, 0.30),  # Freqtrade counts it in own money
        (-0.40, 2.0, 0.20),
        (-0.20, 0.5, 0.20),  # less than the own money is no wider stop
        (math.nan, 1.0, 0.10),
        (None, 1.0, None),  # does not sell in parts
    ],
)
def test_a_memes_stop_is_as_wide_as_the_strategys(
    stoploss: float | None, leverage: float, hard: float | None
) -> None:
    found = exitplan.risk_of("DOGE/USDT", "long", MEMES, stoploss, leverage)
    if hard is None:
        assert found is MEMES
        return
    assert found.hard_stop == pytest.approx(hard)
    assert initial_stop("long", 100.0, 2.0, math.nan, found) == pytest.approx(100 * (1 - hard))


def test_a_narrower_hard_stop_of_memes_holds_whatever_the_strategys() -> None:
    narrow = risk(meme={"enabled": True, "hard_stop": 0.04})
    assert exitplan.risk_of("DOGE/USDT", "long", narrow, -0.3).hard_stop == 0.04
    assert exitplan.widest_stop("DOGE/USDT", "long", narrow) == 0.10


def test_a_size_counts_with_the_wider_stop() -> None:
    book = Book(stamp=NOW, equity=1e3, peak=1e3, start=1e3, day_start=1e3, week_start=1e3)
    asked = Proposal(NOW, "DOGE/USDT", "long", 1.0, 0.02, 1.0, 1.0, 0.0, 1e9)
    free = MEMES.model_copy(update={"meme_position": 1.0, "max_exposure": 1.0})
    for each in (0.1, 0.2, 0.3):
        chosen = exitplan.risk_of("DOGE/USDT", "long", free, -each)
        verdict = propose(asked, book, chosen)
        per_trade = free.tiers[0].risk_per_trade
        assert 0 < verdict.stake * each <= 1e3 * per_trade * (1 + 1e-9)
        assert verdict.stop == pytest.approx(1 - each)


@pytest.mark.parametrize(
    ("side", "regime", "expected", "trails"),
    [
        ("long", "trending_bullish", [0.075, 0.15, 0.30], True),
        ("short", "trending_bearish", [0.075, 0.15, 0.30], True),
        ("short", "trending_bullish", [0.05, 0.10, 0.20], False),
        ("long", "trending_bearish", [0.05, 0.10, 0.20], False),
        ("long", "range_bound", [0.0335, 0.067, 0.134], False),
        ("short", "range_bound", [0.0335, 0.067, 0.134], False),
        ("long", "capitulation", [0.05, 0.10, 0.20], False),
        ("long", "", [0.05, 0.10, 0.20], False),
    ],
)
def test_regimes_move_targets(side: Side, regime: str, expected: Any, trails: bool) -> None:
    found = exitplan.in_regime(side, regime, ON.exits)
    assert gains(found) == expected
    assert ("trailing" in found.stops) is trails
    assert [tier.share for tier in found.tiers] == [0.3] * 3
    meme = exitplan.exits_of("DOGE/USDT", "long", ON)
    assert exitplan.in_regime(side, regime, meme) is meme


def test_the_first_gain_is_the_least_of_all_regimes() -> None:
    every = [exitplan.in_regime("long", name, ON.exits).tiers[0].gain for name in NAMES]
    assert exitplan.first_gain(ON.exits) == pytest.approx(min(every)) == pytest.approx(0.0335)
    assert exitplan.first_gain(exitplan.exits_of("DOGE/USDT", "long", ON)) == 1.0


@pytest.mark.parametrize(
    ("seen", "regime"),
    [
        ([("range_bound", 0.7), ("trending_bullish", 0.9)], "range_bound"),
        ([("range_bound", 0.69), ("trending_bullish", 0.9)], "trending_bullish"),
        ([("", 0.0), ("trending_bullish", 0.7)], "trending_bullish"),
        ([("", 1.0), ("trending_bullish", 0.69)], ""),
        ([("", 1.0), ("trending_bullish", 0.7)], "trending_bullish"),
        ([("range_bound", math.nan), (math.nan, 0.9), (None, 0.9)], ""),
        ([], ""),
    ],
)
def test_the_regime_now_comes_before_that_of_the_entry(seen: Any, regime: str) -> None:
    assert exitplan.acting(seen, 0.7) == regime


def test_a_trend_trails_but_that_it_begins_ends_no_trade() -> None:
    trend = exitplan.in_regime("long", "trending_bullish", ON.exits)

    def level(seen: Seen, chosen: ExitSettings = ON.exits, *, sold: bool = False) -> float:
        adjusted = exitplan.in_regime("long", "trending_bullish", chosen)
        return exitplan.moving_stop("long", seen, chosen, adjusted, sold=sold)

    assert level(SEEN) == pytest.approx(106 * 0.95)
    assert math.isnan(exitplan.moving_stop("long", SEEN, ON.exits, ON.exits, sold=False))
    back = replace(SEEN, close=100.6)  # 106 × .95 is above it
    assert trend.stops == ("atr", "trailing")
    assert math.isnan(level(back))
    assert level(back, sold=True) == pytest.approx(106 * 0.95), "the rest trails in any case"
    chosen = ExitSettings(targets=True, stops=("trailing",))
    assert level(back, chosen) == pytest.approx(106 * 0.95), "as the user chose it"
    both = ExitSettings(targets=True, stops=("chandelier",))
    assert level(back, both) == pytest.approx(106 - 3 * 2)


@given(
    side=st.sampled_from(["long", "short"]),
    pair=st.sampled_from(["DOGE/USDT", "SOL/USDT"]),
    stoploss=st.floats(0.01, 0.9),
    leverage=st.floats(1.0, 3.0),
    atr=st.floats(0.01, 30.0),
    widened=st.floats(0.5, 2.0),
)
def test_a_stop_is_never_wider_than_the_size_counted_with(
    side: Side, pair: str, stoploss: float, leverage: float, atr: float, widened: float
) -> None:
    chosen = with_stop(exitplan.risk_of(pair, side, ON, -stoploss, leverage), widened)
    distance = abs(initial_stop(side, 100.0, atr, math.nan, chosen) - 100.0)
    assert distance <= risk_distance(100.0, atr, chosen) + 1e-9
    assert distance <= 100 * exitplan.widest_stop(pair, side, ON) + 1e-9
    # Freqtrade's own stop is there first, and is never moved away.
    assert distance <= 100 * max(stoploss / leverage, ON.hard_stop) + 1e-9


@given(
    side=st.sampled_from(["long", "short"]),
    steps=st.lists(
        st.tuples(st.floats(-0.3, 0.3), st.sampled_from(["", *NAMES]), st.booleans()), min_size=1
    ),
    stops=st.sampled_from([("atr",), ("chandelier",), ("trailing", "time"), ("atr", "chandelier")]),
)
def test_no_regime_loosens_a_stop_or_sells_twice(
    side: Side, steps: list[tuple[float, str, bool]], stops: tuple[str, ...]
) -> None:
    base = risk(targets=True, stops=stops)
    counted = risk_distance(100.0, 2.0, base)
    stored = initial_stop(side, 100.0, 2.0, math.nan, base)
    assert abs(stored - 100.0) <= counted + 1e-9
    best = worst = 100.0
    told, sales = [stored], [0.0]
    for move, regime, filled in steps:
        rate = 100.0 * (1 + move)
        better, worse = (max, min) if side == "long" else (min, max)
        best, worst = better(best, rate), worse(worst, rate)
        adjusted = exitplan.in_regime(side, regime, base.exits)
        seen = Seen(100.0, rate, 2.0, math.nan, best, best, worst)
        sold = sales[-1]
        level = exitplan.moving_stop(side, seen, base.exits, adjusted, sold=sold > 0)
        plain = exitplan.moving_stop(side, seen, base.exits, base.exits, sold=sold > 0)
        assert math.isnan(plain) or not nearer(side, plain, level), "never farther than without"
        if not passed(side, level, rate):
            stored = never_loosened(side, stored, level)
        sale = due(Holding(side, 100.0, 1.0, sold, 1.0 - sold, 1.0, 1.0), rate, adjusted)
        if sale:
            gain = rate / 100 - 1 if side == "long" else 1 - rate / 100
            reached = sum(t.share for t in adjusted.tiers if gain >= t.gain)
            assert sold + sale.amount <= max(reached, sold) + 1e-9
            sold += sale.amount * (1.0 if filled else 0.5)
        told.append(stored)
        sales.append(sold)
    assert all(not nearer(side, before, after) for before, after in pairwise(told))
    assert all(before <= after <= 1.0 for before, after in pairwise(sales))


@pytest.mark.parametrize(
    ("exits", "sells"),
    [
        ({}, False),
        ({"targets": True}, True),
        ({"meme": {"enabled": True}}, True),  # memes alone
        ({"targets": True, "meme": {"enabled": False}}, True),
    ],
)
def test_parts_are_sold_where_any_class_has_targets(exits: dict[str, Any], sells: bool) -> None:
    assert exitplan.sells_parts(risk(**exits).exits) is sells


def trails(up: bool, down: bool = False) -> dict[str, Any]:
    return {"trending_bullish": {"trailing": up}, "trending_bearish": {"trailing": down}}


@pytest.mark.parametrize(
    ("exits", "moves"),
    [
        ({"stops": ("percentage",)}, False),
        ({"stops": ("trailing",)}, True),  # the user's own
        ({"targets": True, "trail_rest": False, "regimes": trails(False)}, False),
        ({"targets": True, "trail_rest": True, "regimes": trails(False)}, True),  # the rest does
        ({"targets": True, "trail_rest": False, "regimes": trails(True)}, True),
        ({"targets": False, "trail_rest": False, "regimes": trails(True)}, False),  # no regimes
    ],
)
def test_whether_a_stop_may_move(exits: dict[str, Any], moves: bool) -> None:
    assert exitplan.may_move(risk(**exits).exits) is moves


def test_a_regime_adds_no_second_trailing_stop() -> None:
    own = ExitSettings(targets=True, stops=("trailing", "time"))
    found = exitplan.in_regime("long", "trending_bullish", own)
    assert found.stops == ("trailing", "time")
