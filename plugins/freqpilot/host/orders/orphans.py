"""What becomes of a stop that Freqtrade has and the exchange does not know (−2013, −2011).

Freqtrade asks for such a stop again and again, which holds up each loop for half a minute, and
places another one at once: two, where the exchange was only late. Here the exchange's word counts
once it has been given twice, some seconds apart. Until then the stop counts as open. After that it
counts as cancelled, so that Freqtrade places a new one; or as filled, where the account's trades
show an order that it has become.
"""

import logging
import time
from collections import Counter
from datetime import datetime
from typing import Any

from freqpilot.execution.venues import Venue
from freqpilot.host.alerts import events as alerts
from freqpilot.host.orders.fit import CLOCK_ERROR
from freqpilot.host.orders.lookup import last_moment
from freqpilot.host.orders.outcomes import contract_size, venue_for
from freqpilot.host.orders.purpose import is_recorded
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Api, ExchangeOrder

logger = logging.getLogger(__name__)

SECONDS_APART = 5.0
"""How long after the exchange's first word that it does not know a stop the second one counts."""
WHOLE = 0.995
"""Share of a stop's amount that an order must have filled to be what became of it: rounding."""


class Orphans:
    """When the exchange first said that it does not know a stop, by the stop's number; in seconds
    since 1970."""

    def __init__(self, _run: Run) -> None:
        self.since: dict[str, float] = {}


def found(run: Run | None, number: str | None) -> None:
    """Take note that the exchange knows an order."""
    if run is not None:
        run.part(Orphans).since.pop(str(number), None)


def fate(
    run: Run | None, api: Api, number: str | None, pair: str | None, answer: str
) -> ExchangeOrder | None:
    """Return what an open stop of Freqtrade's counts as that the exchange does not know; None for
    another order, without a run, or where the answer settles nothing.

    :param answer: the exchange's.
    :raises Exception: ccxt's, when the account's trades could not be asked for.
    """
    stop = open_stop(number, pair)
    if run is None or stop is None or pair is None:
        return None
    venue = venue_for(api, pair)
    if venue is None or not (venue.proves(api.id) and venue.says_absent(answer)):
        return None
    now = time.time()
    since = run.part(Orphans).since.setdefault(str(number), now)
    made = float(stop.order_date_utc.timestamp())
    fresh = -CLOCK_ERROR <= now - made < last_moment(venue)  # not one of a clock that was ahead
    if 0 <= now - since < SECONDS_APART or fresh:
        logger.warning("%s does not find the stop %s of %s; asking again", api.id, number, pair)
        return _copy(api, stop, "open")
    run.part(Orphans).since.pop(str(number), None)
    filled = _filled(api, venue, stop)
    text = f"{venue.title} does not know the stop order {number} of {pair} any more: "
    if filled is None:
        text += "it was cancelled there, has expired or was forgotten. A new one is placed"
    else:
        text += f"it was filled as order {filled['id_stop']}, which closes its trade"
    alerts.record(run, "stop unknown", "WARNING", text, {"pair": pair, "order": str(number)})
    run.counters.count("stops_unknown")
    return filled or _copy(api, stop, "canceled")


def open_stop(number: str | None, pair: str | None) -> Any | None:
    """Return the open stop of Freqtrade's database that has this number, or None."""
    from freqtrade.persistence import Order
    from sqlalchemy import select

    if number is None or not hasattr(Order, "session"):
        return None
    query = select(Order).where(Order.order_id == str(number), Order.ft_pair == pair)
    query = query.where(Order.ft_order_side == "stoploss", Order.ft_is_open)
    return Order.session.scalars(query.limit(1)).first()


def _copy(api: Api, stop: Any, status: str) -> ExchangeOrder:
    """Return a stop as ccxt would, by what the database knows of it."""
    amount = float(stop.ft_amount) / contract_size(api, stop.ft_pair)
    order: ExchangeOrder = stop.to_ccxt_object()
    return {
        **order,
        "side": stop.side,
        "status": status,
        "amount": amount,
        "filled": 0.0,
        "remaining": amount,
    }


def _filled(api: Any, venue: Venue, stop: Any) -> ExchangeOrder | None:
    """Return the order that a stop has become, as Freqtrade makes it of a stop that was triggered;
    None where the account has no trades of one, or where a stop keeps its number."""
    if venue.triggered is None:
        return None
    pair = stop.ft_pair
    begun: datetime = stop.order_date_utc
    sold: Counter[str] = Counter()
    for trade in api.fetch_my_trades(pair, int((begun.timestamp() - CLOCK_ERROR) * 1000)):
        if trade["side"] == stop.side:
            sold[str(trade["order"])] += trade["amount"]
    wanted = float(stop.ft_amount) / contract_size(api, pair) * WHOLE
    for number, amount in sold.items():
        if amount < wanted or is_recorded(number, pair):
            continue
        order: ExchangeOrder = api.fetch_order(number, pair)
        return {
            **order,
            "id_stop": order["id"],
            "id": stop.order_id,
            "type": "stoploss",
            "stopPrice": stop.stop_price,
            "status_stop": "triggered",
        }
    return None
