"""A strategy that bounds no loss gets a stop on the exchange: the real bot on the stand-in.

The strategy's stop is 99 % away and nothing of its own rests; Freqtrade knows of no stop on the
exchange (``stoploss_on_exchange`` is off).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin_stage import START, Stage, market, stage

from freqpilot.host.orders.wayout import CATASTROPHE, NEAR_LIQUIDATION, REDUCED, WaysOut
from freqpilot.host.run.current import current

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.xdist_group("bot"),
]
FALLS = START.replace(hour=START.hour + 1, minute=0)


def start(
    live: Stage,
    *,
    rests: bool = False,
    stoploss: float = -0.99,
    profile: str = "full",
    **risk: Any,
) -> None:
    """Start the bot with a strategy that bounds no loss."""
    kinds = dict.fromkeys(("entry", "exit", "stoploss", "emergency_exit"), "market")
    live.configure(
        {"profile": profile, **risk},
        stoploss=stoploss,
        order_types={**kinds, "stoploss_on_exchange": rests, "stoploss_on_exchange_interval": 1},
    )
    live.start()
    live.bot.strategy.wanted = {"BTC/USDT"}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        yield made


def level(live: Stage) -> float:
    """Where the stop of the open trade belongs."""
    trade = live.trade()
    share = current().part(WaysOut).distance(trade.pair, trade.open_date_utc)
    assert 0.05 < share < 0.3, "the candles say how far"
    return float(trade.open_rate) * (1 - share)


def is_right(live: Stage, stop: Any) -> bool:
    """Tell whether a stop is where it belongs, for all that is held, and its trade has it."""
    (known,) = live.trade().open_sl_orders
    return (
        known.order_id == str(stop.number)
        and float(stop.stop) == pytest.approx(level(live), rel=1e-3)
        and float(stop.amount) == pytest.approx(live.trade().amount, rel=1e-3)
        and stop.client_id.startswith("fq-")
    )


@pytest.mark.parametrize("futures", [False, True], ids=["spot", "futures"])
def test_a_position_gets_a_stop_that_survives_a_restart_and_leaves_with_it(
    tmp_path: Path, futures: bool
) -> None:
    with stage(tmp_path, futures=futures) as live:
        start(live)
        live.loop(2)
        (stop,) = live.stops()
        assert is_right(live, stop)
        assert live.trade().stop_loss == pytest.approx(0.01 * live.trade().open_rate, rel=1e-3)
        live.loop(3)
        assert live.stops() == [stop], "it stays as it is"
        live.stop()
        start(live)
        live.loop(3)
        assert live.stops() == [stop]
        assert is_right(live, stop)
        assert not live.events("difference")
        live.bot.strategy.leaves, live.bot.strategy.wanted = {"BTC/USDT"}, set()
        live.loop(3)
        assert (live.trades(), live.stops()) == ([], []), "the strategy's own exit takes it along"
        (trade,) = live.trades(is_open=False)
        assert trade.exit_reason == "asked"
        assert not live.events("stop failed")


def test_an_addition_moves_it(live: Stage) -> None:
    start(live)
    live.loop(2)
    (first,) = live.stops()
    strategy, before = live.bot.strategy, live.trade().amount
    strategy.adjust_trade_position = lambda trade, **_: 40.0 if len(trade.orders) < 3 else None
    strategy.position_adjustment_enable = True
    live.loop(3)
    (stop,) = live.stops()
    assert live.trade().nr_of_successful_entries == 2
    assert live.trade().amount > 1.2 * before
    assert stop is not first
    assert is_right(live, stop)
    strategy.adjust_trade_position = lambda trade, **_: -40.0 if len(trade.orders) < 5 else None
    live.loop(3)
    (stop,) = live.stops()
    assert is_right(live, stop), "what was sold of it has no stop any more"


def fall(live: Stage) -> Any:
    """Let the price fall to a half at once and return the trade that is closed by it."""
    live.bot.strategy.wanted = set()
    live.clock.advance((FALLS - live.clock.now()).total_seconds())
    live.loop(3)
    (trade,) = live.trades(is_open=False)
    assert (live.trades(), live.stops()) == ([], [])
    assert trade.exit_reason == CATASTROPHE
    (event,) = live.events("catastrophe stop")
    assert event.level == "CRITICAL"
    return trade


def test_a_stop_that_is_filled_closes_the_trade(tmp_path: Path) -> None:
    with stage(tmp_path, tape=market(falls=FALLS)) as live:
        start(live)
        live.loop(2)
        (stop,) = live.stops()
        trade = fall(live)
        assert trade.close_rate == pytest.approx(float(stop.child.cost) / trade.amount)
        assert current().counters.snapshot(live.clock.now())["counts"]["catastrophe_stop"] == 1


def test_a_stop_that_the_price_jumps_is_left_at_market(tmp_path: Path) -> None:
    """A stop on Binance spot is a limit order 1 % below its trigger."""
    with stage(tmp_path, futures=False, tape=market(falls=FALLS)) as live:
        start(live)
        live.loop(2)
        trade = fall(live)
        assert trade.close_rate < 0.6 * trade.open_rate


def test_positions_beyond_it_at_the_start_are_shown_and_not_sold(tmp_path: Path) -> None:
    """Watch places nothing; guard is switched on when the price has fallen through."""
    with stage(tmp_path, tape=market(falls=FALLS)) as live:
        start(live, profile="watch")
        live.loop(3)
        assert live.stops() == []
        (event,) = live.events("catastrophe stop")
        assert "would rest at" in event.text
        live.bot.strategy.wanted = set()
        live.clock.advance((FALLS - live.clock.now()).total_seconds())
        live.loop(3)
        assert len(live.trades()) == 1, "watch sells nothing"
        (_, would) = live.events("catastrophe stop")
        assert "it would be closed at market (watch)" in would.text
        live.stop()
        start(live, profile="guard")
        live.bot.strategy.wanted = set()
        live.loop(4)
        assert (len(live.trades()), live.stops()) == (1, []), "nor does guard what it finds so"
        (event,) = live.events("beyond its stop")
        assert "nothing is sold" in event.text
        from freqtrade.persistence import Trade

        live.trade().open_rate /= 2  # as if the price had come back
        Trade.commit()
        live.loop(3)
        (stop,) = live.stops()
        assert is_right(live, stop)


def test_of_two_stops_the_nearer_rests(live: Stage) -> None:
    start(live, rests=True)
    live.loop(3)
    (stop,) = live.stops()
    assert is_right(live, stop), "in place of the strategy's, which is 99 % away"
    live.stop()
    start(live, rests=True, stoploss=-0.04)
    live.bot.strategy.leaves = {"BTC/USDT"}
    live.loop(2)
    live.bot.strategy.leaves = set()
    live.loop(3, seconds=3_600)
    (stop,) = live.stops()
    assert float(stop.stop) == pytest.approx(0.96 * live.trade().open_rate, rel=1e-3)
    assert len(live.trade().open_sl_orders) == 1


LEVERED = {
    "name": "Levered",
    "equity_from": 0,
    "risk_per_trade": 0.02,
    "max_position": 0.25,
    "max_open_trades": 6,
    "max_leverage": 10,
}


@pytest.mark.parametrize(
    ("left", "reasons"), [(0.945, [REDUCED]), (0.925, [NEAR_LIQUIDATION])], ids=["near", "nearer"]
)
def test_a_levered_position_is_left_before_it_is_liquidated(
    tmp_path: Path, left: float, reasons: list[str]
) -> None:
    with stage(tmp_path, tape=market(falls=FALLS, left=left)) as live:
        off = {"catastrophe_stop": {"enabled": False}}
        start(live, tiers=[LEVERED], **off)
        live.bot.strategy.leverage = lambda **_: 10.0
        live.loop(2)
        amount = live.trade().amount
        assert live.trade().leverage == 10.0
        assert live.trade().liquidation_price < 0.92 * live.trade().open_rate
        live.bot.strategy.wanted = set()
        live.clock.advance((FALLS - live.clock.now()).total_seconds())
        live.loop(5)
        trades = [*live.trades(), *live.trades(is_open=False)]
        sold = [each for each in trades[0].orders if each.ft_order_side == "sell"]
        assert [each.ft_order_tag for each in sold] == reasons
        held = float(live.venue.position("BTCUSDT").amount)
        assert held == pytest.approx(amount / 2 if reasons == [REDUCED] else 0.0, rel=0.02)
        (event,) = live.events("near liquidation")
        assert event.level == "CRITICAL"
