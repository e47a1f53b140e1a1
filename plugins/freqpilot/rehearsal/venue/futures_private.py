"""What Binance's signed USD-M futures REST answers about an account, in its shapes and strings."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.venue.account import Income
from freqpilot.rehearsal.venue.futures import AlgoOrder, FuturesVenue
from freqpilot.rehearsal.venue.margin import Position, initial_margin
from freqpilot.rehearsal.venue.private import decimal_of, need, text
from freqpilot.rehearsal.venue.spot import ZERO, Fill, Ticket, VenueOrder

Json = dict[str, Any]
Params = Mapping[str, str]


def ticket_of(params: Params) -> Ticket:
    """Return the order or conditional order that is asked for.

    :raises BadRequest: when a figure is missing or unreadable, or a kind is not known.
    """
    kind = need(params, "type")
    if kind not in ("MARKET", "LIMIT", "STOP", "STOP_MARKET"):
        raise BadRequest(-1116, "Invalid orderType.")
    if params.get("positionSide", "BOTH") != "BOTH":
        raise BadRequest(-4061, "Order's position side does not match user's setting.")
    conditional, algo = kind.startswith("STOP"), "algoType" in params
    return Ticket(
        symbol=need(params, "symbol"),
        side=need(params, "side"),
        kind=kind,
        amount=decimal_of(params, "quantity"),
        limit=decimal_of(params, "price") if kind in ("LIMIT", "STOP") else None,
        stop=decimal_of(params, "triggerPrice" if algo else "stopPrice") if conditional else None,
        client_id=params.get("clientAlgoId" if algo else "newClientOrderId", ""),
        time_in_force=params.get("timeInForce", "GTC"),
        reduce_only=params.get("reduceOnly", "false").lower() == "true",
        algo=algo,
    )


def order_json(order: VenueOrder) -> Json:
    """Return an order as each of the routes gives it."""
    average = order.cost / order.filled if order.filled else ZERO
    return {
        "orderId": order.number,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": text(order.limit or ZERO),
        "avgPrice": text(average),
        "origQty": text(order.amount),
        "executedQty": text(order.filled),
        "cumQuote": text(order.cost),
        "timeInForce": "GTC",
        "type": order.kind,
        "origType": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side,
        "positionSide": "BOTH",
        "stopPrice": text(order.stop or ZERO),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "time": order.created,
        "updateTime": order.updated,
    }


def algo_json(algo: AlgoOrder) -> Json:
    """Return a conditional order; ``actualOrderId`` names the order that it became."""
    child = algo.child
    return {
        "algoId": algo.number,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.kind,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": "BOTH",
        "timeInForce": "GTC",
        "quantity": text(algo.amount),
        "algoStatus": algo.state,
        "actualOrderId": "" if child is None else str(child.number),
        "actualPrice": text(
            ZERO if child is None or not child.filled else child.cost / child.filled
        ),
        "triggerPrice": text(algo.stop or ZERO),
        "price": text(algo.limit or ZERO),
        "icebergQuantity": None,
        "selfTradePreventionMode": "NONE",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": False,
        "priceProtect": False,
        "reduceOnly": algo.reduce_only,
        "createTime": algo.created,
        "updateTime": algo.updated,
        "triggerTime": 0 if child is None else child.created,
        "goodTillDate": 0,
    }


def found_algo(venue: FuturesVenue, params: Params) -> AlgoOrder:
    """Return the conditional order that a query names.

    :raises BadRequest: when it names none, or there is none.
    """
    number, client_id = params.get("algoId"), params.get("clientAlgoId")
    if not number and not client_id:
        raise BadRequest(-1102, "Param 'algoid' or 'clientAlgoId' must be sent.")
    return venue.find_algo(int(number) if number else None, client_id)


def cancelled_algo_json(algo: AlgoOrder) -> Json:
    """Return the answer that cancels a conditional order."""
    return {
        "algoId": algo.number,
        "clientAlgoId": algo.client_id,
        "code": "200",
        "msg": "success",
    }


def algos_json(venue: FuturesVenue, params: Params) -> list[Json]:
    """Return all conditional orders of a symbol, the oldest first."""
    symbol = need(params, "symbol")
    begin, end = span(params)
    rows = [a for a in venue.algos if a.symbol == symbol and begin <= a.created <= end]
    return [algo_json(algo) for algo in rows[: int(params.get("limit", 500))]]


def orders_json(venue: FuturesVenue, params: Params) -> list[Json]:
    """Return all orders of a symbol, the oldest first."""
    symbol = need(params, "symbol")
    begin, end = span(params)
    rows = [o for o in venue.orders if o.symbol == symbol and begin <= o.created <= end]
    return [order_json(order) for order in rows[: int(params.get("limit", 500))]]


def trades_json(venue: FuturesVenue, params: Params) -> list[Json]:
    """Return the account's executions of a symbol, the oldest first."""
    symbol, number = need(params, "symbol"), params.get("orderId")
    begin, end = span(params)
    rows = [
        _trade_json(order, fill)
        for order in venue.orders
        if order.symbol == symbol and (not number or order.number == int(number))
        for fill in order.fills
        if begin <= fill.time <= end
    ]
    rows.sort(key=lambda row: int(row["id"]))
    return rows[: int(params.get("limit", 500))]


