"""A position beyond a way out of ours is left after two looks; one that was before is shown.

With the real bot on the stand-in exchange: ``tests/host/test_host_money_wayout.py``.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from freqtrade.exceptions import TemporaryError
from freqtrade.persistence import Trade
from live_bot import buy, make_bot, order

from freqpilot.host.account.begin import begin
from freqpilot.host.loop import live
from freqpilot.host.orders.wayout import CATASTROPHE, NEAR_LIQUIDATION, REDUCED, WaysOut
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.risk.exits.dailyrange import NONE

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
SOL, OLD = "SOL/USDT", "OLD/USDT"


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


class Bots:
    """Starts a bot, again and again, on one database and store. Its stops are 20 % away."""

    def __init__(self, folder: Path, clock: VirtualClock) -> None:
        self.folder, self.clock = folder, clock
        self.exits: list[tuple[int, str, float | None]] = []
        self.bot: Any = None

    def start(self, profile: str = "guard", *, dry_run: bool = True, **config: Any) -> Any:
        end()
        risk = {"profile": profile, "book": {"enabled": False}}
        self.bot = make_bot(self.folder, dry_run=dry_run, freqpilot={"risk": risk}, **config)
        self.bot.strategy.stoploss, self.bot.strategy.order_types = -0.99, {}
        self.bot.strategy.confirm_trade_exit = lambda **_: False
        self.bot.execute_trade_exit = self._leave
        self.bot.cancel_open_orders_of_trade = lambda *_: None
        self.bot.exchange.get_option = lambda *_: False
        begin(self.bot.config, live=True)
        current().part(WaysOut).begin(lambda *_: NONE, self.bot.strategy, config)
        return self.bot

    def _leave(self, trade: Any, rate: float, **how: Any) -> bool:
        assert self.bot._exit_lock.locked()
        assert how["ordertype"] == "market"
        reason, part = how["exit_check"].exit_reason, how["sub_trade_amt"]
        assert part is not None or self.bot.strategy.confirm_trade_exit(exit_reason=reason)
        self.exits.append((trade.id, reason, part))
        if part is None:
            trade.is_open, trade.close_date = False, datetime.now(UTC)
        else:
            sold = order(trade.pair, trade.exit_side, part, rate)
            sold.ft_order_tag = reason
            trade.orders.append(sold)
        Trade.commit()
        return True

    def loop(self, price: float | Exception, pair: str = SOL) -> list[str]:
        """Let a loop pass at this price, and return the reasons of all exits so far."""
        self.clock.advance(5)
        self.bot.exchange.prices[pair] = price
        live.observe(self.bot)
        live.after_loop(self.bot)
        return [reason for _, reason, _ in self.exits]


@pytest.fixture
def bots(tmp_path: Path, clock: VirtualClock) -> Iterator[Bots]:
    made = Bots(tmp_path, clock)
    yield made
    end()
    Trade.session.remove()


@pytest.mark.parametrize(
    ("prices", "left"),
    [
        ((80.0, 80.0), True),
        ((80.1, 80.0), False),
        ((80.0, 80.1, 80.0), False),
        ((80.0, TemporaryError("503"), 79.0), True),
        ((TemporaryError("503"),) * 3, False),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_two_looks_beyond_it(
    bots: Bots, prices: tuple[float | Exception, ...], left: bool, dry_run: bool
) -> None:
    bot = bots.start(dry_run=dry_run)
    bots.loop(100.0)
    buy(bot, 50.0, stop_loss=1.0)
    for price in prices:
        bots.loop(price)
    assert [reason for _, reason, _ in bots.exits] == [CATASTROPHE] * left
    assert len(current().store.events("catastrophe stop")) >= left


def test_what_was_beyond_it_before_is_shown_until_its_price_is_back(bots: Bots) -> None:
    bot = bots.start("watch")
    number = buy(bot, 50.0, stop_loss=1.0).id
    assert [bots.loop(70.0) for _ in range(3)] == [[], [], []]
    bots.start("guard")
    assert [bots.loop(70.0) for _ in range(3)] == [[], [], []]
    (event,) = current().store.events("beyond its stop")
    assert (event.level, f"trade {number}" in event.text) == ("CRITICAL", True)
    bots.start("guard")
    assert [bots.loop(70.0) for _ in range(3)] == [[], [], []], "nor after a restart"
    bots.loop(90.0)
    bots.start("guard")
    assert bots.loop(70.0) == [], "it has its stop now, as a restart knows"
    assert bots.loop(70.0) == [CATASTROPHE]


def test_a_person_who_goes_back_to_watch_and_again_to_guard_is_not_surprised(bots: Bots) -> None:
    bot = bots.start("guard")
    bots.loop(100.0)
    buy(bot, 50.0, stop_loss=1.0)
    bots.loop(100.0)
    for profile in ("watch", "guard"):
        bots.start(profile)
        assert [bots.loop(70.0) for _ in range(3)] == [[], [], []]
    assert current().store.events("beyond its stop")


def test_a_price_that_nobody_gives_at_the_start_is_waited_for(bots: Bots) -> None:
    bot = bots.start("watch")
    buy(bot, 50.0, stop_loss=1.0)
    bots.start("guard")
    for price in (TemporaryError("503"), 70.0, 70.0, 70.0):
        assert bots.loop(price) == []


FUTURES = {"trading_mode": "futures", "margin_mode": "isolated"}


def test_a_position_is_reduced_and_then_closed_on_its_way_to_the_liquidation(bots: Bots) -> None:
    bot = bots.start(**FUTURES)
    bots.loop(100.0)
    buy(bot, 50.0, stop_loss=1.0, liquidation_price=90.0)
    assert bots.loop(95.1) == []
    assert bots.loop(95.0) == []
    assert bots.loop(95.0) == [REDUCED]
    assert bots.exits[0][2] == pytest.approx(0.25), "half of it"
    assert [bots.loop(94.0) for _ in range(3)] == [[REDUCED]] * 3, "once"
    bots.loop(92.4)
    assert bots.loop(92.4) == [REDUCED, NEAR_LIQUIDATION]
    assert [event.level for event in current().store.events("near liquidation")] == ["CRITICAL"] * 2


def test_in_cross_margin_only_the_nearest_is_touched_in_a_loop(bots: Bots) -> None:
    bot = bots.start(trading_mode="futures", margin_mode="cross")
    bots.loop(100.0)
    far = buy(bot, 50.0, stop_loss=1.0, liquidation_price=80.0)
    near = buy(bot, 50.0, OLD, stop_loss=1.0, liquidation_price=90.0)
    first, second = (near.id, NEAR_LIQUIDATION), (far.id, REDUCED)
    bot.exchange.prices = {SOL: 89.9, OLD: 91.5}
    bots.loop(89.9)
    assert [each[:2] for each in bots.exits] == []
    bots.loop(89.9)
    assert [each[:2] for each in bots.exits] == [first]
    bots.loop(89.9)
    assert [each[:2] for each in bots.exits] == [first, second]


def test_a_trade_that_another_thread_has_closed_is_left_alone(bots: Bots) -> None:
    bot = bots.start()
    bots.loop(100.0)
    trade = buy(bot, 50.0, stop_loss=1.0)
    bots.loop(70.0)
    live.observe(bot)
    trade = Trade.get_trades([Trade.id == trade.id]).first()
    trade.is_open, trade.close_date = False, datetime.now(UTC)
    Trade.commit()
    live.after_loop(bot)
    assert bots.exits == []


def test_what_its_own_stop_has_just_closed_is_not_closed_twice(bots: Bots) -> None:
    """The market order of that exit may still be open: it would be cancelled."""
    bot = bots.start(dry_run=False)
    bots.loop(100.0)
    trade = buy(bot, 50.0, stop_loss=90.0)

    def waits(trade: Any, rate: float, **how: Any) -> bool:
        bots.exits.append((trade.id, how["exit_check"].exit_reason, None))
        return True

    bot.execute_trade_exit = waits
    for _ in range(2):
        bots.loop(70.0)
    assert bots.exits == [(trade.id, "freqpilot_jumped_stop", None)]
