"""Why a rehearsal and a backtest of the same candles differ.

A backtest fills a limit order at its candle's opening and a stop exactly at its price; an exchange
has a spread, orders that the price runs away from, and a bot that looks once a loop. Each rule here
is checked on what the exchange's ledger and the candles' paths say; it gives its cause in words, or
None when it does not hold. What no rule holds for stays without a cause.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from freqpilot.rehearsal.compare.deals import ALL_PAIRS, Deal
from freqpilot.rehearsal.compare.evidence import (
    Evidence,
    ask,
    clock,
    depth,
    first_at,
    half_spread,
    lowest,
    ms,
)
from freqpilot.rehearsal.venue.spot import LOT, VenueOrder

SIZING_NOISE = 1e-4
"""Share of a stake by which sizing differs when the ATR's memory begins at another candle."""
STOP_NOISE = 1e-5
"""Share of the price by which the same stop differs, as Freqtrade keeps it as a ratio."""
HALF_SPREAD_CAUSE = "half the spread"


class Causes:
    """Finds the cause of each difference between the positions of a rehearsal and a backtest."""

    def __init__(self, live: Sequence[Deal], backtest: Sequence[Deal], evidence: Evidence) -> None:
        self._live, self._backtest, self._evidence = live, backtest, evidence
        self._tape, self._step = evidence.tape, evidence.step

    # entries

    def missing_entry(self, theirs: Deal) -> str | None:
        """Return why the rehearsal did not enter where the backtest did."""
        begin, end = theirs.candle, theirs.candle + self._step
        for order in self._evidence.sent(theirs.pair, 1, begin, end):
            if not order.filled:
                return "limit order not filled in the rehearsal"
        if cause := _occupied("the rehearsal", theirs, self._live, self._evidence.slots):
            freed = [d.pair for d in self._backtest if d.closed == begin and d.pair != theirs.pair]
            if freed and "slot" in cause:
                # Freqtrade's backtester takes one pair after the other through a whole candle.
                cause += f"; the backtest had left {', '.join(freed)} within the same candle"
            return cause
        for note in self._evidence.notes:
            if note.pair in (theirs.pair, ALL_PAIRS) and note.begin < end and note.end > begin:
                return note.text
        return None

    def extra_entry(self, ours: Deal) -> str | None:
        """Return why the rehearsal entered where the backtest did not."""
        if ours.pair not in self._evidence.pairs:
            return "the pair list left the pair out of the backtest"
        return _occupied("the backtest", ours, self._backtest, self._evidence.slots)

    def stake(self, ours: Deal, theirs: Deal) -> str | None:
        """Return why the stakes differ."""
        asked = self._evidence.sent(ours.pair, 1, ours.candle, ours.candle + self._step)
        if any(order.filled and order.remaining for order in asked):
            return "the limit order filled in part"
        lots = 2 * float(LOT) * theirs.entry
        rates = abs(ours.entry / theirs.entry - 1) * theirs.stake
        slack = lots + rates + SIZING_NOISE * theirs.stake
        if abs(ours.stake - theirs.stake) <= slack:
            return "rounding to the lot" if lots >= rates else "half the spread in the rate"
        equities = [
            self._evidence.equity(side, ours.candle) for side in (self._live, self._backtest)
        ]
        if abs(ours.stake - theirs.stake * equities[0] / equities[1]) <= slack:
            return f"equity differs by {equities[0] - equities[1]:+.2f} after earlier fills"
        return None

    def entry_price(self, ours: Deal, theirs: Deal) -> str | None:
        """Return why the entry prices differ."""
        end = ours.candle + self._step
        filled = [o for o in self._evidence.sent(ours.pair, 1, ours.candle, end) if o.filled]
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
        sells = self._evidence.sent(ours.pair, -1, ours.candle, ours.closed + timedelta(seconds=1))
        filled = [order for order in sells if order.filled]
        if not filled:
            return None
        if filled[-1].stop is not None:
            return self._stop_price(filled[-1], ours, theirs)
        if cause := self._price_of(filled[-1], ours.exit, theirs.exit):
            return cause
        if not self._evidence.at_market(filled[-1]):
            return None
        if ours.reason == "roi":
            return "ROI is looked at once a loop"
        tries = len([order for order in sells if order.stop is None])
        return f"filled at try {tries}, sent at {clock(filled[-1].created)}" if tries > 1 else None

    def _unfilled_exit(self, ours: Deal, theirs: Deal) -> str | None:
        if theirs.closed is None:
            return None
        end = theirs.closed + self._step
        sells = self._evidence.sent(ours.pair, -1, theirs.closed, end)
        missed = [o for o in sells if o.stop is None and (o.remaining or o.updated >= ms(end))]
        return f"exit order not filled in the rehearsal ({_tries(len(missed))})" if missed else None

    def _late_stop(self, ours: Deal, theirs: Deal) -> str | None:
        if theirs.reason != "stop" or math.isnan(ours.stop):
            return None
        filled = [f for o in self._evidence.entries(ours) for f in o.fills]
        if not filled:
            return None
        bought = max(fill.time for fill in filled)
        stops = [o for o in self._evidence.sent(ours.pair, -1, ours.candle, ours.closed) if o.stop]
        placed = min((o.created for o in stops if o.created >= bought), default=ms(ours.closed))
        placed = min(placed, self._tape.end)
        pair = self._tape.pairs[ours.pair]
        if (met := first_at(pair, ours.stop, bought, placed)) is not None:
            return (
                f"the price met the stop at {clock(met)}, before it was placed at {clock(placed)}"
            )
        if (met := first_at(pair, ours.stop, ms(ours.candle), bought)) is not None:
            return f"the entry filled at {clock(bought)}, after the price had met the stop"
        return None

    def _stop_not_filled(self, ours: Deal, theirs: Deal) -> str | None:
        if theirs.reason != "stop":
            return None
        for order in self._evidence.sent(ours.pair, -1, ours.candle, ours.closed):
            if order.stop is not None and order.resting is not None and order.remaining:
                return "the price went through the limit of the stop order"
        return None

    def _other_stop(self, ours: Deal, theirs: Deal) -> str | None:
        """The stops lie apart as the entries do, and the candle's low between them."""
        left = [(deal.closed, deal.reason) for deal in (ours, theirs) if deal.closed is not None]
        if not left or min(left)[1] != "stop" or not self._stops_follow_entries(ours, theirs):
            return None
        pair = self._tape.pairs[ours.pair]
        low = lowest(pair, ms(min(left)[0]), ms(self._step))
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
        seen = (ask(pair, loop) for loop in self._evidence.loops(theirs.closed, end))
        return None if max(seen, default=0.0) >= theirs.exit else "ROI is looked at once a loop"

    def _stop_price(self, order: VenueOrder, ours: Deal, theirs: Deal) -> str | None:
        pair = self._tape.pairs[ours.pair]
        slack = half_spread(pair, theirs.exit) + depth(order, pair)
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
        return abs(apart) <= 2 * tick + STOP_NOISE * abs(theirs.entry)

    # what both have in common

    def _price_of(self, order: VenueOrder, ours: float, theirs: float) -> str | None:
        """Return why an order's price is not the opening that the backtest took."""
        pair = self._tape.symbol(order.symbol)
        opening = self._evidence.opening(order)
        if not self._evidence.at_market(order) or abs(theirs - opening) > pair.tick:
            return None
        moved = abs(pair.price(order.created) - theirs)
        if abs(ours - theirs) > half_spread(pair, theirs) + moved + depth(order, pair):
            return None
        if moved <= half_spread(pair, theirs):
            levels = len({fill.price for fill in order.fills})
            return HALF_SPREAD_CAUSE if levels < 2 else f"{levels} levels of the book"
        seconds = (order.created % ms(self._step)) / 1000
        if seconds > self._evidence.loop_seconds and not self._waited(pair.pair, order):
            return None
        return f"{HALF_SPREAD_CAUSE}, and {seconds:.0f} s of the candle"

    def _waited(self, pair: str, order: VenueOrder) -> bool:
        """Tell whether an entry had to wait for a slot until it was sent."""
        sent = datetime.fromtimestamp(order.created / 1000, UTC)
        opened = sent - timedelta(milliseconds=order.created % ms(self._step))
        held = [d for d in self._live if d.candle < opened and (d.closed or sent) >= opened]
        return order.sign > 0 and len(held) >= self._evidence.slots


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


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"
