"""Whether an order that was found is the one that was meant: a name alone does not say so.

A store that was restored from a backup gives names again that were used before. The exchange then
knows an older order by the name of the new one.
"""

import math
import time
from typing import Any

import ccxt

from freqpilot.execution.venues import Venue
from freqpilot.host.orders.outcomes import contract_size
from freqpilot.host.seams.freqtrade import Api, ExchangeOrder
from freqpilot.shapes import OrderIntent

CLOCK_ERROR = 2.0
"""Seconds by which our clock and the exchange's may differ: Binance refuses what is signed over a
second ahead."""

LONGEST = 86_400.0
"""Seconds for which an order may have been under way whose own time nobody knows."""

AMOUNT_TOLERANCE = 1e-6


def misfit(api: Api, venue: Venue | None, intent: OrderIntent, order: ExchangeOrder) -> str | None:
    """Return why an order cannot be the one of an intent, None where it fits.

    Side, amount and time have to fit; an order whose number is known has to have that number.
    """
    side = order.get("side")
    if side != intent.side and not (side is None and intent.order_id is not None):
        return f"it is a {side} order, meant was a {intent.side} order"
    if intent.order_id is not None:
        return None if str(order["id"]) == intent.order_id else f"its number is {order['id']}"
    return _another_amount(api, intent, order) or _too_early(api, venue, intent, order)


def earliest(api: Api, venue: Venue | None, intent: OrderIntent) -> float:
    """Return the earliest time that the exchange can have given an intent's order, in seconds
    since 1970. A time that is still to come was written by a clock that was ahead, nobody knows how
    far."""
    now, sent = time.time(), intent.time.timestamp()
    if sent > now + CLOCK_ERROR:
        return now - LONGEST
    allowance = CLOCK_ERROR if venue is None else max(CLOCK_ERROR, venue.clock)
    options: dict[str, Any] = getattr(api, "options", None) or {}
    # What ccxt itself takes off our clock where it is told to.
    allowance += abs(float(options.get("timeDifference") or 0.0)) / 1000
    return sent - allowance


def _another_amount(api: Api, intent: OrderIntent, order: ExchangeOrder) -> str | None:
    wanted = intent.amount / contract_size(api, intent.pair)
    found = float(order.get("amount") or 0.0)
    room = max(wanted * AMOUNT_TOLERANCE, _step(api, intent.pair))
    if math.isclose(found, wanted, rel_tol=0.0, abs_tol=room * (1 + AMOUNT_TOLERANCE)):
        return None
    return f"it is of {found:g}, meant was {wanted:g}"


def _step(api: Api, pair: str) -> float:
    """Return the step of amounts in a pair, 0 where it is not known."""
    try:
        step = api.market(pair).get("precision", {}).get("amount")
    except ccxt.BadSymbol:
        return 0.0
    return float(step or 0.0) if getattr(api, "precisionMode", None) == ccxt.TICK_SIZE else 0.0


def _too_early(
    api: Api, venue: Venue | None, intent: OrderIntent, order: ExchangeOrder
) -> str | None:
    made = order.get("timestamp")
    if made is None:
        return "it does not say when it was made"
    early = earliest(api, venue, intent) - float(made) / 1000
    return f"it was made {early:.0f} seconds before it can have been sent" if early > 0 else None
