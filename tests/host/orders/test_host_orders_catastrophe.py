"""What is done where a catastrophe stop cannot be placed, or the exchange takes none.

With the real bot on the stand-in exchange: ``tests/host/test_host_money_wayout.py``.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from freqtrade.exceptions import InvalidOrderException, TemporaryError
from freqtrade.persistence import Trade
from live_bot import buy, make_bot, order

from freqpilot.host.account.begin import begin
from freqpilot.host.orders import catastrophe
from freqpilot.host.orders.catastrophe import FIRST
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.risk.exits.dailyrange import NONE

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
SOL = "SOL/USDT"


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def bot(tmp_path: Path, clock: VirtualClock) -> Iterator[Any]:
    """A bot whose stops are 20 % away."""
    made = make_bot(tmp_path)
    made.strategy.stoploss, made.strategy.order_types = -0.99, {"stoploss": "limit"}
    made.placed, made.cancelled, made.fault, made.options = [], [], None, {}
    made.options = {"stoploss_on_exchange": True, "stoploss_blocks_assets": True}
    made.exchange.get_option = lambda name, default=None: made.options.get(name, default)

    def create(**asked: Any) -> Any:
        if made.fault is not None:
            raise made.fault
        made.placed.append(asked)
        return {"id": f"stop {len(made.placed)}", "status": "open", "side": asked["side"]}

    def cancel(trade: Any) -> Any:
        for stop in trade.open_sl_orders:
            made.cancelled.append(stop.order_id)
            stop.ft_is_open, stop.status = False, "canceled"
        return trade

    made.exchange.create_stoploss = create
    made.cancel_stoploss_on_exchange = cancel
    begin(made.config, live=True)
    current().part(WaysOut).begin(lambda *_: NONE, made.strategy, made.config)
    yield made
    end()
    Trade.session.remove()


def run() -> Run:
    return current()


def events(kind: str) -> list[tuple[str, str]]:
    return [(event.level, event.text) for event in run().store.events(kind)]


def test_a_stop_is_a_market_order_where_the_exchange_has_such_whatever_the_strategy_uses(
    bot: Any,
) -> None:
    trade = buy(bot, 50.0, stop_loss=1.0)
    catastrophe.place(run(), bot)
    (asked,) = bot.placed
    assert asked["order_types"] == {"stoploss": "market"}
    assert (asked["pair"], asked["side"], asked["amount"]) == (SOL, "sell", trade.amount)
    assert asked["stop_price"] == pytest.approx(80.0)
    assert bot.strategy.order_types == {"stoploss": "limit"}
    assert trade.stop_loss == 1.0
    catastrophe.place(run(), bot)
    assert len(bot.placed) == 1


@pytest.mark.parametrize("error", [InvalidOrderException("-2010"), TemporaryError("503")])
def test_a_stop_that_cannot_be_placed_closes_nothing_and_is_tried_less_and_less_often(
    bot: Any, clock: VirtualClock, error: Exception
) -> None:
    buy(bot, 50.0, stop_loss=1.0)
    bot.fault = error
    catastrophe.place(run(), bot)
    catastrophe.place(run(), bot)
    assert events("catastrophe stop failed") == [], "it waits a minute"
    clock.advance(FIRST.total_seconds())
    catastrophe.place(run(), bot)
    ((level, text),) = events("catastrophe stop failed")
    assert level == "CRITICAL"
    assert "meanwhile Freqpilot closes the position at 80 itself" in text
    clock.advance(FIRST.total_seconds())
    bot.fault = None
    catastrophe.place(run(), bot)
    assert bot.placed == []
    clock.advance(FIRST.total_seconds())
    catastrophe.place(run(), bot)
    assert len(bot.placed) == 1


def test_an_exchange_that_takes_no_stops_is_named_once(bot: Any) -> None:
    bot.options["stoploss_on_exchange"] = False
    buy(bot, 50.0, stop_loss=1.0)
    for _ in range(3):
        catastrophe.place(run(), bot)
    ((level, text),) = events("catastrophe stop")
    assert level == "WARNING"
    assert "cannot rest on this exchange; Freqpilot closes the position at 80 itself" in text
    assert bot.placed == []


@pytest.mark.parametrize(("blocks", "placed"), [(True, 0), (False, 1)])
def test_an_exit_that_has_the_coins_comes_first(bot: Any, blocks: bool, placed: int) -> None:
    bot.options["stoploss_blocks_assets"] = blocks
    trade = buy(bot, 50.0, stop_loss=1.0)
    trade.orders.append(order(SOL, "sell", 0.5, 120.0, status="open", filled=0.0))
    Trade.commit()
    catastrophe.place(run(), bot)
    assert len(bot.placed) == placed


def test_an_entry_that_waits_is_no_reason_to_stay_without_a_stop(bot: Any) -> None:
    trade = buy(bot, 50.0, stop_loss=1.0)
    waiting = order(SOL, "buy", 0.5, 90.0, status="open", filled=0.0, id="2")
    trade.orders.append(waiting)
    Trade.commit()
    catastrophe.place(run(), bot)
    assert len(bot.placed) == 1


def test_no_stop_is_placed_that_would_go_off_at_once(bot: Any) -> None:
    buy(bot, 50.0, stop_loss=1.0)
    bot.exchange.prices[SOL] = 79.0
    catastrophe.place(run(), bot)
    assert bot.placed == []


@pytest.mark.parametrize(
    ("change", "moves"),
    [({"amount": 0.25}, True), ({"open_rate": 90.0}, True), ({"open_rate": 100.05}, False)],
)
def test_it_moves_with_what_is_held_and_was_paid(
    bot: Any, change: dict[str, float], moves: bool
) -> None:
    trade = buy(bot, 50.0, stop_loss=1.0)
    catastrophe.place(run(), bot)
    for name, value in change.items():
        setattr(trade, name, value)
    Trade.commit()
    catastrophe.place(run(), bot)
    assert (bot.cancelled, len(bot.placed)) == ((["stop 1"], 2) if moves else ([], 1))


def test_a_dry_run_places_nothing(bot: Any) -> None:
    bot.config["dry_run"] = True
    buy(bot, 50.0, stop_loss=1.0)
    catastrophe.place(run(), bot)
    assert bot.placed == []


def test_a_question_that_fails_keeps_no_other_stop_from_being_asked_for(bot: Any) -> None:
    for pair in (SOL, "OLD/USDT"):
        buy(bot, 50.0, pair, stop_loss=1.0)
    catastrophe.place(run(), bot)
    asked = []

    def fetch(number: str, pair: str) -> Any:
        asked.append(pair)
        raise TemporaryError("503")

    bot.exchange.fetch_stoploss_order = fetch
    catastrophe.poll(run(), bot)
    assert asked == [SOL, "OLD/USDT"]
    bot.strategy.order_types = {"stoploss_on_exchange": True}
    catastrophe.poll(run(), bot)
    assert len(asked) == 2, "Freqtrade asks for them itself"
