"""What time does to a futures account: fills, triggers, liquidations, funding, in their order.

The fill model is the spot account's. What is added, stated:

- A conditional order is kept apart; the path that reaches its trigger makes an order of its own.
- A symbol that is delisted is settled: its position closes at the last price.
- When the path reaches the liquidation price, the position closes there, all of it, as a taker. No
  insurance fund takes what is left of its margin: it goes back to the wallet.
- At each funding time of its symbol the position pays its value times the rate, from what the
  wallet has free, and from its margin where that is too little.
- The mark price is the last price.
- Where conditional orders are taken is ``stop_home``: at the endpoint of their own (Binance since
  2025-12-09), among the plain orders (before), or nowhere. One that was taken before stays where it
  is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Literal

from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.market.tape import PairTape, Tape
from freqpilot.rehearsal.venue import margin
from freqpilot.rehearsal.venue.account import FUNDING_RATE, MAKER, TAKER, FuturesAccount
from freqpilot.rehearsal.venue.funding import FundingTimes
from freqpilot.rehearsal.venue.margin import Position
from freqpilot.rehearsal.venue.matching import first_beyond
from freqpilot.rehearsal.venue.spot import ZERO, Ticket, VenueOrder, far_side, rounded

FIRST_ALGO = 1_000_000_000
"""Conditional orders are numbered from here on: no order has the same number."""

MOVED = -4120
"""Binance's code for a conditional order that is taken at another endpoint."""

StopHome = Literal["algo", "plain", "nowhere"]
Event = tuple[int, Callable[[], None]]


@dataclass
class AlgoOrder(VenueOrder):
    """A conditional order; ``child`` is the order that it became."""

    child: VenueOrder | None = None

    @property
    def state(self) -> str:
        """Binance's ``algoStatus``: NEW, TRIGGERED, FINISHED, CANCELED, REJECTED or EXPIRED."""
        if self.child is None:
            return self.status
        return "TRIGGERED" if self.child.is_open else "FINISHED"


