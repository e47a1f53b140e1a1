"""Orders while the store is out: an exit is always possible, and no order that was made is lost.

What cannot be written down is kept in memory until the store is back. An order bears its name all
the same: without one a lost answer would leave a stop that nobody could tell for his own.
"""

import logging
import time
from dataclasses import replace

from freqpilot.execution.ids import OrderName, client_order_id
from freqpilot.host.run.run import Run
from freqpilot.shapes import IntentState, OrderIntent, SentPurpose

logger = logging.getLogger(__name__)

OPEN: tuple[IntentState, ...] = ("sent", "accepted", "agreed")
"""States of an intent that is still to be brought to its end."""
REDUCING = ("exit", "stop")
"""Purposes of orders that go out even when they cannot be written down."""


class NoStore(Exception):
    """There is no store that an order could be written down in."""


def is_of_store(error: Exception) -> bool:
    """Tell whether the database failed, not the exchange."""
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, SQLAlchemyError | NoStore)


def allow(purpose: SentPurpose, error: Exception) -> None:
    """Let an order that only reduces go out unwritten.

    :raises OperationFailed: ccxt's, for any other order, which Freqtrade takes as not sent.
    """
    import ccxt

    if purpose not in REDUCING:
        raise ccxt.OperationFailed(
            f"the store is out of reach ({error}), so the order was not sent; exits go on"
        ) from error
    logger.critical("The store is out of reach, an order that reduces goes out: %s", error)


def name_of(run: Run, bot: str, trade: int | None, purpose: SentPurpose) -> str:
    """Return a client order id that needs no count of the earlier ones: its number is of the clock,
    above every count, and rises within a second as well."""
    first = OrderName(bot, "n0" if trade is None else str(trade), purpose, 0)
    taken = {name for name in run.unwritten if name.startswith(str(first).removesuffix("0"))}
    number = int(time.time())
    while (name := client_order_id(first._replace(sequence=number))) in taken:
        number += 1
    return name


def keep(run: Run, intent: OrderIntent) -> OrderIntent:
    """Keep an intent in memory until the store is back; returns it."""
    run.unwritten[intent.client_id] = intent
    return intent


def remember(run: Run, intent: OrderIntent) -> None:
    """Know an intent while its fate is open, for when the store cannot be read."""
    if intent.state in OPEN:
        run.unsettled[intent.client_id] = intent
    else:
        run.unsettled.pop(intent.client_id, None)


def note(run: Run, intent: OrderIntent, **change: object) -> None:
    """Keep what became of an order, in memory where the store is out: there it stays as sent."""
    known = replace(intent, **change)  # type: ignore[arg-type]
    remember(run, known)
    if not run.writes or intent.client_id in run.unwritten:
        keep(run, known)
        return
    try:
        run.store.save_intent(known)
    except Exception as error:
        if not is_of_store(error):
            raise
        keep(run, known)
        logger.critical("What became of %s could not be written down: %s", intent.client_id, error)


def write(run: Run) -> None:
    """Write down what waits in memory.

    :raises SQLAlchemyError: while the store is out; nothing is lost then.
    """
    if not run.writes:
        return
    for name, intent in list(run.unwritten.items()):
        run.store.save_intent(intent)
        if run.unwritten.get(name) is intent:
            del run.unwritten[name]
