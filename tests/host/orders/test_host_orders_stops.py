"""A position beyond its stop is closed at market, whatever rests on the exchange."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.exceptions import TemporaryError
from freqtrade.persistence import Trade
from live_bot import buy, elsewhere, make_bot, order
from order_stage import CONFIG, Out
from trades_stage import Kind, held, of_each_kind, resting, stored

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.loop import live
from freqpilot.host.orders import stops
from freqpilot.host.orders.stopless import Stopless
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def bot(tmp_path: Path, clock: VirtualClock) -> Iterator[Any]:
    made = make_bot(tmp_path)
    made.exits = []
    made.cancelled = []
    made.strategy.confirm_trade_exit = lambda **_: False

    def leave(trade: Any, rate: float, *, exit_check: Any, ordertype: str) -> bool:
        assert made._exit_lock.locked()
        if not made.strategy.confirm_trade_exit(exit_reason=exit_check.exit_reason):
            return False
        made.exits.append((trade.id, rate, exit_check.exit_reason, ordertype))
        trade.is_open, trade.close_date = False, datetime.now(UTC)
        Trade.commit()
        return True

    made.execute_trade_exit = leave
    made.cancel_open_orders_of_trade = lambda trade, sides, _: made.cancelled.append(
        (trade.id, tuple(sides))
    )
    begin(made.config, live=True)
    live.observe(made)
    yield made
    end()
    Trade.session.remove()


def loop(bot: Any, clock: VirtualClock, price: float | Exception) -> list[Any]:
    clock.advance(5)
    bot.exchange.prices["SOL/USDT"] = price
    live.observe(bot)
    live.after_loop(bot)
    return list(bot.exits)


def test_the_stop_that_was_jumped(bot: Any, clock: VirtualClock) -> None:
    trade = buy(bot, 100.0, stop_loss=94.0)
    trade.orders.append(order("SOL/USDT", "stoploss", 1.0, 94.0, status="open", filled=0.0))
    Trade.commit()
    number = trade.id
    assert loop(bot, clock, 70.0) == [], "the stop on the exchange has its turn"
    assert loop(bot, clock, 70.0) == [(number, 70.0, stops.JUMPED, "market")]
    (event,) = current().store.events("stop jumped")
    assert event.level == "CRITICAL"
    assert "beyond the stop of trade" in event.text
    assert loop(bot, clock, 70.0) == [(number, 70.0, stops.JUMPED, "market")]


@pytest.mark.parametrize(
    ("prices", "closed"),
    [
        ((94.0, 94.0), True),
        ((94.1, 94.0), False),
        ((94.0, 94.1, 94.0), False),
        ((94.0, TemporaryError("503"), 93.0), True),
        ((94.0, TemporaryError("503"), 95.0), False),
        ((TemporaryError("503"),) * 3, False),
    ],
)
def test_two_looks_beyond_it(
    bot: Any, clock: VirtualClock, prices: tuple[float | Exception, ...], closed: bool
) -> None:
    buy(bot, 100.0, stop_loss=94.0)
    for price in prices:
        loop(bot, clock, price)
    assert bool(bot.exits) is closed


@pytest.mark.parametrize(("price", "closed"), [(106.0, True), (105.9, False)])
def test_a_short_position(bot: Any, clock: VirtualClock, price: float, closed: bool) -> None:
    buy(bot, 100.0, stop_loss=106.0, is_short=True)
    trade = Trade.get_open_trades()[0]
    trade.orders[0].ft_order_side = "sell"
    Trade.commit()
    for _ in range(2):
        loop(bot, clock, price)
    assert bool(bot.exits) is closed


def test_an_exit_that_waits_far_away_is_taken_back(bot: Any, clock: VirtualClock) -> None:
    trade = buy(bot, 100.0, stop_loss=94.0)
    trade.orders.append(order("SOL/USDT", "sell", 1.0, 120.0, status="open", filled=0.0))
    Trade.commit()
    for _ in range(2):
        loop(bot, clock, 80.0)
    assert bot.cancelled == [(trade.id, ("buy", "sell"))]
    assert len(bot.exits) == 1


def test_a_trade_that_another_thread_has_closed_is_left_alone(
    bot: Any, clock: VirtualClock
) -> None:
    number = buy(bot, 100.0, stop_loss=94.0).id
    loop(bot, clock, 70.0)
    live.observe(bot)

    def close() -> None:
        trade = Trade.get_trades([Trade.id == number]).first()
        trade.is_open, trade.close_date = False, datetime.now(UTC)
        Trade.commit()

    elsewhere(close)
    live.after_loop(bot)
    assert bot.exits == []


def test_it_is_tried_again_until_it_works(bot: Any, clock: VirtualClock) -> None:
    buy(bot, 100.0, stop_loss=94.0)
    leave, bot.execute_trade_exit = bot.execute_trade_exit, None
    for _ in range(3):
        assert loop(bot, clock, 70.0) == []
    bot.execute_trade_exit = leave
    assert len(loop(bot, clock, 70.0)) == 1


def test_a_dry_run_has_no_exchange_that_could_fail(bot: Any, clock: VirtualClock) -> None:
    bot.config["dry_run"] = True
    buy(bot, 100.0, stop_loss=94.0)
    for _ in range(4):
        loop(bot, clock, 70.0)
    assert bot.exits == []


@of_each_kind
def test_a_jumped_stop_is_judged_by_a_rate_of_now_and_orders_are_gone_before_the_exit(
    bot: Any, clock: VirtualClock, kind: Kind
) -> None:
    """The exit's own session would find an order open that another thread sees cancelled."""
    trade = held(kind)
    trade.stop_loss = 100 - 6 * kind.sign
    trade.orders.append(resting(trade, kind.exit, 1.0, 100 + 20 * kind.sign))
    Trade.commit()
    asked: list[tuple[Any, ...]] = []

    def get_rate(pair: str, **how: Any) -> float:
        asked.append((pair, how["side"], how["is_short"], how["refresh"]))
        return 100 - 7 * kind.sign

    seen: list[Any] = []

    def cancel(trade: Any, sides: list[str], reason: str) -> None:
        assert sorted(sides) == ["buy", "sell"]
        assert "beyond the stop" in reason
        trade.orders[1].ft_is_open = False

    bot.exchange.get_rate = get_rate
    bot.cancel_open_orders_of_trade = cancel
    bot.execute_trade_exit = lambda *_, **__: seen.extend(stored()[0]["orders"])
    for _ in range(2):
        clock.advance(5)
        live.observe(bot)
        live.after_loop(bot)
    assert asked == [(kind.pair, "exit", kind.is_short, True)] * 3, "two looks, one before the exit"
    assert [is_open for *_, is_open in seen] == [False, False]


