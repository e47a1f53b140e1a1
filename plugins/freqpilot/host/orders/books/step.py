"""Compares the exchange's books with ours after each loop: what is due, as far as a budget of
requests and a second allow."""

import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from freqpilot.host.account import unwritten
from freqpilot.host.orders import reconcile
from freqpilot.host.orders.books import holdings, openorders
from freqpilot.host.orders.books.asking import Asker, NoTime, is_out
from freqpilot.host.orders.books.budget import Budget
from freqpilot.host.orders.books.schedule import Schedule, Task
from freqpilot.host.orders.differences import Difference, Differences, report_daily
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Bot

logger = logging.getLogger(__name__)

LATELY, LONG = timedelta(hours=1), timedelta(days=7)
"""How long a pair is looked at often after its trade was closed, and how long at all where it is
not in the whitelist."""
SILENT = timedelta(minutes=20)
"""How long no look may succeed before a person hears of it: longer than the longest pause."""


class Watch:
    """What a run has looked at, since when every look has failed, and what was found when a loop's
    second was over: when, in which look, and what."""

    def __init__(self, run: Run) -> None:
        self.schedule = Schedule()
        self.failing: datetime | None = None
        self.left: list[tuple[datetime, str, Difference]] = []


def step(run: Run, bot: Bot) -> None:
    """Look at what is due, live only, at a loop's end and under the lock that forced orders hold;
    it never raises.

    It begins when the comparison after the start is done.
    """
    if bot.config["dry_run"] or not run.part(Reconciliation).done or not run.writes:
        return
    try:
        _step(run, bot, datetime.now(UTC))
    except Exception as error:  # the loop must go on managing open trades
        reconcile._roll_back()
        logger.warning("The books could not be compared: %s: %s", type(error).__name__, error)


def _step(run: Run, bot: Bot, now: datetime) -> None:
    watch, budget = run.part(Watch), run.part(Budget)
    schedule, tasks = watch.schedule, tasks_of(bot, now)
    schedule.begin(tasks, now)
    due = schedule.due(tasks, now)
    if not due and not watch.left:
        return
    ask = Asker(run, bot.exchange._api)
    found_before, watch.left = watch.left, []
    for time, place, difference in found_before:
        if timedelta() <= now - time <= openorders.RECENT:  # else the next look shows it again
            _settle(run, bot, place, [difference], ask)
    busy = {intent.pair for intent in run.intents(*openorders.OPEN)}
    for task in due:
        if not budget.allows(task.requests, now):
            run.counters.count("books waited")
            return
        try:
            found = look(run, bot, task, ask, busy)
            confirmed = run.part(Differences).confirm(task.place, found, now, busy)
            _settle(run, bot, task.place, confirmed, ask)
        except NoTime:
            run.counters.count("books waited")
            return
        except Exception as error:
            if unwritten.is_of_store(error):
                raise
            _fail(run, task, error, now)
            if is_out(error):
                return
        else:
            watch.failing = None
            run.counters.count("books looks")
            schedule.done(task, now, doubts=run.part(Differences).doubts(task.place))


def look(run: Run, bot: Bot, task: Task, ask: Asker, busy: Collection[str]) -> list[Difference]:
    """Return in what the two books differ in the subject of a look."""
    if task.subject == "orders":
        return openorders.look(run, bot, task, ask, busy)
    if task.subject == "positions":
        return holdings.positions(run, bot, task.place, ask, busy)
    return holdings.coins(run, bot, task.place, ask, busy)


def tasks_of(bot: Bot, now: datetime) -> list[Task]:
    """Return all that is looked at: positions or coins, and the open orders of all pairs by one
    question where the exchange takes it so, else of each pair."""
    spot = str(bot.trading_mode) == "spot"
    account = Task("balances") if spot else Task("positions")
    listed = [pair for pair in bot.config["exchange"]["pair_whitelist"] if "*" not in pair]
    busy = traded(now, LATELY)
    some = sorted({*listed, *traded(now, LONG)} & set(bot.exchange.markets))
    if not some:
        return [account]
    lists = len(reconcile.open_lists(bot.exchange._api, some[0]))
    if reconcile.lists_all(bot.exchange._api, some[0]):
        return [account, Task("orders", requests=lists)]
    pairs = [Task("orders", pair, lists, quiet=pair not in busy) for pair in some]
    return [account, *pairs]


def traded(now: datetime, lately: timedelta) -> set[str]:
    """Return the pairs with an open trade, or with one that was closed within ``lately``."""
    from freqtrade.persistence import Trade
    from sqlalchemy import or_, select

    since = (now - lately).replace(tzinfo=None)
    query = select(Trade.pair).where(or_(Trade.is_open, Trade.close_date >= since)).distinct()
    return set(Trade.session.scalars(query))


def _settle(run: Run, bot: Bot, place: str, confirmed: Iterable[Difference], ask: Asker) -> None:
    """Mend what two looks agree on, where it is certain how; a person hears of the rest. What there
    is no time for is left to the next loop."""
    for difference in confirmed:
        try:
            if _mend(run, bot, difference, ask):
                run.part(Differences).mended(place, difference)
            elif not run.part(Differences).reported_today(about(difference)):
                _report(run, bot, difference, ask)
        except NoTime:
            run.part(Watch).left.append((datetime.now(UTC), place, difference))
        except Exception as error:  # one that cannot be mended keeps no other from it
            if unwritten.is_of_store(error):
                raise
            reconcile._roll_back()
            run.counters.count("books failed")
            what = f"{difference.kind} in {difference.pair}"
            logger.warning("Not mended yet: %s: %s: %s", what, type(error).__name__, error)


def _mend(run: Run, bot: Bot, difference: Difference, ask: Asker) -> bool:
    if difference.subject is None:
        return False  # a stranger's
    mend = openorders.mend if "order" in difference.kind else holdings.mend
    with ask.hurry():
        return mend(run, bot, difference)


def about(difference: Difference) -> tuple[str, ...]:
    """Return what makes a difference the same as one that a person has heard of today."""
    kind = ("order",) if "order" in difference.kind else ()
    return (difference.pair, *kind, difference.about)


def _report(run: Run, bot: Bot, difference: Difference, ask: Asker) -> None:
    if difference.kind == "coins of nobody":
        with ask.hurry():
            worth = holdings.worth_saying(bot, difference)
        if not worth:
            run.part(Differences).mark_reported(about(difference))
            return
    figures: dict[str, Any] = {"kind": difference.kind}
    if difference.figures:
        figures.update(zip(("owned", "wanted"), difference.figures, strict=True))
    report_daily(run, about(difference), difference.text, difference.level, **figures)


def _fail(run: Run, task: Task, error: Exception, now: datetime) -> None:
    """Take note of a look that failed: it is tried again in its turn. When no look has succeeded
    for long, a person hears of it once a day."""
    reconcile._roll_back()
    watch = run.part(Watch)
    run.counters.count("books failed")
    watch.schedule.done(task, now, doubts=False)
    logger.warning("The %s could not be compared: %s: %s", task.place, type(error).__name__, error)
    if watch.failing is None or watch.failing > now:
        watch.failing = now
    if now - watch.failing < SILENT:
        return
    text = (
        f"orders and positions on the exchange have not been compared with the database since "
        f"{watch.failing:%Y-%m-%d %H:%M} UTC ({type(error).__name__}: {error}). What happens there "
        "by itself, a liquidation, may go unseen meanwhile; look at the exchange"
    )
    report_daily(run, ("all pairs", "not compared"), text, "WARNING")
