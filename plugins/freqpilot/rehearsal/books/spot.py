"""What must always hold between the exchange's ledger and the bot's database.

The exchange's ledger is the truth. A *breach* is money at risk that the bot does not know of, or a
position without a stop; a *difference* is what the bot itself found and reported.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from freqpilot.rehearsal.venue.spot import LOT, ZERO, Venue, VenueOrder

CASH_TOLERANCE = Decimal("1e-6")
"""Share of the turnover by which the two books' cash may differ: the database keeps floats."""
GRACE_MS = 1_000
DAY_MS = 86_400_000
OURS = "fq-"
"""How the client order ids of Freqpilot begin."""


@dataclass(frozen=True)
class Breach:
    """One thing that must not be: the rule's name and what was found."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


@dataclass(frozen=True)
class BotOrder:
    """An order as Freqtrade's database has it; ``filled`` in base currency, ``average`` its
    price."""

    trade: int
    pair: str
    order_id: str
    side: str
    is_open: bool
    filled: Decimal
    average: Decimal


@dataclass(frozen=True)
class BotTrade:
    """A trade as Freqtrade's database has it."""

    number: int
    pair: str
    is_open: bool
    amount: Decimal
    is_short: bool = False


@dataclass(frozen=True)
class Books:
    """Both sides at the end of a session: the exchange's ledger, Freqtrade's database and what our
    store says of intents, halts, differences and the rules that refused an order (empty for a bot
    without Freqpilot)."""

    venue: Venue
    trades: tuple[BotTrade, ...]
    orders: tuple[BotOrder, ...]
    intents: dict[str, Decimal]
    forbidden: tuple[tuple[int, int, str], ...]
    differences: tuple[str, ...]
    refusals: tuple[str, ...]
    refused_exits: int
    since: int = 0
    """When (ms) the store began to be the one that it is: one that was restored knows nothing of
    the orders before, and gives their names again."""
    vetoes: tuple[tuple[int, tuple[str, str]], ...] = ()
    """When (ms) a refusal was written down; of which pair, and its purpose and rule."""
    known: frozenset[str] = frozenset()
    """Symbols whose position the exchange has closed by force, as a person was told: the books of
    these need not agree (futures)."""

    @classmethod
    def read(cls, venue: Venue, database: Path, store: Path) -> Self:
        """Read both databases."""
        trades, orders = _bot(database)
        intents, events = _store(store)
        return cls(
            venue=venue,
            trades=trades,
            orders=orders,
            intents=intents,
            forbidden=tuple(_forbidden(events)),
            differences=tuple(e["text"] for e in events if e["kind"] == "difference"),
            refusals=tuple(
                str(json.loads(e["data"]).get("rule", "unnamed"))
                for e in events
                if e["kind"] == "veto"
            ),
            refused_exits=sum(
                e["kind"] == "veto" and json.loads(e["data"]).get("purpose") in ("exit", "stop")
                for e in events
            ),
            vetoes=tuple(
                (milliseconds(e["time"]), _refusal(json.loads(e["data"])))
                for e in events
                if e["kind"] == "veto"
            ),
        )

    def breaches(self) -> tuple[Breach, ...]:
        """Return everything that does not hold."""
        checks = (
            self._unknown_orders(),
            self._doubled_ids(),
            self._overfilled(),
            self._positions(),
            self._cash(),
            self._open_orders(),
            self._halted(),
            self._unwritten(),
        )
        found = [breach for check in checks for breach in check]
        if self.refused_exits:
            found.append(Breach("exit refused", f"{self.refused_exits} times"))
        return tuple(found)

    def repeated(self, starts: int) -> Iterator[Breach]:
        """Yield refusals that stand in more rows than there were changes: a row is written for the
        first of its kind of a day, of a process, and since an order of its pair was allowed.

        :param starts: how often the bot has begun anew, by its process or its config.
        """
        days = len({time // DAY_MS for time, _ in self.vetoes})
        orders = Counter(order.symbol for order in self.venue.orders)
        for (pair, rule), times in Counter(kind for _, kind in self.vetoes).items():
            symbol = pair.split(":")[0].replace("/", "")
            changes = days + starts + orders[symbol]
            if times > changes:
                text = f"{times} rows say that {rule} refused {pair}, which changed {changes} times"
                yield Breach("rows", text)

    def _unknown_orders(self) -> Iterator[Breach]:
        known = {order.order_id for order in self.orders}
        for order in self.venue.orders:
            if str(order.number) not in known and (order.filled or order.is_open):
                yield Breach("double order", f"the bot does not know of {words(order)}")

    def _doubled_ids(self) -> Iterator[Breach]:
        for client_id, times in self._names(self.venue.orders).items():
            if times > 1:
                yield Breach("double order", f"{client_id} was accepted {times} times")

    def _names(self, orders: Iterable[VenueOrder]) -> Counter[str]:
        """Return how often a store has given each name."""
        given = Counter((order.client_id, order.created < self.since) for order in orders)
        times: Counter[str] = Counter()
        for (name, _), number in given.items():
            times[name] = max(times[name], number)
        return times

    def _overfilled(self) -> Iterator[Breach]:
        for order in self.venue.orders:
            planned = self.intents.get(order.client_id)
            if planned is not None and order.created >= self.since and order.filled > planned + LOT:
                yield Breach("overfilled", f"{words(order)}, planned {planned}")

    def _positions(self) -> Iterator[Breach]:
        held: dict[str, Decimal] = defaultdict(lambda: ZERO)
        count: Counter[str] = Counter()
        for trade in self.trades:
            base = trade.pair.split("/")[0]
            count[base] += 1
            if trade.is_open:
                held[base] += trade.amount
        fills: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for order in self.venue.orders:
            base, _ = self.venue.assets(order.symbol)
            for fill in order.fills:
                fee = fill.fee if fill.fee_asset == base else ZERO
                fills[base] += order.sign * fill.amount - fee
        for base in {*held, *fills}:
            owned = self.venue.balances.get(base, ZERO)
            if fills[base] + self.venue.start.get(base, ZERO) != owned:
                yield Breach("ledger", f"fills of {base} sum to {fills[base]}, balance {owned}")
            # What is left of each trade is less than the smallest lot, or a fee eaten into dust.
            dust = LOT * (count[base] + 1)
            if not -dust <= owned - held[base] <= dust:
                yield Breach("position", f"{owned} {base} owned, the database says {held[base]}")

    def _cash(self) -> Iterator[Breach]:
        ours = sum((o.sign * o.cost for o in self.venue.orders), ZERO)
        turnover = sum((o.cost for o in self.venue.orders), ZERO)
        theirs = sum(
            (o.filled * o.average * (1 if o.side == "buy" else -1) for o in self.orders), ZERO
        )
        if abs(ours - theirs) > max(Decimal("0.01"), turnover * CASH_TOLERANCE):
            yield Breach("cash", f"the exchange moved {ours:.2f}, the database says {theirs:.2f}")

    def _open_orders(self) -> Iterator[Breach]:
        by_id = {str(order.number): order for order in self.venue.orders}
        for order in self.orders:
            there = by_id.get(order.order_id)
            if there is not None and there.symbol in self.venue.vanished:
                continue  # the bot cannot learn of it
            if order.is_open and (there is None or not there.is_open):
                state = "does not exist" if there is None else f"is {there.status}"
                text = f"order {order.order_id} in {order.pair} is open in the database, it {state}"
                yield Breach("open order", text)

    def _halted(self) -> Iterator[Breach]:
        for order in self.venue.orders:
            for begin, end, why in self.forbidden:
                if self._raises_risk(order) and begin + GRACE_MS < order.created < end:
                    yield Breach("halted", f"{words(order)} while {why}")

    def _unwritten(self) -> Iterator[Breach]:
        """An order of ours that raises risk is written down before it is sent."""
        for order in self.venue.orders:
            ours = self._raises_risk(order) and order.client_id.startswith(OURS)
            if ours and order.created >= self.since and order.client_id not in self.intents:
                yield Breach("unwritten", f"no intent was written down of {words(order)}")

    def _raises_risk(self, order: VenueOrder) -> bool:
        return order.sign > 0


def words(order: VenueOrder) -> str:
    """Return an order in words."""
    return (
        f"{order.side} {order.symbol} {order.kind} {order.filled}/{order.amount} "
        f"(order {order.number}, {order.client_id}, {order.status})"
    )


def _refusal(data: dict[str, Any]) -> tuple[str, str]:
    return str(data.get("pair")), f"{data.get('purpose')} {data.get('rule')}"


def _bot(database: Path) -> tuple[tuple[BotTrade, ...], tuple[BotOrder, ...]]:
    found = rows(database, "trades", "id, pair, is_open, amount, is_short")
    trades = tuple(
        BotTrade(
            row["id"],
            row["pair"],
            bool(row["is_open"]),
            _decimal(row["amount"]),
            bool(row["is_short"]),
        )
        for row in found
    )
    columns = "ft_trade_id, ft_pair, order_id, side, ft_is_open, filled, average, price"
    orders = tuple(
        BotOrder(
            row["ft_trade_id"],
            row["ft_pair"],
            row["order_id"],
            row["side"],
            bool(row["ft_is_open"]),
            _decimal(row["filled"]),
            _decimal(row["average"] or row["price"]),
        )
        for row in rows(database, "orders", columns)
    )
    return trades, orders


def _store(store: Path) -> tuple[dict[str, Decimal], list[dict[str, Any]]]:
    intents = rows(store, "order_intent", "client_id, amount")
    events = rows(store, "event", "time, kind, text, data")
    return {row["client_id"]: _decimal(row["amount"]) for row in intents}, events


def _forbidden(events: list[dict[str, Any]]) -> Iterator[tuple[int, int, str]]:
    """Yield the stretches, in ms, in which nothing may raise risk, and why."""
    ends = {"halt": "release", "safe mode": "safe mode over"}
    begun: dict[str, tuple[int, str]] = {}
    right = 2**62
    times: list[int] = []
    for event in reversed(events):  # a clock that was ahead went back no later than it says
        right = min(right, milliseconds(event["time"])) if event["kind"] == "clock" else right
        times.append(min(right, milliseconds(event["time"])))
    for event, time in zip(events, reversed(times), strict=True):
        kind = event["kind"]
        if kind in ends:
            begun.setdefault(ends[kind], (time, event["text"]))
        elif kind in begun:
            begin, why = begun.pop(kind)
            yield begin, time, why
    for begin, why in begun.values():
        yield begin, 2**62, why


def rows(database: Path, table: str, columns: str) -> list[dict[str, Any]]:
    """Return a table's rows; none when there is no such file or table."""
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        known = "select 1 from sqlite_master where type = 'table' and name = ?"
        if not connection.execute(known, (table,)).fetchone():
            return []
        query = f"select {columns} from {table} order by rowid"  # noqa: S608
        return [dict(row) for row in connection.execute(query)]


def _decimal(value: float | None) -> Decimal:
    return Decimal(repr(float(value or 0.0)))


def milliseconds(text: str) -> int:
    """Return a time as our store has it, in milliseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
