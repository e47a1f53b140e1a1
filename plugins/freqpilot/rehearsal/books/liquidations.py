"""A position that the exchange has closed by force: does the bot's database know, or a person?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqpilot.rehearsal.books.spot import milliseconds, rows
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.spot import LOT, VenueOrder

FORCED = "autoclose-"
"""How the client order id of a liquidation begins."""
URGENT = ("CRITICAL", "EMERGENCY")


@dataclass(frozen=True)
class Liquidations:
    """The liquidations of an account that a fault has made, and both of the bot's databases."""

    venue: FuturesVenue
    store: Path
    database: Path

    def orders(self) -> list[VenueOrder]:
        """Return the orders by which the exchange has closed positions."""
        return [
            order
            for order in self.venue.orders
            if order.client_id.startswith(FORCED) and order.symbol in self.venue.forced
        ]

    def unseen(self) -> list[VenueOrder]:
        """Return the liquidations that the trades database contradicts and no person was told
        of."""
        made = self.orders()
        if not made:
            return []
        trades, events = self._open_trades(), self._urgent_events()
        return [
            order
            for order in made
            if not self._agrees(order.symbol, trades) and not _is_named(order, events)
        ]

    def named(self) -> set[str]:
        """Return the symbols with a liquidation that a person was told of."""
        events = self._urgent_events()
        return {order.symbol for order in self.orders() if _is_named(order, events)}

    def _agrees(self, symbol: str, trades: list[dict[str, Any]]) -> bool:
        held = sum(
            float(trade["amount"]) * (-1 if trade["is_short"] else 1)
            for trade in trades
            if trade["is_open"] and symbol_of(trade["pair"]) == symbol
        )
        return abs(float(self.venue.position(symbol).amount) - held) < float(LOT)

    def _open_trades(self) -> list[dict[str, Any]]:
        return rows(self.database, "trades", "pair, is_open, amount, is_short")

    def _urgent_events(self) -> list[dict[str, Any]]:
        found = rows(self.store, "event", "time, level, text, data")
        return [row for row in found if row["level"] in URGENT]


def symbol_of(pair: str) -> str:
    """Return the exchange's name of a pair as Freqtrade calls it."""
    return pair.split(":", maxsplit=1)[0].replace("/", "")


def _is_named(order: VenueOrder, events: list[dict[str, Any]]) -> bool:
    return any(
        order.symbol in f"{event['text']} {event['data']}".replace("/", "")
        and milliseconds(event["time"]) >= order.created
        for event in events
    )
