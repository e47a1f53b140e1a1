"""The real bot in live mode, in this process and loop by loop, on the stand-in exchange: what
happens there between two loops is the test's.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from freqpilot.host.boot.doors import config_dir
from freqpilot.host.boot.start import activate
from freqpilot.host.run.current import current, end
from freqpilot.host.seams import activation
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.rehearsal.exchange.futures import FuturesExchange
from freqpilot.rehearsal.exchange.live import LiveExchange
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay
from freqpilot.rehearsal.plan.trading import name_error_codes
from freqpilot.rehearsal.venue.account import FUNDING_RATE
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.perpetuals import future_name
from freqpilot.rehearsal.venue.private import KEY, SECRET
from freqpilot.rehearsal.venue.spot import SpotVenue, VenueOrder

PAIRS = ("BTC/USDT", "ETH/USDT")
START = datetime(2026, 1, 20, 12, 5, tzinfo=UTC)
LOOP = 10.0
"""Seconds between two loops."""
FAR = 0.4
"""How far a stop is from the price: nothing of the market reaches it by itself."""
STRATEGY = f"""
from freqtrade.strategy import IStrategy

class Steady(IStrategy):
    timeframe = "1h"
    stoploss = -{FAR}
    minimal_roi = {{}}
    can_short = False
    startup_candle_count = 10
    order_types = {{
        "entry": "market", "exit": "market", "stoploss": "market", "emergency_exit": "market",
        "stoploss_on_exchange": True, "stoploss_on_exchange_interval": 1,
    }}
    wanted = {{"BTC/USDT", "ETH/USDT"}}
    leaves = set()
    signals = None  # hours whose candles have a signal; all
    def populate_indicators(self, dataframe, metadata):
        return dataframe
    def populate_entry_trend(self, dataframe, metadata):
        hours = dataframe["date"].dt.hour
        dataframe["enter_long"] = 1 if self.signals is None else hours.isin(self.signals) * 1
        return dataframe
    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = 0
        return dataframe
    def confirm_trade_entry(self, pair, **kwargs):
        return pair.split(":")[0] in self.wanted
    def custom_exit(self, pair, trade, current_time, **kwargs):
        return "asked" if pair.split(":")[0] in self.leaves else None
