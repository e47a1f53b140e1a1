"""The stand-in exchange: Binance's public REST on loopback, fed by a tape and a clock.

Market data of spot, or of USD-M futures at the same prices. Other routes that ccxt touches while it
loads markets answer with empty lists; everything else answers 404 in Binance's error shape and is
counted.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.clock import Clock
from freqpilot.rehearsal.market import quotes
from freqpilot.rehearsal.market.distorted import Distortions
from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.market.tape import NotListed, PairTape, Tape
from freqpilot.rehearsal.venue import perpetuals
from freqpilot.rehearsal.venue.account import FUNDING_RATE
from freqpilot.rehearsal.venue.funding import FundingTimes

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CLOSES = 6
"""Where a kline row has its close time (ms)."""
NUMBERS = ("limit", "startTime", "endTime", "fromId")
EMPTY_LISTS = (
    "/sapi/v1/capital/config/getall",
    "/sapi/v1/margin/allPairs",
    "/sapi/v1/margin/isolated/allPairs",
    "/sapi/v1/spot/delist-schedule",
)


class RehearsalServer:
    """Serves a tape in a thread of its own between ``with`` and its end.

    ``requests`` counts answered requests by path, ``unknown`` those nobody answers.

    >>> with RehearsalServer(tape, clock) as server:      # doctest: +SKIP
    ...     print(server.url)
    http://127.0.0.1:40017
    """

    def __init__(
        self,
        tape: Tape,
        clock: Clock,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        futures: bool = False,
        funding_rate: Decimal = FUNDING_RATE,
    ) -> None:
        """
        :param clock: seconds since the epoch; the market is served as of this time.
        :param port: 0 takes a free one.
        :param futures: list perpetuals instead of spot markets.
        :param funding_rate: what a perpetual's longs pay its shorts every eight hours.
        :raises RefuseToStart: for a host that other machines could reach.
        """
        if not _is_loopback(host):
            raise RefuseToStart(
                f"the stand-in exchange serves this machine only: {host!r} is no loopback "
                "address; use 127.0.0.1"
            )
        self.tape, self.clock = tape, clock
        self.futures, self.funding = futures, FundingTimes(funding_rate)
        self.closed: set[str] = set()
        """Symbols that are not traded any more: nothing is known of their prices."""
        self.distorted = Distortions()
        self.vanished: set[str] = set()
        """Those of them that are not even listed."""
        self.late: dict[str, int] = {}
        """How long after its close (ms) a candle of a symbol is there; it is not before."""
        self.host, self.port = host, port
        self.requests: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self._answers = self._routes()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="rehearsal-exchange", daemon=True)
        self._ready = threading.Event()
        self._fault: Exception | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """Base address, e.g. ``http://127.0.0.1:40017``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._fault is not None:
            self._thread.join()
            reason = getattr(self._fault, "strerror", None) or self._fault
            raise RefuseToStart(
                f"cannot serve on {self.host}:{self.port}: {reason}; "
                "choose another port, or 0 for a free one"
            ) from self._fault
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def loop_ended(self, bot: Any) -> float | None:
        """Take note that the bot has ended a loop: nothing here depends on it."""
        return None

    def stop(self) -> None:
        """End the thread; safe to call twice."""
        if self._thread.is_alive() and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def wait(self) -> None:
        """Serve until the thread ends, in the foreground (Ctrl-C raises here)."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as fault:  # told by __enter__, in the thread that can act on it
            self._fault = fault
        finally:
            self._loop.close()
            self._ready.set()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port)
            await site.start()
            self.port = int(runner.addresses[0][1])
            self._ready.set()
            await self._stopping.wait()
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        answer = self._answers.get(request.path) if request.method == "GET" else None
        if answer is None:
            return self._no_route(request)
        self.requests[request.path] += 1
        return answered(lambda: answer(request))

    def _no_route(self, request: web.Request) -> web.Response:
        self.unknown[f"{request.method} {request.path}"] += 1
        return error(404, -1, f"the stand-in exchange has no {request.method} {request.path}")

    def _now(self) -> int:
        return int(self.clock() * 1000)

    def _routes(self) -> dict[str, Callable[[web.Request], Any]]:
        spot = "/api/v3"
        routes: dict[str, Callable[[web.Request], Any]] = {
            f"{spot}/ping": lambda _: {},
            f"{spot}/time": lambda _: {"serverTime": self._now()},
            f"{spot}/exchangeInfo": lambda _: quotes.exchange_info(
                self.tape, self._now(), self.closed, self.vanished
            ),
            f"{spot}/klines": self._klines,
            f"{spot}/depth": self._depth,
            f"{spot}/trades": self._trades,
            f"{spot}/historicalTrades": self._trades,
            f"{spot}/aggTrades": self._aggregate_trades,
            f"{spot}/ticker/24hr": self._quotes(quotes.ticker),
            f"{spot}/ticker/bookTicker": self._quotes(quotes.book_ticker),
            f"{spot}/ticker/price": self._quotes(quotes.price_ticker),
        }
        for other in ("/fapi/v1", "/dapi/v1"):
            routes[f"{other}/exchangeInfo"] = self._no_symbols
            routes[f"{other}/time"] = routes[f"{spot}/time"]
        routes.update(dict.fromkeys(EMPTY_LISTS, lambda _: []))
        if self.futures:
            routes[f"{spot}/exchangeInfo"] = self._no_symbols
            routes |= self._futures_routes(routes)
        return routes

    def _futures_routes(
        self, spot: dict[str, Callable[[web.Request], Any]]
    ) -> dict[str, Callable[[web.Request], Any]]:
        future = "/fapi/v1"
        same = ("ping", "time", "klines", "trades", "historicalTrades", "aggTrades")
        tickers = ("ticker/24hr", "ticker/bookTicker", "ticker/price")
        return {
            **{f"{future}/{name}": spot[f"/api/v3/{name}"] for name in (*same, *tickers)},
            f"{future}/exchangeInfo": lambda _: perpetuals.exchange_info(
                self.tape, self._now(), self.closed, self.vanished
            ),
            f"{future}/markPriceKlines": self._klines,
            f"{future}/depth": lambda request: perpetuals.depth(
                self._quoted(request), self._now(), _numbers(request).get("limit", 500)
            ),
            f"{future}/premiumIndex": lambda request: self._each(
                request, lambda pair, now: perpetuals.premium_index(pair, now, self.funding)
            ),
            f"{future}/fundingRate": lambda request: perpetuals.funding_rates(
                self._pair(request), self._now(), _numbers(request), self.funding
            ),
            f"{future}/fundingInfo": lambda _: perpetuals.funding_info(self._now(), self.funding),
        }

    def _no_symbols(self, _request: web.Request) -> dict[str, Any]:
        return {"timezone": "UTC", "serverTime": self._now(), "rateLimits": [], "symbols": []}

    def _pair(self, request: web.Request) -> PairTape:
        if "symbol" not in request.query:
            raise BadRequest(-1102, "Mandatory parameter 'symbol' was not sent.")
        return self._open(request.query["symbol"])

    def _quoted(self, request: web.Request) -> PairTape:
        return self.distorted.quoted(self._pair(request))

    def _open(self, symbol: str) -> PairTape:
        if symbol in self.closed:
            raise BadRequest(-1121, "Invalid symbol.")
        return self.tape.symbol(symbol)

    def _klines(self, request: web.Request) -> list[list[Any]]:
        interval = request.query.get("interval", "")
        pair, query = self._pair(request), _numbers(request)
        now, late = self._now(), self.late.get(pair.symbol, 0)
        try:
            self.distorted.require_candles(pair)
            found = quotes.klines(pair, interval, now, query)
        except NotListed:
            return []  # listed, but its first candle is still to come
        except ValueError:
            raise BadRequest(-1120, "Invalid interval.") from None
        return [row for row in found if not late or row[CLOSES] + late <= now]

    def _depth(self, request: web.Request) -> dict[str, Any]:
        return quotes.depth(self._quoted(request), self._now(), _numbers(request).get("limit", 100))

    def _trades(self, request: web.Request) -> list[dict[str, Any]]:
        return quotes.trades(self._pair(request), self._now(), _numbers(request))

    def _aggregate_trades(self, request: web.Request) -> list[dict[str, Any]]:
        return [quotes.aggregate(trade) for trade in self._trades(request)]

    def _quotes(
        self, quote: Callable[[PairTape, int], dict[str, Any]]
    ) -> Callable[[web.Request], Any]:
        """Return what answers with a quote, which may be a wrong one."""
        quoted = self.distorted.quoted
        return lambda request: self._each(request, lambda pair, now: quote(quoted(pair), now))

    def _each(
        self, request: web.Request, quote: Callable[[PairTape, int], dict[str, Any]]
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Answer for one symbol, for a list of them, or for all that have begun."""
        now = self._now()
        if "symbol" in request.query:
            return quote(self._pair(request), now)
        wanted = request.query.get("symbols", "").strip("[]").replace('"', "")
        if wanted:
            return [quote(self._open(name), now) for name in wanted.split(",")]
        begun = [
            pair
            for pair in self.tape.pairs.values()
            if pair.base.date[0] < now and pair.symbol not in self.closed
        ]
        return [quote(pair, now) for pair in begun]


def serve(tape: Tape, port: int, clock: Clock, host: str = "127.0.0.1") -> None:
    """Serve in the foreground until interrupted.

    :raises RefuseToStart: when the port is taken or the host is not loopback.
    """
    with RehearsalServer(tape, clock, host, port) as server:
        server.wait()


def _numbers(request: web.Request) -> dict[str, int]:
    try:
        return {name: int(request.query[name]) for name in NUMBERS if name in request.query}
    except ValueError:
        raise BadRequest(-1100, "Illegal characters found in a parameter.") from None


def answered(answer: Callable[[], Any]) -> web.Response:
    """Return an answer as JSON, or the refusal of it in Binance's shape."""
    try:
        return web.json_response(answer())
    except NotListed:
        return error(400, -1121, "Invalid symbol.")
    except BadRequest as fault:
        return error(400, fault.code, str(fault))


def error(status: int, code: int, message: str) -> web.Response:
    """Return a refusal in Binance's shape."""
    return web.json_response({"code": code, "msg": message}, status=status)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
