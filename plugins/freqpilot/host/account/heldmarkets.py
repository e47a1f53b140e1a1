"""Asks for the exchange's markets again while a pair with an open trade is not among them.

Freqtrade asks once an hour. A pair that was missing from one answer, or is listed again, could be
neither sold nor given a stop until then.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Exchange

logger = logging.getLogger(__name__)

PACE = timedelta(minutes=5)
"""How often the markets are asked for: an answer that holds all of them is a large one."""


class HeldMarkets:
    """When a run's exchange was asked for its markets last for want of a pair that is held."""

    def __init__(self, _run: Run) -> None:
        self._asked: datetime | None = None

    def look(self, exchange: Exchange, pairs: Iterable[str], now: datetime) -> None:
        """Ask for the markets where a pair is missing and it is time. It never raises."""
        listed = getattr(exchange, "markets", None)
        missing = sorted(set(pairs) - set(listed)) if listed else []
        if not missing or (self._asked is not None and timedelta() <= now - self._asked < PACE):
            return
        self._asked = now
        logger.warning("%s not listed by the exchange; asking again", ", ".join(missing))
        try:
            exchange.reload_markets(True)
        except Exception:  # the account is looked at all the same
            logger.exception("The exchange's markets could not be asked for")
