"""Looks at the account at the end of each of the bot's loops, and at what the bot says of itself.

Each rule gives the bot a number of loops in which nothing keeps it from acting; a loop that met a
fault of the exchange, or in which the bot was stopped, is not counted.
"""

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from freqpilot.rehearsal.books.ledgerwatch import LedgerWatch
from freqpilot.rehearsal.books.liquidations import Liquidations
from freqpilot.rehearsal.books.openings import Openings
from freqpilot.rehearsal.books.report import QUIET, LoopReport, Meanwhile
from freqpilot.rehearsal.books.spot import Breach, rows
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.spot import LOT, MIN_NOTIONAL, ZERO, Venue, VenueOrder

NEAR = Decimal("0.03")
"""How far from the price an exit still counts as one: it is filled by the market's usual moves."""
LOOPS = {
    "stop": 2,
    "jumped stop": 2,
    "equity": 2,
    "not observed": 1,
    "halt not saved": 3,
    "nobody told": 3,
    "false peak": 1,
    "false halt": 1,
    "peak lost": 1,
    "latch lost": 1,
    "clock": 2,
    "bad exit": 1,
    "late entry": 1,
    "needless exit": 1,
}
"""In how many loops that count a rule may be broken before it is a breach."""
PATIENCE = 3
"""Loops after which entries must be judged again."""
DRAWDOWN, START_LOSS = Decimal("0.20"), Decimal("0.15")
"""Drawdown from the peak, unless the config says otherwise, and loss of the start, at which a bot
halts."""
MARGIN = Decimal("0.01")
"""How far beyond a limit the true equity has to be: the bot counts fees of exits that are to come,
and its own look is a moment earlier."""
TOLD_LETTERS = 60
"""Letters of a halt's reason that a message has to hold: messages are cut and joined."""


