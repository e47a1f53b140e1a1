"""Stops and partial exits of real trades, before and after a restart."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from exit_stage import CANDLES, START, STEP, begin, call, candles, order, trade
from trades_stage import LONG, SHORT, Kind, fill, held, leave, of_each_kind, resting

from freqpilot.errors import RefuseToStart
from freqpilot.host.boot.setup import refuse_masked_targets
from freqpilot.host.run.current import end
from freqpilot.host.trading import exits
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.settings import Settings

CHOSEN = {"stops": ["atr", "trailing"], "targets": True}


@pytest.fixture(autouse=True)
def run() -> Iterator[None]:
    begin(**CHOSEN)
    yield
    end()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    from freqtrade.persistence import Trade, init_db

    url = f"sqlite:///{tmp_path / 'trades.sqlite'}"
    init_db(url)
    yield url
    Trade.session.remove()


def test_a_restart_sells_no_tier_twice(database: str) -> None:
    from freqtrade.persistence import Trade, init_db

    first = trade()
    assert exits.target(CANDLES, first, STEP, call()) == (pytest.approx(-30.0), "target_1")
    sold = trade(order("sell", 0.3, 0.3), held=0.7)
    Trade.session.add(sold)
    Trade.commit()
    Trade.session.remove()
    init_db(database)
    begin(**CHOSEN)
    (kept,) = Trade.get_open_trades()
    assert exits.target(CANDLES, kept, STEP, call()) is None
    assert exits.target(CANDLES, kept, STEP, call(rate=111.0)) == (pytest.approx(-30.0), "target_2")
    Trade.session.remove()


def test_nothing_is_sold_while_an_order_waits() -> None:
    waiting = trade(order("sell", 0.3, 0.1, waits=True), held=0.9)
    assert exits.target(CANDLES, waiting, STEP, call()) is None


def test_what_a_cancelled_order_left_is_sold() -> None:
    asked = exits.target(CANDLES, trade(order("sell", 0.3, 0.1), held=0.9), STEP, call())
    assert asked == (pytest.approx(-20.0), "target_1")


def test_a_stop_moves_once_a_closed_candle() -> None:
    frame = candles(101, 104, 108, 120)
    within = [
        exits.stop(frame, trade(), STEP, call(h, 107.0), filled=False) for h in (2, 2.5, 2.99)
    ]
    assert within == [pytest.approx(104.5 * 0.95)] * 3
    assert exits.stop(frame, trade(), STEP, call(3), filled=False) == pytest.approx(108.5 * 0.95)


def test_a_stop_is_never_loosened_by_a_fill_or_by_other_settings() -> None:
    frame = candles(101, 104, 108)
    near = trade(stop=105.0)
    assert exits.stop(frame, near, STEP, call(), filled=False) is None
    assert exits.stop(frame, near, STEP, call(), filled=True) is None
    begin(stops=["percentage"], percentage=0.3)
    assert exits.stop(frame, near, STEP, call(), filled=True) is None
    assert exits.stop(frame, near, STEP, call(), filled=False) is None


def test_a_sale_does_not_set_the_first_stop_again() -> None:
    begin(stops=["atr"])
    sold = trade(order("sell", 0.3, 0.3), held=0.7)
    assert exits.stop(candles(101, 104), sold, STEP, call(), filled=True) is None
    assert exits.stop(candles(101, 104), trade(), STEP, call(), filled=True) == 96.0


def test_without_candles_the_hard_stop_stays() -> None:
    empty = candles()
    assert exits.stop(empty, trade(), STEP, call(), filled=False) == pytest.approx(95.0)
    begin(stops=["chandelier"])
    assert exits.stop(empty, trade(), STEP, call(), filled=True) is None
    assert exits.exit_reason(empty, trade(), STEP, call()) is None


def test_a_fault_keeps_the_stored_stop_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    broken = candles(101, 104).drop(columns="high")
    with caplog.at_level(logging.ERROR):
        assert exits.stop(broken, trade(), STEP, call(), filled=False) is None
        assert exits.exit_reason(broken, trade(), STEP, call()) is None
        assert exits.target(CANDLES, trade(), STEP, {}) is None
    assert len(caplog.records) == 3


def test_targets_need_freqtrade_to_ask() -> None:
    settings = Settings.from_config({"freqpilot": {"risk": {"exits": CHOSEN}}})
    refuse_masked_targets({"position_adjustment_enable": True}, settings)
    refuse_masked_targets({}, settings)
    with pytest.raises(RefuseToStart, match="position_adjustment_enable"):
        refuse_masked_targets({"position_adjustment_enable": False}, settings)


def test_candles_are_cut_out_only_where_a_stop_may_move() -> None:
    asked: list[int] = []

    def load() -> pd.DataFrame:
        asked.append(1)
        return candles(101, 104)

    begin(stops=["atr"])
    assert exits.stop(load, trade(), STEP, call(), filled=False) is None
    assert asked == []
    assert exits.stop(load, trade(), STEP, call(), filled=True) == 96.0
    assert asked == [1]
    begin(stops=["atr", "trailing"])
    moved = exits.stop(load, trade(), STEP, call(), filled=False)
    assert moved == exits.stop(candles(101, 104), trade(), STEP, call(), filled=False)
    assert moved is not None


@pytest.fixture
def clock(database: str) -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@of_each_kind
def test_targets_of_each_kind_sell_in_its_direction(kind: Kind, clock: VirtualClock) -> None:
    """The stake is own money, shares are of all that was bought: what was sold is not sold again,
    also after an order that was cancelled in part."""
    entered = held(kind, 300.0)
    amount, sign = 3.0 * kind.leverage, kind.sign
    clock.advance(3 * 3600)

    def sold(gain: float) -> Any:
        at = call(3, 100 * (1 + sign * gain))
        return exits.target(CANDLES, entered, STEP, at)

    assert sold(0.049) is None
    assert sold(-0.06) is None, "the other way"
    assert sold(0.06) == (pytest.approx(-90.0), "target_1")
    leave(entered, 0.3 * amount, 100 + 6 * sign)
    assert sold(0.06) is None
    assert sold(0.11) == (pytest.approx(-90.0), "target_2")
    entered.orders.append(resting(entered, kind.exit, 0.3 * amount, 100 + 11 * sign))
    assert sold(0.11) is None, "it waits"
    fill(entered, entered.orders[-1], 1 / 3)
    assert sold(0.11) == (pytest.approx(-60.0), "target_2")
    assert sold(0.21) == (pytest.approx(-150.0), "target_3")


@of_each_kind
def test_an_entry_that_was_cancelled_in_part_has_targets_of_what_it_bought(
    kind: Kind, clock: VirtualClock
) -> None:
    entered = held(kind, 300.0, share=0.5)
    at = call(3, 100 + 6 * kind.sign)
    assert exits.target(CANDLES, entered, STEP, at) == (pytest.approx(-45.0), "target_1")


@pytest.mark.parametrize(
    ("kind", "opened", "closes", "levels"),
    [
        (LONG, 110.0, (105, 104, 103, 102, 101), {2: 90.0, 3: 85.5, 4: 84.5, 5: 83.5}),
        (SHORT, 90.0, (95, 96, 97, 98, 99), {2: 110.0, 3: 114.5, 4: 115.5, 5: 116.5}),
    ],
    ids=["long", "short"],
)
def test_the_chandelier_hangs_from_the_best_of_its_candles(
    kind: Kind,
    opened: float,
    closes: tuple[float, ...],
    levels: dict[int, float],
    clock: VirtualClock,
) -> None:
    """The entry counts until as many candles have closed as the chandelier has."""
    begin(stops=["chandelier"], chandelier_candles=3, chandelier_atr_multiple=10)
    entered = held(kind, rate=opened)
    for hours, level in levels.items():
        entered.stop_loss = 50.0 if kind is LONG else 150.0
        assert exits.stop(candles(*closes), entered, STEP, call(hours), filled=False) == level


@of_each_kind
@pytest.mark.parametrize(
    ("asked", "now", "distance"),
    [
        (1.0, 1.0, 2.0),
        (1.5, 1.5, 3.0),
        (1.0, 1.5, 2.0),
        (1.5, 1.0, 2.0),
        (1.5, 2.5, 3.0),
        (2.5, 1.5, 3.0),
        (2.5, 2.5, 4.0),
        (float("nan"), 1.5, 3.0),
        (1.5, float("nan"), 3.0),
        (float("nan"), float("nan"), 2.0),
    ],
)
def test_a_stop_is_never_wider_than_the_size_counted_with(
    kind: Kind, asked: float, now: float, distance: float, clock: VirtualClock
) -> None:
    """The volatility of the entry's candle sized it; the order was filled a candle later."""
    begin(stops=["atr"])
    clock.advance(3600)
    entered = held(kind)
    frame = candles(100, 100).assign(
        atr=1.0, volatility_ratio=[asked, now], volatility_day=0.01, adx=0.1
    )
    found = exits.stop(frame, entered, STEP, call(2, 100.0), filled=True)
    assert found == 100.0 - kind.sign * distance


