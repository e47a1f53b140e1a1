"""Exchanges behind ccxt's own classes: the answers are those of their documentation, and nothing
leaves the machine, as the HTTP session is replaced.

A :class:`Wire` is one exchange in one mode. It keeps the orders that arrive and answers for them.
A test says what becomes of the next order, by :attr:`Wire.fate`: whether it arrives, how it is
answered, what happens to it afterwards.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import ccxt
import requests

from freqpilot.execution.venues import mode_of
from freqpilot.rehearsal.clock import VirtualClock

Answer = tuple[int, Any]
"""Status and body of an answer, as JSON or as text."""


class Reply:
    """An answer as the HTTP library gives it."""

    def __init__(self, status: int, body: Any) -> None:
        self.status_code, self.reason, self.encoding = status, "", "utf-8"
        self.headers = requests.structures.CaseInsensitiveDict({"Content-Type": "text/plain"})
        self.text = body if isinstance(body, str) else json.dumps(body)
        self.content = self.text.encode()

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise requests.HTTPError(str(self.status_code))


@dataclass
class Fate:
    """What becomes of an order: ``arrives`` at the exchange, is in this ``state`` there with this
    share ``filled``, and is answered by ``answer``, or not at all."""

    arrives: bool = True
    state: str = "open"
    filled: float = 0.0
    answer: Answer | Exception | None = None


LOST = requests.exceptions.ReadTimeout("the answer was lost")


@dataclass
class Wire:
    """One exchange in one mode. Subclasses know its words."""

    clock: VirtualClock
    fate: Fate = field(default_factory=Fate)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    placed: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusing: Answer | None = None
    """What questions are answered with, instead of an order."""

    prefix: ClassVar[str] = ""
    pair: ClassVar[str] = "SOL/USDT"
    instrument: ClassVar[str] = "SOLUSDT"
    contract: ClassVar[float] = 1.0
    rejected: ClassVar[Answer] = (400, {})
    overloaded: ClassVar[Answer] = (429, {})

    def __post_init__(self) -> None:
        self.api: Any = self.connect()
        self.api.session = self
        self.cookies: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.api.set_markets([self.market()])
        self.api.enableRateLimit = False
        self.greet()

    def connect(self) -> Any:
        """Return ccxt's client."""
        raise NotImplementedError

    def greet(self) -> None:
        """Ask what Freqtrade asks at its start."""

    def market(self) -> dict[str, Any]:
        """Return the pair in ccxt's words."""
        spot = mode_of(self.pair) == "spot"
        return {
            **self.api.safe_market_structure(),
            "id": self.instrument,
            "symbol": self.pair,
            "base": "SOL",
            "quote": "USDT",
            "settle": None if spot else "USDT",
            "baseId": "SOL",
            "quoteId": "USDT",
            "settleId": None if spot else "USDT",
            "type": "spot" if spot else "swap",
            "spot": spot,
            "margin": False,
            "swap": not spot,
            "future": False,
            "option": False,
            "active": True,
            "contract": not spot,
            "linear": None if spot else True,
            "inverse": None if spot else False,
            "contractSize": None if spot else self.contract,
            "precision": {"amount": 0.001, "price": 0.01},
            "info": {"orderTypes": ["LIMIT", "MARKET", "STOP_LOSS_LIMIT", "STOP_MARKET"]},
        }

    def serve(self, method: str, path: str, given: dict[str, Any]) -> Answer:
        """Answer a request."""
        raise NotImplementedError

    def stop(self) -> dict[str, Any]:
        """Return ccxt's arguments for a stop, as Freqtrade's class of this exchange gives them."""
        raise NotImplementedError

    def request(self, method: str, url: str, data: Any = None, **_: Any) -> Reply:
        """Carry out a request of ccxt's."""
        parts = urlsplit(url)
        given: dict[str, Any] = dict(parse_qsl(parts.query))
        if data:
            text = data.decode() if isinstance(data, bytes) else data
            body = json.loads(text) if text[0] in "{[" else dict(parse_qsl(text))
            given.update(body[0] if isinstance(body, list) else body)
        self.asked.append((method, parts.path))
        if method == "GET" and self.refusing is not None:
            return Reply(*self.refusing)
        answer = self.serve(method, parts.path, given)
        if method == "POST":
            return self._answered(parts.path, given, answer)
        return Reply(*answer)

    def _answered(self, path: str, given: dict[str, Any], answer: Answer) -> Reply:
        self.placed.append((path, given))
        if isinstance(self.fate.answer, Exception):
            raise self.fate.answer
        return Reply(*(self.fate.answer or answer))

    def find(self, number: str, given: dict[str, Any], name: str) -> dict[str, Any] | None:
        """Return the order that is asked for by its name, or by its number."""
        if name in given:
            return self.orders.get(given[name])
        found = [each for each in self.orders.values() if str(each.get(number)) == given[number]]
        return found[0] if found else None

    @property
    def now(self) -> int:
        """Milliseconds, as the exchange stamps orders."""
        return int(self.clock() * 1000)

    def keep(self, name: str, order: dict[str, Any]) -> None:
        """Keep an order if it arrives."""
        if self.fate.arrives:
            self.orders[name] = order