class Watchman:
    """Watches a spot account.

    :param store: the bot's SQLite store, where a halt has to be.
    :param drawdown: from the peak, a fraction, at which the bot has to halt.
    """

    def __init__(
        self, venue: Venue, store: Path | None = None, drawdown: Decimal = DRAWDOWN
    ) -> None:
        self._venue, self._store, self._drawdown = venue, store, drawdown
        self._counts: Counter[tuple[str, str]] = Counter()
        self._strikes = 0
        self._flat: dict[str, int] = {}
        self._peak = self._first = sum(venue.start.values(), ZERO)
        self._ledger = LedgerWatch(self._judge, store, self._first, self._limit)
        self._openings = Openings(self._judge, venue, self._closes, self._stop_home)
        self.loops = 0
        self.ended: list[int] = []
        self.messages: list[str] = []
        """What has left the machine by the bot's webhook."""
        self.breaches: list[Breach] = []

    def loop_ended(
        self, now: int, strikes: int, report: LoopReport, meanwhile: Meanwhile = QUIET
    ) -> None:
        """Look at the account.

        :param strikes: faults so far; a loop that met one is not counted.
        :param meanwhile: what else has happened within the loop.
        """
        self.loops += 1
        before = self.ended[-1] if self.ended else 0
        self.ended.append(now)
        excused = strikes != self._strikes or not report.running or bool(meanwhile.ahead)
        self._strikes = strikes
        if report.stops:
            for symbol in sorted({order.symbol for order in self._venue.orders}):
                self._watch_stops(symbol, now, excused)
        if not report.supervised:
            return
        store_out = meanwhile.store_out
        blind = report.stamp is None or report.stamp <= before
        text = f"the bot has not looked at its account in this loop (last at {report.stamp})"
        self._judge("not observed", "", blind, excused, now, text)
        equity = self.equity(now)
        if meanwhile.restored:
            self._peak = max(self._first, equity)  # the ledger of before knows no later one
        self._watch_equity(equity, now, report, excused)
        self._watch_halt(now, report, excused or store_out)
        self._ledger.loop_ended(now, equity, report, meanwhile, excused=excused)
        self._watch_exits(before, now, report, meanwhile, excused)
        self._openings.loop_ended(now, report, meanwhile, excused=excused)
        self._watch_account(now, excused or store_out)
        why = f"no entry can be judged in {PATIENCE} loops without a fault: {report.waiting}"
        # A look at a wrong price has to be denied by another one.
        doubted = excused or store_out or bool(meanwhile.ticked)
        self._judge("entries wait", "", report.waiting is not None, doubted, now, why)

    def awaits_message(self, report: LoopReport) -> bool:
        """Tell whether this is the last loop in which a message may say that the bot is halted, and
        none does."""
        last = self._counts["nobody told", ""] == LOOPS["nobody told"] - 1
        return last and report.halted is not None and not self._sent(report.halted)

    # rules

    def _watch_stops(self, symbol: str, now: int, excused: bool) -> None:
        if not self.holds(symbol, now):
            self._flat[symbol] = now
        naked = self.is_naked(symbol, now)
        text = f"{symbol} has neither a stop nor an exit that can be filled for two loops"
        self._judge("stop", symbol, naked, excused, now, text)
        stop = self.jumped(symbol, now)
        text = f"{symbol} is still held two loops after its price went beyond the stop {stop}"
        self._judge("jumped stop", symbol, stop is not None, excused, now, text)

    def _limit(self, peak: Decimal) -> Decimal:
        """Return the equity at which a bot has to halt."""
        return max(peak * (1 - self._drawdown), self._first * (1 - START_LOSS))

    def _watch_equity(self, equity: Decimal, now: int, report: LoopReport, excused: bool) -> None:
        start = self._first
        if not excused:
            self._peak = max(self._peak, equity)
        lowest = max(
            self._peak * (1 - self._drawdown - MARGIN),
            start * (1 - START_LOSS - MARGIN),
        )
        seen = "nothing" if report.equity is None else f"{report.equity:.2f}"
        text = (
            f"the account is worth {equity:.2f}, below {lowest:.2f} (peak {self._peak:.2f}, start "
            f"{start:.2f}), for two looks without a halt; the bot saw {seen}"
        )
        wrong = equity < lowest and report.halted is None
        self._judge("equity", "", wrong, excused, now, text)

    def _watch_exits(
        self, before: int, now: int, report: LoopReport, meanwhile: Meanwhile, excused: bool
    ) -> None:
        """A wrong price closes nothing at market where nothing else does: no person, no halt, no
        stop that the market has met."""
        for symbol in sorted(meanwhile.ticked):
            sold = [
                order
                for order in self._venue.orders
                if order.symbol == symbol
                and before < order.created <= now
                and order.kind == "MARKET"
                and self._closes(order)
            ]
            wrong = any(self._beyond(symbol, order.sign, order.created) is None for order in sold)
            wrong = wrong and not (meanwhile.called or report.halted)
            text = f"{symbol} was closed at market after one wrong price"
            self._judge("bad exit", symbol, wrong, excused, now, text)

    def _watch_halt(self, now: int, report: LoopReport, excused: bool) -> None:
        if self._store is None:
            return
        halt, saved = report.halted, self._saved() if not excused else set()
        wrong = bool(halt) and halt not in saved
        text = f"the bot is halted ({halt}), its store says {sorted(saved) or 'nothing'}"
        self._judge("halt not saved", "", wrong, excused, now, text)
        wrong = bool(halt) and not self._sent(str(halt))
        text = f"the bot is halted ({halt}), and of {len(self.messages)} messages none says so"
        self._judge("nobody told", "", wrong, excused, now, text)

    def _judge(
        self, rule: str, about: str, wrong: bool, excused: bool, now: int, text: str
    ) -> None:
        """Count a loop in which a rule is broken; it is a breach once, when they are too many."""
        key = rule, about
        if not wrong:
            self._counts[key] = 0
        elif not excused:
            self._counts[key] += 1
            if self._counts[key] == LOOPS.get(rule, PATIENCE):
                at = datetime.fromtimestamp(now / 1000, UTC)
                self.breaches.append(Breach(rule, f"{text}, at {at:%Y-%m-%d %H:%M:%S}"))

    # the account

    def holds(self, symbol: str, now: int) -> bool:
        """Tell whether there is a position that is worth an order and can be sold."""
        if symbol in self._venue.closed:
            return False
        held = abs(self._position(symbol)) - self._dust(symbol)
        return held * self._price(symbol, now) >= MIN_NOTIONAL

    def is_naked(self, symbol: str, now: int) -> bool:
        """Tell whether a position worth an order has neither a stop nor an exit in reach."""
        if not self.holds(symbol, now):
            return False
        price, sign = self._price(symbol, now), self._exit_sign(symbol)
        return not any(
            order.sign == sign and _guards(order, price) for order in self._waiting(symbol)
        )

    def jumped(self, symbol: str, now: int) -> Decimal | None:
        """Return the last stop of an open position when the price is beyond it, or None."""
        if not self.holds(symbol, now):
            return None
        return self._beyond(symbol, self._exit_sign(symbol), now)

    def _beyond(self, symbol: str, sign: int, now: int) -> Decimal | None:
        """Return the last stop of a position when the price is beyond it, or None."""
        since = self._flat.get(symbol, 0)
        placed = [
            order.stop
            for order in self._stops()
            if order.symbol == symbol and order.sign == sign and order.created > since
        ]
        if not placed or placed[-1] is None:
            return None
        beyond = (self._price(symbol, now) - placed[-1]) * sign > 0
        return placed[-1] if beyond else None

    def equity(self, now: int) -> Decimal:
        """Return what the account is worth, fees of exits aside; a delisted coin is worth 0."""
        worth = ZERO
        for asset in self._venue.start:
            worth += self._venue.balances.get(asset, ZERO)
        for pair in self._venue.tape.pairs.values():
            if pair.symbol not in self._venue.closed:
                worth += self._position(pair.symbol) * self._price(pair.symbol, now)
        return worth

    def _price(self, symbol: str, now: int) -> Decimal:
        return Decimal(str(self._venue.tape.symbol(symbol).price(now)))

    def _position(self, symbol: str) -> Decimal:
        base, _ = self._venue.assets(symbol)
        return self._venue.balances.get(base, ZERO)

    def _dust(self, symbol: str) -> Decimal:
        """Return what the exits so far may have left over: less than the smallest lot each."""
        return LOT * sum(
            o.sign < 0 and o.status == "FILLED" for o in self._venue.orders if o.symbol == symbol
        )

    def _exit_sign(self, symbol: str) -> int:
        return -1 if self._position(symbol) > 0 else 1

    def _watch_account(self, now: int, excused: bool) -> None:
        """Watch what only this kind of account has."""

    @staticmethod
    def _closes(order: VenueOrder) -> bool:
        return order.sign < 0

    def _stop_home(self) -> str:
        """Return where the exchange takes stops: ``algo`` where a bot sends them."""
        return "algo"

    def _waiting(self, symbol: str) -> list[VenueOrder]:
        return self._venue.open_orders(symbol)

    def _stops(self) -> list[VenueOrder]:
        return [order for order in self._venue.orders if order.stop is not None]

    # what was said and saved

    def _sent(self, reason: str) -> bool:
        wanted = _letters(reason)[:TOLD_LETTERS]
        return any(wanted in _letters(message) for message in self.messages)

    def _saved(self) -> set[str]:
        assert self._store is not None
        states = rows(self._store, "risk_state", "key, state")
        found = [json.loads(row["state"]) for row in states if row["key"].startswith("ledger")]
        return {str(state["halted"]) for state in found if state.get("halted")}


