"""What an error says about the order that it answers."""

from typing import Any, Literal

import ccxt

from freqpilot.execution.venues import Venue, has_code, mode_of, venue_of
from freqpilot.host.seams.freqtrade import Api

Outcome = Literal["rejected", "denied", "unresolved"]
"""``rejected``: the exchange refused the order. ``denied``: it was never sent. ``unresolved``: the
exchange may have it. An order that is answered without an error is confirmed."""


class Silent(ccxt.RequestTimeout):
    """The exchange answers, and what it answers does not settle what became of an order."""


class Early(Silent):
    """An order may still arrive: it is looked for again in the next loop."""


class OtherOrder(Silent):
    """An order bears the name of ours and is another one."""


class Absent(ccxt.OrderNotFound):
    """The exchange says that there is no such order."""


def venue_for(api: Api, pair: str) -> Venue | None:
    """Return the row of the table for a pair on this exchange, or None."""
    return venue_of(api.id, mode_of(pair))


def outcome_of(error: Exception, venue: Venue | None, *, left: bool = True) -> Outcome:
    """Return what became of an order whose sending raised ``error``.

    Timeouts, lost connections, answers of 5xx and 429 and answers that cannot be read leave it
    open, and so does an error that ccxt knows no meaning of.

    :param left: whether a request has left since the order was begun.
    """
    if not left:
        return "denied"
    text = str(error)
    if venue is not None and has_code(text, venue.unresolved):
        return "unresolved"
    if venue is not None and has_code(text, venue.refused):
        return "rejected"
    understood = isinstance(error, ccxt.ExchangeError) and type(error) is not ccxt.ExchangeError
    return "rejected" if understood else "unresolved"


def is_passing(error: Exception) -> bool:
    """Tell whether an order could not be asked for because the exchange was out of reach, and not
    for a reason of its own that stays."""
    return isinstance(error, ccxt.OperationFailed) and not isinstance(error, Silent)


def mark_before(api: Api) -> None:
    """Note that no request of the order that is begun now has left yet."""
    client: Any = api
    if hasattr(client, "last_request_url"):
        client.last_request_url = None


def has_left(api: Api) -> bool:
    """Tell whether a request has left since :func:`mark_before`; where that is not known, it
    counts as one."""
    return getattr(api, "last_request_url", "unknown") is not None


def contract_size(api: Api, pair: str) -> float:
    """Return how much base currency one contract is: 1 on spot, and for a pair that the exchange
    does not know any more."""
    if mode_of(pair) == "spot":
        return 1.0
    try:
        market: dict[str, Any] = api.market(pair)
    except ccxt.BadSymbol:
        return 1.0
    return float(market.get("contractSize") or 1.0)
