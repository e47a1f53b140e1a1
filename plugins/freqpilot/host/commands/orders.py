"""``freqpilot orders``: the orders that a bot could not settle, and what a person decides on them.

A running bot sees a decision at its next loop.
"""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from freqpilot.errors import FreqpilotError, RefuseToStart
from freqpilot.host.orders.pending import ESCALATE, describe
from freqpilot.shapes import OrderIntent
from freqpilot.store import Store, open_store

KIND = "order settled"
"""Kind of the event that a person's decision leaves."""
MEANINGS = {
    "sent": "the exchange has not settled it",
    "accepted": "the exchange took it, and it cannot be found any more",
    "asked": "over 24 hours old: it waits for a person",
    "agreed": "a person wants it adopted: the bot does so at its next loop",
}
"""States in which an order waits, in words."""


def waiting(url: str, now: datetime) -> list[OrderIntent]:
    """Return the orders in the store at ``url`` whose fate is open, oldest first. One that was
    accepted a moment ago is none of them."""
    store = open_store(url)
    try:
        return _waiting(store, now)
    finally:
        store.close()


def adopt(url: str, name: str, order_id: str | None, now: datetime) -> str:
    """Let the bot adopt an order as it is on the exchange; returns it in words.

    :param order_id: the exchange's number of it, for one that is not found by its name.
    :raises RefuseToStart: when no order of this name waits.
    """
    return _decide(url, name, now, "agreed", order_id)


def dismiss(url: str, name: str, now: datetime) -> str:
    """Forget an order that is not on the exchange, or not the bot's matter; returns it in words.

    :raises RefuseToStart: when no order of this name waits.
    """
    return _decide(url, name, now, "dismissed", None)


def as_line(intent: OrderIntent) -> str:
    """Return an order that waits in a line."""
    return f"{describe(intent)}: {MEANINGS[intent.state]}"


def as_record(intent: OrderIntent) -> dict[str, Any]:
    """Return an order that waits for ``--json``; its time is ISO 8601 in UTC."""
    return {
        "name": intent.client_id,
        "pair": intent.pair,
        "purpose": intent.purpose,
        "side": intent.side,
        "amount": intent.amount,
        "rate": intent.rate,
        "time": intent.time.isoformat(),
        "state": intent.state,
        "order_id": intent.order_id,
    }


def check(url: str, now: datetime) -> str:
    """Return that no order waits, for ``freqpilot doctor``.

    :raises FreqpilotError: when some do, with the command that shows them.
    """
    from freqpilot.store.urls import sqlite_file

    file = sqlite_file(url)
    if file and not Path(file).is_file():
        return "no order was sent yet"
    if found := waiting(url, now):
        pairs = ", ".join(sorted({intent.pair for intent in found}))
        raise FreqpilotError(
            f"{len(found)} order(s) wait to be settled, entries of {pairs} wait for them: run "
            "freqpilot orders"
        )
    return "none waits to be settled"


def _waiting(store: Store, now: datetime) -> list[OrderIntent]:
    found = store.intents("sent", "accepted", "asked", "agreed")
    return [each for each in found if each.state != "accepted" or now - each.time > ESCALATE]


def _decide(url: str, name: str, now: datetime, state: Any, order_id: str | None) -> str:
    store = open_store(url)
    try:
        found = {intent.client_id: intent for intent in _waiting(store, now)}
        if name not in found:
            raise RefuseToStart(
                f"no order {name} waits to be settled; nothing was changed and open trades are "
                f"untouched. Waiting are: {', '.join(found) or 'none'}"
            )
        intent = found[name]
        number = order_id or intent.order_id
        store.save_intent(replace(intent, state=state, order_id=number))
        text = f"{describe(intent)} is {'to be adopted' if state == 'agreed' else 'dismissed'}"
        store.add_event(now, KIND, "WARNING", text, {"pair": intent.pair, "intent": name})
        return text
    finally:
        store.close()
