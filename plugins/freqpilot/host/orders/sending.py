"""Sends orders so that none can be doubled.

An order is written down under its client order id before it is sent. When the answer is uncertain
(no answer, 5xx) the exchange is asked for that id until it has the order or cannot take it any
more: a request carries the time it was signed at, and the exchange refuses it once its receive
window is over. While an order's fate is not known, nothing that raises risk is sent.

Which names and windows an exchange takes stands in :mod:`freqpilot.execution.venues`. On one that
is not there an order goes without, and an uncertain one is looked for by its pair, side, amount and
time among the newest orders, for longer; that it is not found there settles nothing.
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import signature
from typing import Any

import ccxt

from freqpilot.execution.ids import OrderName, client_order_id
from freqpilot.execution.venues import spelled
from freqpilot.host.account import unwritten
from freqpilot.host.orders import stopways
from freqpilot.host.orders.lookup import _flying, is_named, look_up
from freqpilot.host.orders.outcomes import (
    Early,
    contract_size,
    has_left,
    is_passing,
    mark_before,
    outcome_of,
    venue_for,
)
from freqpilot.host.orders.pending import is_old
from freqpilot.host.orders.purpose import open_trade, sent_purpose
from freqpilot.host.orders.stopless import Stopless
from freqpilot.host.run.current import current, has_begun
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Api, Exchange, ExchangeOrder
from freqpilot.host.seams.seam import Place, Seam
from freqpilot.shapes import OrderIntent, SentPurpose

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sending:
    """What the order that is being sent is for."""

    purpose: SentPurpose
    trade: int | None
    leverage: float
    stop: float | None = None


_sending: ContextVar[Sending | None] = ContextVar("freqpilot_sending", default=None)
_tag: ContextVar[str | None] = ContextVar("freqpilot_tag", default=None)
_note: ContextVar[str | None] = ContextVar("freqpilot_note", default=None)
_stop: ContextVar[float] = ContextVar("freqpilot_stop", default=math.nan)
NOTE = "freqpilot_limits"
"""Under this name a trade's custom data say how the limits changed its stake."""


def tag() -> str | None:
    """Return the entry tag of the order that is being made; None outside of an entry."""
    return _tag.get()


def stop() -> float:
    """Return the price of the stop that the trade which is being entered begins with; NaN where it
    has none, and outside of an entry."""
    return _stop.get()


def note_stop(price: float) -> None:
    """Keep the price of the stop that the trade which is being entered begins with."""
    _stop.set(price)


@contextmanager
def sending(what: Sending) -> Iterator[None]:
    """Tell :func:`send` what the order of this block is for."""
    token = _sending.set(what)
    try:
        yield
    finally:
        _sending.reset(token)


def name_of(run: Run, what: Sending) -> str:
    """Return the client order id of the next order of this kind."""
    store, bot = run.store, run.name
    if what.trade is None:
        number = store.count_intents(f"fq-{bot}-n") + 1
        return client_order_id(OrderName(bot, f"n{number}", what.purpose, 1))
    sequence = store.count_intents(f"fq-{bot}-{what.trade}-{what.purpose}-") + 1
    return client_order_id(OrderName(bot, str(what.trade), what.purpose, sequence))


def send(api: Api, original: Callable[..., Any], **order: Any) -> Any:
    """Send an order through ccxt's ``create_order`` and return it, or the one that an uncertain
    earlier attempt has made of the same.

    :param order: ccxt's arguments: symbol, type, side, amount, price, params.
    """
    what = _sending.get()
    if what is None:
        return original(**order)
    run = current()
    try:
        if not run.writes:
            raise unwritten.NoStore("the freqpilot store is not this bot's to write")
        if found := _arrived(run, api, _alike(run.intents("sent"), what, order)):
            return found
        intent = _intent(api, what, order, name_of(run, what))
        run.store.save_intent(intent)
        unwritten.remember(run, intent)
    except Exception as error:
        if not unwritten.is_of_store(error):
            raise
        unwritten.allow(what.purpose, error)
        if found := _arrived(run, api, _alike(run.remembered_intents("sent"), what, order)):
            return found
        name = unwritten.name_of(run, run.name, what.trade, what.purpose)
        intent = unwritten.keep(run, _intent(api, what, order, name))
    if intent.raises_risk:
        run.part(Stopless).sent()
    params = {**order["params"], **_name_params(api, intent)}
    with _flying(intent.client_id):
        return _sent(run, api, original, intent, {**order, "params": params})


