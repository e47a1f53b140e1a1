"""Client order ids: the same order has the same name, before and after a restart.

An exchange knows an order by the name we gave it even when its answer was lost, so the name is
what an uncertain order is looked up by. It holds nothing secret.
"""

import re
from typing import NamedTuple

from freqpilot.shapes import SentPurpose

PREFIX = "fq"
LONGEST = 36
"""Binance's limit, the shortest of the exchanges in use."""
BOT = re.compile(r"[0-9a-z]{8}")
_NAME = re.compile(
    r"fq-(?P<bot>[0-9a-z]{8})-(?P<trade>n?[0-9]+)-(?P<purpose>[a-z]+)-(?P<seq>0|[1-9][0-9]*)"
)
_PLAIN = re.compile(
    r"fq(?P<bot>[0-9a-z]{8})(?P<trade>n?[0-9]+)(?P<letter>[A-Z])(?P<seq>0|[1-9][0-9]*)"
)


class OrderName(NamedTuple):
    """What a client order id says: whose order it is, for which trade, what for, and which one of
    its kind. ``trade`` is Freqtrade's id, or ``n`` and a number for one that is yet to begin."""

    bot: str
    trade: str
    purpose: SentPurpose
    sequence: int

    def __str__(self) -> str:
        return f"{PREFIX}-{self.bot}-{self.trade}-{self.purpose}-{self.sequence}"


def client_order_id(name: OrderName) -> str:
    """Return the client order id of an order.

    >>> client_order_id(OrderName("3f9a12c4", "12", "exit", 1))
    'fq-3f9a12c4-12-exit-1'

    :raises ValueError: for a bot's name that is not eight of 0–9 and a–z, or a name too long.
    """
    if not BOT.fullmatch(name.bot):
        raise ValueError(f"{name.bot!r} is no bot's name: it takes eight of 0-9 and a-z")
    text = str(name)
    if len(text) > LONGEST or parse_client_order_id(text) != name:
        raise ValueError(f"{text!r} is no client order id of at most {LONGEST} characters")
    return text


def plain_order_id(text: str) -> str:
    """Return a client order id as it is spelled for an exchange that takes letters and digits only.

    >>> plain_order_id("fq-3f9a12c4-12-exit-1")
    'fq3f9a12c412X1'

    :raises ValueError: for a text that is no client order id of ours.
    """
    name = parse_client_order_id(text)
    if name is None:
        raise ValueError(f"{text!r} is no client order id")
    return f"{PREFIX}{name.bot}{name.trade}{LETTERS[name.purpose]}{name.sequence}"


def parse_client_order_id(text: str | None) -> OrderName | None:
    """Return what a client order id says in either spelling, or None when it is not one of ours."""
    if found := _NAME.fullmatch(text or ""):
        purpose = next((each for each in LETTERS if each == found["purpose"]), None)
    elif found := _PLAIN.fullmatch(text or ""):
        purpose = next((each for each in LETTERS if LETTERS[each] == found["letter"]), None)
    if found is None or purpose is None:
        return None
    return OrderName(found["bot"], found["trade"], purpose, int(found["seq"]))


LETTERS: dict[SentPurpose, str] = {
    "entry": "E",
    "replace": "R",
    "add": "A",
    "exit": "X",
    "stop": "S",
}
"""Purposes, as the plain spelling writes them."""
SENT_PURPOSES: tuple[SentPurpose, ...] = tuple(LETTERS)
