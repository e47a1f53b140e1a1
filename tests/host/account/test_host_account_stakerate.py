"""What the stake currency is worth: by the exchange, by the config, or entries wait."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.persistence import Trade
from live_bot import make_bot
from look_stage import events, look

from freqpilot.errors import RefuseToStart
from freqpilot.host.account import stakerate
from freqpilot.host.account.begin import begin
from freqpilot.host.gate import live as livegate
from freqpilot.host.loop import backtest
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderRequest

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock
    end()
    if hasattr(Trade, "session"):
        Trade.session.remove()


class Tickers:
    """The last prices of an exchange, or faults, and the pairs that were asked for."""

    def __init__(self, bot: Any, **prices: Any) -> None:
        self.prices = {name.replace("_", "/"): price for name, price in prices.items()}
        self.asked: list[str] = []
        bot.exchange.markets = {pair: {"active": True} for pair in self.prices}
        bot.exchange.fetch_ticker = self.fetch_ticker

    def fetch_ticker(self, pair: str) -> dict[str, Any]:
        self.asked.append(pair)
        if isinstance(self.prices[pair], Exception):
            raise self.prices[pair]
        return {"last": self.prices[pair]}


def bot_in(folder: Path, currency: str, **risk: Any) -> Any:
    bot = make_bot(folder, stake_currency=currency, freqpilot={"risk": risk})
    bot.wallets.free = 0.1
    begin(bot.config, live=True)
    return bot


def refusal(bot: Any) -> str | None:
    request = OrderRequest(datetime.now(UTC), "ETH/BTC", "long", "entry", 0.001, 0.05)
    bot.exchange._config["dry_run"] = True
    return livegate.refusal(current(), request, [], bot.exchange)


def test_the_ticker_gives_the_rate_when_it_was_read_twice(
    tmp_path: Path, clock: VirtualClock
) -> None:
    bot = bot_in(tmp_path, "BTC")
    tickers = Tickers(bot, BTC_USDT=60_000.0)
    run = look(bot, clock)
    assert (run.state.usd, run.state.tier) == (None, None)
    run = look(bot, clock)
    assert (run.state.usd, run.state.tier) == (60_000.0, "Acceleration")
    look(bot, clock, 20)
    assert tickers.asked == ["BTC/USDT"] * 2, "then every ten minutes"
    clock.advance(600)
    tickers.prices["BTC/USDT"] = 61_000.0
    assert look(bot, clock).state.usd == 61_000.0
    assert events("stake rate") == []


def test_one_wrong_price_of_the_stake_currency_costs_no_tier(
    tmp_path: Path, clock: VirtualClock
) -> None:
    bot = bot_in(tmp_path, "BTC")
    tickers = Tickers(bot, BTC_USDT=60_000.0)
    look(bot, clock, 2)
    tickers.prices["BTC/USDT"] = 600.0
    clock.advance(600)
    run = look(bot, clock)
    tickers.prices["BTC/USDT"] = 60_000.0
    run = look(bot, clock, 2)
    assert (run.state.usd, run.state.tier) == (60_000.0, "Acceleration")


@pytest.mark.parametrize(
    ("currency", "quoted", "usd"),
    [
        ("TRY", {"USDT_TRY": 40.0}, 0.025),
        ("EUR", {"EUR_USD": 1.08, "EUR_USDT": 1.2}, 1.08),
        ("USDT", {"USDT_USD": 0.95}, 0.95),
        ("USDT", {"BTC_USDT": 60_000.0}, 1.0),
        ("USD", {"USDT_USD": 0.95}, 1.0),
        ("FDUSD", {}, 1.0),
    ],
)
def test_what_each_currency_is_worth(
    tmp_path: Path, clock: VirtualClock, currency: str, quoted: dict[str, float], usd: float
) -> None:
    bot = bot_in(tmp_path, currency)
    Tickers(bot, **quoted)
    assert look(bot, clock, 2).state.usd == pytest.approx(usd)
    assert events("stake rate") == []


@pytest.mark.parametrize(
    "price", [None, 0.0, float("nan"), float("inf"), "much", OperationalException("503")]
)
def test_without_a_rate_entries_wait_and_the_line_to_add_is_named(
    tmp_path: Path, clock: VirtualClock, price: Any
) -> None:
    bot = bot_in(tmp_path, "BTC")
    Tickers(bot, BTC_USDT=price)
    run = look(bot, clock, 4)
    assert (run.state.usd, run.state.equity, run.sight.faults) == (None, 0.1, {})
    assert '"stake_rate": DOLLARS OF ONE' in str(refusal(bot))
    assert events("stake rate") == ["CRITICAL"]
    (event,) = run.store.events("stake rate")
    assert '{"freqpilot": {"risk": {"stake_rate": DOLLARS OF ONE BTC}}}' in event.text
    assert "BTC/USDT" in event.text


def test_the_config_helps_where_the_exchange_does_not(tmp_path: Path, clock: VirtualClock) -> None:
    bot = bot_in(tmp_path, "BTC", stake_rate=50_000.0)
    run = look(bot, clock)
    assert (run.state.usd, run.state.tier) == (50_000.0, "Acceleration")
    Tickers(bot, BTC_USDT=60_000.0)
    clock.advance(600)
    assert look(bot, clock, 2).state.usd == 60_000.0, "what the exchange says is of now"
    assert events("stake rate") == []


def test_a_market_that_is_closed_says_nothing(tmp_path: Path, clock: VirtualClock) -> None:
    bot = bot_in(tmp_path, "BTC")
    Tickers(bot, BTC_USD=1.0, BTC_USDT=60_000.0)
    bot.exchange.markets["BTC/USD"]["active"] = False
    assert look(bot, clock, 2).state.usd == 60_000.0


def test_the_last_rate_counts_for_a_day(tmp_path: Path, clock: VirtualClock) -> None:
    bot = bot_in(tmp_path, "BTC")
    tickers = Tickers(bot, BTC_USDT=60_000.0)
    look(bot, clock, 2)
    tickers.prices["BTC/USDT"] = OperationalException("503")
    clock.advance(86_390)
    assert look(bot, clock).state.usd == 60_000.0
    assert look(bot, clock).state.usd is None
    assert events("stake rate") == ["CRITICAL"]


def config(currency: str, **freqpilot: Any) -> dict[str, Any]:
    return {"stake_currency": currency, "freqpilot": freqpilot, "user_data_dir": "."}


@pytest.mark.parametrize(
    ("given", "usd"),
    [
        (config("USDT"), 1.0),
        (config("BTC", risk={"stake_rate": 40_000}), 40_000.0),
        (config("BTC", supervisor=False), None),
    ],
)
def test_a_backtest_goes_by_the_config(given: dict[str, Any], usd: float | None) -> None:
    assert begin(given, live=False).state.usd == usd


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (config("USDT"), "one USDT: live by the exchange's USDT/USD or the like; TAKEN AS 1"),
        (config("USD"), "is the US dollar"),
        (config("BTC"), 'need {"freqpilot": {"risk": {"stake_rate": DOLLARS OF ONE BTC}}}'),
        (config("BTC", risk={"stake_rate": 40_000}), "in backtests 40000 US dollars"),
    ],
)
def test_doctor_says_by_what_the_stake_currency_is_counted(
    given: dict[str, Any], words: str
) -> None:
    assert words in stakerate.describe(given)


def test_a_backtest_without_a_rate_names_the_line_to_add() -> None:
    with pytest.raises(RefuseToStart, match="DOLLARS OF ONE BTC"):
        begin(config("BTC"), live=False)
    bot: Any = type("Backtester", (), {"config": config("BTC")})()
    with pytest.raises(OperationalException, match="Freqpilot stops the backtest: what one BTC"):
        backtest._begin(bot)


def test_a_reading_is_asked_for_anew_when_the_clock_went_back(
    tmp_path: Path, clock: VirtualClock
) -> None:
    bot = bot_in(tmp_path, "BTC")
    tickers = Tickers(bot, BTC_USDT=60_000.0)
    look(bot, clock, 2)
    clock.advance(-3_600)
    look(bot, clock)
    assert len(tickers.asked) == 3
