"""Orders while the store is out: an exit is always possible, and no order that was made is lost."""

import logging
from dataclasses import replace
from typing import Any

from freqpilot.host import supervisor
from freqpilot.shapes import OrderIntent, SentPurpose

logger = logging.getLogger(__name__)

REDUCING = ("exit", "stop")
"""Purposes of orders that go out even when they cannot be written down."""


class NoStore(Exception):
    """There is no store that an order could be written down in."""


def is_of_store(error: Exception) -> bool:
    """Tell whether the database failed, not the exchange."""
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, SQLAlchemyError | NoStore)


def allow(purpose: SentPurpose, error: Exception) -> None:
    """Let an order that only reduces go out unwritten. It bears no name, so an uncertain one cannot
    be told apart from its next attempt.

    :raises OperationFailed: ccxt's, for any other order, which Freqtrade takes as not sent.
    """
    import ccxt

    if purpose not in REDUCING:
        raise ccxt.OperationFailed(
            f"the store is out of reach ({error}), so the order was not sent; exits go on"
        ) from error
    logger.critical("The store is out of reach, an order that reduces goes out: %s", error)


def note(intent: OrderIntent, **change: Any) -> None:
    """Keep what became of an order. A store that is out must not hide one that was made: there it
    stays as sent, and is looked up before anything that raises risk."""
    try:
        supervisor.current().store.save_intent(replace(intent, **change))
    except Exception as error:
        if not is_of_store(error):
            raise
        logger.critical("What became of %s could not be written down: %s", intent.client_id, error)
