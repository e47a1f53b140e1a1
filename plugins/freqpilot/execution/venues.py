"""What each exchange promises about orders: the names it takes, where an order of ours is found,
which answer means that it never arrived.

The table is the only place that knows exchanges apart. A row is *proven* when conversations with
that exchange are replayed through ccxt's own class in ``test_host_orders_lookup_venues.py``; every
other exchange is unproven. There an order bears no name, is looked for by its pair, side, amount
and time, and no answer is final: an order that cannot be found may still have been made.

Sources: Binance https://developers.binance.com/docs/binance-spot-api-docs/rest-api and
https://developers.binance.com/docs/derivatives/usds-margined-futures, Bybit
https://bybit-exchange.github.io/docs/v5/order/open-order, OKX https://www.okx.com/docs-v5/en.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from freqpilot.execution.ids import plain_order_id

Mode = Literal["spot", "futures"]
Params = tuple[tuple[str, object], ...]
"""Parameters of a call, as pairs: ``dict`` makes what ccxt takes."""

NOTHING: Params = ()
APART: Params = (("stop", True),)
"""What tells ccxt that an order is a stop, where an exchange keeps stops in lists of their own."""


class Look(NamedTuple):
    """One question about an order.

    ``call`` is a method of ccxt's, ``name`` its parameter for the order's name. ``number`` is the
    parameter for the exchange's own number of a call that returns a list; a call without it returns
    one order, and takes the number as its first argument.
    """

    call: str
    name: str
    number: str | None = None
    params: Params = NOTHING


class StopWay(NamedTuple):
    """One endpoint that takes stops, for an exchange that has moved them.

    ``call`` is ccxt's method for it, ``path`` the end of its address; ``shape`` is what ccxt's
    ``create_order_request`` is given for it, ``more`` what is sent besides. ``params`` tell ccxt to
    ask there for a stop, or to cancel it there.
    """

    call: str
    path: str
    shape: Params = NOTHING
    more: Params = NOTHING
    params: Params = NOTHING


class KeyRights(NamedTuple):
    """How an exchange tells what a key may do: ccxt's ``call``, the ``path`` to it in the answer,
    and the ``word`` among the rights there that lets it withdraw; a flag stands for itself."""

    call: str
    path: tuple[str | int, ...]
    word: str = "withdraw"


@dataclass(frozen=True)
class Venue:
    """One exchange in one trading mode.

    ``ids`` are its names in ccxt, ``relatives`` those of exchanges that share its interface and
    were not proven.
    """

    title: str
    mode: Mode
    ids: tuple[str, ...]
    relatives: tuple[str, ...] = ()
    longest: int = 36
    """Characters of a client order id."""
    dashes: bool = True
    """Whether a client order id may hold a dash beside letters and digits."""
    name: str = "clientOrderId"
    """ccxt's parameter for the name of a new order."""
    stop_name: str = "clientOrderId"
    """The same for a new stop order."""
    broker: str | None = None
    """The parameter for ccxt's broker tag, which ccxt leaves out where an order has a name."""
    window: float = 5.0
    """Seconds for which the exchange may carry out a request after it was signed."""
    clock: float = 2.0
    """Seconds by which our clock may be ahead of the exchange's: it refuses what is signed with
    more."""
    settles: float = 0.0
    """Seconds after which an order that was made can be found."""
    reach: float = 7.0
    """Days for which an order that was filled, all or in part, can be found by its name. One that
    was cancelled unfilled may be gone after hours, which is as if it had never been."""
    params: Params = NOTHING
    """Of each new order."""
    looks: tuple[Look, ...] = ()
    """The questions that find an order; it is absent when all say so."""
    stop_looks: tuple[Look, ...] = ()
    stop_params: Params = NOTHING
    """What cancels a stop order, beside its number."""
    stop_ways: tuple[StopWay, ...] = ()
    """The endpoints that take stops, or did, where there is more than one."""
    moved: tuple[str, ...] = ()
    """Codes that refuse a stop at one endpoint because another one takes it."""
    open_lists: tuple[Params, ...] = (NOTHING,)
    """Parameters of ccxt's ``fetch_open_orders`` that together list every open order of a pair."""
    triggered: str | None = None
    """Where a triggered stop names the order that it has become, if that is another order."""
    absent: tuple[str, ...] = ()
    """Codes that say: there is no such order."""
    empty: str | None = None
    """What an answer without an order holds, blanks apart. Where a list is asked for by name it
    says that there is no such order; elsewhere it settles nothing, but can be told from an answer
    that cannot be read."""
    unresolved: tuple[str, ...] = ()
    """Codes of errors that leave open whether the order was made, whatever ccxt calls them."""
    refused: tuple[str, ...] = ()
    """Codes of errors that refuse an order, though ccxt takes them for a fault of the network."""

    funding_page: int | None = None
    """Payments of funding in one answer, where they can be asked for page by page: each page begins
    at a time, and holds the oldest from there on."""
    key_rights: KeyRights | None = None
    """How to ask whether the key may withdraw; None where the exchange does not tell."""

    def proves(self, exchange: str) -> bool:
        """Tell whether an exchange of this name in ccxt is proven, not only a relative."""
        return exchange in self.ids

    def says_absent(self, text: str) -> bool:
        """Tell whether an error's text is this exchange's word that there is no such order."""
        return has_code(text, self.absent)

    def is_empty(self, answer: str | None) -> bool:
        """Tell whether an answer is a list without an order: one that cannot be read looks like it
        to ccxt."""
        return self.empty is not None and self.empty in "".join((answer or "").split())


