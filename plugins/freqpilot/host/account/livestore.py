"""A live run's store: opened and claimed at the start, done without where it cannot be, and guarded
while it is used."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from freqpilot.errors import RefuseToStart
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run import exitsonly, ownership
from freqpilot.risk.account import ledger, looks
from freqpilot.risk.account.looks import Look
from freqpilot.store import memory_store, open_store

if TYPE_CHECKING:
    from freqpilot.host.run.run import Run

logger = logging.getLogger(__name__)

CAUSE = "store"
"""Of running exits-only, as :mod:`freqpilot.host.run.exitsonly` keeps them."""
RETRY = timedelta(seconds=15)
"""How long a store that could not be opened is left alone."""


def begin(run: "Run", former: "Run | None") -> None:
    """Open a run's store and take up the ledger that it has.

    With trades open a store that cannot be used does not stop the bot, nor does it stop one that
    already runs: it goes on exits-only, on a ledger in memory, and tries again.

    :param former: the run before, of the same process: what it could not save is not lost.
    :raises RefuseToStart: when the store cannot be used and nothing is open, or when another
        process of this bot is alive.
    """
    try:
        _open(run)
        exitsonly.leave(CAUSE)
    except ownership.StoreShared:
        raise
    except RefuseToStart as error:
        runs = former is not None and not isinstance(error, ownership.StoreOwned)
        if not runs and not _open_trades():
            raise
        run.bot = ownership.identity(run.store, run.key)
        _without(run, str(error))
    if former is not None and former.live and (former.url, former.key) == (run.url, run.key):
        _carry(former, run)


def reopen(run: "Run", now: datetime) -> None:
    """Try again to open a store that the start had to do without."""
    if not run.stands_in or (run.tried is not None and now - run.tried < RETRY):
        return
    run.tried = now
    memory, alerted = run.state, run.alerted
    try:
        _open(run)
    except RefuseToStart as error:
        logger.warning("The store is still out: %s", error)
        return
    if memory.halted and not run.state.halted and not _is_released(run, memory):
        latch = {name: getattr(memory, name) for name in ("halted", "cause", "halted_at")}
        run.state, run.alerted = replace(run.state, **latch), alerted
    if run.look is not None:  # from here on what is seen is held against the store's peak
        run.state = looks.confirm(run.state, run.look, run.look, run.settings.risk).state
    exitsonly.leave(CAUSE)
    text = "the freqpilot store can be used again; entries are allowed as the limits say"
    alerts.record(run, "store back", "CRITICAL", text, time=now)


def _is_released(run: "Run", memory: ledger.Ledger) -> bool:
    """Tell whether a person has released a latch of before the store was out."""
    since, set_at = run.without, memory.halted_at
    carried = since is not None and set_at is not None and set_at < since
    return carried and run.state.releases > memory.releases


@contextmanager
def guarded(run: "Run") -> Iterator[None]:
    """Use the store; where it is out, that is noted and what follows is done all the same."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        if run.store_fault is None:
            logger.warning("The store cannot be used: %s", error)
        run.store_fault = str(error.__cause__ or error)
    else:
        run.store_fault = None


def _open(run: "Run") -> None:
    """Open and claim the store of a run, and read its ledger.

    :raises RefuseToStart: when it cannot be used; nothing has changed then.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from freqpilot.host.run.run import SEEN

    store = open_store(run.url, quick=True)
    try:
        bot = ownership.identity(store, run.key)
        owner = ownership.claim(store, run.key, bot)
        saved = store.load_state(run.key)
        state = ledger.Ledger.from_dict(saved) if saved else ledger.Ledger.empty()
        seen = store.load_state(f"{run.key}{SEEN}") or {}
        heard = [event.text for event in store.events("halt", limit=1)]
    except SQLAlchemyError as error:
        store.close()
        cause = error.__cause__ or error
        raise RefuseToStart(f"the freqpilot store cannot be used ({cause})") from None
    except RefuseToStart:
        store.close()
        raise
    run.store.close()
    run.store, run.bot, run.state, run.stands_in = store, bot, state, False
    run.owner = ownership.Ownership(store, run.key, owner)
    run.saved = ledger.durable(state) if saved else None
    if saved is None:
        _remark_history(run)
    told = state.halted is not None and any(text.startswith(state.halted) for text in heard)
    run.alerted = (state.halted if told else None), state.level
    run.rates = dict(seen.get("rates") or {})
    run.look = run.look or Look.from_dict(seen.get("look"))


def _remark_history(run: "Run") -> None:
    """Tell a person that a ledger begins beside trades that it knows nothing of."""
    from freqtrade.persistence import Trade
    from sqlalchemy import func, select
    from sqlalchemy.exc import SQLAlchemyError

    if not hasattr(Trade, "session"):
        return
    query = select(func.count(Trade.id), func.min(Trade.open_date))
    try:
        count, first = Trade.session.execute(query).one()
    except SQLAlchemyError as error:
        logger.warning("Whether there are trades of before could not be read: %s", error)
        return
    if not count:
        return
    text = (
        f"the risk ledger is empty, but Freqtrade's trades database holds {count} trades since "
        f"{first:%Y-%m-%d}. The peak, the start, halts and what waited for a person are not known: "
        "drawdown and loss limits count from the account as it is now, and the last closed trades "
        "are read again. If freqpilot's store was lost or moved, stop the bot, put it back and "
        "start again; if you begin anew on purpose, there is nothing to do"
    )
    alerts.record(run, "ledger anew", "WARNING", text, {"trades": count})


def _without(run: "Run", why: str) -> None:
    """Let a run go on without its store."""
    run.store, run.owner, run.stands_in = memory_store(), None, True
    run.tried = run.without = datetime.now(UTC)
    text = (
        f"{why}. The bot runs exits-only: stops, exits and halts work, nothing is opened, and the "
        "store is tried again"
    )
    exitsonly.enter(CAUSE, text)
    alerts.record(run, "exits only", "EMERGENCY", text)


def _carry(former: "Run", run: "Run") -> None:
    """Take over what the run before knew and could not save."""
    unsaved = run.stands_in or former.saved != ledger.durable(former.state)
    if unsaved and former.state.releases >= run.state.releases and former.state.stamp is not None:
        run.state = former.state
    run.alerted = former.alerted if former.state is run.state else run.alerted
    run.unwritten = {**former.unwritten, **run.unwritten}
    run.unsettled = {**former.unsettled, **run.unsettled}
    run.rates = former.rates or run.rates
    run.look, run.unsure = former.look or run.look, former.unsure
    run.unquoted = former.unquoted


def _open_trades() -> int:
    """Return how many trades are open in Freqtrade's database; none where there is no database."""
    from freqtrade.persistence import Trade

    return int(Trade.get_open_trade_count()) if hasattr(Trade, "session") else 0