class BinanceSpot(Wire):
    """https://developers.binance.com/docs/binance-spot-api-docs/rest-api/trading-endpoints"""

    prefix = "BIN-S"
    path = "/api/v3/order"
    states: ClassVar = {"open": "NEW", "filled": "FILLED", "cancelled": "CANCELED"}
    rejected = (400, {"code": -2010, "msg": "Account has insufficient balance."})
    overloaded = (429, {"code": -1003, "msg": "Too many requests."})

    def connect(self) -> Any:
        return ccxt.binance({"apiKey": "k", "secret": "s"})

    def stop(self) -> dict[str, Any]:
        return {"type": "stop_loss_limit", "price": 89.0, "params": {"stopPrice": 90.0}}

    def serve(self, method: str, path: str, given: dict[str, Any]) -> Answer:
        if method == "POST":
            return self.take(given)
        found = self.find("orderId", given, "origClientOrderId")
        return (200, found) if found else (400, {"code": -2013, "msg": "Order does not exist."})

    def take(self, given: dict[str, Any]) -> Answer:
        name = given["newClientOrderId"]
        order = {
            "symbol": "SOLUSDT",
            "orderId": 1000 + len(self.placed),
            "clientOrderId": name,
            "price": given.get("price", "0"),
            "origQty": given["quantity"],
            "executedQty": str(float(given["quantity"]) * self.fate.filled),
            "cummulativeQuoteQty": str(100 * float(given["quantity"]) * self.fate.filled),
            "status": self.states[self.fate.state],
            "timeInForce": "GTC",
            "type": given["type"],
            "side": given["side"],
            "stopPrice": given.get("stopPrice", "0"),
            "reduceOnly": given.get("reduceOnly") == "true",
            "time": self.now,
            "updateTime": self.now,
        }
        self.keep(name, order)
        return 200, order


MOVED = {"code": -4120, "msg": "Order type not supported for this endpoint."}


class BinanceFutures(BinanceSpot):
    """https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api"""

    prefix = "BIN-F"
    pair = "SOL/USDT:USDT"
    path = "/fapi/v1/order"
    algo = "/fapi/v1/algoOrder"
    home = "algo"
    """Where stops are taken: ``algo`` since 2025-12-09, ``plain`` before, or ``nowhere``."""
    rejected = (400, {"code": -2019, "msg": "Margin is insufficient."})

    def connect(self) -> Any:
        return ccxt.binance({"apiKey": "k", "secret": "s", "options": {"defaultType": "swap"}})

    def stop(self) -> dict[str, Any]:
        params = {"stopPrice": 90.0, "reduceOnly": True}
        return {"type": "stop_market", "price": None, "params": params}

    def serve(self, method: str, path: str, given: dict[str, Any]) -> Answer:
        if method == "POST" and self.is_moved(path, given):
            return 400, MOVED
        if method == "DELETE":
            return self.cancel(path, given)
        if path == self.path:
            return super().serve(method, path, given)
        assert path == self.algo
        if method == "GET":
            found = self.find("algoId", given, "clientAlgoId")
            return (200, found) if found else (400, {"code": -2013, "msg": "Order does not exist."})
        name = given["clientAlgoId"]
        order = {
            "algoId": 2000 + len(self.placed),
            "clientAlgoId": name,
            "algoType": "CONDITIONAL",
            "orderType": given["type"],
            "symbol": "SOLUSDT",
            "side": given["side"],
            "positionSide": "BOTH",
            "quantity": given["quantity"],
            "algoStatus": {"open": "NEW", "triggered": "FINISHED"}[self.fate.state],
            "actualOrderId": "77" if self.fate.state == "triggered" else "",
            "triggerPrice": given["triggerPrice"],
            "reduceOnly": True,
            "createTime": self.now,
            "updateTime": self.now,
        }
        self.keep(name, order)
        return 200, order

    def find(self, number: str, given: dict[str, Any], name: str) -> dict[str, Any] | None:
        found = super().find(number, given, name)
        return found if found is None or number in found else None

    def _answered(self, path: str, given: dict[str, Any], answer: Answer) -> Reply:
        if answer == (400, MOVED):  # whatever becomes of the next order
            self.placed.append((path, given))
            return Reply(*answer)
        return super()._answered(path, given, answer)

    def is_moved(self, path: str, given: dict[str, Any]) -> bool:
        """Tell whether a stop is taken elsewhere, or nowhere."""
        at = "algo" if path == self.algo else "plain"
        return given["type"].startswith("STOP") and at != self.home

    def cancel(self, path: str, given: dict[str, Any]) -> Answer:
        """Cancel an open order in the list of the endpoint."""
        number, state = ("algoId", "algoStatus") if path == self.algo else ("orderId", "status")
        found = self.find(number, given, "")
        if found is None or found[state] != "NEW":
            return 400, {"code": -2011, "msg": "Unknown order sent."}
        found[state] = "CANCELED"
        return 200, found


