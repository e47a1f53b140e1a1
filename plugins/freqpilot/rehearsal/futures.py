"""The stand-in exchange's account for USD-M futures: isolated margin, one-way positions.

The fill model is the spot account's. What is added, stated:

- Fees are paid in the quote currency from the wallet, as maker or taker.
- A reduce-only order never takes more than the position; what is left of it expires with it.
- A conditional order is kept apart; the path that reaches its trigger makes an order of its own.
- When the path reaches the liquidation price, the position closes there, all of it, as a taker. No
  insurance fund takes what is left of its margin: it goes back to the wallet.
- At each funding time the position pays its value times the rate, from what the wallet has free,
  and from its margin where that is too little.
- The mark price is the last price. Cross margin and hedge mode do not exist here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import partial

from freqpilot.rehearsal import margin
from freqpilot.rehearsal.margin import Position
from freqpilot.rehearsal.quotes import BadRequest
from freqpilot.rehearsal.tape import PairTape, Tape
from freqpilot.rehearsal.venue import (
    EIGHT,
    LOT,
    MIN_NOTIONAL,
    ZERO,
    Ticket,
    Venue,
    VenueOrder,
    cost_of,
    first_beyond,
    ladder,
    rounded,
)

TAKER, MAKER = Decimal("0.0004"), Decimal("0.0002")
FUNDING_RATE = Decimal("0.0001")
FUNDING_MS = 8 * 3_600_000
FIRST_ALGO = 1_000_000_000
"""Conditional orders are numbered from here on: no order has the same number."""

Event = tuple[int, Callable[[], None]]


@dataclass(frozen=True)
class Income:
    """One movement of the wallet: Binance's ``kind`` (REALIZED_PNL, COMMISSION, FUNDING_FEE)."""

    number: int
    time: int
    symbol: str
    kind: str
    amount: Decimal


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


