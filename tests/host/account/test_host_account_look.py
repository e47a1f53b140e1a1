"""What an account is worth: for entries, and for the halt, of each kind of trade."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import ccxt
import pandas as pd
import pytest
from freqtrade.exceptions import PricingError
from freqtrade.persistence import Trade
from trades_stage import (
    FEE_CLOSE,
    FEE_OPEN,
    START,
    Bot,
    Kind,
    held,
    leave,
    live,
    of_each_kind,
    placed,
)

from freqpilot.host.account import look
from freqpilot.host.run.current import current
from freqpilot.rehearsal.clock import VirtualClock

pytestmark = of_each_kind


@pytest.fixture
def bot(tmp_path: Path, kind: Kind) -> Iterator[Bot]:
    with VirtualClock(START), live(tmp_path, kind) as bot:
        bot.wallets.free = 500.0
        bot.exchange.prices[kind.pair] = 100.0
        yield bot


def see(bot: Bot) -> look.Account:
    return look.see(bot, current(), Trade.get_open_trades())


def candles(bot: Bot, age: timedelta, close: float) -> None:
    frame = pd.DataFrame({"date": [pd.Timestamp(START - age)], "close": [close]})
    bot.dataprovider.ohlcv = lambda *_, **__: frame


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_open_position_counts_with_the_fees_that_are_not_paid_yet(
    bot: Bot, kind: Kind, dry_run: bool
) -> None:
    """On an exchange the entry's fee is gone from the money; a dry run takes it off at the end."""
    bot.config["dry_run"] = dry_run
    held(kind)
    bot.exchange.prices[kind.pair] = 104.0
    amount = 3.0 * kind.leverage
    worth = 800.0 + amount * (kind.sign * 4.0 - 104 * FEE_CLOSE)
    worth -= amount * 100 * FEE_OPEN if dry_run else 0.0
    seen = see(bot)
    assert (seen.equity, seen.worst) == (pytest.approx(worth), pytest.approx(worth))
    assert seen.rates == {kind.pair: 104.0}
    assert seen.fresh == {kind.pair}
    assert seen.missing({}) == []


def test_a_part_that_was_sold_counts_by_what_it_brought(bot: Bot, kind: Kind) -> None:
    trade, third = held(kind), kind.leverage
    leave(trade, third, 110.0)
    bot.wallets.free = 600.0  # whatever it brought is in it
    bot.exchange.prices[kind.pair] = 95.0
    rest = 2 * third * (kind.sign * -5.0 - 95 * FEE_CLOSE)
    assert see(bot).equity == pytest.approx(600.0 + 200.0 + rest)


def test_an_order_that_rests_counts_as_its_stake_and_needs_no_rate(bot: Bot, kind: Kind) -> None:
    placed(kind)
    bot.exchange.prices[kind.pair] = ccxt.RequestTimeout("no answer")
    seen = see(bot)
    assert (seen.equity, seen.worst, seen.rates) == (800.0, 800.0, {})


@pytest.mark.parametrize(
    ("age", "rate"), [(-1, 90.0), (0, 90.0), (1, 97.0)], ids=["before", "at", "after"]
)
def test_a_candle_stands_in_for_three_timeframes(
    bot: Bot, kind: Kind, age: int, rate: float
) -> None:
    """After that the rate that was seen last counts, and the pair has no market."""
    held(kind)
    run = current()
    run.rates = {kind.pair: 97.0}
    bot.exchange.prices[kind.pair] = PricingError("empty")
    candles(bot, timedelta(hours=3, seconds=age), 90.0)
    seen = see(bot)
    assert seen.rates == {kind.pair: rate}
    assert seen.fresh == frozenset()
    assert run.unquoted[kind.pair] == (1 if rate == 97.0 else 0)


@pytest.mark.parametrize(
    ("markets", "gone"),
    [
        ({}, False),
        ({"SOL/USDT": {"active": True}, "SOL/USDT:USDT": {"active": True}}, False),
        ({"SOL/USDT": {"active": None}, "SOL/USDT:USDT": {}}, False),
        ({"SOL/USDT": {"active": False}, "SOL/USDT:USDT": {"active": False}}, True),
        ({"BTC/USDT": {"active": True}}, True),
    ],
)
def test_a_market_that_is_closed_or_not_listed_is_none(
    bot: Bot, kind: Kind, markets: dict[str, Any], gone: bool
) -> None:
    """A candle of now says otherwise only where the exchange lists the pair."""
    held(kind)
    bot.exchange.markets = markets
    bot.exchange.prices[kind.pair] = PricingError("empty")
    candles(bot, timedelta(hours=1), 90.0)
    for _ in range(2):
        seen = see(bot)
    assert current().unquoted[kind.pair] == (2 if gone else 0)
    amount = 3.0 * kind.leverage
    worth = 800.0 + amount * (kind.sign * -10.0 - 90 * FEE_CLOSE)
    assert seen.equity == pytest.approx(worth)
    assert seen.worst == pytest.approx(500.0 if gone else worth), "the stake is gone for the halt"
    assert seen.missing(current().unquoted) == ([] if gone else [kind.pair])


def test_a_market_that_is_gone_counts_anew_for_a_later_position(bot: Bot, kind: Kind) -> None:
    trade = held(kind)
    bot.exchange.prices[kind.pair] = ccxt.BadSymbol("-1121")
    for _ in range(2):
        see(bot)
    assert current().unquoted == {kind.pair: 2}
    trade.is_open = False
    Trade.commit()
    see(bot)
    assert current().unquoted == {}


def test_a_rate_that_nobody_knows_leaves_the_halt_to_the_others(bot: Bot, kind: Kind) -> None:
    held(kind)
    bot.exchange.prices[kind.pair] = ccxt.RequestTimeout("no answer")
    seen = see(bot)
    assert seen.equity != seen.equity, "NaN"
    paid = 3.0 * kind.leverage * 100 * FEE_CLOSE
    assert seen.worst == pytest.approx(800.0 - paid), "at what was paid"
