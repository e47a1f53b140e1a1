"""Stops that the exchange moves to another endpoint, and stops that it knows no more: the real bot
on the stand-in exchange.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from standin_stage import START, Stage, market, stage

from freqpilot.host.orders.stopless import FIRST

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.xdist_group("bot"),
]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        made.start()
        made.bot.strategy.wanted = {"BTC/USDT"}
        yield made


def test_a_venue_that_moves_its_stops_leaves_no_position_without_one(live: Stage) -> None:
    live.venue.stop_home = "plain"
    live.loop(3)
    (stop,) = live.stops()
    assert [order.order_id for order in live.trade().open_sl_orders] == [str(stop.number)]
    assert stop.client_id.startswith("fq-")
    live.loop(3)
    assert live.stops() == live.venue.stops() == [stop], "one, whatever ccxt knows of it"
    assert [event.level for event in live.events("stops moved")] == ["WARNING"]
    live.stop()
    live.start()
    live.bot.strategy.wanted = {"BTC/USDT"}
    live.loop(3)
    assert live.venue.stops() == [stop], "nor does a new start place another"
    assert not live.events("difference")
    live.bot.strategy.leaves = {"BTC/USDT"}
    live.loop(3)
    assert (live.trades(), live.stops()) == ([], []), "an exit takes it along"


def test_a_stop_at_the_other_endpoint_closes_its_trade_when_it_is_filled(tmp_path: Path) -> None:
    falls = START.replace(hour=START.hour + 1, minute=0)
    with stage(tmp_path, tape=market(falls=falls)) as live:
        live.venue.stop_home = "plain"
        live.start()
        live.bot.strategy.wanted = {"BTC/USDT"}
        live.loop(3)
        live.bot.strategy.wanted = set()
        live.clock.advance((falls - live.clock.now()).total_seconds())
        live.loop(2)
        (trade,) = live.trades(is_open=False)
        assert trade.exit_reason == "stoploss_on_exchange"
        assert live.venue.position("BTCUSDT").amount == 0
        assert trade.close_rate == pytest.approx(float(live.venue.stops()[0].cost) / trade.amount)


def test_where_no_stop_is_taken_a_position_is_closed_and_entries_wait_until_one_is(
    live: Stage,
) -> None:
    live.venue.stop_home = "nowhere"
    live.loop(4)
    assert live.venue.position("BTCUSDT").amount == 0, "it was entered, and closed at market"
    (trade,) = live.trades(is_open=False)
    assert trade.exit_reason == "emergency_exit"
    (event,) = live.events("no stops")
    assert event.level == "CRITICAL"
    live.bot.strategy.wanted = {"ETH/USDT"}
    live.loop(4)
    assert (live.trades(), len(live.trades(is_open=False))) == ([], 1), "entries wait"
    live.loop(2, seconds=FIRST.total_seconds())
    assert len(live.trades(is_open=False)) == 2, "one is tried"
    live.venue.stop_home = "algo"
    live.loop(2)
    assert live.trades() == []
    live.loop(3, seconds=FIRST.total_seconds())  # and Freqtrade's lock of the pair ends
    assert len(live.stops("ETH/USDT")) == 1
    assert [event.level for event in live.events("no stops over")] == ["WARNING"]
    live.bot.strategy.wanted = {"BTC/USDT"}
    live.loop(3)
    assert len(live.stops("BTC/USDT")) == 1
