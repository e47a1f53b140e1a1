"""Sends orders so that none can be doubled.

An order is written down under its client order id before it is sent. When the answer is uncertain
(no answer, 5xx) the exchange is asked for that id until it has the order or cannot take it any
more: a request carries the time it was signed at, and the exchange refuses it once its receive
window is over. While an order's fate is not known, nothing that raises risk is sent.

Names and windows are Binance's. On another exchange an order goes without, and an uncertain one is
looked for by its pair, side, amount and time among the newest orders, for longer.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.execution.ids import OrderName, client_order_id
from freqpilot.host.account import unwritten
from freqpilot.host.run import supervisor
from freqpilot.host.run.ownership import identity
from freqpilot.host.seams.seam import Seam, expect, wrap
from freqpilot.shapes import OrderIntent, OrderPurpose, SentPurpose

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class Sending:
    """What the order that is being sent is for."""

    purpose: SentPurpose
    trade: int | None
    leverage: float
    stop: float | None = None


_sending: ContextVar[Sending | None] = ContextVar("freqpilot_sending", default=None)
_tag: ContextVar[str | None] = ContextVar("freqpilot_tag", default=None)
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


@contextmanager
def sending(what: Sending) -> Iterator[None]:
    """Tell :func:`send` what the order of this block is for."""
    token = _sending.set(what)
    try:
        yield
    finally:
        _sending.reset(token)


def bot_name() -> str:
    """Return the id that this bot's orders bear."""
    run = supervisor.current()
    if not run.bot:
        run.bot = identity(run.store, run.key)
    return run.bot


def name_of(what: Sending) -> str:
    """Return the client order id of the next order of this kind."""
    store, bot = supervisor.current().store, bot_name()
    if what.trade is None:
        number = store.count_intents(f"fq-{bot}-n") + 1
        return client_order_id(OrderName(bot, f"n{number}", what.purpose, 1))
    sequence = store.count_intents(f"fq-{bot}-{what.trade}-{what.purpose}-") + 1
    return client_order_id(OrderName(bot, str(what.trade), what.purpose, sequence))


def send(api: Any, original: Callable[..., Any], **order: Any) -> Any:
    """Send an order through ccxt's ``create_order`` and return it, or the one that an uncertain
    earlier attempt has made of the same.

    :param order: ccxt's arguments: symbol, type, side, amount, price, params.
    """
    what = _sending.get()
    if what is None:
        return original(**order)
    run = supervisor.current()
    try:
        if not run.writes:
            raise unwritten.NoStore("the freqpilot store is not this bot's to write")
        if found := _arrived(api, _alike(run.intents("sent"), what, order)):
            return found
        intent = _intent(what, order, name_of(what))
        run.store.save_intent(intent)
    except Exception as error:
        if not unwritten.is_of_store(error):
            raise
        unwritten.allow(what.purpose, error)
        if found := _arrived(api, _alike(run.unwritten_intents("sent"), what, order)):
            return found
        name = unwritten.name_of(bot_name(), what.trade, what.purpose)
        intent = unwritten.keep(_intent(what, order, name))
    params = dict(order["params"])
    if is_named(api):
        params["clientOrderId"] = intent.client_id
        params["recvWindow"] = int(RECEIVE_WINDOW * 1000)
    with _flying(intent.client_id):
        return _sent(api, original, intent, {**order, "params": params})


def _sent(
    api: Any, original: Callable[..., Any], intent: OrderIntent, order: dict[str, Any]
) -> Any:
    """Send an order that is written down; an uncertain answer is looked up."""
    try:
        made = original(**order)
    except Exception as error:
        if not is_uncertain(error):
            unwritten.note(intent, state="rejected")
            raise
        logger.warning("No certain answer to %s (%s); looking it up", intent.client_id, error)
        supervisor.current().counters.count("orders_uncertain")
        made = look_up(api, intent)
        if made is None:
            raise
        logger.warning("%s had arrived as order %s", intent.client_id, made["id"])
    else:
        unwritten.note(intent, state="accepted", order_id=str(made["id"]))
    return _told_apart(made)


