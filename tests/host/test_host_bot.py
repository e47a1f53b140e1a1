"""The real bot, in this process, against the stand-in exchange: the paths a live order takes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freqpilot.host.boot.doors import config_dir
from freqpilot.host.boot.start import activate
from freqpilot.host.loop import live
from freqpilot.host.run.current import current, end
from freqpilot.host.seams import activation
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay
from freqpilot.risk.account.looks import APART

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.xdist_group("bot"),
]

STRATEGY = """
from freqtrade.strategy import IStrategy

class Reckless(IStrategy):
    timeframe = "1h"
    stoploss = -0.9
    minimal_roi = {}
    position_adjustment_enable = True
    startup_candle_count = 10
    def populate_indicators(self, dataframe, metadata):
        return dataframe
    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe
    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = 0
        return dataframe
    def confirm_trade_entry(self, **kwargs):
        raise ValueError("a callback that raises counts as consent for Freqtrade")
    def adjust_trade_position(self, **kwargs):
        return 500.0
    def custom_stake_amount(self, **kwargs):
        raise ValueError("so does this one")
"""
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Any]:
    """Return Freqtrade's own bot in dry run with a strategy that breaks every limit it can."""
    activate()
    assert activation.active(), activation.refusal()
    from freqtrade.configuration import Configuration
    from freqtrade.freqtradebot import FreqtradeBot

    (tmp_path / "user_data" / "strategies").mkdir(parents=True)
    (tmp_path / "user_data" / "strategies" / "Reckless.py").write_text(STRATEGY)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=30)
    tape = Tape.from_market(SyntheticMarket(PAIRS, 60, start, 24 * 31, 7))
    now = datetime.now(UTC).timestamp()
    with RehearsalServer(tape, lambda: now) as server:
        overlay = exchange_overlay(server.url, PAIRS) | {
            "user_data_dir": str(tmp_path / "user_data"),
            "db_url": "sqlite://",
            "stake_amount": 100,
            "strategy": "Reckless",
            "pairlists": [{"method": "StaticPairList"}],
            "freqpilot": {"risk": {"oversized": "refuse"}},
        }
        file = tmp_path / "overlay.json"
        file.write_text(json.dumps(overlay))
        layers = [str(config_dir() / f"{name}.json") for name in ("base", "freqpilot")]
        config = Configuration({"config": [*layers, str(file)]}).get_config()
        instance = FreqtradeBot(config)
        instance.startup()
        live.observe(instance)
        first = current().look
        assert first is not None
        current().look = replace(first, time=first.time - APART)  # as if it had been earlier
        live.observe(instance)
        yield instance
        instance.cleanup()
        end()


@pytest.fixture
def cuts(bot: Any) -> Any:
    """Return the bot, which cuts stakes above the limits now."""
    run = current()
    risk = run.settings.risk.model_copy(update={"oversized": "cut"})
    run.settings = run.settings.model_copy(update={"risk": risk})
    return bot


def stakes() -> dict[str, float]:
    from freqtrade.persistence import Trade

    return {trade.pair: trade.stake_amount for trade in Trade.get_open_trades()}


def test_entries_inside_the_limits_go_through(bot: Any) -> None:
    assert bot.execute_entry("BTC/USDT", 100)
    assert stakes() == {"BTC/USDT": pytest.approx(100, rel=0.01)}


def test_an_entry_over_the_position_limit_is_refused_though_callbacks_raise(bot: Any) -> None:
    from freqtrade.exceptions import DependencyException

    # Freqtrade's own loop takes the refusal for an entry that did not happen.
    with pytest.raises(DependencyException, match="position"):
        bot.execute_entry("BTC/USDT", 200)
    assert stakes() == {}


def test_a_forced_entry_over_a_limit_is_refused_and_told(bot: Any) -> None:
    from freqtrade.enums import SignalDirection
    from freqtrade.rpc.rpc import RPC, RPCException

    bot.config["force_entry_enable"] = True
    rpc = RPC(bot)
    with pytest.raises(RPCException, match="Freqpilot refused the buy order for ETH/USDT"):
        rpc._rpc_force_entry("ETH/USDT", None, order_side=SignalDirection.LONG, stake_amount=300.0)
    assert rpc._rpc_force_entry(
        "ETH/USDT", None, order_side=SignalDirection.LONG, stake_amount=90.0
    )
    # A second forced entry on an open pair is a position adjustment, without any callback.
    with pytest.raises(RPCException, match="position"):
        rpc._rpc_force_entry("ETH/USDT", None, order_side=SignalDirection.LONG, stake_amount=90.0)
    assert stakes() == {"ETH/USDT": pytest.approx(90, rel=0.01)}


def test_a_position_adjustment_over_a_limit_is_refused(bot: Any) -> None:
    from freqtrade.persistence import Trade

    assert bot.execute_entry("BTC/USDT", 100)
    (trade,) = Trade.get_open_trades()
    _fill(bot, trade)
    bot.process_open_trade_positions()
    assert stakes() == {"BTC/USDT": pytest.approx(100, rel=0.01)}
    assert sum(o.ft_order_side == "buy" for o in Trade.get_open_trades()[0].orders) == 1
    vetoes = current().counters.snapshot(datetime.now(UTC))["vetoes"]
    assert sum(vetoes.values()) == 1


