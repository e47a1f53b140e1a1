"""What comes before each loop of a live bot: its books are reconciled with the exchange's, and the
supervisor is shown the account. After it what is beyond its stop is closed, what has none gets one,
and a leg that has lost its couple is closed.

Forced orders come from the threads of Telegram and the REST API, under the bot's exit lock: a look
takes it too, so that neither sees half of what the other does. A look begins and ends with a fresh
session: what another thread has committed is seen, and nothing of the look stays in this thread's.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from inspect import unwrap
from typing import Any

from freqpilot.errors import NoEntry, RefuseToStart
from freqpilot.host.account import (
    flows,
    funding,
    livestore,
    locks,
    look,
    observed,
    others,
    profile,
)
from freqpilot.host.account.begin import begin
from freqpilot.host.account.heldmarkets import HeldMarkets
from freqpilot.host.account.interventions import Interventions
from freqpilot.host.account.looptime import LoopTime
from freqpilot.host.account.martingale import Martingale
from freqpilot.host.account.positions import position_of
from freqpilot.host.account.stakerate import StakeRate
from freqpilot.host.account.upkeep import Upkeep
from freqpilot.host.alerts import events as alerts
from freqpilot.host.candles import daily, feeds, stored
from freqpilot.host.gate.bookrisk import BookRisk
from freqpilot.host.gate.health import Health
from freqpilot.host.gate.judge import wait
from freqpilot.host.gate.keyright import KeyRight
from freqpilot.host.gate.latecandles import LateCandles
from freqpilot.host.gate.market import Market
from freqpilot.host.orders import (
    catastrophe,
    fills,
    leaving,
    openrisk,
    reconcile,
    sending,
    stops,
)
from freqpilot.host.orders.books import step as books
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run.current import current, has_begun
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Bot
from freqpilot.host.seams.seam import Place, Seam, SeamError, uses
from freqpilot.host.trading import couples
from freqpilot.risk.account.record import KEPT

logger = logging.getLogger(__name__)

LOCK = "_exit_lock"
"""Freqtrade's lock around exits, which forced orders hold."""


@dataclass(frozen=True)
class ClosedTrade:
    """A closed trade as the database has it: its id, when it closed (UTC), its profit in stake
    currency."""

    id: int
    close_date_utc: datetime
    close_profit_abs: float


def observe(bot: Bot) -> None:
    """Stamp the ledger with the account as it is now.

    The halt is judged first, and needs no store. A fault in a part of the look does not keep the
    others from being done; without a stamp entries are refused, and after three such looks a person
    hears that the supervisor is blind. Open trades are managed as ever.
    """
    run, now = current(), datetime.now(UTC)
    run.sight.begin()
    with run.sight.part("account"), fresh_trades():
        _look(bot, run, now)
    with run.sight.part("exchange"):
        run.part(Health).look()
        run.part(KeyRight).look(bot.exchange)
    if run.live and not run.writes:
        livestore.reopen(run, now)
    if run.owner is not None and run.owner.lost:
        run.sight.fault("store", run.owner.lost)
    elif run.store_fault is not None:
        run.sight.fault("store", run.store_fault)
    if text := run.sight.end(now):
        level = "CRITICAL" if run.sight.blind else "WARNING"
        alerts.record(run, "blind" if run.sight.blind else "blind over", level, text, time=now)
    if text or run.sight.blind:
        observed.keep(run, now)  # also where the account itself was not seen