def _arrived(api: Any, uncertain: list[OrderIntent]) -> Any | None:
    """Return the order that one of these intents has made after all, or None.

    :raises Exception: ccxt's, while the fate of one is not known.
    """
    for former in uncertain:
        found = look_up(api, former)
        if found is not None:
            logger.warning("%s had arrived; it is not sent again", former.client_id)
            return _told_apart(found)
    return None


def _alike(intents: list[OrderIntent], what: Sending, order: dict[str, Any]) -> list[OrderIntent]:
    """Return the intents for the same end."""
    end = (order["symbol"], order["side"], what.purpose, what.trade)
    return [each for each in intents if (each.pair, each.side, each.purpose, each.trade) == end]


def _intent(what: Sending, order: dict[str, Any], name: str) -> OrderIntent:
    """Return what an order is for, as it is kept before it is sent."""
    return OrderIntent(
        client_id=name,
        pair=order["symbol"],
        side=order["side"],
        purpose=what.purpose,
        trade=what.trade,
        kind=order["type"],
        amount=float(order["amount"]),
        rate=None if order["price"] is None else float(order["price"]),
        stop=what.stop,
        leverage=what.leverage,
        tag=_tag.get(),
        time=datetime.now(UTC),
    )


def _told_apart(order: Any) -> Any:
    """Return an order that was cancelled after a partial fill as expired.

    Freqtrade takes in the fills of a new order's answer when it is closed or expired; of one that
    is cancelled already it would lose them, and count them twice when it looks for the coins.
    """
    if order.get("filled") and order.get("status") in ("canceled", "cancelled"):
        order["status"] = "expired"
    return order


def look_up(api: Any, intent: OrderIntent) -> Any | None:
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
            found = fetch(api, intent)
        except ccxt.OrderNotFound:
            fault = None
            if asked >= gone:
                unwritten.note(intent, state="absent")
                return None
        except ccxt.OperationFailed as error:
            fault = error
        else:
            unwritten.note(intent, state="accepted", order_id=str(found["id"]))
            return found
    raise fault or ccxt.RequestTimeout(f"the fate of order {intent.client_id} is not known")


def is_named(api: Any) -> bool:
    """Tell whether orders on this exchange bear our names."""
    return api.id in NAMED


def fetch(api: Any, intent: OrderIntent) -> Any:
    """Ask the exchange for the order of an intent.

    A futures stop that has been triggered counts as open: what became of it is another order's
    matter, which Freqtrade asks for when it looks at an open stop, and at no other.

    :raises OrderNotFound: ccxt's, when it has none.
    """
    if not is_named(api):
        return _fetch_unnamed(api, intent)
    params: dict[str, Any] = {"clientOrderId": intent.client_id, **stop_params(api, intent)}
    found = api.fetch_order(None, intent.pair, params)
    if "stop" in params and found["status"] == "closed" and found["info"].get("actualOrderId"):
        found["status"] = "open"
    return found


def stop_params(api: Any, intent: OrderIntent) -> dict[str, Any]:
    """Return what tells ccxt that an order is a futures stop, which exchanges keep apart."""
    if intent.purpose == "stop" and api.market(intent.pair).get("contract"):
        return {"stop": True}
    return {}


def _fetch_unnamed(api: Any, intent: OrderIntent) -> Any:
    """Return the order by its number, or the one that looks like the intent."""
    import ccxt

    if intent.order_id is not None:
        return api.fetch_order(intent.order_id, intent.pair)
    since = int((intent.time.timestamp() - CLOCK_ERROR) * 1000)
    taken = {each.order_id for each in supervisor.current().store.intents("accepted", "known")}
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


def require_certainty(api: Any) -> None:
    """Look up what is uncertain before an order that raises risk.

    :raises NoEntry: while the fate of an earlier order is not known.
    """
    for intent in supervisor.current().intents("sent"):
        if in_flight(intent.client_id):
            raise NoEntry(
                f"the order {intent.client_id} for {intent.pair} is on its way; one at a time"
            )
        try:
            look_up(api, intent)
        except Exception as error:
            raise NoEntry(
                f"the fate of the order {intent.client_id} for {intent.pair} is not known "
                f"({type(error).__name__}); entries wait until the exchange tells"
            ) from error