class BybitSpot(Wire):
    """https://bybit-exchange.github.io/docs/v5/order/create-order, open-order, order-list; the
    account is a unified one."""

    prefix = "BYB-S"
    category = "spot"
    recent = True
    """Whether closed orders are in the real-time list; after a restart they are not."""
    rejected = (200, {"retCode": 170131, "retMsg": "Insufficient balance.", "result": {}})
    overloaded = (200, {"retCode": 10006, "retMsg": "Too many visits!", "result": {}})
    states: ClassVar = {
        "open": "New",
        "filled": "Filled",
        "cancelled": "PartiallyFilledCanceled",
        "triggered": "Filled",
    }

    def connect(self) -> Any:
        options = {"defaultType": "spot"}
        return ccxt.bybit({"apiKey": "k", "secret": "s", "options": options})

    def greet(self) -> None:
        assert self.api.is_unified_enabled() == [False, True]
        self.asked.clear()

    def stop(self) -> dict[str, Any]:
        params = {"stopLossPrice": 90.0, "method": "privatePostV5OrderCreate"}
        if self.category == "linear":
            params = {**params, "reduceOnly": True}
        return {"type": "market", "price": None, "params": params}

    def serve(self, method: str, path: str, given: dict[str, Any]) -> Answer:
        if path == "/v5/user/query-api":
            return 200, {"retCode": 0, "result": {"unified": 0, "uta": 1}}
        if path == "/v5/account/info":
            return 200, {"retCode": 0, "result": {"unifiedMarginStatus": 5}}
        if path == "/v5/order/create":
            return self.take(given)
        found = [order for order in self.orders.values() if self.lists(path, given, order)]
        result = {"category": self.category, "list": found, "nextPageCursor": ""}
        return 200, {"retCode": 0, "retMsg": "OK", "result": result, "time": self.now}

    def lists(self, path: str, given: dict[str, Any], order: dict[str, Any]) -> bool:
        """Tell whether a list holds an order."""
        assert given["category"] == self.category
        key = "orderId" if "orderId" in given else "orderLinkId"
        if order[key] != given[key]:
            return False
        is_open = order["orderStatus"] in ("New", "Untriggered")
        if path == "/v5/order/realtime":
            open_only = given.get("openOnly", "0") == "0"
            return is_open if open_only else not is_open and self.recent
        assert path == "/v5/order/history"
        wanted = given.get("orderStatus")
        return not is_open and wanted in (None, order["orderStatus"])

    def take(self, given: dict[str, Any]) -> Answer:
        name = given["orderLinkId"]
        quantity = float(given["qty"])
        status = self.states[self.fate.state]
        order = {
            "symbol": "SOLUSDT",
            "orderId": str(3000 + len(self.placed)),
            "orderLinkId": name,
            "orderType": given["orderType"],
            "orderStatus": "Untriggered" if "triggerPrice" in given and status == "New" else status,
            "price": given.get("price", ""),
            "qty": given["qty"],
            "side": given["side"],
            "cumExecQty": str(quantity * self.fate.filled),
            "cumExecValue": str(100 * quantity * self.fate.filled),
            "avgPrice": "100" if self.fate.filled else "",
            "leavesQty": "0" if status != "New" else given["qty"],
            "marketUnit": given.get("marketUnit", ""),
            "triggerPrice": given.get("triggerPrice", ""),
            "reduceOnly": given.get("reduceOnly", False),
            "createdTime": str(self.now),
            "updatedTime": str(self.now),
        }
        self.keep(name, order)
        result = {"orderId": order["orderId"], "orderLinkId": name}
        return 200, {"retCode": 0, "retMsg": "OK", "result": result, "time": self.now}