def _look(bot: Bot, run: Run, now: datetime) -> None:
    from freqtrade.persistence import Trade

    observed.follow_clock(run, now)
    trades = Trade.get_open_trades()
    run.part(HeldMarkets).look(bot.exchange, [trade.pair for trade in trades], now)
    seen = look.see(bot, run, trades)
    if missing := seen.missing(run.unquoted):
        run.sight.fault("rates", f"no price of now for {', '.join(missing)}")
    for pair, doubt in seen.doubts.items():
        run.sight.fault(f"price of {pair}", doubt)
    with run.sight.part("closed trades"):
        observed.closed(run, lately_closed(run))
    with run.sight.part("stake rate"):
        usd = run.part(StakeRate).look(bot.exchange, bot.config["stake_currency"], now)
        if usd != run.state.usd:
            run.state = replace(run.state, usd=usd)
    with run.sight.part("flows"):
        run.held = flows.take(run, bot, trades, seen.equity)
    equity, worst = seen.equity - run.held, seen.worst - run.held
    observed.observe(run, now, equity, seen.rates, worst, shown=seen.shown)
    run.unsure = next(iter(seen.doubts.values()), run.unsure)
    stops.look(run, trades, seen.rates, seen.fresh)
    leaving.look(run, trades, seen.rates, seen.fresh)
    openrisk.keep(run, trades, seen.rates, now)
    positions = [position_of(trade, seen.rates) for trade in trades]
    with run.sight.part("other bots"):
        others.step(run, bot.config["stake_currency"], positions)
    with run.sight.part("book"):
        run.part(BookRisk).keep(now, positions)
    with run.sight.part("locks"):
        locks.follow(run)


@contextmanager
def fresh_trades() -> Iterator[None]:
    """Look at the trades as the database has them now, and leave none behind in the session of this
    thread, where they would hide what another thread does to them."""
    _end_transaction()
    try:
        yield
    finally:
        _end_transaction()


def _end_transaction() -> None:
    """Commit, which lets every object be read anew; a transaction that cannot be is rolled back, or
    each later use of the session would fail."""
    from freqtrade.persistence import Trade
    from sqlalchemy.exc import SQLAlchemyError

    try:
        Trade.commit()
    except SQLAlchemyError:
        logger.exception("The trades database took no commit; its transaction is rolled back")
        Trade.rollback()


def lately_closed(run: Run) -> Sequence[ClosedTrade]:
    """Return the trades that were closed since the last one that the ledger has, oldest first; at
    the first look as many as it keeps.

    Columns are read, not objects: one that this thread has still open would hide its close.
    """
    from freqtrade.persistence import Trade
    from sqlalchemy import select

    query = select(Trade.id, Trade.close_date, Trade.close_profit_abs)
    query = query.where(Trade.is_open.is_(False), Trade.close_date.is_not(None))
    if outcomes := run.state.record.outcomes:
        query = query.where(Trade.close_date >= outcomes[-1].time.replace(tzinfo=None))
    rows = Trade.session.execute(query.order_by(Trade.close_date, Trade.id)).all()
    return [
        ClosedTrade(int(number), closed.replace(tzinfo=UTC), float(profit or 0.0))
        for number, closed, profit in rows
    ][-KEPT:]


def waiting(bot: Bot) -> str | None:
    """Return why no entry could be judged now for a reason that is no limit, halt or latch; None
    where entries can be judged."""
    from sqlalchemy.exc import SQLAlchemyError

    run = current()
    try:
        wait(run, bot.exchange)
        if run.others is None:
            raise NoEntry("what other bots have open is not known")
        if run.store_fault is not None:
            raise NoEntry(f"the store is out: {run.store_fault}")
    except (NoEntry, SQLAlchemyError) as why:
        return str(why)
    return None


def before_loop(bot: Bot) -> None:
    """Reconcile and look, which no forced order can come between."""
    with getattr(bot, LOCK):
        reconcile.step(current(), bot)
        with fresh_trades():
            catastrophe.poll(current(), bot)
        current().part(LoopTime).begin()
        current().part(LateCandles).begin(datetime.now(UTC))
        observe(bot)
    alerts.step(bot)


