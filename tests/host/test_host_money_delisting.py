"""A pair that the exchange delists while a trade is open in it: the real bot on the stand-in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin_stage import PAIRS, Stage, stage

from freqpilot.host.account.heldmarkets import PACE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.xdist_group("bot"),
]
REFRESH = 61 * 60
"""Seconds after which Freqtrade asks for the markets again."""


@pytest.fixture(params=[False, True], ids=["spot", "futures"])
def live(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage(tmp_path, futures=request.param) as made:
        made.start()
        made.bot.strategy.wanted = {"BTC/USDT"}
        made.loop(3)
        assert made.stops()
        yield made


def shown(live: Stage) -> dict[str, Any]:
    """Return what the REST API and Telegram show of the open trades, by pair."""
    from freqtrade.rpc import RPC

    rpc = RPC(live.bot)
    rpc._rpc_trade_statistics("USDT", "USD")
    return {trade["pair"].split(":")[0]: trade for trade in rpc._rpc_trade_status([])}


def test_the_bot_lives_on_and_trades_its_other_pairs(live: Stage) -> None:
    live.venue.delist("BTCUSDT", live.now, vanish=True)
    live.loop(3)
    assert [event.level for event in live.events("no market")] == ["CRITICAL"]
    live.loop(2, seconds=REFRESH)
    live.bot.strategy.wanted, live.bot.strategy.leaves = set(PAIRS), {"BTC/USDT"}
    live.loop(4)
    assert {trade.pair.split(":")[0] for trade in live.trades()} == set(PAIRS)
    assert len(live.stops("ETH/USDT")) == 1
    assert set(shown(live)) == set(PAIRS)
    live.bot.strategy.leaves = set(PAIRS)
    live.loop(2)
    assert [trade.pair.split(":")[0] for trade in live.trades()] == ["BTC/USDT"]


def test_it_starts_with_a_trade_in_a_pair_that_is_gone(live: Stage) -> None:
    live.stop()
    live.venue.delist("BTCUSDT", live.now, vanish=True)
    live.start()
    live.bot.strategy.leaves = {"BTC/USDT"}
    live.loop(6)
    assert [event.level for event in live.events("no market")] == ["CRITICAL"]
    assert {trade.pair.split(":")[0] for trade in live.trades()} == set(PAIRS)
    assert len(live.stops("ETH/USDT")) == 1
    assert set(shown(live)) == set(PAIRS)


def test_it_starts_when_its_only_pair_is_gone(tmp_path: Path) -> None:
    with stage(tmp_path, pairs=["BTC/USDT"], others=["ETH/USDT"]) as live:
        live.start()
        live.bot.strategy.wanted = {"BTC/USDT"}
        live.loop(3)
        assert live.stops()
        live.stop()
        live.venue.delist("BTCUSDT", live.now, vanish=True)
        live.start()
        live.loop(4)
        assert [event.level for event in live.events("no market")] == ["CRITICAL"]
        assert len(live.trades()) == 1


def test_a_pair_that_is_listed_again_is_sold_within_minutes(tmp_path: Path) -> None:
    """Or was missing from one answer only: Freqtrade would not know for an hour."""
    with stage(tmp_path, futures=False) as live:
        live.start()
        live.bot.strategy.wanted = {"BTC/USDT"}
        live.loop(3)
        live.venue.delist("BTCUSDT", live.now, vanish=True)
        live.loop(2, seconds=REFRESH)
        live.bot.strategy.wanted, live.bot.strategy.leaves = set(), {"BTC/USDT"}
        assert "BTC/USDT" not in live.bot.exchange.markets
        live.venue.relist("BTCUSDT")
        live.loop(3, seconds=PACE.total_seconds())
        assert (live.trades(), live.stops()) == ([], [])


def test_a_perpetual_that_is_settled_closes_its_trade_at_the_price_of_that(tmp_path: Path) -> None:
    with stage(tmp_path) as live:
        live.start()
        live.bot.strategy.wanted = {"BTC/USDT"}
        live.loop(3)
        live.bot.strategy.wanted = set()
        live.venue.delist("BTCUSDT", live.now)
        live.loop(5)
        assert live.trades() == []
        (trade,) = live.trades(is_open=False)
        settled = live.venue.orders[-1]
        assert settled.client_id.startswith("settlement_autoclose")
        assert trade.close_rate == pytest.approx(float(settled.cost) / trade.amount)
        live.bot.strategy.wanted = {"ETH/USDT"}
        live.loop(3)
        assert len(live.stops("ETH/USDT")) == 1
