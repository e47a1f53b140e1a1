"""The stand-in exchange's account: orders, matching, fees, balances. Its ledger is the truth that a
rehearsal is judged by.

The fill model, stated: a market order, and the part of a limit order that crosses the book, take
the book's levels from the best one on and pay their prices. A resting order fills at its own price
once the path of the candle has gone a tick beyond it, and takes at most ``FILL_SHARE`` of what is
traded meanwhile (the last closed candle's volume, spread evenly), so that a large order fills in
parts. A stop-limit becomes its limit order at the moment the path touches the stop. Fees are taken
from what is received.

Times are milliseconds since the epoch; amounts and prices are exact decimals.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal

from freqpilot.rehearsal.market import quotes
from freqpilot.rehearsal.market.tape import PairTape, Tape
from freqpilot.rehearsal.venue.matching import STEP, cost_of, first_beyond, ladder, time_beyond

FEE = Decimal("0.001")
FILL_SHARE = Decimal("0.1")
ZERO = Decimal(0)
LOT = STEP
MIN_NOTIONAL = Decimal(str(quotes.MIN_NOTIONAL))
EIGHT = Decimal("0.00000001")
KINDS = ("LIMIT", "MARKET", "STOP_LOSS_LIMIT")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
OPEN = ("NEW", "PARTIALLY_FILLED")


@dataclass(frozen=True)
class Fill:
    """One execution: price in quote, amount in base currency, fee in ``fee_asset``."""

    number: int
    order: int
    time: int
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool


@dataclass
class VenueOrder:
    """An order as the exchange keeps it. ``limit`` is None for a market order, ``stop`` None
    without a trigger; ``resting`` is from when on it waits in the book (None: not yet triggered);
    a ``doomed`` one is filled by half and then cancelled by the exchange; a ``reduce_only`` one can
    only make a position smaller (futures).
    """

    number: int
    client_id: str
    symbol: str
    side: str
    kind: str
    amount: Decimal
    limit: Decimal | None
    stop: Decimal | None
    created: int
    updated: int
    status: str = "NEW"
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    resting: int | None = None
    doomed: bool = False
    reduce_only: bool = False
    fills: list[Fill] = field(default_factory=list)

    @property
    def remaining(self) -> Decimal:
        """Amount not filled."""
        return self.amount - self.filled

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return self.status in OPEN

    @property
    def sign(self) -> int:
        """1 for a buy, −1 for a sell."""
        return 1 if self.side == "BUY" else -1


@dataclass(frozen=True)
class Ticket:
    """An order as it is asked for; ``algo`` is whether a future's conditional order is sent to the
    endpoint for those."""

    symbol: str
    side: str
    kind: str
    amount: Decimal
    limit: Decimal | None = None
    stop: Decimal | None = None
    client_id: str = ""
    time_in_force: str = "GTC"
    doomed: bool = False
    reduce_only: bool = False
    algo: bool = True


class Venue(ABC):
    """One account on the markets of a tape: orders and their matching. What an order needs, and
    what a fill moves, is the kind of account's own."""

    def __init__(self, tape: Tape, balances: Mapping[str, Decimal], fee: Decimal = FEE) -> None:
        self.tape, self.fee = tape, fee
        self.balances: dict[str, Decimal] = dict(balances)
        self.start = dict(balances)
        self.orders: list[VenueOrder] = []
        self.closed: set[str] = set()
        """Symbols that are not traded any more."""
        self.vanished: set[str] = set()
        """Those of them of which the exchange knows nothing any more."""
        self.late: dict[str, int] = {}
        """How long after its close (ms) a candle of a symbol is there; it is not before."""
        self.hidden: dict[int, int] = {}
        """Orders by their number that are not found until a time (ms), whatever becomes of them."""
        self._fills = 0
        self._matched = 0

    # what is asked

    def submit(self, ticket: Ticket, now: int) -> VenueOrder:
        """Accept an order and fill what crosses the book.

        :raises BadRequest: for a filter, a balance, or a client id that an open order has.
        """
        self.advance(now)
        pair = self.tape.symbol(ticket.symbol)
        if ticket.symbol in self.closed:
            raise quotes.BadRequest(-1013, "Market is closed.")
        if ticket.time_in_force not in TIMES_IN_FORCE:
            raise quotes.BadRequest(-1115, "Invalid timeInForce.")
        self._check(ticket, pair, now)
        order = VenueOrder(
            number=len(self.orders) + 1,
            client_id=ticket.client_id or f"auto{len(self.orders) + 1}",
            symbol=ticket.symbol,
            side=ticket.side,
            kind=ticket.kind,
            amount=ticket.amount,
            limit=ticket.limit,
            stop=ticket.stop,
            created=now,
            updated=now,
            doomed=ticket.doomed,
            reduce_only=ticket.reduce_only,
        )
        self._afford(order, pair, now)
        self.orders.append(order)
        if order.stop is not None:
            return order
        if ticket.time_in_force != "FOK" or _at_once(order, pair, now):
            self._take(order, pair, now)
        if order.is_open and (order.kind == "MARKET" or ticket.time_in_force in ("IOC", "FOK")):
            order.status = "EXPIRED"
        return order

    def cancel(self, order: VenueOrder, now: int) -> VenueOrder:
        """Cancel an open order.

        :raises BadRequest: when it is not open any more.
        """
        self.advance(now)
        if not order.is_open:
            raise quotes.BadRequest(-2011, "Unknown order sent.")
        order.status, order.updated = "CANCELED", now
        return order

    def delist(self, symbol: str, now: int, *, vanish: bool = False) -> None:
        """End the trading of a symbol; its open orders are cancelled.

        :param vanish: whether it is not even listed any more, as some weeks later.
        """
        self.advance(now)
        self.closed.add(symbol)
        if vanish:
            self.vanished.add(symbol)
        for order in self.waiting(symbol):
            order.status, order.updated = "CANCELED", now

    def hide(self, order: VenueOrder, until: int = 2**62) -> None:
        """Answer that there is no such order until a time (ms); it lives on."""
        self.hidden[order.number] = until

    def forget(self, order: VenueOrder, now: int) -> None:
        """Cancel an order that is open, and answer that there is no such order from now on."""
        if order.is_open:
            self.cancel(order, now)
        self.hide(order)

    def listed(self, order: VenueOrder) -> bool:
        """Tell whether an order is found now."""
        return self.hidden.get(order.number, 0) <= self._matched

    def relist(self, symbol: str) -> None:
        """List a symbol again, and trade it."""
        self.closed.discard(symbol)
        self.vanished.discard(symbol)

    def find(self, symbol: str, number: int | None, client_id: str | None) -> VenueOrder:
        """Return an order by its number, or the newest with a client id.

        :raises BadRequest: when there is none.
        """
        for order in reversed(self.orders):
            wanted = order.number == number if number else order.client_id == client_id
            if order.symbol == symbol and wanted and self.listed(order):
                return order
        raise quotes.BadRequest(-2013, "Order does not exist.")

    @abstractmethod
    def locked(self, asset: str) -> Decimal:
        """Return what cannot be used of ``asset``."""

    def free(self, asset: str) -> Decimal:
        """Return what can be used of ``asset``."""
        return self.balances.get(asset, ZERO) - self.locked(asset)

    def assets(self, symbol: str) -> tuple[str, str]:
        """Return base and quote currency of a symbol."""
        base, quote = self.tape.symbol(symbol).pair.split("/")
        return base, quote

    def open_orders(self, symbol: str | None = None) -> list[VenueOrder]:
        """Return the open orders, of one symbol or of all."""
        return [o for o in self.orders if o.is_open and symbol in (None, o.symbol)]

    def waiting(self, symbol: str | None = None) -> list[VenueOrder]:
        """Return everything that can still become a fill."""
        return self.open_orders(symbol)

    # the passing of time

    def advance(self, now: int) -> None:
        """Fill what the market has met since the last look."""
        since, self._matched = self._matched, max(self._matched, now)
        if now <= since:
            return
        for order in self.open_orders():
            pair = self.tape.symbol(order.symbol)
            if order.stop is not None and order.resting is None:
                self._trigger(order, pair, since, now)
            if order.resting is not None and order.is_open:
                self._rest(order, pair, max(since, order.resting), now)

    def _trigger(self, order: VenueOrder, pair: PairTape, since: int, now: int) -> None:
        assert order.stop is not None
        met = first_beyond(pair, max(since, order.created), now, float(order.stop), order.sign)
        if met is not None:
            moment, price = met
            order.updated = moment
            self._take(order, pair, moment, price)

    def _take(
        self, order: VenueOrder, pair: PairTape, now: int, price: float | None = None
    ) -> None:
        """Fill what crosses the book; what is left rests from now on."""
        for level, size in ladder(pair, now, order.sign, price):
            if order.limit is not None and (level - order.limit) * order.sign > 0:
                break
            self._fill(order, min(size, order.remaining), level, now, maker=False)
            if not order.remaining or not order.is_open:
                return
        order.resting = now

    def _rest(self, order: VenueOrder, pair: PairTape, since: int, now: int) -> None:
        assert order.limit is not None
        beyond = far_side(order, pair)
        met = first_beyond(pair, since, now, beyond, -order.sign)
        if met is None:
            return
        moment = met[0]
        traded = quotes.closed_volume(pair, moment) * time_beyond(
            pair, moment, now, beyond, -order.sign
        )
        room = (Decimal(traded / pair.step) * FILL_SHARE).quantize(LOT, ROUND_DOWN)
        self._fill(order, min(order.remaining, max(LOT, room)), order.limit, moment, maker=True)

    def _fill(
        self, order: VenueOrder, amount: Decimal, price: Decimal, now: int, *, maker: bool
    ) -> None:
        half = (order.amount / 2).quantize(LOT, ROUND_DOWN)
        if order.doomed:
            amount = min(amount, half - order.filled)
        if amount <= 0:
            return
        self._fills += 1
        fee, asset = self._settle(order, amount, price, now, maker=maker)
        order.fills.append(Fill(self._fills, order.number, now, price, amount, fee, asset, maker))
        order.filled += amount
        order.cost += amount * price
        order.updated = now
        order.status = "PARTIALLY_FILLED" if order.remaining else "FILLED"
        if order.doomed and order.filled >= half:
            order.status = "CANCELED"

    @abstractmethod
    def _settle(
        self, order: VenueOrder, amount: Decimal, price: Decimal, now: int, *, maker: bool
    ) -> tuple[Decimal, str]:
        """Move the balances of a fill; returns the fee and its asset."""

    # what is refused

    @abstractmethod
    def _check(self, ticket: Ticket, pair: PairTape, now: int) -> None:
        """Refuse what a filter of the exchange does not let pass."""

    @abstractmethod
    def _afford(self, order: VenueOrder, pair: PairTape, now: int) -> None:
        """Refuse what the account cannot pay."""


