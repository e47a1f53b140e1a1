"""The stand-in exchange's account for USD-M futures: isolated margin, one-way positions.

Fees are paid in the quote currency from the wallet, as maker or taker. A reduce-only order never
takes more than the position; what is left of it expires with it. Cross margin and hedge mode do not
exist here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.market.tape import PairTape, Tape
from freqpilot.rehearsal.venue import margin
from freqpilot.rehearsal.venue.margin import Position
from freqpilot.rehearsal.venue.matching import cost_of, ladder
from freqpilot.rehearsal.venue.spot import (
    EIGHT,
    LOT,
    MIN_NOTIONAL,
    ZERO,
    Ticket,
    Venue,
    VenueOrder,
)

TAKER, MAKER = Decimal("0.0004"), Decimal("0.0002")
FUNDING_RATE = Decimal("0.0001")


@dataclass(frozen=True)
class Income:
    """One movement of the wallet: Binance's ``kind`` (REALIZED_PNL, COMMISSION, FUNDING_FEE)."""

    number: int
    time: int
    symbol: str
    kind: str
    amount: Decimal


class FuturesAccount(Venue):
    """Wallet, positions and plain orders of one account on the markets of a tape, whose spot prices
    are taken for the future's. What the passing of time does to it is the venue's; see
    :class:`~freqpilot.rehearsal.venue.futures.FuturesVenue`.
    """

    def __init__(
        self,
        tape: Tape,
        balances: Mapping[str, Decimal],
        taker: Decimal = TAKER,
        maker: Decimal = MAKER,
    ) -> None:
        super().__init__(tape, balances, taker)
        self.maker = maker
        self.positions: dict[str, Position] = {}
        self.income: list[Income] = []

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
        if self.waiting(symbol):
            raise BadRequest(-4047, "Margin type cannot be changed if there exists open orders.")
        if position.amount:
            raise BadRequest(-4048, "Margin type cannot be changed if there exists position.")
        position.margin_type = kind

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

    def _fill(
        self, order: VenueOrder, amount: Decimal, price: Decimal, now: int, *, maker: bool
    ) -> None:
        if order.reduce_only:
            amount = min(amount, self.position(order.symbol).reducible(order.sign))
        super()._fill(order, amount, price, now, maker=maker)
        for other in self.open_orders(order.symbol):
            if other.stop is not None and other.resting is None:
                continue  # one that waits for its trigger stays, as Binance leaves it
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
        if ticket.symbol in self.closed:
            raise BadRequest(-4141, "Symbol is closed.")
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
        taken = {order.client_id for order in self.waiting()}
        if ticket.client_id in taken:
            raise BadRequest(-4116, "ClientOrderId is duplicated.")

    def _afford(self, order: VenueOrder, pair: PairTape, now: int) -> None:
        position = self.position(order.symbol)
        if order.reduce_only:
            if order.stop is None and not position.reducible(order.sign):
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
