"""Stop prices and times."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.exits.stops import (
    Seen,
    atr_stop,
    initial_stop,
    moving_stop,
    nearer,
    never_loosened,
    overdue,
    risk_distance,
)
from freqpilot.settings import ExitSettings, RiskSettings
from freqpilot.shapes import Side

SETTINGS = RiskSettings()


@pytest.mark.parametrize(
    ("side", "atr", "stop"),
    [
        ("long", 2.0, 96.0),
        ("long", 5.0, 90.0),
        ("long", 6.0, 90.0),  # the hard stop is nearer
        ("short", 2.0, 104.0),
        ("short", 6.0, 110.0),
        ("long", math.nan, 90.0),
        ("long", math.inf, 90.0),
        ("short", 0.0, 110.0),
        ("short", -1.0, 110.0),
    ],
)
def test_nearer_of_atr_and_hard_stop(side: Side, atr: float, stop: float) -> None:
    assert atr_stop(side, 100.0, atr, SETTINGS) == pytest.approx(stop)


@pytest.mark.parametrize("rate", [math.nan, math.inf, 0.0, -1.0])
def test_unsound_open_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="open rate"):
        atr_stop("long", rate, 1.0, SETTINGS)


@given(
    side=st.sampled_from(["long", "short"]),
    rate=st.floats(1e-6, 1e6),
    atr=st.floats(allow_nan=True),
)
def test_stop_is_on_the_losing_side_and_within_the_hard_stop(
    side: Side, rate: float, atr: float
) -> None:
    stop = atr_stop(side, rate, atr, SETTINGS)
    loss = (rate - stop) / rate if side == "long" else (stop - rate) / rate
    assert -1e-12 <= loss <= SETTINGS.hard_stop + 1e-12


@pytest.mark.parametrize(
    ("side", "stored", "proposed", "stop"),
    [
        ("long", 97.0, 92.0, 97.0),
        ("long", 92.0, 97.0, 97.0),
        ("short", 103.0, 108.0, 103.0),
        ("short", 108.0, 103.0, 103.0),
        ("long", 97.0, math.nan, 97.0),
        ("short", math.nan, 103.0, 103.0),
        ("short", 103.0, -math.inf, 103.0),
    ],
)
def test_never_loosened(side: Side, stored: float, proposed: float, stop: float) -> None:
    assert never_loosened(side, stored, proposed) == stop


def test_no_stop_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        never_loosened("long", math.nan, math.nan)


METHODS = ("atr", "percentage", "structure", "chandelier", "trailing")
SIDES = st.sampled_from(["long", "short"])
SEEN = Seen(open_rate=100, close=108, atr=2, swing=98, best=110, recent=109, worst=97)


def risk(*stops: str, **exits: Any) -> RiskSettings:
    return RiskSettings.model_validate({"exits": {"stops": stops, **exits}})


@pytest.mark.parametrize(
    ("stops", "stop"),
    [
        ((), 90.0),
        (("time",), 90.0),
        (("percentage",), 96.0),
        (("structure",), 97.8),
        (("chandelier",), 94.0),
        (("trailing",), 95.0),
        (("atr",), 96.0),
        (("trailing", "percentage", "structure"), 97.8),
    ],
)
def test_nearest_stop_of_all_methods_at_the_fill(stops: tuple[str, ...], stop: float) -> None:
    assert initial_stop("long", 100, 2, 98, risk(*stops)) == pytest.approx(stop)
    assert initial_stop("short", 100, 2, 102, risk(*stops)) == pytest.approx(200 - stop)


@pytest.mark.parametrize(
    ("stops", "sold", "stop"),
    [
        ((), True, math.nan),
        (("atr", "percentage", "time"), False, math.nan),
        (("structure",), False, 97.8),
        (("chandelier",), False, 103.0),
        (("trailing",), False, 104.5),
        (("structure", "chandelier"), False, 103.0),
    ],
)
def test_moving_stops(stops: tuple[str, ...], sold: bool, stop: float) -> None:
    found = moving_stop("long", SEEN, risk(*stops).exits, sold=sold)
    assert found == pytest.approx(stop, nan_ok=True)
    mirrored = Seen(100, 92, 2, 102, 90, 91, 103)
    stop = 94.5 if "trailing" in stops else 200 - stop
    found = moving_stop("short", mirrored, risk(*stops).exits, sold=sold)
    assert found == pytest.approx(stop, nan_ok=True)


def test_the_rest_trails_once_a_target_was_sold() -> None:
    exits = risk("atr", targets=True).exits
    assert math.isnan(moving_stop("long", SEEN, exits))
    assert moving_stop("long", SEEN, exits, sold=True) == pytest.approx(104.5)


def test_a_swing_that_the_close_has_passed_is_no_stop() -> None:
    exits = risk("structure").exits
    assert math.isnan(moving_stop("long", replace(SEEN, swing=110.0), exits))
    assert math.isnan(moving_stop("long", replace(SEEN, swing=math.nan), exits))


@pytest.mark.parametrize("atr", [math.nan, 0.0, -1.0, math.inf])
def test_no_usable_atr_leaves_the_hard_stop(atr: float) -> None:
    assert initial_stop("long", 100, atr, math.nan, risk("chandelier", "structure")) == 90
    assert math.isnan(moving_stop("long", replace(SEEN, atr=atr), risk("chandelier").exits))


@given(
    side=SIDES,
    rate=st.floats(1e-4, 1e6),
    atr=st.floats(allow_nan=True),
    swing=st.floats(allow_nan=True),
    stops=st.sets(st.sampled_from(METHODS)),
)
def test_first_stop_is_on_the_losing_side_and_within_the_hard_stop(
    side: Side, rate: float, atr: float, swing: float, stops: set[str]
) -> None:
    stop = initial_stop(side, rate, atr, swing, risk(*stops))
    loss = (rate - stop) / rate if side == "long" else (stop - rate) / rate
    assert -1e-12 <= loss <= SETTINGS.hard_stop + 1e-12


@given(
    side=SIDES, rate=st.floats(1e-3, 1e5), path=st.data(), stops=st.sets(st.sampled_from(METHODS))
)
def test_a_stop_only_moves_towards_the_profit(
    side: Side, rate: float, path: st.DataObject, stops: set[str]
) -> None:
    settings = risk(*stops, targets=True)
    stored = initial_stop(side, rate, rate * 0.02, math.nan, settings)
    best = worst = rate
    steps = st.tuples(st.floats(0.9, 1.1), st.floats(0.0, 0.1), st.floats(0.5, 1.5), st.booleans())
    for factor, atr, swing, sold in path.draw(st.lists(steps, max_size=8)):
        close = rate * factor
        best = max(best, close) if side == "long" else min(best, close)
        worst = min(worst, close) if side == "long" else max(worst, close)
        seen = Seen(rate, close, rate * atr, rate * swing, best, best, worst)
        moved = never_loosened(side, stored, moving_stop(side, seen, settings.exits, sold=sold))
        assert moved == stored or nearer(side, moved, stored)
        assert not nearer(side, moved, best)
        stored = moved


@pytest.mark.parametrize(
    ("hours", "profit", "change", "reason"),
    [
        (5.9, -0.01, {}, None),
        (6.0, -0.01, {}, "time_unprofitable"),
        (6.0, 0.0, {}, "time_unprofitable"),
        (6.0, 0.001, {}, None),
        (23.9, 0.001, {"best": 100.9, "worst": 99.1}, None),
        (24.0, 0.001, {"best": 100.9, "worst": 99.1}, "time_flat"),
        (24.0, 0.001, {"best": 101.0, "worst": 99.1}, None),
        (24.0, 0.001, {"best": 100.9, "worst": 99.0}, None),
    ],
)
def test_time(hours: float, profit: float, change: dict[str, float], reason: str | None) -> None:
    seen = replace(SEEN, **change)
    assert overdue(hours, profit, seen, risk("time").exits) == reason
    assert overdue(hours, profit, seen, risk("atr").exits) is None
    off = risk("time", unprofitable_hours=None, flat_hours=None).exits
    assert overdue(hours, profit, seen, off) is None


@pytest.mark.parametrize(
    ("stops", "distance"),
    [(("atr",), 4.0), (("atr", "structure"), 4.0), (("percentage",), 4.0), (("structure",), 10.0)],
)
def test_a_size_counts_with_the_widest_first_stop(stops: tuple[str, ...], distance: float) -> None:
    assert risk_distance(100, 2, risk(*stops)) == pytest.approx(distance)


@given(rate=st.floats(1e-3, 1e5), atr=st.floats(1e-6, 1e3), stops=st.sets(st.sampled_from(METHODS)))
def test_the_first_stop_never_costs_more_than_its_size_counts_with(
    rate: float, atr: float, stops: set[str]
) -> None:
    settings = risk(*stops)
    stop = initial_stop("long", rate, atr, math.nan, settings)
    assert rate - stop <= risk_distance(rate, atr, settings) + rate * 1e-12


@pytest.mark.parametrize(
    "exits",
    [
        {"stop": ["atr"]},
        {"stops": ["sar"]},
        {"stops": ["atr", "atr"]},
        {"tiers": []},
        {"tiers": [{"gain": 0.1, "share": 0.5}, {"gain": 0.05, "share": 0.3}]},
        {"tiers": [{"gain": 0.1, "share": 0.7}, {"gain": 0.2, "share": 0.5}]},
        {"trailing": 0},
    ],
)
def test_unsound_settings_are_refused(exits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exits"):
        RiskSettings.model_validate({"exits": exits})


def test_defaults_are_the_atr_stop_alone() -> None:
    assert RiskSettings().exits == ExitSettings(stops=("atr",), targets=False)
