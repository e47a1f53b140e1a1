"""Real trades of Freqtrade in a database file, over what risk has to tell apart: a long on spot, a
long and a short of three times on futures. The fees of entry and exit differ.

A trade comes about as a bot makes it: its orders are filled, Freqtrade counts again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import live_bot
import pytest
from freqtrade.exchange import Exchange
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Order, Trade

from freqpilot.host.account.begin import begin
from freqpilot.host.run.current import current, end
from freqpilot.shapes import OrderIntent

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
FEE_OPEN, FEE_CLOSE = 0.001, 0.0004
STOPLOSS = -0.12
"""The strategy's, a share of own money."""
_numbers = count(1)
"""Of orders, as an exchange gives each its own."""
TICKS = 4
"""ccxt's name for precisions that are steps."""


@dataclass(frozen=True)
class Kind:
    """What a trade is of: ``leverage`` and side on spot or futures."""

    name: str
    pair: str
    mode: str
    leverage: float
    is_short: bool

    @property
    def side(self) -> Any:
        return "short" if self.is_short else "long"

    @property
    def sign(self) -> float:
        return -1.0 if self.is_short else 1.0

    @property
    def entry(self) -> str:
        return "sell" if self.is_short else "buy"

    @property
    def exit(self) -> str:
        return "buy" if self.is_short else "sell"


SPOT = Kind("spot long", "SOL/USDT", "spot", 1.0, False)
LONG = Kind("futures long", "SOL/USDT:USDT", "futures", 3.0, False)
SHORT = Kind("futures short", "SOL/USDT:USDT", "futures", 3.0, True)
KINDS = (SPOT, LONG, SHORT)
of_each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


class Api:
    """The exchange's own books: orders by our names, and what was cancelled there."""

    id = "binance"

    def __init__(self) -> None:
        self.orders: dict[str, Any] = {}
        self.cancelled: list[tuple[Any, ...]] = []

    def fetch_order(self, _: None, pair: str, params: dict[str, Any]) -> Any:
        try:
            return dict(self.orders[params["clientOrderId"]])
        except KeyError:
            raise ccxt.OrderNotFound("-2013") from None

    def cancel_order(self, number: str, pair: str, params: dict[str, Any]) -> None:
        self.cancelled.append((number, pair, params))

    def market(self, pair: str) -> dict[str, Any]:
        return {"contract": ":" in pair}


class Venue(live_bot.Exchange):
    """What an adoption asks of Freqtrade's exchange."""

    id = "binance"
    precisionMode = precision_mode_price = TICKS
    margin_mode = "isolated"
    check_order_canceled_empty = Exchange.check_order_canceled_empty
    order_has_fee = staticmethod(Exchange.order_has_fee)
    extract_cost_curr_rate = Exchange.extract_cost_curr_rate
    calculate_fee_rate = Exchange.calculate_fee_rate

    def __init__(self) -> None:
        super().__init__()
        self._api: Any = Api()

    def get_fee(self, symbol: str, taker_or_maker: str) -> float:
        assert taker_or_maker == "maker"
        return FEE_OPEN

    def get_pair_base_currency(self, pair: str) -> str:
        return pair.split("/", maxsplit=1)[0]

    def get_pair_quote_currency(self, pair: str) -> str:
        return pair.partition("/")[2].partition(":")[0]

    def get_precision_amount(self, pair: str) -> float:
        return 1e-5

    def get_precision_price(self, pair: str) -> float:
        return 0.01

    def get_contract_size(self, pair: str) -> float:
        return 1.0

    def get_liquidation_price(self, **_: Any) -> None:
        return None

    def get_order_id_conditional(self, order: Any) -> str:
        return str(order["id"])

    def _order_contracts_to_amount(self, order: Any) -> Any:
        return order


class Bot(FreqtradeBot):
    """Freqtrade's own bot as far as it takes in an order."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        plain = live_bot.make_bot(folder, trading_mode=kind.mode)
        self.config, self.wallets = plain.config, plain.wallets
        self.wallets.get_total = lambda _: 0.0
        self.wallets.get_starting_balance = lambda: 1_000.0
        self.exchange: Any = Venue()
        self.trading_mode: Any = kind.mode
        self.margin_mode: Any = "isolated"
        self.dataprovider, self.rpc, self._exit_lock = (
            plain.dataprovider,
            plain.rpc,
            plain._exit_lock,
        )
        self.strategy: Any = SimpleNamespace(
            stoploss=STOPLOSS,
            use_custom_stoploss=False,
            order_filled=lambda **_: None,
            get_strategy_name=lambda: "Autopilot",
            timeframe="1h",
            lock_pair=lambda *_, **__: None,
        )
        self.protections: Any = SimpleNamespace(
            stop_per_pair=lambda *_, **__: None, global_stop=lambda **_: None
        )


@contextmanager
def live(folder: Path, kind: Kind) -> Iterator[Bot]:
    """Yield a bot whose live run has begun, at the time of the test's own clock."""
    bot = Bot(folder, kind)
    begin(bot.config, live=True)
    try:
        yield bot
    finally:
        end()
        Trade.session.remove()


