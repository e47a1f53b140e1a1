"""What is known of a rehearsal beside its positions: the market's path and the ledger."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from freqpilot.rehearsal.compare.deals import Deal, Note
from freqpilot.rehearsal.market import quotes
from freqpilot.rehearsal.market.tape import PairTape, Tape
from freqpilot.rehearsal.venue.spot import FEE, VenueOrder

AT_MARKET = 1.5
"""Ticks within which an order's limit is the best price: Freqtrade may round it the other way."""


@dataclass(frozen=True)
class Evidence:
    """What is known beside the positions: the market, the ledger of the rehearsal's exchange, its
    refusals and locks, the bot's first loop and seconds from one to the next, the ``slots`` for
    open trades, the wallet at the start and the pairs of the backtest."""

    tape: Tape
    step: timedelta
    orders: Sequence[VenueOrder]
    notes: Sequence[Note]
    begin: datetime
    loop_seconds: int
    slots: float
    wallet: float
    pairs: Sequence[str]

    def sent(self, pair: str, sign: int, begin: datetime, end: datetime | None) -> list[VenueOrder]:
        """Return the ledger's orders of a pair and side that were sent from ``begin`` to before
        ``end``."""
        symbol = pair.replace("/", "")
        since, until = ms(begin), ms(end)
        return [
            order
            for order in self.orders
            if order.symbol == symbol and order.sign == sign and since <= order.created < until
        ]

    def entries(self, deal: Deal) -> list[VenueOrder]:
        """Return the entry orders of the candle that a position was decided on."""
        return self.sent(deal.pair, 1, deal.candle, deal.candle + self.step)

    def loops(self, begin: datetime, end: datetime) -> Iterator[int]:
        """Yield the moments at which the bot looked, in ms."""
        first, length = ms(self.begin), self.loop_seconds * 1000
        start = max(first, ms(begin))
        yield from range(start + (first - start) % length, ms(end), length)

    def equity(self, deals: Iterable[Deal], moment: datetime) -> float:
        """Return the account's worth at a candle's opening, the exit fees of open positions
        counted."""
        total = self.wallet
        for deal in deals:
            if deal.closed is not None and deal.closed < moment:
                total += deal.profit
            elif deal.candle < moment:
                price = self.tape.pairs[deal.pair].price(ms(moment))
                total += deal.amount * price * (1 - float(FEE)) - deal.paid
        return total

    def opening(self, order: VenueOrder) -> float:
        """Return the opening of the candle in which an order was sent."""
        # The moment a candle opens, the tape still has the last close.
        begin = order.created // ms(self.step) * ms(self.step)
        return self.tape.symbol(order.symbol).price(begin + 1)

    def at_market(self, order: VenueOrder) -> bool:
        """Tell whether an order was sent at the best price of its moment."""
        pair = self.tape.symbol(order.symbol)
        if order.limit is None:
            return True
        away = min(abs(float(order.limit) - price) for price in quotes.best(pair, order.created))
        return away <= AT_MARKET * pair.tick


def first_at(pair: PairTape, level: float, begin: int, end: int) -> int | None:
    """Return when the path from ``begin`` to ``end`` first is at ``level`` or below it."""
    if begin >= end:
        return None
    for (t0, p0), (t1, p1) in pairwise(pair.corners(begin, end)):
        if p0 <= level:
            return int(t0)
        if p1 <= level:
            return int(t0 + (level - p0) / (p1 - p0) * (t1 - t0)) if t1 > t0 else int(t1)
    return None


def lowest(pair: PairTape, begin: int, length: int) -> float:
    """Return the low of the candle that opens at ``begin``."""
    return min(price for _, price in pair.corners(begin + 1, begin + length))


def ask(pair: PairTape, moment: int) -> float:
    """Return the best ask."""
    return quotes.best(pair, moment)[1]


def half_spread(pair: PairTape, price: float) -> float:
    """Return half the spread on the tick grid."""
    return max(pair.tick / 2, price * quotes.HALF_SPREAD) + pair.tick


def depth(order: VenueOrder, pair: PairTape) -> float:
    """Return how far into the book an order went."""
    prices = [float(fill.price) for fill in order.fills]
    return max(prices) - min(prices) + pair.tick if prices else 0.0


def clock(milliseconds: int) -> str:
    """Return a moment's time of day in words."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%H:%M:%S}"


def ms(moment: datetime | timedelta | None) -> int:
    """Return a moment or a length in milliseconds; None is later than all."""
    if moment is None:
        return 2**62
    if isinstance(moment, timedelta):
        return int(moment.total_seconds() * 1000)
    return int(moment.timestamp() * 1000)
