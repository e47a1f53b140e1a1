"""Stops and partial exits of real trades, before and after a restart."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from exit_stage import CANDLES, STEP, begin, call, candles, order, trade

from freqpilot.errors import RefuseToStart
from freqpilot.host import exits, supervisor
from freqpilot.host.setup import refuse_masked_targets
from freqpilot.settings import Settings

CHOSEN = {"stops": ["atr", "trailing"], "targets": True}


@pytest.fixture(autouse=True)
def run() -> Iterator[None]:
    begin(**CHOSEN)
    yield
    supervisor._runs.clear()


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