class BybitFutures(BybitSpot):
    """The same endpoints, by category: https://bybit-exchange.github.io/docs/v5/order/create-order"""

    prefix = "BYB-F"
    pair = "SOL/USDT:USDT"
    category = "linear"
    rejected = (200, {"retCode": 110007, "retMsg": "ab not enough for new order", "result": {}})

    def connect(self) -> Any:
        options = {"defaultSettle": "USDT"}
        return ccxt.bybit({"apiKey": "k", "secret": "s", "options": options})


class OkxSpot(Wire):
    """https://www.okx.com/docs-v5/en/#order-book-trading-trade and
    https://www.okx.com/docs-v5/en/#order-book-trading-algo-trading"""

    prefix = "OKX-S"
    instrument = "SOL-USDT"
    kind = "SPOT"
    rejected = (200, {"code": "1", "data": [{"sCode": "51008", "sMsg": "Insufficient balance"}]})
    overloaded = (429, {"code": "50011", "data": [], "msg": "Requests too frequent."})
    states: ClassVar = {"open": "live", "filled": "filled", "cancelled": "canceled"}
    algo_states: ClassVar = {"open": "live", "triggered": "effective", "cancelled": "canceled"}

    def connect(self) -> Any:
        login = {"apiKey": "k", "secret": "s", "password": "p"}
        return ccxt.okx({**login, "options": {"brokerId": "ffb5405ad327SUDE"}})

    def stop(self) -> dict[str, Any]:
        return {
            "type": "market",
            "price": None,
            "params": {"stopLossPrice": 90.0, "tdMode": "cash"},
        }

    def serve(self, method: str, path: str, given: dict[str, Any]) -> Answer:
        algo = path == "/api/v5/trade/order-algo"
        if method == "POST":
            return self.take_algo(given) if algo else self.take(given)
        assert path in ("/api/v5/trade/order", "/api/v5/trade/order-algo")
        keys = ("algoId", "algoClOrdId") if algo else ("ordId", "clOrdId")
        found = self.find(keys[0], given, keys[1])
        if found is None or ("algoId" in found) != algo:
            return 200, {"code": "51603", "data": [], "msg": "Order does not exist"}
        return 200, {"code": "0", "data": [found], "msg": ""}

    def take(self, given: dict[str, Any]) -> Answer:
        name = given["clOrdId"]
        number = str(4000 + len(self.placed))
        order = {
            "instType": self.kind,
            "instId": given["instId"],
            "ordId": number,
            "clOrdId": name,
            "px": given.get("px", ""),
            "sz": given["sz"],
            "ordType": given["ordType"],
            "side": given["side"],
            "accFillSz": str(float(given["sz"]) * self.fate.filled),
            "avgPx": "100" if self.fate.filled else "",
            "state": self.states[self.fate.state],
            "tgtCcy": given.get("tgtCcy", ""),
            "cTime": str(self.now),
            "uTime": str(self.now),
        }
        self.keep(name, order)
        made = {"ordId": number, "clOrdId": name, "tag": "", "sCode": "0", "sMsg": ""}
        return 200, {"code": "0", "data": [made], "msg": ""}

    def take_algo(self, given: dict[str, Any]) -> Answer:
        name, number = given["algoClOrdId"], str(5000 + len(self.placed))
        order = {
            "instType": self.kind,
            "instId": given["instId"],
            "algoId": number,
            "algoClOrdId": name,
            "clOrdId": "",
            "ordId": "99" if self.fate.state == "triggered" else "",
            "sz": given["sz"],
            "ordType": given["ordType"],
            "side": given["side"],
            "state": self.algo_states[self.fate.state],
            "slTriggerPx": given["slTriggerPx"],
            "slOrdPx": given["slOrdPx"],
            "cTime": str(self.now),
        }
        self.keep(name, order)
        made = {"algoId": number, "algoClOrdId": name, "sCode": "0", "sMsg": ""}
        return 200, {"code": "0", "data": [made], "msg": ""}


class OkxFutures(OkxSpot):
    """Swaps are counted in contracts: https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments"""

    prefix = "OKX-F"
    pair = "SOL/USDT:USDT"
    instrument = "SOL-USDT-SWAP"
    kind = "SWAP"
    contract = 0.1

    def stop(self) -> dict[str, Any]:
        params = {"stopLossPrice": 90.0, "tdMode": "isolated", "posSide": "net", "reduceOnly": True}
        return {"type": "market", "price": None, "params": params}


WIRES: tuple[Callable[[VirtualClock], Wire], ...] = (
    BinanceSpot,
    BinanceFutures,
    BybitSpot,
    BybitFutures,
    OkxSpot,
    OkxFutures,
)
