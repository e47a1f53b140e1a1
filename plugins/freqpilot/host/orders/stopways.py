"""Places, finds and cancels a stop at another endpoint than ccxt's, where an exchange moves stops.

On 2025-12-09 Binance moved the stops of USD-M futures. What ccxt sent to the old endpoint was
refused from then on (−4120), until ccxt and Freqtrade were mended: every position stayed without a
stop, or was closed. A stop that is refused so goes to the other endpoint at once, under its own
name. Freqtrade asks for it later where ccxt looks for stops; where the exchange does not know it
there, it is asked for at the other endpoint. What a stop counts as that is at none of them is
:mod:`freqpilot.host.orders.orphans`'s matter.
"""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import ccxt

from freqpilot.execution.ids import parse_client_order_id
from freqpilot.execution.venues import StopWay, Venue, has_code
from freqpilot.host.alerts import events as alerts
from freqpilot.host.orders import orphans
from freqpilot.host.orders.outcomes import venue_for
from freqpilot.host.orders.stopless import Stopless
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Api, ExchangeOrder
from freqpilot.shapes import OrderIntent

logger = logging.getLogger(__name__)


class Moved:
    """The endpoint that takes the stops of a run, None while it is ccxt's own."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._path: str | None = None

    def note(self, venue: Venue, way: StopWay | None, pair: str) -> None:
        """Take note of the endpoint that took a stop; a person hears of it when it changes.

        :param way: None for ccxt's own.
        """
        path = None if way is None else way.path
        if path == self._path:
            return
        self._path = path
        text = (
            f"{venue.title} took the stop of {pair} at {path}: it has moved stops, and ccxt does "
            "not know. Positions keep their stops, at the cost of one refused request a stop. "
            "Update Freqtrade when a release follows the exchange"
        )
        if path is None:
            text = f"{venue.title} takes stops where ccxt sends them again"
        alerts.record(self._run, "stops moved", "WARNING", text, {"pair": pair})


def create(
    run: Run, api: Api, intent: OrderIntent, original: Callable[..., Any], order: dict[str, Any]
) -> Any:
    """Send an order by ccxt's ``create_order``; a stop that is taken elsewhere goes there.

    :raises Exception: ccxt's.
    """
    if intent.purpose != "stop":
        return original(**order)
    venue = venue_for(api, intent.pair)
    try:
        made = original(**order)
    except ccxt.ExchangeError as error:
        if venue is None or not has_code(str(error), venue.moved):
            raise
        return _create_elsewhere(run, api, venue, order, error)
    if venue is not None and venue.stop_ways:
        run.part(Moved).note(venue, None, intent.pair)
    return made


def _create_elsewhere(
    run: Run, api: Any, venue: Venue, order: dict[str, Any], refusal: ccxt.ExchangeError
) -> Any:
    pair, tried = order["symbol"], urlsplit(str(api.last_request_url or "")).path
    for way in venue.stop_ways:
        if tried.endswith(way.path) or not hasattr(api, way.call):
            continue
        logger.warning("The stop of %s is refused at %s; trying %s", pair, tried, way.path)
        given = {**order, "params": {**order["params"], **dict(way.shape)}}
        request = api.create_order_request(**given)
        try:
            answer = getattr(api, way.call)({**request, **dict(way.more)})
        except ccxt.ExchangeError as error:
            if not has_code(str(error), venue.moved):
                raise
            continue
        run.part(Moved).note(venue, way, pair)
        return api.parse_order(answer, api.market(pair))
    run.part(Stopless).refuse(pair, f"{venue.title} answers {refusal}")
    raise refusal


def other_ways(api: Api, pair: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters that ask for a stop at the other endpoints than ``params`` do; none
    when these ask for no stop."""
    venue = venue_for(api, pair)
    if venue is None or not dict(venue.stop_params).items() <= params.items():
        return []
    return [dict(way.params) for way in venue.stop_ways if way.params != venue.stop_params]


def install(api: Any, run: Callable[[], Run | None]) -> None:
    """Let ccxt's ``fetch_order`` and ``cancel_order`` look for a stop at each endpoint, and tell
    what one counts as that is at none, once.

    :param run: returns the run under way, or None.
    """
    if getattr(api, "_freqpilot_looks", False) is True:  # a mock has any attribute
        return
    fetch, cancel = api.fetch_order, api.cancel_order

    def fetch_order(
        id: str | None,  # ccxt's name for it
        symbol: str | None = None,
        params: dict[str, Any] | None = None,
    ) -> Any:
        try:
            order = fetch(id, symbol, params or {})
        except ccxt.OrderNotFound as error:
            found = _elsewhere(api, fetch, id, symbol, params or {})
            order = found[0] if found else orphans.fate(run(), api, id, symbol, str(error))
            if order is None:
                raise
        else:
            orphans.found(run(), id)
        return order

    def cancel_order(
        id: str,  # ccxt's name for it
        symbol: str | None = None,
        params: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return cancel(id, symbol, params or {})
        except ccxt.OrderNotFound:
            found = _elsewhere(api, fetch, id, symbol, params or {})
            if found is None and orphans.open_stop(id, symbol) is None:
                raise
        # One that was triggered meanwhile must not be followed by another stop: what it has become
        # is told. One that is open, though the exchange did not find it, is cancelled once more.
        order, where = found or (fetch_order(id, symbol, params), params or {})
        return cancel(id, symbol, where) if order["status"] == "open" else order

    api.fetch_order, api.cancel_order = fetch_order, cancel_order
    api._freqpilot_looks = True


def _elsewhere(
    api: Api,
    fetch: Callable[..., Any],
    number: str | None,
    pair: str | None,
    params: dict[str, Any],
) -> tuple[ExchangeOrder, dict[str, Any]] | None:
    """Return a stop of ours from another endpoint, with the parameters that ask there."""
    if number is None or pair is None:
        return None
    for where in other_ways(api, pair, params):
        try:
            order: ExchangeOrder = fetch(number, pair, where)
        except ccxt.OrderNotFound:
            continue
        name = parse_client_order_id(order.get("clientOrderId"))
        if name is not None and name.purpose == "stop":  # numbers are given out at each endpoint
            return order, where
    return None
