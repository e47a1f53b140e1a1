"""The stand-in exchange for live mode: a market, an account behind signed requests, and faults.

It runs outside the bot's process, so that it lives on when the bot is killed. Whether a request
has arrived, was carried out or was answered is decided here, as it is on a real exchange.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl

from aiohttp import web

from freqpilot.rehearsal.books.report import LoopReport, Meanwhile
from freqpilot.rehearsal.clock import Clock
from freqpilot.rehearsal.exchange.server import RehearsalServer, answered, error
from freqpilot.rehearsal.faults.playing import IncidentPlayer, Race
from freqpilot.rehearsal.faults.requests import Call, Fault, FaultPlan, Strike
from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import TOLD
from freqpilot.rehearsal.venue import private
from freqpilot.rehearsal.venue.spot import Ticket, Venue

Params = Mapping[str, str]
Private = Callable[[Params, int], Any]

Refusals = Mapping[Fault, Mapping[str, tuple[int, str]]]

WEIGHT_LIMIT = 6_000
"""Request weight a minute (Binance spot)."""
LATE_MS = (1_000, 4_000)
RETRY_AFTER = 5
REFUSALS: Refusals = {
    Fault.REJECT: {
        "before": (-2010, "Account has insufficient balance for requested action."),
        "after": (-1013, "Filter failure: LOT_SIZE"),
    },
    Fault.STOP: {
        "before": (-2010, "Stop price would trigger immediately."),
        "after": (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    },
}
DOWN = "Service unavailable from a restricted or failing backend."
KEY_RIGHTS = "/sapi/v1/account/apiRestrictions"
LOOP_END = "/rehearsal/loop-end"
"""Where the bot's process tells that a loop has ended; no route of Binance's."""

MESSAGE_SECONDS = 5.0
"""Real seconds that a message of the bot's may take to arrive: it is sent by another thread."""


class Observer(Protocol):
    """Who looks at the account at the end of each of the bot's loops."""

    messages: list[str]

    def loop_ended(self, now: int, strikes: int, report: LoopReport, meanwhile: Meanwhile) -> None:
        """Look at the account at ``now`` (ms), after so many faults."""

    def awaits_message(self, report: LoopReport) -> bool:
        """Tell whether something should have been sent that has not arrived."""