class FuturesVenue(FuturesAccount):
    """One futures account and its conditional orders.

    >>> venue = FuturesVenue(tape, {"USDT": Decimal(1000)})          # doctest: +SKIP
    >>> venue.set_margin_type("BTCUSDT", "ISOLATED")                 # doctest: +SKIP
    >>> venue.submit(Ticket("BTCUSDT", "SELL", "MARKET", Decimal("0.01")), now).status
    'FILLED'
    """

    def __init__(
        self,
        tape: Tape,
        balances: Mapping[str, Decimal],
        taker: Decimal = TAKER,
        maker: Decimal = MAKER,
        funding_rate: Decimal = FUNDING_RATE,
    ) -> None:
        super().__init__(tape, balances, taker, maker)
        self.funding = FundingTimes(funding_rate)
        self.algos: list[AlgoOrder] = []
        self.stop_home: StopHome = "algo"
        """Where a new conditional order is taken; see the module."""
        self.liquidations = 0
        self.forced: set[str] = set()
        """Symbols whose price was made to jump beyond a position's liquidation price."""

    # what is asked

    def submit(self, ticket: Ticket, now: int) -> VenueOrder:
        """Accept an order; one with a stop price becomes a conditional order.

        :raises BadRequest: for a filter, the margin, nothing to reduce, a client id in use, or a
            conditional order that is not taken at this endpoint.
        """
        if ticket.stop is None:
            return super().submit(ticket, now)
        if self.stop_home != ("algo" if ticket.algo else "plain"):
            other = "Order" if ticket.algo else "Algo Order"
            text = "Order type not supported for this endpoint. Please use the"
            raise BadRequest(MOVED, f"{text} {other} API endpoints instead.")
        if not ticket.algo:
            return super().submit(ticket, now)
        self.advance(now)
        self._check(ticket, self.tape.symbol(ticket.symbol), now)
        algo = AlgoOrder(
            number=FIRST_ALGO + len(self.algos),
            client_id=ticket.client_id or f"autoalgo{len(self.algos) + 1}",
            symbol=ticket.symbol,
            side=ticket.side,
            kind=ticket.kind,
            amount=ticket.amount,
            limit=ticket.limit,
            stop=ticket.stop,
            created=now,
            updated=now,
            reduce_only=ticket.reduce_only,
        )
        self.algos.append(algo)
        return algo

    def find_algo(self, number: int | None, client_id: str | None) -> AlgoOrder:
        """Return a conditional order by its number, or the newest with a client id.

        :raises BadRequest: when there is none.
        """
        for algo in reversed(self.algos):
            wanted = algo.number == number if number else algo.client_id == client_id
            if wanted and self.listed(algo):
                return algo
        raise BadRequest(-2013, "Order does not exist.")

    def open_algos(self, symbol: str | None = None) -> list[AlgoOrder]:
        """Return the conditional orders that wait for their trigger."""
        return [algo for algo in self.algos if algo.is_open and symbol in (None, algo.symbol)]

    def waiting(self, symbol: str | None = None) -> list[VenueOrder]:
        """Return everything that can still become a fill."""
        return [*self.open_orders(symbol), *self.open_algos(symbol)]

    def stops(self) -> list[VenueOrder]:
        """Return every conditional order there ever was, at both endpoints, the oldest first."""
        plain = [order for order in self.orders if order.stop is not None]
        return sorted([*self.algos, *plain], key=lambda order: order.created)

    def change_funding(self, symbol: str, hours: int, now: int) -> None:
        """Let a symbol's funding be due every so many hours from now on."""
        self.advance(now)
        self.funding.change(symbol, hours, now)

    # the passing of time

    def advance(self, now: int) -> None:
        """Fill, trigger, liquidate and fund what the market has met since the last look, in the
        order in which it has."""
        while now > self._matched:
            due = self.funding.next_of_all(self._matched) if self._matched else now + 1
            end = min(now, due)
            self._play(self._matched, end)
            self._matched = end
            if end == due:
                self._fund(due)

    def _play(self, since: int, end: int) -> None:
        rested: set[int] = set()
        moment = since
        while (event := self._next(since, moment, end, rested)) is not None:
            moment = max(moment, event[0])
            event[1]()

    def _next(self, since: int, moment: int, end: int, rested: set[int]) -> Event | None:
        """Return the first event from ``moment`` on. An order in the book is looked at once in a
        stretch, by the volume of all of it."""
        events: list[Event] = []
        for order in self.open_orders():
            pair = self.tape.symbol(order.symbol)
            if order.resting is None or order.limit is None or order.number in rested:
                continue
            beyond = far_side(order, pair)
            begin = max(since, order.resting)
            met = first_beyond(pair, begin, end, beyond, -order.sign)
            if met is not None:
                events.append((met[0], partial(self._rest_once, order, pair, begin, end, rested)))
        for stop in self._untriggered():
            pair, begin = self.tape.symbol(stop.symbol), max(moment, stop.created)
            assert stop.stop is not None
            met = first_beyond(pair, begin, end, float(stop.stop), stop.sign)
            if met is not None:
                events.append((met[0], partial(self._go_off, stop, pair, met[0], met[1])))
        for position in self.positions.values():
            if price := self._liquidation(position):
                pair, begin = self.tape.symbol(position.symbol), max(moment, position.updated)
                met = first_beyond(pair, begin, end, float(price), -position.sign)
                if met is not None:
                    events.append((met[0], partial(self._liquidate, position, price, met[0])))
        return min(events, key=lambda event: event[0], default=None)

    def _rest_once(
        self, order: VenueOrder, pair: PairTape, since: int, end: int, rested: set[int]
    ) -> None:
        rested.add(order.number)
        self._rest(order, pair, since, end)

    def _untriggered(self) -> list[VenueOrder]:
        """Return the open conditional orders of both endpoints that wait for their trigger."""
        plain = [o for o in self.open_orders() if o.stop is not None and o.resting is None]
        return [*self.open_algos(), *plain]

    def _go_off(self, order: VenueOrder, pair: PairTape, now: int, price: float) -> None:
        if isinstance(order, AlgoOrder):
            self._set_off(order, pair, now, price)
        else:
            self._trip(order, pair, now, price)

    def _set_off(self, algo: AlgoOrder, pair: PairTape, now: int, price: float) -> None:
        """Make an order of a conditional one, or reject it when nothing can come of it."""
        algo.updated = now
        order = VenueOrder(
            number=len(self.orders) + 1,
            client_id=f"algo{algo.number}",
            symbol=algo.symbol,
            side=algo.side,
            kind="MARKET" if algo.limit is None else "LIMIT",
            amount=algo.amount,
            limit=algo.limit,
            stop=None,
            created=now,
            updated=now,
            reduce_only=algo.reduce_only,
        )
        try:
            self._afford(order, pair, now)
        except BadRequest:
            algo.status = "REJECTED"
            return
        self.orders.append(order)
        algo.status, algo.child = "TRIGGERED", order
        self._take(order, pair, now, price)
        if order.is_open and order.kind == "MARKET":
            order.status = "EXPIRED"

    def _trip(self, order: VenueOrder, pair: PairTape, now: int, price: float) -> None:
        """Let a conditional order among the plain ones go off."""
        order.updated = now
        if order.reduce_only and not self.position(order.symbol).reducible(order.sign):
            order.status = "EXPIRED"
            return
        self._take(order, pair, now, price)
        if order.is_open and order.limit is None:
            order.status = "EXPIRED"

    def _liquidation(self, position: Position) -> Decimal:
        """Return the liquidation price on the tick grid, on the side where margin is left."""
        exact = position.liquidation_price
        if not exact:
            return ZERO
        tick = Decimal(str(self.tape.symbol(position.symbol).tick))
        return rounded(exact, tick, up=position.sign > 0)

    def delist(self, symbol: str, now: int, *, vanish: bool = False) -> None:
        """End the trading of a symbol; its orders are cancelled and its position is settled."""
        super().delist(symbol, now, vanish=vanish)
        position = self.position(symbol)
        if position.amount:
            name = f"settlement_autoclose-{len(self.orders)}"
            self._close(position, self.price(symbol, now), now, name)

    def _liquidate(self, position: Position, price: Decimal, now: int) -> None:
        self.liquidations += 1
        self._close(position, price, now, f"autoclose-{self.liquidations}")

    def _close(self, position: Position, price: Decimal, now: int, name: str) -> None:
        """Close a position by an order of the exchange's own."""
        for order in self.waiting(position.symbol):
            order.status, order.updated = "CANCELED", now
        order = VenueOrder(
            number=len(self.orders) + 1,
            client_id=name,
            symbol=position.symbol,
            side="SELL" if position.sign > 0 else "BUY",
            kind="LIMIT",
            amount=abs(position.amount),
            limit=price,
            stop=None,
            created=now,
            updated=now,
            reduce_only=True,
        )
        self.orders.append(order)
        self._fill(order, order.amount, price, now, maker=False)

    def _fund(self, now: int) -> None:
        for position in self.positions.values():
            if not position.amount or not self.funding.is_due(position.symbol, now):
                continue
            _, quote = self.assets(position.symbol)
            price = self.price(position.symbol, now)
            rate = self.funding.rate_at(position.symbol, now)
            fee = margin.funding_fee(position.amount, price, rate)
            position.margin -= max(ZERO, min(position.margin, fee - max(ZERO, self.free(quote))))
            self.balances[quote] -= fee
            self._note(now, position.symbol, "FUNDING_FEE", -fee)
