"""A fill counts once, however often the exchange tells of it.

The same fill comes twice in two ways. A list of fills holds it twice, where pages overlap:
Freqtrade then takes the fee twice and gives up on what it was paid in, so that a spot trade has
coins that the account does not have. And on futures the fills of a triggered stop are those of the
order that it has become: Freqtrade looks for lost orders, finds that one, and sells the same coins
once more.
"""

from collections.abc import Callable, Iterable
from typing import Any

from freqpilot.host.orders.outcomes import venue_for
from freqpilot.host.seams.freqtrade import Api, Exchange

INSTALLED = "_freqpilot_counts"
LISTS = ("fetch_orders", "fetch_closed_orders")
"""ccxt's lists of orders that Freqtrade looks for lost ones in."""


def install(exchange: Exchange) -> None:
    """Let the exchange's own ccxt client give each fill once."""
    api: Any = exchange._api
    if getattr(api, INSTALLED, False) is True:
        return
    if hasattr(api, "fetch_my_trades"):
        api.fetch_my_trades = _fills_once(api.fetch_my_trades)
    known: dict[str, str] = {}
    for name in LISTS:
        if hasattr(api, name):
            setattr(api, name, _orders_once(api, getattr(api, name), known))
    setattr(api, INSTALLED, True)


def once(fills: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each fill once, by its pair and the exchange's number of it; those without a number
    cannot be told apart and are all kept."""
    seen: set[tuple[object, str]] = set()
    kept = []
    for fill in fills:
        key = fill.get("symbol"), str(fill["id"]) if fill.get("id") else ""
        if key[1] and key in seen:
            continue
        seen.add(key)
        kept.append(fill)
    return kept


def children(api: Api, pair: str, known: dict[str, str]) -> set[str]:
    """Return the numbers of the orders that filled stops of a pair's open trades have become: their
    fills are the stops' own.

    :param known: what was asked before, by the stops' numbers; what is new is put into it.
    :raises Exception: ccxt's, when the exchange cannot be asked.
    """
    venue = venue_for(api, pair)
    if venue is None or venue.triggered is None:
        return set()
    stops = _filled_stops(pair)
    for number in stops:
        if number not in known:
            answer = api.fetch_order(number, pair, dict(venue.stop_params))
            known[number] = str((answer.get("info") or {}).get(venue.triggered) or "")
    return {known[number] for number in stops} - {""}


def _filled_stops(pair: str) -> list[str]:
    from freqtrade.persistence import Order, Trade
    from sqlalchemy import select

    query = select(Order.order_id).join(Trade, Order.ft_trade_id == Trade.id)
    query = query.where(
        Order.ft_pair == pair, Order.ft_order_side == "stoploss", Order.filled > 0, Trade.is_open
    )
    return [str(number) for number in Order.session.scalars(query)]


def _fills_once(original: Callable[..., Any]) -> Callable[..., Any]:
    def fetch_my_trades(*arguments: object, **named: object) -> Any:
        return once(original(*arguments, **named))

    return fetch_my_trades


def _orders_once(
    api: Api, original: Callable[..., Any], known: dict[str, str]
) -> Callable[..., Any]:
    def fetch_orders(symbol: str | None = None, *arguments: object, **named: object) -> Any:
        found = original(symbol, *arguments, **named)
        numbers = children(api, symbol, known) if symbol and found else set()
        return [order for order in found if str(order.get("id")) not in numbers]

    return fetch_orders
