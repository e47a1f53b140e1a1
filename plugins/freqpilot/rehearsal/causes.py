"""Why a rehearsal and a backtest of the same candles differ.

A backtest fills a limit order at its candle's opening and a stop exactly at its price; an exchange
has a spread, orders that the price runs away from, and a bot that looks once a loop. Each rule here
is checked on what the exchange's ledger and the candles' paths say; it gives its cause in words, or
None when it does not hold. What no rule holds for stays without a cause.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from freqpilot.rehearsal import quotes
from freqpilot.rehearsal.deals import Deal, Note
from freqpilot.rehearsal.tape import PairTape, Tape
from freqpilot.rehearsal.venue import FEE, LOT, VenueOrder

SIZING_NOISE = 1e-4
"""Share of a stake by which sizing differs when the ATR's memory begins at another candle."""
AT_MARKET = 1.5
"""Ticks within which an order's limit is the best price: Freqtrade may round it the other way."""
HALF_SPREAD_CAUSE = "half the spread"


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


class Causes:
    """Finds the cause of each difference between the positions of a rehearsal and a backtest."""

    def __init__(self, live: Sequence[Deal], backtest: Sequence[Deal], evidence: Evidence) -> None:
        self._live, self._backtest, self._evidence = live, backtest, evidence
        self._tape, self._step = evidence.tape, evidence.step

    # entries

    def missing_entry(self, theirs: Deal) -> str | None:
        """Return why the rehearsal did not enter where the backtest did."""
        begin, end = theirs.candle, theirs.candle + self._step
        for order in self._orders(theirs.pair, 1, begin, end):
            if not order.filled:
                return "limit order not filled in the rehearsal"
        for note in self._evidence.notes:
            if note.pair in (theirs.pair, "*") and note.begin < end and note.end > begin:
                return note.text
        cause = _occupied("the rehearsal", theirs, self._live, self._evidence.slots)
        freed = [d.pair for d in self._backtest if d.closed == begin and d.pair != theirs.pair]
        if cause and freed and "slot" in cause:
            # Freqtrade's backtester takes one pair after the other through a whole candle.
            cause += f"; the backtest had left {', '.join(freed)} within the same candle"
        return cause

    def extra_entry(self, ours: Deal) -> str | None:
        """Return why the rehearsal entered where the backtest did not."""
        if ours.pair not in self._evidence.pairs:
            return "the pair list left the pair out of the backtest"
        return _occupied("the backtest", ours, self._backtest, self._evidence.slots)

    def stake(self, ours: Deal, theirs: Deal) -> str | None:
        """Return why the stakes differ."""
        asked = self._orders(ours.pair, 1, ours.candle, ours.candle + self._step)
        if any(order.filled and order.remaining for order in asked):
            return "the limit order filled in part"
        lots = 2 * float(LOT) * theirs.entry
        rates = abs(ours.entry / theirs.entry - 1) * theirs.stake
        slack = lots + rates + SIZING_NOISE * theirs.stake
        if abs(ours.stake - theirs.stake) <= slack:
            return "rounding to the lot" if lots >= rates else "half the spread in the rate"
        equities = [self._equity(side, ours.candle) for side in (self._live, self._backtest)]
        if abs(ours.stake - theirs.stake * equities[0] / equities[1]) <= slack:
            return f"equity differs by {equities[0] - equities[1]:+.2f} after earlier fills"
        return None

    def entry_price(self, ours: Deal, theirs: Deal) -> str | None:
        """Return why the entry prices differ."""
        end = ours.candle + self._step
        filled = [o for o in self._orders(ours.pair, 1, ours.candle, end) if o.filled]
        if not filled:
            return None
        return self._price_of(filled[0], ours.entry, theirs.entry)

    # exits

    def exit(self, ours: Deal, theirs: Deal) -> str | None:
        """Return why the position was left in another candle or for another reason."""
        rules = (self._unfilled_exit, self._late_stop, self._stop_not_filled)
        for rule in (*rules, self._other_stop, self._roi_between_loops):
            if cause := rule(ours, theirs):
                return cause
        return None

    def exit_price(self, ours: Deal, theirs: Deal) -> str | None:
        """Return why the exit prices of one candle differ."""
        assert ours.closed is not None
        sells = self._orders(ours.pair, -1, ours.candle, ours.closed + timedelta(seconds=1))
        filled = [order for order in sells if order.filled]
        if not filled:
            return None
        if filled[-1].stop is not None:
            return self._stop_price(filled[-1], ours, theirs)
        if cause := self._price_of(filled[-1], ours.exit, theirs.exit):
            return cause
        if not self._at_market(filled[-1]):
            return None
        if ours.reason == "roi":
            return "ROI is looked at once a loop"
        tries = len([order for order in sells if order.stop is None])
        return f"filled at try {tries}, sent at {_clock(filled[-1].created)}" if tries > 1 else None

    def _unfilled_exit(self, ours: Deal, theirs: Deal) -> str | None:
        if theirs.closed is None:
            return None
        end = theirs.closed + self._step
        sells = self._orders(ours.pair, -1, theirs.closed, end)
        missed = [o for o in sells if o.stop is None and (o.remaining or o.updated >= _ms(end))]
        return f"exit order not filled in the rehearsal ({_tries(len(missed))})" if missed else None

    def _late_stop(self, ours: Deal, theirs: Deal) -> str | None:
        if theirs.reason != "stop" or math.isnan(ours.stop):
            return None
        filled = [f for o in self._entries(ours) for f in o.fills]
        if not filled:
            return None
        bought = max(fill.time for fill in filled)
        stops = [o for o in self._orders(ours.pair, -1, ours.candle, ours.closed) if o.stop]
        placed = min((o.created for o in stops if o.created >= bought), default=_ms(ours.closed))
        placed = min(placed, self._tape.end)
        pair = self._tape.pairs[ours.pair]
        if (met := _met(pair, bought, placed, ours.stop)) is not None:
            return (
                f"the price met the stop at {_clock(met)}, before it was placed at {_clock(placed)}"
            )
        if (met := _met(pair, _ms(ours.candle), bought, ours.stop)) is not None:
            return f"the entry filled at {_clock(bought)}, after the price had met the stop"
        return None

    def _stop_not_filled(self, ours: Deal, theirs: Deal) -> str | None:
        if theirs.reason != "stop":
            return None
        for order in self._orders(ours.pair, -1, ours.candle, ours.closed):
            if order.stop is not None and order.resting is not None and order.remaining:
                return "the price went through the limit of the stop order"
        return None

    def _other_stop(self, ours: Deal, theirs: Deal) -> str | None:
        """The stops lie apart as the entries do, and the candle's low between them."""
        left = [(deal.closed, deal.reason) for deal in (ours, theirs) if deal.closed is not None]
        if not left or min(left)[1] != "stop" or not self._stops_follow_entries(ours, theirs):
            return None
        pair = self._tape.pairs[ours.pair]
        low = _low(pair, _ms(min(left)[0]), _ms(self._step))
        nearer, farther = max(ours.stop, theirs.stop), min(ours.stop, theirs.stop)
        if farther < low <= nearer:
            return (
                f"the stops differ by {ours.stop - theirs.stop:+g} as the entries do; "
                "the low lies between"
            )
        return None

    def _roi_between_loops(self, ours: Deal, theirs: Deal) -> str | None:
        if theirs.reason != "roi" or theirs.closed is None:
            return None
        pair = self._tape.pairs[ours.pair]
        end = theirs.closed + self._step
        seen = (_ask(pair, loop) for loop in self._loops(theirs.closed, end))
        return None if max(seen, default=0.0) >= theirs.exit else "ROI is looked at once a loop"

    def _stop_price(self, order: VenueOrder, ours: Deal, theirs: Deal) -> str | None:
        pair = self._tape.pairs[ours.pair]
        slack = _half_spread(pair, theirs.exit) + _levels(order, pair)
        if abs(ours.exit - theirs.exit) <= slack:
            return f"{HALF_SPREAD_CAUSE}, at the stop"
        if abs(ours.exit - ours.stop) > slack or abs(theirs.exit - theirs.stop) > pair.tick:
            return None
        if not self._stops_follow_entries(ours, theirs):
            return None
        return (
            f"{HALF_SPREAD_CAUSE}, and the stops differ by {ours.stop - theirs.stop:+g} "
            "as the entries do"
        )

    def _stops_follow_entries(self, ours: Deal, theirs: Deal) -> bool:
        apart = (ours.stop - theirs.stop) - (ours.entry - theirs.entry)
        tick = self._tape.pairs[ours.pair].tick
        return abs(apart) <= 2 * tick + SIZING_NOISE * abs(theirs.entry)

    # what both have in common

    def _price_of(self, order: VenueOrder, ours: float, theirs: float) -> str | None:
        """Return why an order's price is not the opening that the backtest took."""
        pair = self._tape.symbol(order.symbol)
        if not self._at_market(order) or abs(theirs - self._open(pair, order)) > pair.tick:
            return None
        moved = abs(pair.price(order.created) - theirs)
        if abs(ours - theirs) > _half_spread(pair, theirs) + moved + _levels(order, pair):
            return None
        if moved <= _half_spread(pair, theirs):
            levels = len({fill.price for fill in order.fills})
            return HALF_SPREAD_CAUSE if levels < 2 else f"{levels} levels of the book"
        seconds = (order.created % _ms(self._step)) / 1000
        if seconds > self._evidence.loop_seconds:
            return None
        return f"{HALF_SPREAD_CAUSE}, and {seconds:.0f} s of the candle"

    def _at_market(self, order: VenueOrder) -> bool:
        """Tell whether an order was sent at the best price of its moment."""
        pair = self._tape.symbol(order.symbol)
        if order.limit is None:
            return True
        bid, ask = quotes.best(pair, order.created)
        return (
            min(abs(float(order.limit) - bid), abs(float(order.limit) - ask))
            <= AT_MARKET * pair.tick
        )

    def _open(self, pair: PairTape, order: VenueOrder) -> float:
        """Return the opening of the candle in which an order was sent."""
        return pair.price(order.created // _ms(self._step) * _ms(self._step) + 1)

    def _orders(
        self, pair: str, sign: int, begin: datetime, end: datetime | None
    ) -> list[VenueOrder]:
        """Return the ledger's orders of a pair and side that were sent from ``begin`` to before
        ``end``."""
        symbol = pair.replace("/", "")
        since, until = _ms(begin), _ms(end)
        return [
            order
            for order in self._evidence.orders
            if order.symbol == symbol and order.sign == sign and since <= order.created < until
        ]

    def _entries(self, deal: Deal) -> list[VenueOrder]:
        return self._orders(deal.pair, 1, deal.candle, deal.candle + self._step)

    def _loops(self, begin: datetime, end: datetime) -> Iterator[int]:
        """Yield the moments at which the bot looked, in ms."""
        first, length = _ms(self._evidence.begin), self._evidence.loop_seconds * 1000
        start = max(first, _ms(begin))
        yield from range(start + (first - start) % length, _ms(end), length)

    def _equity(self, deals: Iterable[Deal], moment: datetime) -> float:
        """Return the account's worth at a candle's opening, both fees of open positions paid."""
        total = self._evidence.wallet
        for deal in deals:
            if deal.closed is not None and deal.closed < moment:
                total += deal.profit
            elif deal.candle < moment:
                price = self._tape.pairs[deal.pair].price(_ms(moment))
                total += deal.amount * (price - deal.entry)
                total -= float(FEE) * deal.amount * (price + deal.entry)
        return total


def _occupied(side: str, entry: Deal, deals: Iterable[Deal], slots: float) -> str | None:
    """Return which open positions of a side left no room for an entry."""
    held = [
        deal
        for deal in deals
        if deal.candle <= entry.candle and (deal.closed is None or deal.closed >= entry.candle)
    ]
    own = next((deal for deal in held if deal.pair == entry.pair), None)
    if own is not None:
        return f"{side} held this pair since {own.candle:%m-%d %H:%M}"
    if len(held) >= slots:
        return f"{side} had no free slot: {', '.join(deal.pair for deal in held)}"
    return None


def _met(pair: PairTape, begin: int, end: int, level: float) -> int | None:
    """Return when the path first is at ``level`` or below it."""
    if begin >= end:
        return None
    for (t0, p0), (t1, p1) in pairwise(pair.corners(begin, end)):
        if p0 <= level:
            return int(t0)
        if p1 <= level:
            return int(t0 + (level - p0) / (p1 - p0) * (t1 - t0)) if t1 > t0 else int(t1)
    return None


def _low(pair: PairTape, begin: int, length: int) -> float:
    return min(price for _, price in pair.corners(begin + 1, begin + length))


def _ask(pair: PairTape, moment: int) -> float:
    return quotes.best(pair, moment)[1]


def _half_spread(pair: PairTape, price: float) -> float:
    """Return half the spread on the tick grid."""
    return max(pair.tick / 2, price * quotes.HALF_SPREAD) + pair.tick


def _levels(order: VenueOrder, pair: PairTape) -> float:
    """Return how far into the book an order went."""
    prices = [float(fill.price) for fill in order.fills]
    return max(prices) - min(prices) + pair.tick if prices else 0.0


def _clock(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%H:%M:%S}"


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"


def _ms(moment: datetime | timedelta | None) -> int:
    """Return a moment or a length in milliseconds; None is later than all."""
    if moment is None:
        return 2**62
    if isinstance(moment, timedelta):
        return int(moment.total_seconds() * 1000)
    return int(moment.timestamp() * 1000)
