"""An account on an exchange, beside a bot's trades database: what the comparison of books sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ccxt
from freqtrade.persistence import Order, Trade
from trades_stage import START, Api, Bot, Kind, live, resting

from freqpilot.host.orders.books import step as books
from freqpilot.host.orders.differences import APART
from freqpilot.host.run.current import current
from freqpilot.rehearsal.clock import VirtualClock

MINUTE = timedelta(minutes=1)


class Account(Api):
    """The exchange's books: open orders by number, ``held`` coins or a position of SOL, and orders
    that were made there. Each request is noted."""

    timeout = 10_000

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self.open: dict[str, dict[str, Any]] = {}
        self.made: list[dict[str, Any]] = []
        self.held = 0.0
        self.asked: list[str] = []
        self.fault: Exception | None = None

    def fetch_open_orders(self, pair: str | None, params: dict[str, Any]) -> list[Any]:
        self._ask(f"orders {pair}")
        apart = bool(params)
        split = self.kind.mode == "futures"
        return [o for o in self.open.values() if not split or o["apart"] == apart]

    def fetch_order(self, number: str | None, pair: str, params: dict[str, Any]) -> Any:
        if number is None:
            return super().fetch_order(None, pair, params)
        self._ask(f"order {number}")
        for order in (*self.open.values(), *self.made):
            if order["id"] == number:
                return dict(order)
        raise ccxt.OrderNotFound("-2013")

    def cancel_order(self, number: str, pair: str, params: dict[str, Any]) -> None:
        super().cancel_order(number, pair, params)
        del self.open[number]

    def positions(self) -> list[dict[str, Any]]:
        self._ask("positions")
        side = "short" if self.held < 0 else "long"
        position = {"symbol": self.kind.pair, "side": side, "contracts": abs(self.held)}
        return [position] if self.held else []

    def balances(self) -> dict[str, Any]:
        self._ask("balances")
        return {"SOL": {"total": self.held}, "free": {"SOL": self.held}, "info": []}

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.fault is not None:
            raise self.fault


class Stage:
    """A bot on an account. ``play`` lets its loops end."""

    def __init__(self, bot: Bot, account: Account, clock: VirtualClock) -> None:
        self.bot, self.account, self.clock = bot, account, clock

    def play(self, span: timedelta = MINUTE + 2 * APART, pace: timedelta = APART) -> None:
        """Let time pass, with the end of a loop after each ``pace``."""
        end = self.clock.now() + span
        while self.clock.now() < end:
            books.step(current(), self.bot)
            self.clock.advance(pace.total_seconds())
        books.step(current(), self.bot)

    def texts(self, level: str | None = None) -> list[str]:
        events = current().store.events("difference")
        return [event.text for event in events if level in (None, event.level)]

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = current().counters.snapshot(datetime.now(UTC))["counts"]
        return counts


@contextmanager
def compared(folder: Path, kind: Kind) -> Iterator[Stage]:
    """Yield a live bot whose comparison after the start is done."""
    with VirtualClock(START) as clock, live(folder, kind) as bot:
        account = Account(kind)
        exchange, wallets = bot.exchange, bot.wallets
        bot.config["exchange"]["pair_whitelist"] = [kind.pair]
        exchange._api, exchange._config = account, bot.config
        exchange.markets = {kind.pair: {"limits": {"cost": {"min": 10.0}}}}
        exchange.prices[kind.pair] = 100.0
        exchange._contracts_to_amount = lambda _, contracts: contracts
        exchange.fetch_positions, exchange.get_balances = account.positions, account.balances
        exchange.fetch_orders = lambda pair, since: [dict(order) for order in account.made]
        exchange.fetch_stoploss_order = lambda number, pair: account.fetch_order(number, pair, {})
        exchange.fetch_order_or_stoploss_order = lambda number, pair, stop: account.fetch_order(
            number, pair, {}
        )
        exchange.get_trades_for_order = lambda *_, **__: []
        wallets.get_total = lambda _: abs(account.held)
        yield Stage(bot, account, clock)


def order(kind: Kind, number: str, side: str, amount: float, **more: Any) -> dict[str, Any]:
    """Return an open order of the exchange, in ccxt's words; a stop is ``apart``."""
    return {
        "id": number,
        "clientOrderId": None,
        "symbol": kind.pair,
        "side": side,
        "type": "limit",
        "status": "open",
        "amount": amount,
        "filled": 0.0,
        "remaining": amount,
        "price": 100.0,
        "average": None,
        "cost": 0.0,
        "timestamp": int(START.timestamp() * 1000),
        "info": {},
        "apart": False,
        **more,
    }


def filled(kind: Kind, number: str, side: str, amount: float, rate: float, **more: Any) -> Any:
    """Return an order that was filled."""
    done = {"status": "closed", "filled": amount, "remaining": 0.0, "average": rate}
    time = int(datetime.now(UTC).timestamp() * 1000)
    given = {**done, "cost": amount * rate, "timestamp": time, **more}
    return order(kind, number, side, amount, **given)


def stop_of(kind: Kind, trade: Trade, number: str) -> Order:
    """Return a stop that a trade has in the database."""
    made = resting(trade, "stoploss", float(trade.amount), 90.0)
    made.order_id, made.side, made.stop_price = number, kind.exit, 90.0
    trade.orders.append(made)
    Trade.commit()
    return made
