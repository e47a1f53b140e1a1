"""A bot of a few lines with a real trades database, for what a live loop does."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
from freqtrade.persistence import Order, Trade, init_db
from sqlalchemy.exc import OperationalError

WRITES = ("save_state", "swap_state", "beat", "add_event", "save_intent", "save_counters")


class Wallets:
    """Free money, or a fault."""

    def __init__(self, free: float) -> None:
        self.free = free
        self.fault: Exception | None = None

    def get_free(self, currency: str) -> float:
        if self.fault is not None:
            raise self.fault
        return self.free

    def update(self, **_: Any) -> None:
        """Nothing is cached here."""


class Exchange:
    """Prices by pair; a pair whose price is an exception raises it."""

    def __init__(self) -> None:
        self.prices: dict[str, float | Exception] = {}
        self.markets: dict[str, Any] = {}
        self._api = None
        self._config: dict[str, Any] = {"dry_run": True, "stake_currency": "USDT"}

    def get_rate(self, pair: str, **_: Any) -> float:
        price = self.prices[pair]
        if isinstance(price, Exception):
            raise price
        return price

    def exchange_has(self, name: str) -> bool:
        return True


def make_bot(folder: Path, *, dry_run: bool = False, db: str = "trades.sqlite", **more: Any) -> Any:
    """Return a bot whose trades lie in ``folder``; its store as well."""
    init_db(f"sqlite:///{folder / db}" if db else "sqlite://")
    config = {
        "freqpilot": {},
        "dry_run": dry_run,
        "stake_currency": "USDT",
        "user_data_dir": str(folder),
        "timeframe": "1h",
        "trading_mode": "spot",
        "exchange": {"name": "binance", "pair_whitelist": ["SOL/USDT", "OLD/USDT"]},
        **more,
    }
    return SimpleNamespace(
        config=config,
        wallets=Wallets(1_000.0),
        exchange=Exchange(),
        strategy=SimpleNamespace(timeframe="1h"),
        dataprovider=SimpleNamespace(ohlcv=lambda *_, **__: pd.DataFrame()),
        rpc=SimpleNamespace(registered_modules=[]),
        trading_mode="spot",
        _exit_lock=threading.Lock(),
    )


def buy(bot: Any, stake: float, pair: str = "SOL/USDT", rate: float = 100.0, **more: Any) -> Trade:
    """Return an open trade that is filled and paid for."""
    bot.wallets.free -= stake
    bot.exchange.prices.setdefault(pair, rate)
    made = Trade(
        **{
            "pair": pair,
            "exchange": "binance",
            "is_open": True,
            "open_date": datetime.now(UTC),
            "open_rate": rate,
            "amount": stake / rate,
            "stake_amount": stake,
            "fee_open": 0.0,
            "fee_close": 0.0,
            "leverage": 1.0,
            "base_currency": pair.split("/", maxsplit=1)[0],
            **more,
        }
    )
    made.orders.append(order(pair, "buy", stake / rate, rate))
    Trade.session.add(made)
    Trade.commit()
    return made


def order(pair: str, side: str, amount: float, rate: float, **more: Any) -> Order:
    """Return an order of a trade; filled, unless ``more`` says otherwise."""
    made = Order.parse_from_ccxt_object(
        {
            "id": f"{side} {pair}",
            "side": "sell" if side == "stoploss" else side,
            "type": "limit",
            "status": "closed",
            "amount": amount,
            "filled": amount,
            "remaining": 0.0,
            "average": rate,
            "price": rate,
            **more,
        },
        pair,
        side,
        amount,
        rate,
    )
    if made.status == "closed":
        made.order_filled_date = datetime.now(UTC)
    return made


def elsewhere(act: Callable[[], None]) -> None:
    """Do something in another thread, with a session of its own, as a forced order is."""
    faults: list[BaseException] = []

    def whole() -> None:
        try:
            act()
        except BaseException as error:
            faults.append(error)
        finally:
            Trade.session.remove()

    thread = threading.Thread(target=whole)
    thread.start()
    thread.join()
    if faults:
        raise faults[0]


class Out:
    """A store that fails: at each call, or at those that are named."""

    def __init__(self, kept: Any, names: tuple[str, ...] | None = None) -> None:
        self.kept, self.names = kept, names

    def __getattr__(self, name: str) -> Any:
        if self.names is None or name in self.names:

            def fail(*_: Any, **__: Any) -> Any:
                raise OperationalError(name, None, Exception("database is locked"))

            return fail
        return getattr(self.kept, name)