class SpotVenue(Venue):
    """One spot account on the markets of a tape.

    >>> venue = SpotVenue(tape, {"USDT": Decimal(1000)})          # doctest: +SKIP
    >>> venue.submit(Ticket("BTCUSDT", "BUY", "MARKET", Decimal("0.01")), now).status
    'FILLED'
    """

    def locked(self, asset: str) -> Decimal:
        """Return what open orders hold of ``asset``."""
        held = ZERO
        for order in self.orders:
            if order.is_open:
                base, quote = self.assets(order.symbol)
                if order.sign < 0 and base == asset:
                    held += order.remaining
                elif order.sign > 0 and quote == asset:
                    held += order.remaining * (order.limit or ZERO)
        return held

    def _settle(
        self, order: VenueOrder, amount: Decimal, price: Decimal, now: int, *, maker: bool
    ) -> tuple[Decimal, str]:
        base, quote = self.assets(order.symbol)
        received, paid = (amount, amount * price) if order.sign > 0 else (amount * price, amount)
        into, out = (base, quote) if order.sign > 0 else (quote, base)
        fee = (received * self.fee).quantize(EIGHT, ROUND_CEILING)
        self.balances[into] = self.balances.get(into, ZERO) + received - fee
        self.balances[out] = self.balances.get(out, ZERO) - paid
        return fee, into

    def _check(self, ticket: Ticket, pair: PairTape, now: int) -> None:
        price = Decimal(str(pair.price(now)))
        tick = Decimal(str(pair.tick))
        for given in (ticket.limit, ticket.stop):
            if given is not None and (given <= 0 or given % tick):
                raise quotes.BadRequest(-1013, "Filter failure: PRICE_FILTER")
        if ticket.amount < LOT or ticket.amount % LOT:
            raise quotes.BadRequest(-1013, "Filter failure: LOT_SIZE")
        if ticket.amount * (ticket.limit or price) < MIN_NOTIONAL:
            raise quotes.BadRequest(-1013, "Filter failure: NOTIONAL")
        if ticket.kind not in KINDS:
            raise quotes.BadRequest(-1116, "Invalid orderType.")
        if ticket.side not in ("BUY", "SELL"):
            raise quotes.BadRequest(-1117, "Invalid side.")
        sign = 1 if ticket.side == "BUY" else -1
        if ticket.stop is not None and (ticket.stop - price) * sign <= 0:
            raise quotes.BadRequest(-2010, "Stop price would trigger immediately.")
        if any(o.client_id == ticket.client_id for o in self.open_orders() if ticket.client_id):
            raise quotes.BadRequest(-2010, "Duplicate order sent.")

    def _afford(self, order: VenueOrder, pair: PairTape, now: int) -> None:
        base, quote = self.assets(order.symbol)
        if order.sign < 0:
            short = self.free(base) < order.amount
        elif order.limit is not None:
            short = self.free(quote) < order.amount * order.limit
        else:
            short = self.free(quote) < cost_of(ladder(pair, now, 1, None), order.amount)
        if short:
            raise quotes.BadRequest(-2010, "Account has insufficient balance for requested action.")


def _at_once(order: VenueOrder, pair: PairTape, now: int) -> bool:
    """Tell whether the book can fill the whole order now."""
    wanted = order.amount
    for level, size in ladder(pair, now, order.sign, None):
        if order.limit is not None and (level - order.limit) * order.sign > 0:
            break
        wanted -= size
        if wanted <= 0:
            return True
    return False


def far_side(order: VenueOrder, pair: PairTape) -> float:
    """Return where the path has to be for a resting order to fill: a tick beyond its price."""
    assert order.limit is not None
    return float(order.limit - order.sign * Decimal(str(pair.tick)))


def rounded(price: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """Return ``price`` on the tick grid."""
    return (price / tick).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR) * tick