class FuturesVenue(Venue):
    """One futures account on the markets of a tape, whose spot prices are taken for the future's.

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
        super().__init__(tape, balances, taker)
        self.maker, self.funding_rate = maker, funding_rate
        self.positions: dict[str, Position] = {}
        self.algos: list[AlgoOrder] = []
        self.income: list[Income] = []
        self.liquidations = 0

    # what is asked

    def position(self, symbol: str) -> Position:
        """Return the position of a symbol, with its leverage, also when it is empty.

        :raises NotListed: for an unknown symbol.
        """
        self.tape.symbol(symbol)
        return self.positions.setdefault(symbol, Position(symbol))

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """Set the leverage of what is opened from now on.

        :raises BadRequest: out of range, or lower while a position is open.
        """
        position = self.position(symbol)
        if not 1 <= leverage <= margin.MAX_LEVERAGE:
            raise BadRequest(-4028, f"Leverage {leverage} is not valid")
        if position.amount and leverage < position.leverage:
            raise BadRequest(
                -4161,
                "Leverage reduction is not supported in Isolated Margin Mode with open positions",
            )
        position.leverage = leverage

    def set_margin_type(self, symbol: str, kind: str) -> None:
        """Set ISOLATED or CROSSED.

        :raises BadRequest: when it is set already, or while there is an order or a position.
        """
        position = self.position(symbol)
        if kind not in ("ISOLATED", "CROSSED"):
            raise BadRequest(-1102, "Mandatory parameter 'marginType' was malformed.")
        if position.margin_type == kind:
            raise BadRequest(-4046, "No need to change margin type.")
        if self.open_orders(symbol) or self.open_algos(symbol):
            raise BadRequest(-4047, "Margin type cannot be changed if there exists open orders.")
        if position.amount:
            raise BadRequest(-4048, "Margin type cannot be changed if there exists position.")
        position.margin_type = kind

    def submit(self, ticket: Ticket, now: int) -> VenueOrder:
        """Accept an order; one with a stop price becomes a conditional order.

        :raises BadRequest: for a filter, the margin, nothing to reduce, or a client id in use.
        """
        if ticket.stop is None:
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
            if algo.number == number if number else algo.client_id == client_id:
                return algo
        raise BadRequest(-2013, "Order does not exist.")

    def open_algos(self, symbol: str | None = None) -> list[AlgoOrder]:
        """Return the conditional orders that wait for their trigger."""
        return [algo for algo in self.algos if algo.is_open and symbol in (None, algo.symbol)]

    def locked(self, asset: str) -> Decimal:
        """Return what positions and open orders hold of ``asset``, fees of the orders included."""
        held = ZERO
        for symbol, position in self.positions.items():
            if self.assets(symbol)[1] == asset:
                held += position.margin
                for order in self.open_orders(symbol):
                    held += self._held(order, order.remaining, order.limit or ZERO)
        return held

    def price(self, symbol: str, now: int) -> Decimal:
        """Return the mark price: the last one."""
        return Decimal(str(self.tape.symbol(symbol).price(now)))

    def _held(self, order: VenueOrder, amount: Decimal, price: Decimal) -> Decimal:
        """Return margin and fee of the part of an order that would open or enlarge a position."""
        position = self.position(order.symbol)
        opening = max(ZERO, amount - position.reducible(order.sign))
        if order.reduce_only or not opening:
            return ZERO
        fee = (opening * price * self.fee).quantize(EIGHT, ROUND_CEILING)
        return margin.initial_margin(opening * price, position.leverage) + fee

    # the passing of time

    def advance(self, now: int) -> None:
        """Fill, trigger, liquidate and fund what the market has met since the last look, in the
        order in which it has."""
        while now > self._matched:
            due = (self._matched // FUNDING_MS + 1) * FUNDING_MS if self._matched else now + 1
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
            beyond = float(order.limit) - order.sign * pair.tick
            begin = max(since, order.resting)
            met = first_beyond(pair, begin, end, beyond, -order.sign)
            if met is not None:
                events.append((met[0], partial(self._rest_once, order, pair, begin, end, rested)))
        for algo in self.open_algos():
            pair, begin = self.tape.symbol(algo.symbol), max(moment, algo.created)
            assert algo.stop is not None
            met = first_beyond(pair, begin, end, float(algo.stop), algo.sign)
            if met is not None:
                events.append((met[0], partial(self._set_off, algo, pair, met[0], met[1])))
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

    def _liquidation(self, position: Position) -> Decimal:
        """Return the liquidation price on the tick grid, on the side where margin is left."""
        exact = position.liquidation_price
        if not exact:
            return ZERO
        tick = Decimal(str(self.tape.symbol(position.symbol).tick))
        return rounded(exact, tick, up=position.sign > 0)

    def _liquidate(self, position: Position, price: Decimal, now: int) -> None:
        for order in (*self.open_orders(position.symbol), *self.open_algos(position.symbol)):
            order.status, order.updated = "CANCELED", now
        self.liquidations += 1
        order = VenueOrder(
            number=len(self.orders) + 1,
            client_id=f"autoclose-{self.liquidations}",
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
            if not position.amount:
                continue
            _, quote = self.assets(position.symbol)
            price = self.price(position.symbol, now)
            fee = margin.funding_fee(position.amount, price, self.funding_rate)
            position.margin -= max(ZERO, min(position.margin, fee - max(ZERO, self.free(quote))))
            self.balances[quote] -= fee
            self._note(now, position.symbol, "FUNDING_FEE", -fee)

    def _fill(
        self, order: VenueOrder, amount: Decimal, price: Decimal, now: int, *, maker: bool
    ) -> None:
        if order.reduce_only:
            amount = min(amount, self.position(order.symbol).reducible(order.sign))
        super()._fill(order, amount, price, now, maker=maker)
        for other in self.open_orders(order.symbol):
            if other.reduce_only and not self.position(other.symbol).reducible(other.sign):
                other.status, other.updated = "EXPIRED", now

    def _settle(
        self, order: VenueOrder, amount: Decimal, price: Decimal, now: int, *, maker: bool
    ) -> tuple[Decimal, str]:
        _, quote = self.assets(order.symbol)
        rate = self.maker if maker else self.fee
        fee = (amount * price * rate).quantize(EIGHT, ROUND_CEILING)
        realised = self.position(order.symbol).trade(order.sign * amount, price, now)
        self.balances[quote] = self.balances.get(quote, ZERO) + realised - fee
        if realised:
            self._note(now, order.symbol, "REALIZED_PNL", realised)
        self._note(now, order.symbol, "COMMISSION", -fee)
        return fee, quote

    def _note(self, now: int, symbol: str, kind: str, amount: Decimal) -> None:
        self.income.append(Income(len(self.income) + 1, now, symbol, kind, amount))

    # what is refused

    def _check(self, ticket: Ticket, pair: PairTape, now: int) -> None:
        price = Decimal(str(pair.price(now)))
        tick = Decimal(str(pair.tick))
        for given in (ticket.limit, ticket.stop):
            if given is not None and (given <= 0 or given % tick):
                raise BadRequest(-4014, "Price not increased by tick size.")
        if ticket.amount < LOT or ticket.amount % LOT:
            raise BadRequest(-1111, "Precision is over the maximum defined for this asset.")
        small = ticket.amount * (ticket.limit or price) < MIN_NOTIONAL
        if small and not ticket.reduce_only:
            raise BadRequest(-4164, "Order's notional must be no smaller than 5.0")
        sign = 1 if ticket.side == "BUY" else -1
        if ticket.stop is not None and (ticket.stop - price) * sign <= 0:
            raise BadRequest(-2021, "Order would immediately trigger.")
        taken = {order.client_id for order in (*self.open_orders(), *self.open_algos())}
        if ticket.client_id in taken:
            raise BadRequest(-4116, "ClientOrderId is duplicated.")

    def _afford(self, order: VenueOrder, pair: PairTape, now: int) -> None:
        position = self.position(order.symbol)
        if order.reduce_only:
            if not position.reducible(order.sign):
                raise BadRequest(-2022, "ReduceOnly Order is rejected.")
            return
        if position.margin_type != "ISOLATED":
            raise BadRequest(-4000, "The stand-in exchange keeps isolated margin only.")
        worst = order.limit
        if worst is None:
            cost = cost_of(ladder(pair, now, order.sign, None), order.amount)
            worst = (cost / order.amount).quantize(EIGHT, ROUND_CEILING)
        if order.sign < 0:  # it sells at the best bid, or above it
            best = next(ladder(pair, now, -1, None))[0]
            worst = max(worst, best)
        _, quote = self.assets(order.symbol)
        if self._held(order, order.amount, worst) > self.free(quote):
            raise BadRequest(-2019, "Margin is insufficient.")
