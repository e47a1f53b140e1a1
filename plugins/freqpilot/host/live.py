"""What comes before each loop of a live bot: its books are reconciled with the exchange's, and the
supervisor is shown the account. After it a leg that has lost its couple is closed."""

import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from freqpilot.host import (
    bookrisk,
    couples,
    feeds,
    flows,
    health,
    locks,
    market,
    reconcile,
    shared,
    supervisor,
)
from freqpilot.host.positions import account_equity, position_of
from freqpilot.host.seams import Seam, expect, wrap
from freqpilot.risk.record import KEPT

logger = logging.getLogger(__name__)


def observe(bot: Any) -> None:
    """Stamp the ledger with the account as it is now.

    A fault leaves the ledger without a new stamp: entries are refused once the last one is too
    old, open trades are managed as ever.
    """
    from freqtrade.persistence import Trade

    try:
        trades = Trade.get_open_trades()
        rates = {t.pair: _rate(bot, t) for t in trades if t.nr_of_successful_entries}
        supervisor.closed(_lately_closed())
        free = bot.wallets.get_free(bot.config["stake_currency"])
        paid = not bot.config["dry_run"]
        equity = account_equity(free, trades, rates, entry_fees_paid=paid)
        held = flows.take(bot, trades, equity)
        now = datetime.now(UTC)
        supervisor.observe(now, equity - held, rates)
        health.HEALTH.look()
        positions = [position_of(trade, rates) for trade in trades]
        shared.step(bot.config["stake_currency"], positions)
        bookrisk.BOOK.keep(now, positions)
        locks.follow(supervisor.current())
    except Exception:  # the loop must go on managing open trades
        logger.exception("The account could not be observed; entries wait until it can be")


def _lately_closed() -> list[Any]:
    """Return the trades that were closed since the last one that the ledger has, oldest first; at
    the first look as many as it keeps."""
    from freqtrade.persistence import Trade

    outcomes = supervisor.current().state.record.outcomes
    conditions = [Trade.is_open.is_(False)]
    if outcomes:
        conditions.append(Trade.close_date >= outcomes[-1].time.replace(tzinfo=None))
    query = Trade.get_trades(conditions)
    return sorted(query.all(), key=lambda trade: trade.close_date)[-KEPT:]


def _rate(bot: Any, trade: Any) -> float:
    """Return the pair's exit rate, or its newest candle's close when the book is out of reach."""
    try:
        rate = bot.exchange.get_rate(trade.pair, side="exit", is_short=trade.is_short, refresh=True)
        return float(rate)
    except Exception as error:
        candles = bot.dataprovider.ohlcv(trade.pair, bot.strategy.timeframe, copy=False)
        close = float(candles["close"].iloc[-1]) if len(candles) else math.nan
        logger.warning("No rate for %s (%s); its last close %s is used", trade.pair, error, close)
        return close


def _check() -> None:
    from freqtrade.freqtradebot import FreqtradeBot
    from freqtrade.wallets import Wallets

    expect(FreqtradeBot, "process")
    expect(FreqtradeBot, "startup")
    expect(FreqtradeBot, "execute_trade_exit", ["trade", "limit", "exit_check"])
    expect(Wallets, "get_free", ["currency"])


def _apply() -> None:
    from freqtrade.freqtradebot import FreqtradeBot

    def make_startup(original: Callable[..., Any]) -> Callable[..., Any]:
        def startup(self: Any) -> Any:
            supervisor.begin(self.config, live=True).feed = feeds.LiveFeed(self)
            health.HEALTH.begin()
            timeframe = self.config["timeframe"]
            market.MARKET.begin(timeframe)
            bookrisk.BOOK.begin(bookrisk.fetched_candles(self.exchange), timeframe)
            if not self.config["dry_run"]:
                reconcile.PROGRESS.begin()
            return original(self)

        return startup

    def make_process(original: Callable[..., Any]) -> Callable[..., Any]:
        def process(self: Any) -> Any:
            reconcile.step(self)
            observe(self)
            try:
                return original(self)
            finally:
                couples.settle(self)

        return process

    wrap(FreqtradeBot, "startup", make_startup)
    wrap(FreqtradeBot, "process", make_process)


SEAMS = (Seam("ledger.live", "show the account to risk before each loop", _check, _apply),)