class FuturesWatchman(Watchman):
    """Watches a futures account: only reduce-only orders guard a position."""

    def __init__(
        self,
        venue: FuturesVenue,
        store: Path | None = None,
        drawdown: Decimal = DRAWDOWN,
        database: Path | None = None,
    ) -> None:
        """:param database: the bot's trades, where a liquidation has to be known."""
        super().__init__(venue, store, drawdown)
        self._account = venue
        self._liquidations = None
        if store is not None and database is not None:
            self._liquidations = Liquidations(venue, store, database)

    def _watch_account(self, now: int, excused: bool) -> None:
        unseen = [] if self._liquidations is None else self._liquidations.unseen()
        symbols = {order.symbol for order in unseen}
        for symbol in sorted(self._account.forced):
            text = f"{symbol} was liquidated, the bot's books have it and nobody was told"
            self._judge("liquidation", symbol, symbol in symbols, excused, now, text)

    def equity(self, now: int) -> Decimal:
        """Return the wallet with the profit that is not realised, at the last prices."""
        profit = sum(
            (p.profit(self._price(p.symbol, now)) for p in self._account.positions.values()), ZERO
        )
        return sum(self._account.balances.values(), ZERO) + profit

    def _position(self, symbol: str) -> Decimal:
        return self._account.position(symbol).amount

    def _dust(self, symbol: str) -> Decimal:
        return ZERO

    @staticmethod
    def _closes(order: VenueOrder) -> bool:
        return order.reduce_only and not order.client_id.startswith("algo")

    def _stop_home(self) -> str:
        return self._account.stop_home

    def _waiting(self, symbol: str) -> list[VenueOrder]:
        return [order for order in self._account.waiting(symbol) if order.reduce_only]

    def _stops(self) -> list[VenueOrder]:
        return [stop for stop in self._account.stops() if stop.reduce_only]


def _guards(order: VenueOrder, price: Decimal) -> bool:
    """Tell whether an order bounds a position's loss at ``price``: a stop that still waits for its
    trigger, or an exit that the market's usual moves fill."""
    if order.stop is not None and order.resting is None:
        return (price - order.stop) * order.sign < 0
    return order.limit is None or (order.limit - price) * -order.sign <= price * NEAR


def _letters(text: str) -> str:
    """Return a text without what escaping and wrapping change."""
    return "".join(letter for letter in text.lower() if letter.isalnum())