def test_looks_of_a_trade_that_is_over_are_forgotten(bot: Any, clock: VirtualClock) -> None:
    trade = buy(bot, 100.0, stop_loss=94.0)
    loop(bot, clock, 90.0)
    assert current().beyond == {trade.id: 1}
    trade.is_open = False
    Trade.commit()
    loop(bot, clock, 90.0)
    assert current().beyond == {}


class TestStops:
    """A position whose stop can't be placed."""

    @pytest.fixture(autouse=True)
    def run(self, clock: VirtualClock) -> Iterator[Run]:
        begun = begin(CONFIG, live=False)
        assert current().name  # a live run knows it from its start
        yield begun
        end()

    @pytest.fixture
    def bot(self) -> Any:
        closed: list[tuple[int, float]] = []
        return SimpleNamespace(
            closed=closed, emergency_exit=lambda trade, price: closed.append((trade.id, price))
        )

    @staticmethod
    def trade(**change: Any) -> Any:
        return SimpleNamespace(
            **{"id": 3, "pair": "BTC/USDT", "is_open": True, "has_open_orders": False, **change}
        )

    def test_it_is_closed_in_the_second_loop(self, bot: Any) -> None:
        stops.note(bot, self.trade(), 90.0, placed=False)
        assert bot.closed == []
        stops.note(bot, self.trade(), 90.0, placed=False)
        assert bot.closed == [(3, 90.0)]
        assert current().store.events("stop failed")

    def test_it_is_closed_although_the_store_is_out(
        self, bot: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(current(), "store", Out(None, 0))
        for _ in range(2):
            stops.note(bot, self.trade(), 90.0, placed=False)
        assert bot.closed == [(3, 90.0)]

    def test_a_position_that_is_closed_late_is_reported_once(self, bot: Any) -> None:
        for waits in (True, True, True, False, False):
            stops.note(bot, self.trade(has_open_orders=waits), 90.0, placed=False)
        assert len(bot.closed) == 2
        assert len(current().store.events("stop failed")) == 1

    def test_a_stop_that_is_placed_begins_the_count_anew(self, bot: Any) -> None:
        for placed in (False, True, False):
            stops.note(bot, self.trade(), 90.0, placed=placed)
        assert bot.closed == []

    def test_after_two_positions_without_a_stop_entries_wait_until_one_is_placed(
        self, bot: Any
    ) -> None:
        stopless = current().part(Stopless)
        for number in (3, 4):
            stopless.require()
            for _ in range(2):
                stops.note(bot, self.trade(id=number), 90.0, placed=False)
        with pytest.raises(NoEntry, match="2 positions in a row got no stop"):
            stopless.require()
        stops.note(bot, self.trade(id=5), 90.0, placed=True)
        stopless.require()

    def test_a_position_without_a_stop_between_others_is_its_own_fault(self, bot: Any) -> None:
        for number in (3, 4):
            for _ in range(3):
                stops.note(bot, self.trade(id=number), 90.0, placed=False)
            stops.note(bot, self.trade(id=9), 90.0, placed=True)
        current().part(Stopless).require()

    @pytest.mark.parametrize("change", [{"is_open": False}, {"has_open_orders": True}])
    def test_what_is_closed_or_being_closed_is_left_alone(
        self, bot: Any, change: dict[str, Any]
    ) -> None:
        for _ in range(3):
            stops.note(bot, self.trade(**change), 90.0, placed=False)
        assert bot.closed == []
