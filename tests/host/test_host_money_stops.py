"""Stops that the exchange moves to another endpoint, and stops that it knows no more: the real bot
on the stand-in exchange.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from standin_stage import LOOP, START, Stage, market, stage

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


def asked(live: Stage) -> int:
    return int(live.server.requests["/fapi/v1/algoOrder"])


@pytest.mark.parametrize("how", ["cancelled", "forgotten"])
def test_a_stop_that_is_gone_is_replaced_by_one_within_two_loops(live: Stage, how: str) -> None:
    """Cancelled by hand, it is told; forgotten, it is unknown (-2013). Plain Freqtrade asks for
    that one six times in each loop for good, which takes half a minute each time."""
    live.loop(3)
    (lost,) = live.stops()
    if how == "cancelled":
        live.venue.cancel(lost, live.now)
    else:
        live.venue.forget(lost, live.now)
    live.loop(2)
    (stop,) = live.stops()
    assert stop is not lost
    assert [order.order_id for order in live.trade().open_sl_orders] == [str(stop.number)]
    assert len(live.events("stop unknown")) == (how == "forgotten")
    before, then = asked(live), live.clock()
    live.loop(3)
    assert asked(live) - before == 3, "one question a loop"
    assert live.clock() - then == pytest.approx(3 * LOOP, abs=1.0)
    live.bot.strategy.leaves = {"BTC/USDT"}
    live.loop(3)
    assert (live.trades(), live.stops()) == ([], [])


def test_a_stop_that_is_only_found_late_gets_no_second_one(live: Stage) -> None:
    live.loop(3)
    (stop,) = live.stops()
    live.venue.hide(stop, live.now + int(1.5 * LOOP * 1000))
    live.loop(4)
    assert live.venue.stops() == [stop]
    assert [order.order_id for order in live.trade().open_sl_orders] == [str(stop.number)]
    assert not live.events("stop unknown")


def test_an_exit_of_a_trade_whose_stop_is_unknown_goes_through(live: Stage) -> None:
    live.loop(3)
    (lost,) = live.stops()
    live.venue.forget(lost, live.now)
    live.bot.strategy.leaves, live.bot.strategy.wanted = {"BTC/USDT"}, set()
    live.loop(4)
    assert (live.trades(), live.stops()) == ([], [])
    assert live.venue.position("BTCUSDT").amount == 0
    (trade,) = live.trades(is_open=False)
    assert not trade.open_sl_orders, "nor is it asked for any longer"
    live.bot.strategy.leaves, live.bot.strategy.wanted = set(), {"BTC/USDT"}
    live.loop(3, seconds=3_600)
    assert len(live.stops()) == 1, "its pair is traded on"


def test_a_stop_that_was_filled_and_is_unknown_closes_its_trade(tmp_path: Path) -> None:
    falls = START.replace(hour=START.hour + 1, minute=0)
    with stage(tmp_path, tape=market(falls=falls)) as live:
        live.start()
        live.bot.strategy.wanted = {"BTC/USDT"}
        live.loop(3)
        live.bot.strategy.wanted = set()
        (stop,) = live.stops()
        live.clock.advance((falls - live.clock.now()).total_seconds() + 60)
        live.venue.advance(live.now)
        live.venue.hide(stop)
        live.loop(3)
        (trade,) = live.trades(is_open=False)
        assert trade.exit_reason == "stoploss_on_exchange"
        assert trade.close_rate == pytest.approx(float(stop.child.cost) / trade.amount)
        assert trade.fee_close_cost > 0
        assert live.venue.stops() == [stop]


def test_a_stop_that_is_triggered_while_it_is_cancelled_gets_no_successor(tmp_path: Path) -> None:
    """A trailing stop is cancelled to be moved; at that moment it goes off."""
    falls = START.replace(hour=START.hour + 1, minute=0)
    with stage(tmp_path, tape=market(falls=falls)) as live:
        live.start()
        live.bot.strategy.wanted = {"BTC/USDT"}
        live.loop(3)
        live.bot.strategy.wanted = set()
        (stop,) = live.stops()
        live.clock.advance((falls - live.clock.now()).total_seconds() + 60)
        order = live.bot.exchange.cancel_stoploss_order_with_result(
            str(stop.number), "BTC/USDT:USDT", 1.0
        )
        assert (order["id"], order["status"]) == (str(stop.number), "closed")
        assert order["filled"] == pytest.approx(float(stop.amount))