def after_loop(bot: Bot) -> None:
    """Close what may not stay open, compare the books and look for late candles; it never
    raises."""
    with fresh_trades():
        if has_begun():
            current().part(LoopTime).end()
            stops.backup(current(), bot)
            leaving.step(current(), bot)
            catastrophe.place(current(), bot)
        couples.settle(bot)
        if has_begun():
            with getattr(bot, LOCK):
                books.step(current(), bot)
    if has_begun():
        current().part(LateCandles).end(datetime.now(UTC))
        current().part(Martingale).step(datetime.now(UTC))
    alerts.step(bot)
    if has_begun():
        current().part(Upkeep).step(datetime.now(UTC))


def _begin(bot: Bot) -> Run:
    """Begin the bot's run.

    :raises OperationalException: Freqtrade's, which it shows as one line, when it may not start.
    """
    from freqtrade.exceptions import OperationalException

    try:
        return begin(bot.config, live=True)
    except RefuseToStart as error:
        raise OperationalException(f"Freqpilot stops the start: {error}") from None


def _make_startup(original: Callable[..., Any]) -> Callable[..., Any]:
    def startup(self: Bot) -> Any:
        run, timeframe = _begin(self), self.config["timeframe"]
        run.feed = feeds.LiveFeed(self)
        run.part(Health)  # from here on requests count
        run.part(Market).timeframe = timeframe
        run.part(BookRisk).begin(stored.fetched_candles(self.exchange), timeframe)
        days = daily.fetched_days(self.exchange)
        run.part(WaysOut).begin(days, self.strategy, self.config)
        run.part(Interventions).begin(timeframe)
        profile.announce(run, datetime.now(UTC))
        if not self.config["dry_run"]:
            # Before Freqtrade asks for the stops it has, and for the funding of its trades.
            sending.install(self.exchange)
            fills.install(self.exchange)
            funding.install(self.exchange._api)
            run.part(Reconciliation).ask()
        return original(self)

    return startup


def _make_process(original: Callable[..., Any]) -> Callable[..., Any]:
    def process(self: Bot) -> Any:
        before_loop(self)
        try:
            return original(self)
        finally:
            after_loop(self)

    return process


def _make_stopped(original: Callable[..., Any]) -> Callable[..., Any]:
    def process_stopped(self: Bot) -> Any:
        # A bot that a person has stopped trades nothing, but its account is watched on.
        if has_begun():
            with getattr(self, LOCK):
                observe(self)
            alerts.step(self)
            current().part(Upkeep).step(datetime.now(UTC))
        return original(self)

    return process_stopped


def _make_cleanup(original: Callable[..., Any]) -> Callable[..., Any]:
    def cleanup(self: Bot) -> Any:
        # What is EMERGENCY has to leave while Telegram and webhooks are still there.
        if getattr(self, "rpc", None) is not None:
            alerts.flush_now(self)
        return original(self)

    return cleanup


def _check_lock() -> None:
    from freqtrade.freqtradebot import FreqtradeBot

    if LOCK not in unwrap(FreqtradeBot.__init__).__code__.co_names:
        raise SeamError(f"FreqtradeBot has no {LOCK} that forced orders hold")


BOT = "freqtrade.freqtradebot:FreqtradeBot"
SEAMS = (
    Seam(
        "loop.live",
        "begin a run with the bot, and see the account before each of its loops",
        until="Freqtrade calls a plug-in at its start and its end, before and after each loop",
        places=(
            Place(f"{BOT}.startup", make=_make_startup),
            Place(f"{BOT}.process", make=_make_process),
            Place(f"{BOT}.process_stopped", make=_make_stopped),
            Place(f"{BOT}.cleanup", make=_make_cleanup),
            Place(f"{BOT}.execute_trade_exit", ["trade", "limit", "exit_check", "ordertype"]),
            Place("freqtrade.wallets:Wallets.get_free", ["currency"]),
            *uses("freqtrade.persistence:Trade", "commit", "rollback", "get_open_trades"),
        ),
        also=_check_lock,
    ),
)