def _name_params(api: Api, intent: OrderIntent) -> dict[str, Any]:
    """Return the parameters that give an order its name, and the time it may take to arrive."""
    venue = venue_for(api, intent.pair)
    if venue is None or not is_named(api):
        return {}
    key = venue.stop_name if intent.purpose == "stop" else venue.name
    named = {key: spelled(venue, intent.client_id), **dict(venue.params)}
    options: dict[str, Any] = getattr(api, "options", None) or {}
    if venue.broker and options.get("brokerId"):
        named[venue.broker] = options["brokerId"]
    return named


def _sent(
    run: Run, api: Api, original: Callable[..., Any], intent: OrderIntent, order: dict[str, Any]
) -> Any:
    """Send an order that is written down; an uncertain answer is looked up."""
    mark_before(api)
    try:
        made = stopways.create(run, api, intent, original, order)
        if made.get("id") is None:
            raise ccxt.BadResponse(f"{api.id} answered without an order's number")
    except Exception as error:
        outcome = outcome_of(error, venue_for(api, intent.pair), left=has_left(api))
        if outcome != "unresolved":
            unwritten.note(run, intent, state=outcome)
            raise
        logger.warning("No certain answer to %s (%s); looking it up", intent.client_id, error)
        run.counters.count("orders_uncertain")
        made = look_up(run, api, intent)
        if made is None:
            raise
        logger.warning("%s had arrived as order %s", intent.client_id, made["id"])
    else:
        unwritten.note(run, intent, state="accepted", order_id=str(made["id"]))
    return _told_apart(made)


def _arrived(run: Run, api: Api, uncertain: list[OrderIntent]) -> Any | None:
    """Return the order that one of these intents has made after all, or None.

    An order that only reduces does not wait for one that cannot be settled: it would wait for ever.

    :raises Exception: ccxt's, while the fate of one is not known.
    """
    for former in uncertain:
        if is_old(former):
            continue  # a person is asked
        try:
            found = look_up(run, api, former)
        except Exception as error:
            # Of two that both arrive in the end, both would be filled.
            if former.raises_risk or is_passing(error) or isinstance(error, Early):
                raise
            logger.critical(
                "%s is not settled, the next of its kind goes out: %s", former.client_id, error
            )
            continue
        if found is not None:
            logger.warning("%s had arrived; it is not sent again", former.client_id)
            return _told_apart(found)
    return None


def _alike(intents: list[OrderIntent], what: Sending, order: dict[str, Any]) -> list[OrderIntent]:
    """Return the intents for the same end."""
    end = (order["symbol"], order["side"], what.purpose, what.trade)
    return [each for each in intents if (each.pair, each.side, each.purpose, each.trade) == end]


def _intent(api: Api, what: Sending, order: dict[str, Any], name: str) -> OrderIntent:
    """Return what an order is for, as it is kept before it is sent."""
    return OrderIntent(
        client_id=name,
        pair=order["symbol"],
        side=order["side"],
        purpose=what.purpose,
        trade=what.trade,
        kind=order["type"],
        amount=float(order["amount"]) * contract_size(api, order["symbol"]),
        rate=None if order["price"] is None else float(order["price"]),
        stop=what.stop,
        leverage=what.leverage,
        tag=_tag.get(),
        time=datetime.now(UTC),
    )


