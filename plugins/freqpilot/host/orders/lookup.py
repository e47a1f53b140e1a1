"""Finds out what became of an order whose answer is uncertain.

Only the exchange settles it: an order was found, or the exchange says in the words of the table of
venues that there is none. That an order is not in a list settles nothing.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import ccxt

from freqpilot.errors import NoEntry
from freqpilot.execution.ids import parse_client_order_id
from freqpilot.execution.venues import TABLE, Look, Venue, spelled
from freqpilot.host.account import unwritten
from freqpilot.host.orders.fit import CLOCK_ERROR, earliest, misfit
from freqpilot.host.orders.outcomes import Absent, Early, OtherOrder, Silent, venue_for
from freqpilot.host.orders.pending import Pending, is_old
from freqpilot.host.orders.purpose import is_recorded
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Api, ExchangeOrder
from freqpilot.shapes import OrderIntent

UNNAMED_WINDOW = 28.0
"""Seconds for which an order may still arrive on an exchange that is not in the table."""

PATIENCE = 1.0
"""Seconds for which a look-up holds up the loop, which has exits to send; what is not settled by
then is looked for again in the next loops."""

NAMED = tuple({name for venue in TABLE for name in (*venue.ids, *venue.relatives)})
"""Exchanges, as ccxt calls them, that take our names."""

_in_flight: dict[str, int] = {}
"""Client order ids whose answer a thread waits for, and that thread."""


class FirstSeen:
    """When this process first saw an intent of a time that was still to come, by its name, in
    seconds since 1970."""

    def __init__(self, _run: Run) -> None:
        self.times: dict[str, float] = {}


@contextmanager
def _flying(client_id: str) -> Iterator[None]:
    """Note that an order is on its way, from this thread."""
    _in_flight[client_id] = threading.get_ident()
    try:
        yield
    finally:
        _in_flight.pop(client_id, None)


def in_flight(client_id: str) -> bool:
    """Tell whether another thread waits for the answer to an order: its fate is that thread's
    matter."""
    return _in_flight.get(client_id, threading.get_ident()) != threading.get_ident()


def last_moment(venue: Venue | None) -> float:
    """Return the seconds after which an order that was sent has arrived and can be found, or never
    will."""
    if venue is None:
        return UNNAMED_WINDOW + CLOCK_ERROR
    return venue.window + venue.settles + CLOCK_ERROR


def _sent_by(run: Run, intent: OrderIntent) -> float:
    """Return by when an order was sent, in seconds since 1970.

    A clock that was ahead has written a time that is still to come: waited for, it would keep the
    order's fate open for as long as the clock was ahead.
    """
    now, sent = time.time(), intent.time.timestamp()
    if sent <= now + CLOCK_ERROR:
        return sent
    return run.part(FirstSeen).times.setdefault(intent.client_id, now)


def look_up(run: Run, api: Api, intent: OrderIntent, patience: float = PATIENCE) -> Any | None:
    """Return the exchange's order of an uncertain intent, None when the exchange says that it has
    none and cannot get it any more; the store knows then as well.

    :param patience: seconds after which it is looked for once more; 0 for one look.
    :raises Early: while the order may still arrive.
    :raises Silent: when the exchange answers and that settles nothing.
    :raises Exception: ccxt's, when the exchange could not be asked.
    """
    limit = last_moment(venue_for(api, intent.pair))
    gone = _sent_by(run, intent) + limit
    fault: Exception | None = None
    for wait in (0.0, patience) if patience else (0.0,):
        if wait and time.time() < gone:
            time.sleep(wait)
        asked = time.time()
        try:
            found = fetch(run, api, intent)
        except Absent:
            fault = Early(f"order {intent.client_id} may still arrive at {api.id}")
            if asked >= gone:
                unwritten.note(run, intent, state="absent")
                return None
        except (ccxt.OrderNotFound, Silent) as error:
            fault = error if isinstance(error, Silent) else Silent(str(error))
            if asked < gone and not isinstance(error, OtherOrder):
                fault = Early(f"order {intent.client_id} may still arrive at {api.id}: {error}")
        except ccxt.OperationFailed as error:
            fault = error
        else:
            unwritten.note(run, intent, state="accepted", order_id=str(found["id"]))
            return found
        if asked >= gone:
            break  # more looks at once say nothing more
    raise fault or Silent(f"the fate of order {intent.client_id} is not known")


def is_named(api: Api) -> bool:
    """Tell whether orders on this exchange bear our names."""
    return api.id in NAMED


def fetch(run: Run, api: Api, intent: OrderIntent) -> Any:
    """Ask the exchange for the order of an intent.

    A stop that has become another order counts as open: what became of it is that order's matter,
    which Freqtrade asks for when it looks at an open stop, and at no other.

    :raises Absent: when the exchange says that there is none.
    :raises OrderNotFound: ccxt's, when it has none that could be the one: that settles nothing.
    :raises OtherOrder: when it has one of the same name that is not the one that was meant.
    """
    venue = venue_for(api, intent.pair)
    if venue is None or not is_named(api):
        return _fetch_unnamed(run, api, intent)
    found = _ours(api, venue, intent)
    triggered = venue.triggered and (found.get("info") or {}).get(venue.triggered)
    if intent.purpose == "stop" and found["status"] == "closed" and triggered:
        found["status"] = "open"
    return found


def stop_params(api: Api, intent: OrderIntent) -> dict[str, Any]:
    """Return what tells ccxt that an order is a stop, where the exchange keeps stops apart."""
    venue = venue_for(api, intent.pair)
    return dict(venue.stop_params) if venue and intent.purpose == "stop" else {}


def _ours(api: Api, venue: Venue, intent: OrderIntent) -> ExchangeOrder:
    """Return the order of an intent: the one of its name if it fits, or the one of its number."""
    number = intent.order_id
    try:
        found = _find(api, venue, intent)
    except ccxt.OrderNotFound:
        if number is None:
            raise
        found = _find(api, venue, intent, number)
    reason = misfit(api, venue, intent, found)
    if reason and number is not None and str(found["id"]) != number:
        found = _find(api, venue, intent, number)  # its number tells more than its name
        reason = misfit(api, venue, intent, found)
    if reason:
        raise OtherOrder(
            f"order {found['id']} bears the name of {intent.client_id} and is another one: {reason}"
        )
    return found


def _find(api: Api, venue: Venue, intent: OrderIntent, number: str | None = None) -> ExchangeOrder:
    """Return the order by its name, or by its number where one is given."""
    looks = venue.stop_looks if intent.purpose == "stop" else venue.looks
    absent = f"{venue.title} has no order {intent.client_id}"
    refusal: ccxt.ExchangeError | None = None
    for look in looks:
        try:
            answers = _answers(api, venue, look, intent, number)
        except ccxt.ExchangeError as error:
            refusal = refusal or error  # another list may have it all the same
            continue
        for found in answers:
            if found.get("id") is not None:
                return found
            if venue.is_empty(getattr(api, "last_http_response", None)):
                raise ccxt.OrderNotFound(f"{absent}, but does not say so in its own words")
            raise ccxt.BadResponse(f"{venue.title} answered without an order's number")
    if refusal is not None:
        raise refusal
    if time.time() - intent.time.timestamp() > timedelta(days=venue.reach).total_seconds():
        raise ccxt.OrderNotFound(f"{absent}, which may be too old to be found by its name")
    raise Absent(absent) if venue.proves(api.id) else ccxt.OrderNotFound(absent)


def _answers(
    api: Api, venue: Venue, look: Look, intent: OrderIntent, number: str | None
) -> list[ExchangeOrder]:
    """Return what an exchange answers to a question: no order only where it says so itself."""
    name = spelled(venue, intent.client_id)
    ask, params = getattr(api, look.call), dict(look.params)
    if look.number is None:
        named = {} if number else {look.name: name}
        try:
            return [ask(number, intent.pair, {**named, **params})]
        except ccxt.OrderNotFound as error:
            if venue.says_absent(str(error)):
                return []
            raise
    key = {look.number: number} if number else {look.name: name}
    found: list[ExchangeOrder] = ask(intent.pair, None, None, {**params, **key})
    wanted = parse_client_order_id(intent.client_id)
    ours = [
        order
        for order in found
        if str(order.get("id")) == number
        or parse_client_order_id(order.get("clientOrderId")) == wanted
    ]
    if not ours and not venue.is_empty(getattr(api, "last_http_response", None)):
        raise ccxt.BadResponse(f"{venue.title} did not answer with an order or an empty list")
    return ours


def _fetch_unnamed(run: Run, api: Api, intent: OrderIntent) -> Any:
    """Return the order by its number, or the one that looks like the intent."""
    if intent.order_id is not None:
        return api.fetch_order(intent.order_id, intent.pair)
    since = int(earliest(api, None, intent) * 1000)
    taken = {each.order_id for each in run.store.intents("accepted", "known")}
    found = api.fetch_open_orders(intent.pair, since)
    if api.has.get("fetchClosedOrders"):
        found = [*found, *api.fetch_closed_orders(intent.pair, since)]
    for order in found:
        if str(order["id"]) not in taken and misfit(api, None, intent, order) is None:
            return order
    raise ccxt.OrderNotFound(
        f"no order in {intent.pair} looks like {intent.client_id}, which settles nothing: what "
        f"{api.id} lists was not proven to be whole"
    )


def require_certainty(run: Run, api: Api) -> None:
    """Look up what is uncertain before an order that raises risk.

    An order whose trouble is its own keeps only the entries of its pair away, which
    :meth:`freqpilot.host.orders.pending.Pending.require_settled` sees to.

    :raises NoEntry: while an order is on its way, or the exchange out of reach for one.
    """
    pending = run.part(Pending)
    for intent in run.intents("sent"):
        if in_flight(intent.client_id):
            raise NoEntry(
                f"the order {intent.client_id} for {intent.pair} is on its way; one at a time"
            )
        if is_old(intent) or (pending.has(intent) and not pending.holds_all(intent)):
            continue
        try:
            look_up(run, api, intent, patience=0)
        except Early as early:
            raise NoEntry(f"{early}; entries wait until its fate is known") from None
        except Exception as error:
            pending.fail(intent, error)
            if pending.holds_all(intent):
                raise NoEntry(
                    f"the fate of the order {intent.client_id} for {intent.pair} is not known "
                    f"({type(error).__name__}); entries wait until the exchange tells"
                ) from error
        else:
            pending.settled(intent)
    _require_recorded(run)


def _require_recorded(run: Run) -> None:
    """Let an entry pass only when each one before it is in the database: that an exchange has it
    may have been found out just now.

    :raises NoEntry: until the next loop takes it in.
    """
    for intent in run.intents("accepted"):
        if intent.raises_risk and not _is_in_database(intent):
            raise NoEntry(
                f"the order {intent.client_id} for {intent.pair} is on the exchange and not in the "
                "database yet: it joins its trade at the next loop, entries wait for that"
            )


def _is_in_database(intent: OrderIntent) -> bool:
    from freqtrade.persistence import Order

    if intent.order_id is None or not hasattr(Order, "session"):
        return True
    return is_recorded(intent.order_id, intent.pair)
