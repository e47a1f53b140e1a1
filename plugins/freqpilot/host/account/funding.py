"""What positions have paid and received as funding, all of it and for good.

Freqtrade asks for the payments since a trade's last fill. An exchange answers with a first page
only, on Binance a hundred: 33 days of a payment every 8 hours, but four days of one every hour. And
where the question fails, Freqtrade books no funding at all until it asks again. So the pages are
put together, and the last answer stands in for one that fails.
"""

import logging
from collections import OrderedDict
from typing import Any

import ccxt

from freqpilot.execution.venues import mode_of, venue_of

logger = logging.getLogger(__name__)

KEPT = 500
"""Answers that are kept, one a trade and fill."""


def install(api: Any) -> None:
    """Put this before the ``fetch_funding_history`` of the exchange's ccxt client, once."""
    if getattr(api, "_freqpilot_funding", False) is True or not api.has.get("fetchFundingHistory"):
        return
    original, kept = api.fetch_funding_history, OrderedDict[tuple[str, int], list[Any]]()

    def fetch_funding_history(
        symbol: str | None = None,
        since: int | None = None,
        limit: int | None = None,
        params: dict[str, Any] | None = None,
    ) -> list[Any]:
        if symbol is None or since is None or limit is not None or params:
            return list(original(symbol, since, limit, params or {}))
        key = symbol, since
        try:
            kept[key] = _pages(api.id, original, symbol, since)
        except ccxt.BaseError as error:
            if key not in kept:
                raise
            logger.warning("No answer on the funding of %s, the last one stands: %s", symbol, error)
        kept.move_to_end(key)
        while len(kept) > KEPT:
            kept.popitem(last=False)
        return kept[key]

    api.fetch_funding_history = fetch_funding_history
    api._freqpilot_funding = True


def _pages(exchange: str, fetch: Any, symbol: str, since: int) -> list[Any]:
    """Return the payments of a symbol since a time, page by page where that is proven."""
    venue = venue_of(exchange, mode_of(symbol))
    page = venue.funding_page if venue is not None and venue.proves(exchange) else None
    if page is None:
        return list(fetch(symbol, since, None, {}))
    found: dict[str, Any] = {}
    begin = since
    while True:
        rows = fetch(symbol, begin, page, {})
        fresh = [row for row in rows if row["id"] not in found]
        found.update((row["id"], row) for row in fresh)
        if len(rows) < page or not fresh:
            return list(found.values())
        begin = int(rows[-1]["timestamp"])