def _install(exchange: Any) -> None:
    """Put :func:`send` before the exchange's own ccxt client, once."""
    api = exchange._api
    if getattr(api, "_freqpilot_sends", False):
        return
    original = api.create_order

    def create_order(
        symbol: str,
        type: str,  # ccxt's name for it
        side: str,
        amount: float,
        price: float | None = None,
        params: dict[str, Any] | None = None,
    ) -> Any:
        order = {"symbol": symbol, "type": type, "side": side, "amount": amount, "price": price}
        return send(api, original, **order, params=params or {})

    api.create_order = create_order
    api._freqpilot_sends = True


def open_trade(pair: str) -> Any | None:
    """Return Freqtrade's open trade in a pair, or None."""
    from freqtrade.persistence import Trade

    return next((trade for trade in Trade.get_open_trades() if trade.pair == pair), None)


def place(exchange: Any, original: Callable[..., Any], order: dict[str, Any]) -> Any:
    """Send an order of Freqtrade's ``create_order`` under its own name; a dry run passes."""
    if exchange._config["dry_run"]:
        return original(exchange, **order)
    _install(exchange)
    trade = open_trade(order["pair"])
    number = trade.id if trade else None
    leverage = float(order.get("leverage") or 1)
    with sending(Sending(sent_purpose(exchange.trading_mode, order, trade), number, leverage)):
        return original(exchange, **order)


def raises_risk(trading_mode: str, side: str, reduce_only: bool) -> bool:
    """Tell whether an order can open or enlarge a position: on spot every buy, on futures every
    order that is not reduce-only."""
    return side == "buy" if str(trading_mode) == "spot" else not reduce_only


def sent_purpose(trading_mode: str, order: dict[str, Any], trade: Any | None) -> SentPurpose:
    """Return what an order of Freqtrade's is for.

    :param trade: the open trade in its pair, or None.
    """
    if not raises_risk(trading_mode, order["side"], order.get("reduceOnly", False)):
        return "exit"
    return purpose_of(trade)


def purpose_of(trade: Any | None) -> OrderPurpose:
    """Return what an order that raises risk is for.

    :param trade: the open trade in its pair, or None.
    """
    if trade is None:
        return "entry"
    return "add" if trade.nr_of_successful_entries else "replace"


def _check() -> None:
    from freqtrade.exchange.exchange import Exchange
    from freqtrade.freqtradebot import FreqtradeBot

    expect(Exchange, "create_stoploss", ["pair", "side", "leverage", "stop_price"])
    expect(FreqtradeBot, "execute_entry", ["pair", "stake_amount", "enter_tag"])


def _apply() -> None:
    from freqtrade.exchange.exchange import Exchange
    from freqtrade.freqtradebot import FreqtradeBot

    def make_stop(original: Callable[..., Any]) -> Callable[..., Any]:
        def create_stoploss(self: Any, **order: Any) -> Any:
            if self._config["dry_run"]:
                return original(self, **order)
            _install(self)
            trade = open_trade(order["pair"])
            number = trade.id if trade else None
            stop, leverage = float(order["stop_price"]), float(order.get("leverage") or 1)
            with sending(Sending("stop", number, leverage, stop)):
                return original(self, **order)

        return create_stoploss

    def make_entry(original: Callable[..., Any]) -> Callable[..., Any]:
        def execute_entry(self: Any, *arguments: Any, **named: Any) -> Any:
            token = _tag.set(named.get("enter_tag"))
            try:
                return original(self, *arguments, **named)
            finally:
                _tag.reset(token)

        return execute_entry

    wrap(Exchange, "create_stoploss", make_stop)
    wrap(FreqtradeBot, "execute_entry", make_entry)


SEAMS = (Seam("orders.send", "name each live order and never send it twice", _check, _apply),)