def test_a_replacement_over_a_limit_is_refused(bot: Any) -> None:
    from freqtrade.exceptions import DependencyException
    from freqtrade.persistence import Trade

    assert bot.execute_entry("BTC/USDT", 100)
    (trade,) = Trade.get_open_trades()
    _fill(bot, trade)
    with pytest.raises(DependencyException, match="position"):
        bot.execute_entry("BTC/USDT", 100, trade=trade, mode="replace", price=trade.open_rate)


def test_exits_pass_when_everything_else_is_refused(bot: Any) -> None:
    from freqtrade.enums import ExitCheckTuple, ExitType
    from freqtrade.persistence import Trade

    assert bot.execute_entry("BTC/USDT", 100)
    (trade,) = Trade.get_open_trades()
    _fill(bot, trade)
    end()  # no ledger at all: every entry is refused now
    exit_ = ExitCheckTuple(ExitType.FORCE_EXIT)
    assert bot.execute_trade_exit(trade, limit=trade.open_rate, exit_check=exit_)


def test_a_busy_loop_without_a_fresh_look_at_the_account_is_refused(bot: Any) -> None:
    from freqtrade.exceptions import DependencyException

    run = current()
    run.state = replace(run.state, stamp=datetime.now(UTC) - timedelta(minutes=10))
    with pytest.raises(DependencyException, match="ago"):
        bot.execute_entry("BTC/USDT", 100)


def test_an_entry_over_the_position_limit_is_cut_to_its_share_of_a_ladder(cuts: Any) -> None:
    from freqtrade.persistence import Trade

    cuts.execute_entry("BTC/USDT", 900)
    # 15 % of 1,000 for a first order and four additions like it: no largest number is set.
    assert stakes() == {"BTC/USDT": pytest.approx(30, abs=1)}  # a step of the amount is 0.6
    assert stakes()["BTC/USDT"] <= 30
    assert current().counters.snapshot(datetime.now(UTC))["cuts"] == {"max_position": 1}
    (event,) = current().store.events("cut")
    assert "cut the stake of entry BTC/USDT from 900.00 to 30.00: the position in" in event.text
    (trade,) = Trade.get_open_trades()
    assert trade.get_custom_data("freqpilot_limits") == event.text  # FreqUI shows it


def test_what_was_not_cut_has_no_note(cuts: Any) -> None:
    from freqtrade.persistence import Trade

    cuts.execute_entry("BTC/USDT", 20)
    (trade,) = Trade.get_open_trades()
    assert trade.get_custom_data("freqpilot_limits") is None


def test_additions_are_cut_to_what_is_left_of_the_position(cuts: Any) -> None:
    from freqtrade.persistence import Trade

    cuts.execute_entry("BTC/USDT", 900)
    (trade,) = Trade.get_open_trades()
    _fill(cuts, trade)
    cuts.process_open_trade_positions()  # asks for 500 more
    (trade,) = Trade.get_open_trades()
    added = [order for order in trade.orders if order.ft_order_side == "buy"][1]
    assert added.safe_amount * added.safe_price == pytest.approx(120, rel=0.01)


def test_without_additions_the_whole_room_is_the_first_orders(cuts: Any) -> None:
    cuts.strategy.position_adjustment_enable = False
    cuts.execute_entry("BTC/USDT", 900)
    assert stakes() == {"BTC/USDT": pytest.approx(150, rel=0.01)}


def test_what_is_left_below_the_exchanges_minimum_is_refused(cuts: Any) -> None:
    from freqtrade.rpc.rpc import RPCException

    run = current()
    risk = run.settings.risk.model_copy(update={"max_exposure": 0.003})
    run.settings = run.settings.model_copy(update={"risk": risk})
    cuts.strategy.position_adjustment_enable = False
    with pytest.raises(RPCException, match=r"the limits leave a stake of 3\.00, below"):
        cuts.execute_entry("BTC/USDT", 100)
    assert stakes() == {}
    (event,) = run.store.events("veto")
    assert "the limits leave a stake of 3.00, below the exchange's minimum of" in event.text


def test_what_no_smaller_stake_would_keep_is_refused_by_the_gate(cuts: Any) -> None:
    from freqtrade.exceptions import DependencyException

    run = current()
    run.state = replace(run.state, stamp=datetime.now(UTC) - timedelta(minutes=10))
    with pytest.raises(DependencyException, match="ago"):
        cuts.execute_entry("BTC/USDT", 900)
    assert run.counters.snapshot(datetime.now(UTC))["cuts"] == {}


def _fill(bot: Any, trade: Any) -> None:
    """Fill the dry-run entry order at its price, as the exchange would."""
    from freqtrade.persistence import Trade

    for order in trade.open_orders:
        dry = bot.exchange._dry_run_open_orders[order.order_id]
        dry |= {"status": "closed", "filled": dry["amount"], "remaining": 0.0}
        bot.update_trade_state(trade, order.order_id, dry)
    Trade.commit()
    assert trade.nr_of_successful_entries == 1