class LiveExchange(RehearsalServer):
    """Serves a market and one account. Once a fault has killed the bot (``dead``), nothing is
    answered until the next one is started."""

    orders: ClassVar[tuple[tuple[str, str], ...]] = (("POST", "/api/v3/order"),)
    """Routes that place an order."""
    heavy: ClassVar[Mapping[str, int]] = {
        "/api/v3/account": 20,
        "/api/v3/myTrades": 20,
        "/api/v3/allOrders": 20,
    }
    refusals: ClassVar[Refusals] = REFUSALS

    def __init__(
        self,
        tape: Tape,
        clock: Clock,
        venue: Venue,
        faults: FaultPlan | None = None,
        kill: Callable[[], None] = lambda: None,
        watchman: Observer | None = None,
        player: IncidentPlayer | None = None,
        port: int = 0,
        **server: Any,
    ) -> None:
        """
        :param kill: ends the bot's process at once.
        :param player: lets incidents happen between the bot's loops.
        """
        super().__init__(tape, clock, port=port, **server)
        self.venue, self.faults = venue, faults or FaultPlan()
        self.closed, self.vanished, self.late = venue.closed, venue.vanished, venue.late
        self.dead = False
        self.calm = False
        """Whether no fault may strike for now."""
        self.race: Race | None = None
        self.out: set[str] = set()
        """Paths that are answered with 503."""
        self.unsent: Counter[str] = Counter()
        """Orders that were not accepted, by the reason that was given."""
        self._kill, self._watchman, self._player = kill, watchman, player
        self._late: list[tuple[int, Ticket]] = []
        self._weight = (0, 0)
        rights = self._seen(lambda *_: private.key_rights())
        self._private = {("GET", KEY_RIGHTS): rights, **self._signed_routes()}

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        now = self._now()
        if request.path == LOOP_END:
            return await self._loop_ended(request, now)
        if request.path == TOLD:
            if self._watchman is not None:
                self._watchman.messages.append(str((await request.json())["text"]))
            return web.json_response({})
        body = await request.text()
        signed = body or request.query_string
        params = dict(parse_qsl(signed))
        route = (request.method, request.path)
        handler = self._private.get(route)
        if self.dead:
            return _cut(request)
        if request.path in self.out:
            return error(503, -1000, DOWN)
        if self.race is not None and handler is not None:
            self.race.request()
        self._arrive(now)
        order = params.get("type", "") if route in self.orders else ""
        symbol = params.get("symbol", "")
        call = Call(*route, symbol=symbol, signed=handler is not None, order=order)
        strike = None if self.calm else self.faults.strike(call, now)
        if strike is None:
            response = await self._carry_out(request, handler, signed, params, now)
        else:
            response = await self._struck(strike, request, handler, signed, params, now)
        if order and response.status != 200:
            self.unsent[_reason(response)] += 1
        answers = strike is None or strike.fault is Fault.PARTIAL
        race = self.race if order and answers and response.status == 200 else None
        if race is not None and not race.accepted.is_set():
            await race.hold()
        return response

    async def _loop_ended(self, request: web.Request, now: int) -> web.Response:
        self.settle(now)
        report = LoopReport.of(await request.json())
        if self._watchman is not None:
            patience = MESSAGE_SECONDS
            while patience > 0 and self._watchman.awaits_message(report):
                await asyncio.sleep(0.05)
                patience -= 0.05
            meanwhile = Meanwhile() if self._player is None else self._player.meanwhile()
            self._watchman.loop_ended(now, len(self.faults.strikes), report, meanwhile)
        sleep = await self._player.loop_ended(self, now) if self._player is not None else None
        return web.json_response({"sleep": sleep})

    async def _carry_out(
        self,
        request: web.Request,
        handler: Private | None,
        signed: str,
        params: Params,
        now: int,
    ) -> web.StreamResponse:
        if not self._within_limit(request.path, now):
            return self._too_many()
        if handler is None:
            return self._weighed(await super()._handle(request))
        self.requests[request.path] += 1

        def answer() -> Any:
            private.check_signature(request.headers, signed, params, now)
            assert handler is not None
            if params.get("symbol") in self.vanished:
                raise BadRequest(-1121, "Invalid symbol.")
            return handler(params, now)

        return self._weighed(answered(answer))

    async def _struck(
        self,
        strike: Strike,
        request: web.Request,
        handler: Private | None,
        signed: str,
        params: Params,
        now: int,
    ) -> web.StreamResponse:
        fault = strike.fault
        if refusal := self._refusal(strike):
            return refusal
        if fault is Fault.PARTIAL:
            return await self._carry_out(request, handler, signed, {**params, "doomed": "1"}, now)
        if fault is Fault.LATE:
            self._delay(strike, params, now)
            return _cut(request)
        carried = fault is Fault.LOST or (
            fault in (Fault.KILL, Fault.OUTAGE) and strike.moment == "after"
        )
        if carried:
            await self._carry_out(request, handler, signed, params, now)
        if fault is Fault.OUTAGE:
            return error(503, -1000, DOWN)
        if fault is Fault.KILL:
            self.end_bot()
        return _cut(request)

    def end_bot(self) -> None:
        """Kill the bot's process; nothing is answered until the next one."""
        self.dead = True
        self._kill()

    def _refusal(self, strike: Strike) -> web.Response | None:
        """Return the answer to a request that a fault refuses; None for another fault."""
        if strike.fault is Fault.LIMIT:
            return self._too_many()
        if strike.fault not in self.refusals:
            return None
        return error(400, *self.refusals[strike.fault][strike.moment])

    def _delay(self, strike: Strike, params: Params, now: int) -> None:
        """Let an order arrive later, if its receive window is still open then."""
        if int(params["timestamp"]) >= now + private.AHEAD:
            return  # refused, and nobody is there to hear it
        least, most = LATE_MS
        due = now + least + int((most - least) * self.faults.share("late", strike.request))
        if due <= int(params["timestamp"]) + private.window(params):
            self._late.append((due, self._ticket(params)))

    def settle(self, now: int) -> None:
        """Bring the account up to ``now``: late orders arrive, resting ones are matched."""
        self._arrive(now)
        self.venue.advance(now)

    def _arrive(self, now: int) -> None:
        due = [entry for entry in self._late if entry[0] <= now]
        self._late = [entry for entry in self._late if entry[0] > now]
        for moment, ticket in sorted(due, key=lambda entry: entry[0]):
            try:
                self.venue.submit(ticket, moment)
            except BadRequest:
                continue  # refused, and nobody is there to hear it

    def _signed_routes(self) -> dict[tuple[str, str], Private]:
        venue, spot = self.venue, "/api/v3"
        return {
            ("POST", f"{spot}/order"): self._new_order,
            ("DELETE", f"{spot}/order"): self._cancel,
            ("GET", f"{spot}/order"): self._seen(
                lambda params, _: private.order_json(private.found(venue, params))
            ),
            ("GET", f"{spot}/account"): self._seen(lambda _, now: private.account(venue, now)),
            ("GET", f"{spot}/openOrders"): self._seen(
                lambda params, _: [
                    private.order_json(order)
                    for order in venue.open_orders(params.get("symbol"))
                    if venue.listed(order)
                ]
            ),
            ("GET", f"{spot}/allOrders"): self._seen(
                lambda params, _: private.orders_json(venue, params)
            ),
            ("GET", f"{spot}/myTrades"): self._seen(
                lambda params, _: private.trades_json(venue, params)
            ),
        }

    def _seen(self, answer: Private) -> Private:
        """Return ``answer`` over the account as it is by then."""

        def advanced(params: Params, now: int) -> Any:
            self.venue.advance(now)
            return answer(params, now)

        return advanced

    def _cancel(self, params: Params, now: int) -> Any:
        self.venue.advance(now)
        try:
            order = private.found(self.venue, params)
        except BadRequest as fault:
            code = -2011 if fault.code == -2013 else fault.code
            raise BadRequest(code, "Unknown order sent.") from None
        return private.cancelled_json(self.venue.cancel(order, now))

    def _new_order(self, params: Params, now: int) -> Any:
        return private.accepted_json(self.venue.submit(self._ticket(params), now))

    def _ticket(self, params: Params) -> Ticket:
        return replace(private.ticket_of(params), doomed=bool(params.get("doomed")))

    def _within_limit(self, path: str, now: int) -> bool:
        minute = now // 60_000
        used = self._weight[1] if self._weight[0] == minute else 0
        self._weight = (minute, used + self.heavy.get(path, 2))
        return self._weight[1] <= WEIGHT_LIMIT

    def _weighed(self, response: web.StreamResponse) -> web.StreamResponse:
        response.headers["X-MBX-USED-WEIGHT-1M"] = str(self._weight[1])
        response.headers["X-MBX-ORDER-COUNT-1D"] = str(len(self.venue.orders))
        return response

    def _too_many(self) -> web.Response:
        message = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
        return web.Response(
            text=json.dumps({"code": -1003, "msg": message}),
            status=429,
            headers={"Retry-After": str(RETRY_AFTER)},
            content_type="application/json",
        )


def _reason(response: web.StreamResponse) -> str:
    """Return what was said to a request that was refused."""
    text = response.text if isinstance(response, web.Response) else None
    try:
        return str(json.loads(text or "")["msg"])
    except (ValueError, KeyError, TypeError):
        return f"status {response.status}"


def _cut(request: web.Request) -> web.Response:
    """Drop the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