@of_each_kind
def test_a_swing_of_the_trades_own_side_holds_its_stop(kind: Kind, clock: VirtualClock) -> None:
    begin(stops=["structure"], structure_atr_buffer=0.5)
    entered = held(kind)
    entered.stop_loss = 100 - 20 * kind.sign
    frame = candles(100, 101).assign(swing_low=97.0, swing_high=104.0)
    level = 105.0 if kind.is_short else 96.0
    assert exits.stop(frame, entered, STEP, call(2, 100.0), filled=False) == level


@of_each_kind
def test_a_trade_that_went_nowhere_is_judged_by_both_sides_of_its_candles(
    kind: Kind, clock: VirtualClock
) -> None:
    begin(stops=["time"], unprofitable_hours=None, flat_hours=2, flat_move=0.02)
    entered, quiet = held(kind), candles(100.5, 100.5)
    assert exits.exit_reason(quiet, entered, STEP, call(1.9, 100.0)) is None
    assert exits.exit_reason(quiet, entered, STEP, call(2, 100.0)) == "time_flat"
    for wick in ({"high": [102.0, 101.0]}, {"low": [100.0, 98.0]}):
        moved = quiet.assign(**wick)
        assert exits.exit_reason(moved, entered, STEP, call(2, 100.0)) is None