"""


@dataclass
class Stage:
    """The bot, its exchange and the clock; ``folder`` has its database and its store."""

    folder: Path
    clock: VirtualClock
    venue: Any
    server: Any
    bot: Any = None

    def start(self) -> None:
        """Start the bot, as a process does."""
        from freqtrade.configuration import Configuration
        from freqtrade.freqtradebot import FreqtradeBot

        layers = [str(config_dir() / f"{name}.json") for name in ("base", "freqpilot")]
        config = Configuration({"config": [*layers, str(self.folder / "own.json")]}).get_config()
        self.bot = FreqtradeBot(config)
        self.bot.startup()

    def stop(self) -> None:
        """End the bot; the exchange lives on."""
        if self.bot is not None:
            self.bot.cleanup()
            self.bot = None
            end()

    def configure(self, risk: Mapping[str, Any], **keys: Any) -> None:
        """Let the next start have these keys in its config, in place of the strategy's own, and
        these settings of risk among the others."""
        file = self.folder / "own.json"
        config = {**json.loads(file.read_text()), **keys}
        config["freqpilot"]["risk"] |= risk
        file.write_text(json.dumps(config))

    def funded(self, pair: str = "BTC/USDT") -> float:
        """Return the funding that the account has received of a pair, below zero for paid."""
        symbol = pair.replace("/", "")
        rows = self.venue.income
        return float(
            sum(row.amount for row in rows if (row.kind, row.symbol) == ("FUNDING_FEE", symbol))
        )

    def loop(self, count: int = 1, seconds: float = LOOP) -> None:
        """Let the bot do so many loops, and the time before each pass."""
        for _ in range(count):
            self.clock.advance(seconds)
            self.venue.advance(self.now)
            self.bot.process()

    @property
    def now(self) -> int:
        """Milliseconds."""
        return int(self.clock() * 1000)

    def stops(self, pair: str = "BTC/USDT") -> list[VenueOrder]:
        """Return the open stops of a pair on the exchange."""
        symbol = pair.replace("/", "")
        return [order for order in self.venue.waiting(symbol) if order.stop is not None]

    def trades(self, *, is_open: bool = True) -> list[Any]:
        """Return the trades of the database."""
        from freqtrade.persistence import Trade

        Trade.session.expire_all()
        return list(Trade.get_trades([Trade.is_open.is_(is_open)]).all())

    def trade(self, pair: str = "BTC/USDT") -> Any:
        """Return the open trade of a pair."""
        (found,) = (trade for trade in self.trades() if trade.pair.split(":")[0] == pair)
        return found

    def events(self, kind: str) -> list[Any]:
        """Return the events of a kind."""
        return list(current().store.events(kind))


def market(pairs: Sequence[str] = PAIRS, falls: datetime | None = None, left: float = 0.5) -> Tape:
    """Return a market; its first pair keeps ``left`` of its price at ``falls``."""
    begin = START.replace(minute=0) - timedelta(days=30)
    tape = Tape.from_market(SyntheticMarket(pairs, 60, begin, 24 * 45, 7))
    if falls is None:
        return tape
    return tape.jumped(pairs[0], int(falls.timestamp() * 1000), 2**62, left)


@contextmanager
def stage(
    folder: Path,
    *,
    futures: bool = True,
    pairs: Sequence[str] = PAIRS,
    others: Sequence[str] = (),
    tape: Tape | None = None,
    funding_rate: Decimal = FUNDING_RATE,
) -> Iterator[Stage]:
    """Serve an account of 1,000 USDT and leave the bot to be started.

    :param others: pairs that are listed and that the bot does not trade.
    """
    activate()
    assert activation.active(), activation.refusal()
    (folder / "strategies").mkdir()
    (folder / "strategies" / "Steady.py").write_text(STRATEGY)
    tape = tape or market([*pairs, *others])
    wallet = {"USDT": Decimal(1_000)}
    venue: Any = SpotVenue(tape, wallet)
    if futures:
        venue = FuturesVenue(tape, wallet, funding_rate=funding_rate)
    with pytest.MonkeyPatch.context() as patches, VirtualClock(START) as clock:
        served = FuturesExchange(venue, clock) if futures else LiveExchange(tape, clock, venue)
        with served as server:
            for client in (ccxt.binance, ccxt.async_support.binance):
                name = "get_exceptions_by_url"
                patches.setattr(client, name, getattr(client, name))  # undone at the end
            name_error_codes(server.url)
            made = Stage(folder, clock, venue, server)
            _write_config(made, pairs, futures=futures)
            yield made
            made.stop()
        from freqtrade.persistence import Trade

        Trade.session.remove()


def _write_config(made: Stage, pairs: Sequence[str], *, futures: bool) -> None:
    names = [future_name(pair) for pair in pairs] if futures else list(pairs)
    overlay = exchange_overlay(made.server.url, names, futures=futures) | {
        "dry_run": False,
        "user_data_dir": str(made.folder),
        "db_url": f"sqlite:///{made.folder / 'trades.sqlite'}",
        "stake_amount": 80,
        "max_open_trades": len(pairs),
        "strategy": "Steady",
        "pairlists": [{"method": "StaticPairList"}],
        "freqpilot": {
            "store": {"url": f"sqlite:///{made.folder / 'freqpilot.sqlite'}"},
            "risk": {"market": {"enabled": False}, "book": {"enabled": False}},
        },
    }
    overlay["exchange"] |= {"key": KEY, "secret": SECRET}
    (made.folder / "own.json").write_text(json.dumps(overlay))
