"""What is wrong for a while, a price or the clock, is nothing that lasts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.persistence import Trade
from live_bot import buy, make_bot
from look_stage import START, close, events, look, seen_twice

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.account.look import UNSHOWN
from freqpilot.host.gate import live as livegate
from freqpilot.host.loop import live
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderRequest


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def bot(tmp_path: Path, clock: VirtualClock) -> Iterator[Any]:
    made = make_bot(tmp_path)
    begin(made.config, live=True)
    seen_twice(made, clock)
    yield made
    end()
    Trade.session.remove()


def request() -> OrderRequest:
    return OrderRequest(datetime.now(UTC), "SOL/USDT", "long", "entry", 10.0, 100.0)


# prices that are wrong once


def rows(*bounds: tuple[float, float, float]) -> Any:
    """Return an exchange's client whose newest candles have these highs, lows and closes."""

    def fetch_ohlcv(pair: str, timeframe: str, *, limit: int) -> list[list[float]]:
        opened = datetime.now(UTC).replace(minute=0, second=0).timestamp() * 1000
        found = [
            [opened - 3_600_000 * back, close, high, low, close, 1.0]
            for back, (high, low, close) in enumerate(bounds)
        ]
        return found[::-1][-limit:]

    return SimpleNamespace(fetch_ohlcv=fetch_ohlcv)


@pytest.mark.parametrize("price", [280.0, 1.0])
def test_one_wrong_price_makes_no_peak_and_no_halt(
    bot: Any, clock: VirtualClock, price: float
) -> None:
    """Neither where the candles deny it nor where there are none."""
    buy(bot, 450.0)
    for api in (rows((101.0, 99.0, 100.0)), None):
        look(bot, clock)
        bot.exchange._api = api
        bot.exchange.prices["SOL/USDT"] = price
        run = look(bot, clock)
        assert (run.state.peak, run.state.level, run.state.halted) == (1_000.0, 0, None)
        with pytest.raises(NoEntry, match=r"candles show 99 to 101|between two looks"):
            livegate.refusal(run, request(), [], bot.exchange)
        bot.exchange.prices["SOL/USDT"] = 100.0
        run = look(bot, clock, 2)
        assert (run.state.peak, run.state.halted, run.unsure) == (1_000.0, None, None)


def test_a_rise_without_candles_is_no_peak_at_the_second_look_either(
    bot: Any, clock: VirtualClock
) -> None:
    """Candles that are late show nothing, and a price may be wrong twice."""
    buy(bot, 450.0)
    look(bot, clock)
    bot.exchange._api = rows()
    bot.exchange.prices["SOL/USDT"] = 280.0
    run = look(bot, clock, 4)
    assert run.state.peak == 1_000.0
    assert run.unshown["SOL/USDT"][0] == 100.0
    with pytest.raises(NoEntry, match="between two looks"):
        livegate.refusal(run, request(), [], bot.exchange)
    bot.exchange._api = rows((281.0, 99.0, 280.0))
    assert look(bot, clock, 2).state.peak == pytest.approx(1_810.0)
    assert run.unshown == {}


def test_a_rise_that_lasts_needs_no_candles(bot: Any, clock: VirtualClock) -> None:
    """An exchange may give closed candles alone."""
    buy(bot, 450.0)
    look(bot, clock)
    bot.exchange._api = rows()
    bot.exchange.prices["SOL/USDT"] = 280.0
    assert look(bot, clock, 2).state.peak == 1_000.0
    clock.advance(UNSHOWN.total_seconds())
    run = look(bot, clock, 2)
    assert (run.state.peak, run.unsure) == (pytest.approx(1_810.0), None)


def test_a_price_that_stays_wrong_blinds_and_halts_nothing(bot: Any, clock: VirtualClock) -> None:
    buy(bot, 450.0)
    look(bot, clock)
    bot.exchange._api = rows((101.0, 99.0, 100.0))
    bot.exchange.prices["SOL/USDT"] = 1.0
    run = look(bot, clock, 10)
    assert (run.state.equity, run.state.halted) == (1_000.0, None)
    assert run.beyond == {}, "a stop is not jumped by a price that nobody paid"
    assert events("blind") == ["CRITICAL"]
    assert "price of SOL/USDT (the exchange gives 1" in str(run.sight.blind)


def test_a_crash_that_the_candles_show_halts_at_its_second_look(
    bot: Any, clock: VirtualClock
) -> None:
    buy(bot, 450.0)
    look(bot, clock)
    bot.exchange._api = rows((101.0, 40.0, 41.0), (101.0, 99.0, 100.0))
    bot.exchange.prices["SOL/USDT"] = 48.0
    assert look(bot, clock).state.halted is None
    bot.exchange.prices["SOL/USDT"] = 41.0
    run = look(bot, clock)
    assert "766.00" in str(run.state.halted), "by the milder of the two"
    assert events("halt") == ["EMERGENCY"]


def test_after_a_restart_one_look_halts_that_agrees_with_the_last(
    bot: Any, clock: VirtualClock
) -> None:
    bot.wallets.free = 700.0
    assert look(bot, clock).state.halted is None
    end()
    begin(bot.config, live=True)
    assert current().look is not None
    assert look(bot, clock).state.halted is not None


# a clock that was ahead


def test_a_clock_that_was_once_ahead_blinds_nothing(bot: Any, clock: VirtualClock) -> None:
    """Also across a restart, as the ledger of that moment is saved."""
    ahead = 400 * 86_400
    clock.advance(ahead)
    live.observe(bot)
    clock.advance(-ahead)
    for restart in (False, True):
        if restart:
            clock.advance(ahead)
            live.observe(bot)
            clock.advance(-ahead)
            end()
            begin(bot.config, live=True)
        run = look(bot, clock, 2)
        assert run.state.stamp == datetime.now(UTC)
        assert run.unsure is None
        run.require_sight()
    assert events("clock") == ["CRITICAL"] * 2
    bot.wallets.free = 700.0
    assert look(bot, clock, 2).state.halted is not None


def test_a_trade_that_was_closed_while_the_clock_was_ahead_counts_once(
    bot: Any, clock: VirtualClock
) -> None:
    numbers = [buy(bot, 10.0, f"{coin}/USDT").id for coin in "ABC"]
    clock.advance(7_200)
    close(numbers[0], -1.0)
    look(bot, clock)
    close(numbers[1], -2.0)
    clock.advance(-7_300)
    run = look(bot, clock, 2)
    close(numbers[2], 3.0)
    run = look(bot, clock, 2)
    assert [each.trade for each in run.state.record.outcomes] == numbers
    assert all(each.time <= datetime.now(UTC) for each in run.state.record.outcomes)
    clock.advance(7_300)
    run = look(bot, clock, 2)
    assert run.state.record.total == 3, "also when the time that the database has is over"


def test_a_small_correction_of_the_clock_is_no_event(bot: Any, clock: VirtualClock) -> None:
    clock.advance(-4)
    live.observe(bot)
    run = look(bot, clock, 2)
    assert (run.state.stamp, events("clock")) == (datetime.now(UTC), [])


def test_a_deposit_that_was_seen_while_the_clock_was_ahead_is_taken_in_time(
    bot: Any, clock: VirtualClock
) -> None:
    clock.advance(7_200)
    bot.wallets.free += 500.0
    assert look(bot, clock).held == 500.0
    clock.advance(-7_300)
    look(bot, clock)
    clock.advance(60)
    run = look(bot, clock)
    assert (run.held, run.state.flows.total, run.state.peak) == (0.0, 500.0, 1_500.0)