def has_code(text: str, codes: tuple[str, ...]) -> bool:
    """Tell whether one of ``codes`` stands in ``text`` as a number of its own."""
    return any(re.search(rf"(?<![\d.]){re.escape(code)}(?!\d)", text) for code in codes)


def mode_of(pair: str) -> Mode:
    """Return the mode of a pair: ccxt writes the settling coin of a contract behind a colon."""
    return "futures" if ":" in pair else "spot"


def venue_of(exchange: str, mode: Mode) -> Venue | None:
    """Return the row of an exchange, None for one that the table does not have.

    :param exchange: its name in ccxt.
    """
    for venue in TABLE:
        if venue.mode == mode and exchange in (*venue.ids, *venue.relatives):
            return venue
    return None


def is_proven(exchange: str, mode: str) -> bool:
    """Tell whether an exchange is proven in a trading mode of Freqtrade's."""
    return any(venue.mode == mode and venue.proves(exchange) for venue in TABLE)


def unproven_in(config: Mapping[str, Any]) -> str | None:
    """Return the exchange that a configuration of Freqtrade's trades on live without proof, None
    where there is none."""
    if config.get("dry_run", True):
        return None
    name = str((config.get("exchange") or {}).get("name", ""))
    return None if is_proven(name, str(config.get("trading_mode") or "spot")) else name


def spelled(venue: Venue, client_id: str) -> str:
    """Return a client order id as an exchange takes it."""
    return client_id if venue.dashes else plain_order_id(client_id)


def proven() -> str:
    """Return the proven exchanges and modes in words."""
    return ", ".join(f"{venue.ids[0]} {venue.mode}" for venue in TABLE)


BINANCE_LOOK = Look("fetch_order", "clientOrderId")
BYBIT_LOOKS = (
    Look("fetch_open_orders", "orderLinkId", "orderId"),
    # The newest 500 that are closed, at once; the history may be seconds behind.
    Look("fetch_open_orders", "orderLinkId", "orderId", (("openOnly", 1),)),
    # Not fetch_closed_orders, which leaves out what was cancelled after a part was filled.
    Look("fetch_canceled_and_closed_orders", "orderLinkId", "orderId"),
)
OKX_LOOK = Look("fetch_order", "clientOrderId")

_BINANCE_KEY = KeyRights("sapi_get_account_apirestrictions", ("enableWithdrawals",))
_BYBIT_KEY = KeyRights("private_get_v5_user_query_api", ("result", "permissions", "Wallet"))
_OKX_KEY = KeyRights("private_get_account_config", ("data", 0, "perm"))

