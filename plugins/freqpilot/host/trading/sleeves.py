"""The run's sleeves: one ledger, kept in the store live, in memory in a backtest.

Fills are read from Freqtrade's own trades, each order's once, up to what it has filled by then; so
a call that comes twice, a partial fill or a restart between two commits counts nothing twice.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np

from freqpilot.host.account.trades import open_trades
from freqpilot.host.alerts import events as alerts
from freqpilot.host.candles.lookup import Lookup
from freqpilot.host.run.run import LEDGER_KEYS, Run
from freqpilot.host.seams.freqtrade import Order, Trade
from freqpilot.risk.account import sleeves, subledger
from freqpilot.risk.account.tiers import tier_in
from freqpilot.shapes import Bools, Floats
from freqpilot.signals import netting
from freqpilot.store import open_store

logger = logging.getLogger(__name__)

KEY = ", sleeves"
RESUMED = ", sleeves resumed"
KEPT_ORDERS = 1_000
"""Orders of closed trades that are remembered: a fill may be told again."""


@dataclass
class Booked:
    """What of an open trade is in the books: for each order its amount, money and fee, the amount
    that is held and the sum of all flows, its funding, and how much of what was traded was each
    row's."""

    pair: str
    orders: dict[str, list[float]] = field(default_factory=dict)
    amount: float = 0.0
    flow: float = 0.0
    funding: float = 0.0
    volume: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class About:
    """What a strategy tells of itself: each pair's columns, as
    :func:`freqpilot.host.frames.sleeves.names` has them, for each sleeve the share of its money
    that belongs to one pair, and the timeframe."""

    lookup: Lookup
    slots: Floats
    candle: timedelta
    can_short: bool