def income_json(venue: FuturesVenue, params: Params) -> list[Json]:
    """Return what has moved the wallet, the oldest first."""
    begin, end = span(params)
    rows = [
        _income_json(venue, entry)
        for entry in venue.income
        if params.get("symbol") in (None, entry.symbol)
        and params.get("incomeType") in (None, entry.kind)
        and begin <= entry.time <= end
    ]
    return rows[: int(params.get("limit", 100))]


def position_json(venue: FuturesVenue, position: Position, now: int) -> Json:
    """Return a position as positionRisk and account give it."""
    price = venue.price(position.symbol, now)
    profit, notional = position.profit(price), position.amount * price
    needed = initial_margin(abs(notional), position.leverage)
    return {
        "symbol": position.symbol,
        "positionSide": "BOTH",
        "positionAmt": text(position.amount),
        "entryPrice": text(position.entry),
        "breakEvenPrice": text(position.entry),
        "markPrice": text(price),
        "unRealizedProfit": text(profit),
        "unrealizedProfit": text(profit),
        "liquidationPrice": text(position.liquidation_price),
        "isolatedMargin": text(position.margin + profit if position.amount else ZERO),
        "isolatedWallet": text(position.margin),
        "isolated": position.margin_type == "ISOLATED",
        "marginType": "isolated" if position.margin_type == "ISOLATED" else "cross",
        "leverage": str(position.leverage),
        "notional": text(notional),
        "marginAsset": venue.assets(position.symbol)[1],
        "initialMargin": text(needed),
        "positionInitialMargin": text(needed),
        "openOrderInitialMargin": text(ZERO),
        "maintMargin": text(position.maintenance(price)),
        "adl": 1,
        "bidNotional": text(ZERO),
        "askNotional": text(ZERO),
        "updateTime": position.updated,
    }


def positions_json(venue: FuturesVenue, params: Params, now: int) -> list[Json]:
    """Return the open positions, of one symbol or of all."""
    return [
        position_json(venue, position, now)
        for position in venue.positions.values()
        if position.amount and params.get("symbol") in (None, position.symbol)
    ]


def account(venue: FuturesVenue, now: int) -> Json:
    """Return balances and positions."""
    assets = [_asset(venue, asset, now) for asset in sorted(venue.balances)]
    names = {
        "totalInitialMargin": "initialMargin",
        "totalMaintMargin": "maintMargin",
        "totalWalletBalance": "walletBalance",
        "totalUnrealizedProfit": "unrealizedProfit",
        "totalMarginBalance": "marginBalance",
        "availableBalance": "availableBalance",
        "maxWithdrawAmount": "maxWithdrawAmount",
    }
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "multiAssetsMargin": False,
        **{
            total: text(sum((Decimal(row[name]) for row in assets), ZERO))
            for total, name in names.items()
        },
        "assets": assets,
        "positions": positions_json(venue, {}, now),
    }


def balances_json(venue: FuturesVenue, now: int) -> list[Json]:
    """Return the balances of each asset."""
    return [
        {
            "accountAlias": "rehearsal",
            "asset": row["asset"],
            "balance": row["walletBalance"],
            "crossWalletBalance": row["crossWalletBalance"],
            "crossUnPnl": row["crossUnPnl"],
            "availableBalance": row["availableBalance"],
            "maxWithdrawAmount": row["maxWithdrawAmount"],
            "marginAvailable": True,
            "updateTime": now,
        }
        for row in (_asset(venue, asset, now) for asset in sorted(venue.balances))
    ]


def span(params: Params) -> tuple[int, int]:
    """Return startTime and endTime."""
    return int(params.get("startTime", 0)), int(params.get("endTime", 2**62))


def _asset(venue: FuturesVenue, asset: str, now: int) -> Json:
    mine = [p for p in venue.positions.values() if p.amount and venue.assets(p.symbol)[1] == asset]
    wallet, free = venue.balances[asset], max(ZERO, venue.free(asset))
    isolated = sum((p.margin for p in mine), ZERO)
    profit = sum((p.profit(venue.price(p.symbol, now)) for p in mine), ZERO)
    maintenance = sum((p.maintenance(venue.price(p.symbol, now)) for p in mine), ZERO)
    return {
        "asset": asset,
        "walletBalance": text(wallet),
        "unrealizedProfit": text(profit),
        "marginBalance": text(wallet + profit),
        "maintMargin": text(maintenance),
        "initialMargin": text(venue.locked(asset)),
        "positionInitialMargin": text(isolated),
        "openOrderInitialMargin": text(venue.locked(asset) - isolated),
        "crossWalletBalance": text(wallet - isolated),
        "crossUnPnl": text(ZERO),
        "availableBalance": text(free),
        "maxWithdrawAmount": text(free),
        "marginAvailable": True,
        "updateTime": now,
    }


def _trade_json(order: VenueOrder, fill: Fill) -> Json:
    return {
        "symbol": order.symbol,
        "id": fill.number,
        "orderId": order.number,
        "side": order.side,
        "price": text(fill.price),
        "qty": text(fill.amount),
        "quoteQty": text(fill.price * fill.amount),
        "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.time,
        "positionSide": "BOTH",
        "buyer": order.side == "BUY",
        "maker": fill.maker,
    }


def _income_json(venue: FuturesVenue, entry: Income) -> Json:
    return {
        "symbol": entry.symbol,
        "incomeType": entry.kind,
        "income": text(entry.amount),
        "asset": venue.assets(entry.symbol)[1],
        "info": entry.kind,
        "time": entry.time,
        "tranId": entry.number,
        "tradeId": "",
    }