def _told_apart(order: ExchangeOrder) -> Any:
    """Return an order that was cancelled after a partial fill as expired.

    Freqtrade takes in the fills of a new order's answer when it is closed or expired; of one that
    is cancelled already it would lose them, and count them twice when it looks for the coins.
    """
    if order.get("filled") and order.get("status") in ("canceled", "cancelled"):
        order["status"] = "expired"
    return order


def install(exchange: Exchange) -> None:
    """Put :func:`send` before the exchange's own ccxt client, once, and what looks for stops."""
    api = exchange._api
    stopways.install(api, lambda: current() if has_begun() else None)
    if getattr(api, "_freqpilot_sends", False) is True:  # a mock has any attribute
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


def place(exchange: Exchange, original: Callable[..., Any], order: dict[str, Any]) -> Any:
    """Send an order of Freqtrade's ``create_order`` under its own name; a dry run passes."""
    if not _names(exchange):
        return original(exchange, **order)
    install(exchange)
    trade = _known_trade(order["pair"])
    number = trade.id if trade else None
    leverage = float(order.get("leverage") or 1)
    with sending(Sending(sent_purpose(exchange.trading_mode, order, trade), number, leverage)):
        return original(exchange, **order)


def _names(exchange: Exchange) -> bool:
    """Tell whether orders get names: not in a dry run, which sends none, nor without a run or a
    supervisor, where they leave as Freqtrade sends them."""
    if exchange._config["dry_run"] or not has_begun():
        return False
    return current().settings.supervisor


def _known_trade(pair: str) -> Any | None:
    """Return the open trade in a pair; None also where the trades database does not answer: an exit
    or a stop leaves all the same, under a name without its trade."""
    try:
        return open_trade(pair)
    except Exception as error:
        logger.error("The trade of %s could not be read; its order leaves: %s", pair, error)
        return None


def _make_stop(original: Callable[..., Any]) -> Callable[..., Any]:
    names = [*signature(original).parameters][1:]

    def create_stoploss(self: Exchange, *given: object, **order: Any) -> Any:
        if not _names(self):
            return original(self, *given, **order)
        install(self)
        asked: dict[str, Any] = dict(zip(names, given, strict=False)) | order
        trade = _known_trade(asked["pair"])
        number = trade.id if trade else None
        stop, leverage = float(asked["stop_price"]), float(asked.get("leverage") or 1)
        with sending(Sending("stop", number, leverage, stop)):
            return original(self, *given, **order)

    return create_stoploss


def _make_entry(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute_entry(self: object, *arguments: object, **named: Any) -> Any:
        tag, notes = _tag.set(named.get("enter_tag")), _note.set(None)
        stop = _stop.set(math.nan)
        try:
            entered = original(self, *arguments, **named)
            if entered and (text := _note.get()):
                _write_beside(str(named["pair"] if "pair" in named else arguments[0]), text)
            return entered
        finally:
            _tag.reset(tag)
            _note.reset(notes)
            _stop.reset(stop)

    return execute_entry


def note(text: str) -> None:
    """Write a sentence beside the trade that is being entered, once it is."""
    _note.set(text)


def _write_beside(pair: str, text: str) -> None:
    """Keep a sentence in a trade's custom data, which FreqUI shows. It never raises."""
    try:
        if (trade := open_trade(pair)) is not None:
            trade.set_custom_data(NOTE, text)
    except Exception as error:  # the order was sent, and is Freqtrade's to go on with
        logger.warning("What was changed of %s is not beside its trade: %s", pair, error)


SEAMS = (
    Seam(
        "orders.send",
        "give each live order a name of its own and never send it twice",
        until="Freqtrade sends client order ids of its own and looks an order up by them",
        places=(
            Place(
                "freqtrade.exchange.exchange:Exchange.create_stoploss",
                ["pair", "side", "leverage", "stop_price"],
                _make_stop,
            ),
            Place(
                "freqtrade.freqtradebot:FreqtradeBot.execute_entry",
                ["pair", "stake_amount", "enter_tag"],
                _make_entry,
            ),
        ),
    ),
)
