"""What must always hold between a futures account and the bot's database."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Self

from freqpilot.rehearsal.books.liquidations import FORCED, Liquidations, symbol_of
from freqpilot.rehearsal.books.spot import Books, Breach, words
from freqpilot.rehearsal.venue.futures import AlgoOrder, FuturesVenue
from freqpilot.rehearsal.venue.spot import LOT, ZERO, Venue, VenueOrder


@dataclass(frozen=True)
class FuturesBooks(Books):
    """Both sides at the end of a session on futures. The database has a conditional order under
    its own number, never the order that it became."""

    @classmethod
    def read(cls, venue: Venue, database: Path, store: Path) -> Self:
        """Read both databases, and which liquidations a person was told of."""
        books = super().read(venue, database, store)
        account = books._account()
        return replace(books, known=frozenset(Liquidations(account, store, database).named()))

    def _account(self) -> FuturesVenue:
        assert isinstance(self.venue, FuturesVenue)
        return self.venue

    def _parents(self) -> dict[int, AlgoOrder]:
        """Return conditional orders by the number of the order that they became."""
        return {a.child.number: a for a in self._account().algos if a.child is not None}

    def _unknown_orders(self) -> Iterator[Breach]:
        known, parents = {order.order_id for order in self.orders}, self._parents()
        for order in self.venue.orders:
            if order.client_id.startswith(FORCED):
                continue  # the exchange's own
            number = parents[order.number].number if order.number in parents else order.number
            if str(number) not in known and (order.filled or order.is_open):
                yield Breach("double order", f"the bot does not know of {words(order)}")
        for algo in self._account().open_algos():
            if str(algo.number) not in known:
                yield Breach("double order", f"the bot does not know of {words(algo)}")

    def _doubled_ids(self) -> Iterator[Breach]:
        account = self._account()
        for client_id, times in self._names((*account.orders, *account.algos)).items():
            if times > 1:
                yield Breach("double order", f"{client_id} was accepted {times} times")

    def _overfilled(self) -> Iterator[Breach]:
        parents = self._parents()
        for order in self.venue.orders:
            planned = self.intents.get(parents.get(order.number, order).client_id)
            if planned is not None and order.created >= self.since and order.filled > planned + LOT:
                yield Breach("overfilled", f"{words(order)}, planned {planned}")

    def _positions(self) -> Iterator[Breach]:
        held: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for trade in self.trades:
            if trade.is_open:
                symbol = symbol_of(trade.pair)
                held[symbol] += -trade.amount if trade.is_short else trade.amount
        fills: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for order in self.venue.orders:
            fills[order.symbol] += order.sign * order.filled
        account = self._account()
        for symbol in {*held, *fills}:
            owned = account.position(symbol).amount
            if fills[symbol] != owned:
                yield Breach("ledger", f"fills of {symbol} sum to {fills[symbol]}, not {owned}")
            if abs(owned - held[symbol]) >= LOT and symbol not in self.known:
                text = f"{owned} {symbol} on the exchange, the database says {held[symbol]}"
                yield Breach("position", text)
        yield from self._wallet()

    def _wallet(self) -> Iterator[Breach]:
        account = self._account()
        moved: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for entry in account.income:
            moved[account.assets(entry.symbol)[1]] += entry.amount
        for asset, balance in account.balances.items():
            if account.start.get(asset, ZERO) + moved[asset] != balance:
                yield Breach("ledger", f"{asset} moved by {moved[asset]}, the wallet has {balance}")
        for order in account.orders:
            if order.client_id.startswith(FORCED) and order.symbol not in account.forced:
                yield Breach("liquidated", words(order))

    def _cash(self) -> Iterator[Breach]:
        return iter(()) if self.known else super()._cash()

    def _open_orders(self) -> Iterator[Breach]:
        account = self._account()
        for waiting in account.waiting():
            if waiting.reduce_only and not account.position(waiting.symbol).reducible(waiting.sign):
                yield Breach("stray stop", f"nothing is there to reduce for {words(waiting)}")
        by_id: dict[str, VenueOrder] = {str(o.number): o for o in (*account.orders, *account.algos)}
        for order in self.orders:
            there = by_id.get(order.order_id)
            alive = there is not None and there.is_open
            if isinstance(there, AlgoOrder):
                alive = there.state in ("NEW", "TRIGGERED")
            if order.is_open and not alive and symbol_of(order.pair) not in self.known:
                state = "does not exist" if there is None else f"is {there.status}"
                text = f"order {order.order_id} in {order.pair} is open in the database, it {state}"
                yield Breach("open order", text)

    def _raises_risk(self, order: VenueOrder) -> bool:
        return not order.reduce_only