class Keeper:
    """The sleeves of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.ledger: sleeves.SleeveLedger | None = None
        self._trades: dict[str, Booked] = {}
        self._done: dict[str, None] = {}
        self._seen: datetime | None = None
        self._taken = 0
        self._looked: datetime | None = None
        self._about: About | None = None
        count = len(run.settings.ensemble.sleeves)
        self._admitted = np.ones(count, dtype=np.bool_)
        self._waited = np.zeros(count, dtype=np.int64)

    def target(self, pair: str, time: datetime, about: About) -> float | None:
        """Return what share of the account a pair is to have (below zero short), after the last
        closed candle was taken in; None where that cannot be told, so that nothing is changed."""
        try:
            self._step(time, about)
            row = about.lookup.row(pair, time)
            if self.ledger is None or row is None:
                return None
            active, budgets = self._active(), self.ledger.budgets
            wanted = netting.shares(row[: len(budgets)], about.slots, budgets, active)
            return netting.net(wanted, can_short=about.can_short)
        except Exception:  # Freqtrade would take the proposed stake instead
            logger.exception("What the sleeves want of %s cannot be told; it stays as it is", pair)
            return None

    def _active(self) -> Bools:
        """Return which sleeves trade: not switched off, and admitted by the account's tier."""
        assert self.ledger is not None
        return self.ledger.active & self._admitted

    def _admit(self, time: datetime) -> bool:
        """Look which sleeves the account's tier admits; tell whether that has changed."""
        run, chosen = self._run, self._run.settings.ensemble
        book = run.state.book()
        if not run.settings.supervisor or run.settings.risk.watches or book is None:
            return False
        tier = tier_in(book, run.settings.risk)
        now, before = sleeves.admitted(chosen, tier.strategies), self._admitted
        self._waited += ~now
        self._admitted = now
        if np.array_equal(now, before):
            return False
        waiting = [each.name for each, may in zip(chosen.sleeves, now, strict=True) if not may]
        text = f"tier {tier.name} admits {tier.strategies} strategies: "
        text += (
            "all sleeves trade"
            if not waiting
            else (f"the sleeves {', '.join(waiting)} wait for a higher tier and hold nothing")
        )
        if run.live:
            alerts.record(run, "sleeve", "WARNING", text, {"tier": tier.name}, time=time)
        else:
            logger.info("%s: %s", time, text)
        return True

    def _step(self, time: datetime, about: About) -> None:
        """Take in the last closed candle, once: prices, limits, and what the sleeves trade with
        each other."""
        length = about.candle.total_seconds()
        closed = datetime.fromtimestamp(time.timestamp() // length * length, UTC)
        if closed == self._seen:
            return
        run, lookup, slots = self._ready(closed), about.lookup, about.slots
        if self.ledger is None:
            return
        self._seen, self._about = closed, about
        self._settle(about)
        rows = {pair: row for pair in lookup.pairs if (row := lookup.row(pair, closed)) is not None}
        prices = {pair: float(row[-1]) for pair, row in rows.items()}
        before, equity = self.ledger, float(run.state.equity)
        ledger = sleeves.observed(before, closed, prices, equity, run.settings.ensemble)
        if not run.live:
            hours = run.settings.risk.simulated_operator_hours
            ledger = sleeves.operated(ledger, closed, hours)
        self.ledger = ledger
        switched = self._admit(closed) or ledger.off != before.off
        active = self._active()
        for pair, row in rows.items():
            if row[-2] or switched:
                wanted = _amounts(ledger, active, row, slots, equity, prices[pair])
                books = subledger.crossed(ledger.books, pair, wanted, prices[pair])
                ledger = replace(ledger, books=books)
        self.ledger = ledger
        self._report_switched_off(before, ledger, closed)
        self._save(closed)

    def book(self, trade: Trade, time: datetime, about: About) -> None:
        """Take in what the orders of a trade have filled since the last time. A fault is logged;
        what is missing is taken in with the next call."""
        try:
            run = self._ready(time)
            if self.ledger is not None and self._book(trade, about):
                self._save(time)
            elif self.ledger is None and run.live:
                logger.warning("A fill of %s waits: the account is not known yet", trade.pair)
        except Exception:
            logger.exception("A fill of %s could not be split among the sleeves", trade.pair)

    def loop(self, about: About) -> None:
        """Do what a live bot does in each loop: look for fills, and for what a person resumed."""
        if not self._run.live:
            return
        run = self._ready(datetime.now(UTC))
        if self.ledger is None:
            return
        for trade in open_trades():
            self.book(trade, datetime.now(UTC), about)
        self._settle(about)
        asked = run.store.load_state(f"{run.key}{RESUMED}") or {}
        off = dict(zip(self.ledger.books.names, self.ledger.off, strict=False))
        names = [
            name
            for name, time in asked.items()
            if (since := off.get(name)) is not None and datetime.fromisoformat(time) > since
        ]
        if names:
            self.ledger = sleeves.resumed(self.ledger, names)
            logger.warning("A person resumed the sleeves %s", ", ".join(names))
            self._save(datetime.now(UTC))

    def facts(self) -> dict[str, Any]:
        """Return what a backtest's report tells of the sleeves; nothing without them."""
        if self.ledger is None:
            return {}
        if self._about is not None:
            self._settle(self._about)
        return {"sleeves": self._figures()}

    def _figures(self) -> dict[str, dict[str, Any]]:
        """Return what a person is shown of each sleeve, with for how many candles the tier has
        kept it waiting since the run began."""
        assert self.ledger is not None
        found = sleeves.figures(self.ledger, self._run.settings.ensemble)
        names = self.ledger.books.names[:-1]
        for name, may, waited in zip(names, self._admitted, self._waited, strict=True):
            found[name] |= {"admitted": bool(may), "waited": int(waited)}
        return found

    def _ready(self, time: datetime) -> Run:
        """Return the run, with its ledger where the account is known."""
        run = self._run
        equity = float(run.state.equity)
        if self.ledger is None and np.isfinite(equity) and equity > 0:
            saved = run.store.load_state(f"{run.key}{KEY}") if run.live else None
            if saved:
                self.ledger = sleeves.from_dict(saved["ledger"], run.settings.ensemble, equity)
                self._trades = {key: Booked(**each) for key, each in saved["trades"].items()}
                self._looked = datetime.fromisoformat(saved["stamp"])
                if saved["ledger"]["books"]["names"] != list(self.ledger.books.names):
                    for booked in self._trades.values():
                        booked.volume = []  # by rows that are no more
                self._done = dict.fromkeys(saved["done"])
            else:
                self.ledger = sleeves.begin(time, equity, run.settings.ensemble)
        return run

    def _book(self, trade: Trade, about: About) -> bool:
        assert self.ledger is not None
        changed = False
        for order in trade.orders:
            amount = float(order.safe_amount_after_fee) if order.safe_filled else 0.0
            if not amount or str(order.order_id) in self._done:
                continue
            entry = order.ft_order_side == trade.entry_side
            money = amount * float(order.safe_price)
            fee = money * float((trade.fee_open if entry else trade.fee_close) or 0.0)
            booked = self._trades.setdefault(str(trade.id), Booked(trade.pair))
            known = booked.orders.get(str(order.order_id), [0.0, 0.0, 0.0])
            if amount == known[0]:
                continue
            self._fund(trade, booked)
            new = [amount - known[0], money - known[1], fee - known[2]]
            wanted = self._wanted(trade.pair, order, new[1] / new[0], about)
            sign = 1.0 if order.ft_order_side == "buy" else -1.0
            books, part = subledger.filled(
                self.ledger.books, trade.pair, sign * new[0], sign * new[1], new[2], wanted
            )
            self.ledger = replace(self.ledger, books=books)
            volume = booked.volume or [0.0] * len(part)
            booked.volume = (np.array(volume) + part * new[1]).tolist()
            booked.amount += sign * new[0]
            booked.flow -= sign * new[1] + new[2]
            booked.orders[str(order.order_id)] = [amount, money, fee]
            changed = True
        return changed

    def _wanted(self, pair: str, order: Order, price: float, about: About) -> Floats:
        """Return the amounts that the sleeves wanted when an order was sent; none for one from
        before the sleeves."""
        assert self.ledger is not None
        time: datetime = order.order_date_utc
        row = about.lookup.row(pair, time)
        if row is None or time < self.ledger.begun:
            return np.zeros(len(about.slots))
        equity = float(self._run.state.equity)
        return _amounts(self.ledger, self._active(), row, about.slots, equity, price)

    def _fund(self, trade: Trade, booked: Booked) -> None:
        """Take in the funding that a trade has paid or received since the last time."""
        paid = float(trade.funding_fees or 0.0) - booked.funding
        if paid and self.ledger is not None:
            books = subledger.funded(self.ledger.books, trade.pair, paid)
            self.ledger = replace(self.ledger, books=books)
            booked.funding += paid

    def _settle(self, about: About) -> None:
        """Take in funding and, of trades that have closed, what is missing and what they were
        worth beyond their fills."""
        assert self.ledger is not None
        if self._trades:
            for trade in open_trades():
                if booked := self._trades.get(str(trade.id)):
                    self._fund(trade, booked)
        for trade in self._newly_closed():
            self._book(trade, about)
            booked = self._trades.pop(str(trade.id), None)
            if booked is None:
                continue
            beyond = float(trade.close_profit_abs or 0.0) - booked.flow - booked.funding
            # Coins below the exchange's step are left behind, and are in no trade's profit.
            books = subledger.dropped(self.ledger.books, booked.pair, booked.amount)
            books = subledger.settled(books, np.array(booked.volume), beyond)
            self.ledger = replace(self.ledger, books=books)
            self._done |= dict.fromkeys(booked.orders)
        for name in list(islice(self._done, max(0, len(self._done) - KEPT_ORDERS))):
            del self._done[name]

    def _newly_closed(self) -> list[Any]:
        from freqtrade.persistence import LocalTrade, Trade

        assert self.ledger is not None
        if not self._run.live:
            found = LocalTrade.bt_trades[self._taken :]
            self._taken += len(found)
            return list(found)
        since, self._looked = self._looked or self.ledger.begun, datetime.now(UTC)
        known = Trade.id.in_([int(key) for key in self._trades])
        lately = Trade.close_date >= since.replace(tzinfo=None)
        return list(Trade.get_trades([known | lately, Trade.is_open.is_(False)]).all())

    def _report_switched_off(
        self, before: sleeves.SleeveLedger, ledger: sleeves.SleeveLedger, time: datetime
    ) -> None:
        for row, name in enumerate(ledger.books.names[:-1]):
            if ledger.off[row] is None or before.off[row] is not None:
                continue
            self._run.counters.count("sleeves_switched_off")
            if not self._run.live:
                continue
            fall = float(ledger.books.drawdown[row])
            text = (
                f"sleeve {name} has lost {fall:.1%} from its peak and is switched off: what it "
                "holds is sold, the other sleeves go on. Resume it with "
                f"`freqpilot sleeves --resume {name}`"
            )
            alerts.record(self._run, "sleeve", "CRITICAL", text, {"sleeve": name}, time=time)

    def _save(self, time: datetime) -> None:
        if not self._run.live or self.ledger is None:
            return
        state = {
            "ledger": sleeves.to_dict(self.ledger),
            "trades": {key: asdict(each) for key, each in self._trades.items()},
            "done": list(self._done),
            "figures": self._figures(),
            "stamp": time.isoformat(),
        }
        self._run.store.save_state(f"{self._run.key}{KEY}", state, time)


def _amounts(
    ledger: sleeves.SleeveLedger,
    active: Bools,
    row: Floats,
    slots: Floats,
    equity: float,
    price: float,
) -> Floats:
    """Return the amount of a pair that each sleeve wants; none where it cannot be told."""
    shares = netting.shares(row[: len(slots)], slots, ledger.budgets, active)
    found = shares * equity / price if price > 0 else np.full(len(slots), np.nan)
    return np.where(np.isfinite(found), found, 0.0)


def saved(url: str) -> dict[str, dict[str, Any]]:
    """Return the figures of the sleeves that a bot has kept in the store at ``url``, with their
    ``stamp``, by ledger key."""
    store = open_store(url)
    found = {key: store.load_state(f"{key}{KEY}") for key in LEDGER_KEYS.values()}
    store.close()
    return {
        key: {"stamp": each["stamp"], "sleeves": each["figures"]}
        for key, each in found.items()
        if each
    }


def resume(url: str, names: Iterable[str], time: datetime) -> list[str]:
    """Ask for sleeves to be switched on again, as a person's act; a running bot does it at its next
    loop, one that stands still when it is started.

    :returns: which of them were off, by ledger key.
    """
    chosen, told = list(names), []
    for key, each in saved(url).items():
        figures: Mapping[str, Any] = each["sleeves"]
        off = [name for name in chosen if figures.get(name, {}).get("off_since")]
        if not off:
            continue
        store = open_store(url)
        asked = store.load_state(f"{key}{RESUMED}") or {}
        asked |= {name: time.isoformat() for name in off}
        store.save_state(f"{key}{RESUMED}", asked, time)
        for name in off:
            store.add_event(time, "sleeve", "CRITICAL", f"sleeve {name} is to be resumed")
        store.close()
        told += [f"{key}: {name}" for name in off]
    return told
