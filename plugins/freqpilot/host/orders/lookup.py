"""Finds out what became of an order whose answer is uncertain."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.account import unwritten
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Api
from freqpilot.shapes import OrderIntent

RECEIVE_WINDOW = 5.0
"""Seconds for which an exchange may carry out a request of ours; Binance advises 5 or less."""

CLOCK_ERROR = 2.0
"""Seconds by which our clock and the exchange's may differ: Binance refuses what is signed over a
second ahead."""

LOOKS = (0.0, 1.0, 2.0, 4.0)
"""Seconds to wait before each look for an uncertain order; together they outlast the window."""

NAMED = ("binance", "binanceus", "binanceusdm")
"""Exchanges, as ccxt calls them, that take our names and windows."""

UNNAMED_WINDOW = 28.0

UNNAMED_LOOKS = (*LOOKS, 8.0, 15.0)

AMOUNT_TOLERANCE = 1e-6

UNKNOWN_FATE = ("-1006", "-1007")
"""Binance's codes for 'the execution status is not known', which ccxt may map to a refusal."""

_in_flight: dict[str, int] = {}
"""Client order ids whose answer a thread waits for, and that thread."""


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


def look_up(run: Run, api: Api, intent: OrderIntent) -> Any | None:
    """Return the exchange's order of an uncertain intent, None when it never arrived and cannot
    any more; the store knows then as well.

    :raises Exception: ccxt's, when the exchange could not be asked: the fate stays unknown.
    """
    import ccxt

    window, looks = (RECEIVE_WINDOW, LOOKS) if is_named(api) else (UNNAMED_WINDOW, UNNAMED_LOOKS)
    gone = intent.time.timestamp() + window + CLOCK_ERROR
    fault: Exception | None = None
    for wait in looks:
        if wait and time.time() < gone:
            time.sleep(wait)
        asked = time.time()
        try:
            found = fetch(run, api, intent)
        except ccxt.OrderNotFound:
            fault = None
            if asked >= gone:
                unwritten.note(run, intent, state="absent")
                return None
        except ccxt.OperationFailed as error:
            fault = error
        else:
            unwritten.note(run, intent, state="accepted", order_id=str(found["id"]))
            return found
    raise fault or ccxt.RequestTimeout(f"the fate of order {intent.client_id} is not known")


def is_named(api: Api) -> bool:
    """Tell whether orders on this exchange bear our names."""
    return api.id in NAMED


def fetch(run: Run, api: Api, intent: OrderIntent) -> Any:
    """Ask the exchange for the order of an intent.

    A futures stop that has been triggered counts as open: what became of it is another order's
    matter, which Freqtrade asks for when it looks at an open stop, and at no other.

    :raises OrderNotFound: ccxt's, when it has none.
    """
    if not is_named(api):
        return _fetch_unnamed(run, api, intent)
    params: dict[str, Any] = {"clientOrderId": intent.client_id, **stop_params(api, intent)}
    found = api.fetch_order(None, intent.pair, params)
    if "stop" in params and found["status"] == "closed" and found["info"].get("actualOrderId"):
        found["status"] = "open"
    return found


def stop_params(api: Api, intent: OrderIntent) -> dict[str, Any]:
    """Return what tells ccxt that an order is a futures stop, which exchanges keep apart."""
    if intent.purpose == "stop" and api.market(intent.pair).get("contract"):
        return {"stop": True}
    return {}


def _fetch_unnamed(run: Run, api: Api, intent: OrderIntent) -> Any:
    """Return the order by its number, or the one that looks like the intent."""
    import ccxt

    if intent.order_id is not None:
        return api.fetch_order(intent.order_id, intent.pair)
    since = int((intent.time.timestamp() - CLOCK_ERROR) * 1000)
    taken = {each.order_id for each in run.store.intents("accepted", "known")}
    found = api.fetch_open_orders(intent.pair, since)
    if api.has.get("fetchClosedOrders"):
        found = [*found, *api.fetch_closed_orders(intent.pair, since)]
    for order in found:
        alike = order["side"] == intent.side and math.isclose(
            float(order["amount"] or 0), intent.amount, rel_tol=AMOUNT_TOLERANCE
        )
        if alike and (order["timestamp"] or 0) >= since and str(order["id"]) not in taken:
            return order
    raise ccxt.OrderNotFound(f"no order in {intent.pair} looks like {intent.client_id}")


def is_uncertain(error: Exception) -> bool:
    """Tell whether an order may have been accepted although sending it raised ``error``."""
    import ccxt

    if any(code in str(error) for code in UNKNOWN_FATE):
        return True
    refused = (
        ccxt.ExchangeError,
        ccxt.DDoSProtection,
        ccxt.RateLimitExceeded,
        ccxt.InvalidNonce,
    )
    return not isinstance(error, refused)


def require_certainty(run: Run, api: Api) -> None:
    """Look up what is uncertain before an order that raises risk.

    :raises NoEntry: while the fate of an earlier order is not known.
    """
    for intent in run.intents("sent"):
        if in_flight(intent.client_id):
            raise NoEntry(
                f"the order {intent.client_id} for {intent.pair} is on its way; one at a time"
            )
        try:
            look_up(run, api, intent)
        except Exception as error:
            raise NoEntry(
                f"the fate of the order {intent.client_id} for {intent.pair} is not known "
                f"({type(error).__name__}); entries wait until the exchange tells"
            ) from error