def placed(kind: Kind, stake: float = 300.0, rate: float = 100.0) -> Trade:
    """Return a trade whose entry order rests."""
    made = Trade(
        pair=kind.pair,
        base_currency="SOL",
        stake_currency="USDT",
        exchange="binance",
        is_open=True,
        open_date=datetime.now(UTC),
        open_rate=rate,
        amount=0.0,
        stake_amount=stake,
        fee_open=FEE_OPEN,
        fee_close=FEE_CLOSE,
        leverage=kind.leverage,
        is_short=kind.is_short,
        trading_mode=kind.mode,
        funding_fees=0.0,
        amount_precision=1e-8,
        price_precision=1e-8,
        precision_mode=TICKS,
        precision_mode_price=TICKS,
        contract_size=1.0,
    )
    amount = stake * kind.leverage / rate
    made.orders.append(resting(made, kind.entry, amount, rate))
    Trade.session.add(made)
    Trade.commit()
    return made


def held(kind: Kind, stake: float = 300.0, rate: float = 100.0, *, share: float = 1.0) -> Trade:
    """Return an open trade.

    :param share: of the order that was filled before it was cancelled; 1 for all of it.
    """
    made = placed(kind, stake, rate)
    fill(made, made.orders[0], share)
    return made


def fill(trade: Trade, order: Order, share: float = 1.0, rate: float | None = None) -> None:
    """Let ``share`` of an order be filled, the rest cancelled."""
    whole = share == 1.0
    found = {
        **order.to_ccxt_object(),
        "status": "closed" if whole else "canceled",
        "filled": float(order.amount or 0.0) * share,
        "remaining": float(order.amount or 0.0) * (1 - share),
        "average": rate or order.price,
        "timestamp": int(datetime.now(UTC).timestamp() * 1000),
    }
    trade.update_order(found)
    trade.update_trade(order)
    Trade.commit()


def leave(trade: Trade, amount: float, rate: float) -> None:
    """Close ``amount`` of a trade."""
    order = resting(trade, trade.exit_side, amount, rate)
    trade.orders.append(order)
    fill(trade, order)


def resting(trade: Trade, side: str, amount: float, rate: float) -> Order:
    """Return an order of a trade that waits; it is not in the trade yet."""
    rests = {"status": "open", "filled": 0.0, "remaining": amount}
    made = live_bot.order(trade.pair, side, amount, rate, **rests)
    made.order_id = str(next(_numbers))
    return made


def intent(kind: Kind, purpose: Any = "entry", **change: Any) -> OrderIntent:
    """Return an order that was written down: by default an entry of 9 SOL at 100."""
    run, reduces = current(), purpose in ("exit", "stop")
    return replace(
        OrderIntent(
            client_id=f"fq-{run.bot}-n1-{purpose}-1",
            pair=kind.pair,
            side=kind.exit if reduces else kind.entry,
            purpose=purpose,
            trade=None,
            kind="limit",
            amount=9.0,
            rate=100.0,
            stop=None,
            leverage=kind.leverage,
            tag="trend",
            time=START,
        ),
        **change,
    )


def answer(meant: OrderIntent, status: str, filled: float, rate: float = 100.0) -> dict[str, Any]:
    """Return the exchange's order of an intent, in ccxt's words; a fill has cost its fee."""
    fee = FEE_OPEN if meant.raises_risk else FEE_CLOSE
    cost = filled * rate
    return {
        "id": f"x{meant.client_id}",
        "clientOrderId": meant.client_id,
        "symbol": meant.pair,
        "side": meant.side,
        "type": meant.kind,
        "status": status,
        "amount": meant.amount,
        "filled": filled,
        "remaining": meant.amount - filled,
        "price": meant.rate,
        "average": rate if filled else None,
        "cost": cost,
        "fee": {"cost": cost * fee, "currency": "USDT", "rate": fee} if filled else None,
        "timestamp": int(START.timestamp() * 1000),
        "info": {},
    }


def stored() -> list[dict[str, Any]]:
    """Return the trades as another session of the database sees them, with their orders."""
    found: list[dict[str, Any]] = []

    def read() -> None:
        for trade in Trade.get_trades([]).all():
            row = {each.name: getattr(trade, each.name) for each in trade.__table__.columns}
            orders = [(o.order_id, o.ft_order_side, o.status, o.ft_is_open) for o in trade.orders]
            found.append({**row, "orders": orders})

    live_bot.elsewhere(read)
    return found
