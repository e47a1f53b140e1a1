"""Looks at what a bot opens, and at what it closes for want of a stop, while its exchange gives
candles late or takes stops elsewhere.

Judged are orders of quiet loops alone: an answer that was lost lets an order arrive loops later.
"""

from collections.abc import Callable

from freqpilot.rehearsal.books.ledgerwatch import Judge
from freqpilot.rehearsal.books.report import LoopReport, Meanwhile
from freqpilot.rehearsal.venue.spot import Venue, VenueOrder

HOUR_MS = 3_600_000
QUIET_LOOPS = 3
"""Loops in a row without a fault after which an order is one of this loop."""


class Openings:
    """Watches a bot's entries from loop to loop.

    :param closes: tells whether an order can only make a position smaller.
    :param home: returns where the exchange takes stops: ``algo`` where the bot sends them,
        ``plain`` at another endpoint.
    """

    def __init__(
        self,
        judge: Judge,
        venue: Venue,
        closes: Callable[[VenueOrder], bool],
        home: Callable[[], str] = lambda: "algo",
    ) -> None:
        self._judge, self._venue, self._closes, self._home = judge, venue, closes, home
        self._looked = 0
        self._quiet = 0

    def loop_ended(
        self, now: int, report: LoopReport, meanwhile: Meanwhile, *, excused: bool
    ) -> None:
        """Look at the orders of the loop that ends."""
        fresh, self._looked = self._venue.orders[self._looked :], len(self._venue.orders)
        self._quiet = 0 if excused else self._quiet + 1
        own = excused or meanwhile.called or self._quiet < QUIET_LOOPS
        self._watch_candles([] if own else fresh, now)
        self._watch_moved([] if own or report.halted else fresh, now)

    def _watch_candles(self, fresh: list[VenueOrder], now: int) -> None:
        """No entry on the candle before, while the newest one has not come."""
        late = self._venue.late
        for symbol in sorted(late):
            found = [
                order
                for order in fresh
                if order.symbol == symbol
                # What a triggered stop has become only reduces too.
                and not (self._closes(order) or order.reduce_only)
                and order.created % HOUR_MS < min(late[symbol], HOUR_MS)
            ]
            text = f"{symbol} was entered while its newest candle had not come"
            self._judge("late entry", symbol, bool(found), False, now, text)

    def _watch_moved(self, fresh: list[VenueOrder], now: int) -> None:
        """No position is closed for want of a stop that another endpoint takes."""
        for symbol in sorted({order.symbol for order in self._venue.orders}):
            closed = [
                order
                for order in fresh
                if order.symbol == symbol and order.kind == "MARKET" and self._closes(order)
            ]
            wrong = bool(closed) and self._home() == "plain"
            text = f"{symbol} was closed at market while another endpoint took its stop"
            self._judge("needless exit", symbol, wrong, False, now, text)
