"""What Binance's signed REST answers about an account, in its shapes and strings."""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.venue.spot import Fill, Ticket, Venue, VenueOrder

Json = dict[str, Any]
Params = Mapping[str, str]
T = TypeVar("T")

KEY, SECRET = "rehearsal-key", "rehearsal-secret"
"""What the stand-in takes for the account's keys; they open nothing else."""
RECEIVE_WINDOW, MAX_WINDOW, AHEAD = 5_000, 60_000, 1_000


def check_signature(headers: Mapping[str, str], signed: str, params: Params, now: int) -> None:
    """Check key, signature and time of a request as Binance does.

    :param signed: the text that was signed, with the signature at its end.
    :raises BadRequest: when one does not fit.
    """
    if headers.get("X-MBX-APIKEY") != KEY:
        raise BadRequest(-2015, "Invalid API-key, IP, or permissions for action.")
    unsigned, _, signature = signed.rpartition("&signature=")
    wanted = hmac.new(SECRET.encode(), unsigned.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, signature):
        raise BadRequest(-1022, "Signature for this request is not valid.")
    sent = int(need(params, "timestamp"))
    if not now - window(params) <= sent < now + AHEAD:
        raise BadRequest(-1021, "Timestamp for this request is outside of the recvWindow.")


def window(params: Params) -> int:
    """Return for how many milliseconds from its timestamp a request may be carried out."""
    return min(MAX_WINDOW, int(params.get("recvWindow", RECEIVE_WINDOW)))


def ticket_of(params: Params) -> Ticket:
    """Return the order that is asked for.

    :raises BadRequest: when a figure is missing or unreadable.
    """
    kind = need(params, "type")
    limit = decimal_of(params, "price") if kind not in ("MARKET", "STOP_MARKET") else None
    return Ticket(
        symbol=need(params, "symbol"),
        side=need(params, "side"),
        kind=kind,
        amount=decimal_of(params, "quantity"),
        limit=limit,
        stop=decimal_of(params, "stopPrice") if kind.startswith("STOP") else None,
        client_id=params.get("newClientOrderId", ""),
        time_in_force=params.get("timeInForce", "GTC"),
    )


def key_rights() -> Json:
    """Return what the account's key may do: all but withdraw."""
    return {"ipRestrict": False, "enableReading": True, "enableWithdrawals": False}


def account(venue: Venue, now: int) -> Json:
    """Return the balances."""
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "commissionRates": {
            "maker": str(venue.fee),
            "taker": str(venue.fee),
            "buyer": "0.00000000",
            "seller": "0.00000000",
        },
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "accountType": "SPOT",
        "updateTime": now,
        "balances": [
            {"asset": asset, "free": text(venue.free(asset)), "locked": text(venue.locked(asset))}
            for asset in sorted(venue.balances)
        ],
        "permissions": ["SPOT"],
    }


def found(venue: Venue, params: Params) -> VenueOrder:
    """Return the order that a query names.

    :raises BadRequest: when it names none, or there is none.
    """
    number, client_id = params.get("orderId"), params.get("origClientOrderId")
    if not number and not client_id:
        raise BadRequest(-1102, "Param 'origClientOrderId' or 'orderId' must be sent.")
    return venue.find(need(params, "symbol"), int(number) if number else None, client_id)


def order_json(order: VenueOrder) -> Json:
    """Return an order as a query gives it."""
    return {
        "symbol": order.symbol,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": text(order.limit or Decimal(0)),
        "origQty": text(order.amount),
        "executedQty": text(order.filled),
        "cummulativeQuoteQty": text(order.cost),
        "status": order.status,
        "timeInForce": "GTC",
        "type": order.kind,
        "side": order.side,
        "stopPrice": text(order.stop or Decimal(0)),
        "icebergQty": "0.00000000",
        "time": order.created,
        "updateTime": order.updated,
        "isWorking": order.resting is not None,
        "workingTime": order.resting or -1,
        "origQuoteOrderQty": "0.00000000",
        "selfTradePreventionMode": "NONE",
    }


def accepted_json(order: VenueOrder) -> Json:
    """Return an order as the answer that accepts it (``newOrderRespType`` FULL)."""
    executed = [
        {
            "price": text(fill.price),
            "qty": text(fill.amount),
            "commission": text(fill.fee),
            "commissionAsset": fill.fee_asset,
            "tradeId": fill.number,
        }
        for fill in order.fills
    ]
    return {**order_json(order), "transactTime": order.created, "fills": executed}


def cancelled_json(order: VenueOrder) -> Json:
    """Return an order as the answer that cancels it."""
    return {
        **order_json(order),
        "origClientOrderId": order.client_id,
        "clientOrderId": f"cancel{order.number}",
        "transactTime": order.updated,
    }


def trades_json(venue: Venue, params: Params) -> list[Json]:
    """Return the account's executions of a symbol, the oldest first: from ``startTime`` on, or
    without it the newest."""
    symbol, number = need(params, "symbol"), params.get("orderId")
    begin, end = int(params.get("startTime", 0)), int(params.get("endTime", 2**62))
    rows = [
        _trade_json(order, fill)
        for order in venue.orders
        if order.symbol == symbol and (not number or order.number == int(number))
        for fill in order.fills
        if begin <= fill.time <= end
    ]
    rows.sort(key=lambda row: int(row["id"]))
    return _page(rows, params)


def orders_json(venue: Venue, params: Params) -> list[Json]:
    """Return all orders of a symbol, the oldest first: from ``startTime`` on, or without it the
    newest."""
    symbol = need(params, "symbol")
    begin, end = int(params.get("startTime", 0)), int(params.get("endTime", 2**62))
    rows = [o for o in venue.orders if o.symbol == symbol and begin <= o.created <= end]
    return [order_json(order) for order in _page(rows, params)]


def _page(rows: list[T], params: Params) -> list[T]:
    limit = int(params.get("limit", 500))
    return rows[:limit] if "startTime" in params else rows[-limit:]


def _trade_json(order: VenueOrder, fill: Fill) -> Json:
    return {
        "symbol": order.symbol,
        "id": fill.number,
        "orderId": order.number,
        "orderListId": -1,
        "price": text(fill.price),
        "qty": text(fill.amount),
        "quoteQty": text(fill.price * fill.amount),
        "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.time,
        "isBuyer": order.side == "BUY",
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def need(params: Params, name: str) -> str:
    """Return a parameter.

    :raises BadRequest: without it.
    """
    if not params.get(name):
        raise BadRequest(
            -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        )
    return params[name]


def decimal_of(params: Params, name: str) -> Decimal:
    """Return a parameter as a number.

    :raises BadRequest: without it, or when it is none.
    """
    try:
        value = Decimal(need(params, name))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise BadRequest(-1100, f"Illegal characters found in parameter '{name}'.")
    return value


def text(value: Decimal) -> str:
    """Return a number as Binance writes it."""
    return f"{value:.8f}"