_BINANCE_STOP_WAYS = (
    StopWay(
        "fapiPrivatePostAlgoOrder",
        "/algoOrder",
        shape=(("isAlgoOrder", True),),
        more=(("algoType", "CONDITIONAL"),),
        params=APART,
    ),
    StopWay("fapiPrivatePostOrder", "/order", shape=(("isAlgoOrder", False),)),
)
"""The newer one first: https://developers.binance.com/docs/derivatives/change-log, 2025-12-09."""
_BINANCE_WINDOW: Params = (("recvWindow", 5_000),)
_BINANCE_UNRESOLVED = ("-1000", "-1001", "-1006", "-1007")
_BINANCE_REFUSED = ("-1015", "-1021", "-2015")
_BYBIT_UNRESOLVED = ("10000", "10016", "170001", "170007", "170032", "170146")
_OKX_UNRESOLVED = ("50001", "50004", "50013", "50026", "51149")

_OKX_SPOT = Venue(
    "OKX",
    "spot",
    ("okx",),
    ("myokx", "okxus"),
    longest=32,
    dashes=False,
    stop_name="algoClOrdId",
    broker="tag",
    window=30.0,
    clock=30.0,
    looks=(OKX_LOOK,),
    stop_looks=(OKX_LOOK._replace(params=APART),),
    stop_params=APART,
    open_lists=(
        NOTHING,
        (*APART, ("ordType", "conditional")),
        (*APART, ("ordType", "oco")),
        (*APART, ("ordType", "trigger")),
        (("trailing", True),),
    ),
    triggered="ordId",
    absent=("51603",),
    empty='"data":[]',
    unresolved=_OKX_UNRESOLVED,
    refused=("50102",),
    key_rights=_OKX_KEY,
)

TABLE = (
    Venue(
        "Binance",
        "spot",
        ("binance",),
        ("binanceus",),
        params=_BINANCE_WINDOW,
        reach=90.0,
        looks=(BINANCE_LOOK,),
        stop_looks=(BINANCE_LOOK,),
        absent=("-2013",),
        unresolved=_BINANCE_UNRESOLVED,
        refused=_BINANCE_REFUSED,
        key_rights=_BINANCE_KEY,
    ),
    Venue(
        "Binance USD-M",
        "futures",
        ("binance", "binanceusdm"),
        params=_BINANCE_WINDOW,
        reach=90.0,
        looks=(BINANCE_LOOK,),
        # Both lists: which of them a stop is in depends on the endpoint that took it.
        stop_looks=(BINANCE_LOOK._replace(params=APART), BINANCE_LOOK),
        stop_params=APART,
        stop_ways=_BINANCE_STOP_WAYS,
        moved=("-4120",),
        open_lists=(NOTHING, APART),
        triggered="actualOrderId",
        absent=("-2013",),
        unresolved=_BINANCE_UNRESOLVED,
        refused=(*_BINANCE_REFUSED, "-4120"),
        funding_page=1000,
        key_rights=_BINANCE_KEY,
    ),
    Venue(
        "Bybit",
        "spot",
        ("bybit",),
        ("bybiteu",),
        settles=10.0,
        looks=BYBIT_LOOKS,
        stop_looks=BYBIT_LOOKS,
        empty='"list":[]',
        unresolved=_BYBIT_UNRESOLVED,
        refused=("10002",),
        key_rights=_BYBIT_KEY,
    ),
    Venue(
        "Bybit",
        "futures",
        ("bybit",),
        settles=10.0,
        # A stop keeps its number when it is triggered, and the lists hold orders of all kinds.
        looks=BYBIT_LOOKS,
        stop_looks=BYBIT_LOOKS,
        empty='"list":[]',
        unresolved=_BYBIT_UNRESOLVED,
        refused=("10002",),
        key_rights=_BYBIT_KEY,
    ),
    _OKX_SPOT,
    replace(_OKX_SPOT, mode="futures", relatives=()),
)
