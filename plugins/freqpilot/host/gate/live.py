"""The live order gate: every order that can raise risk asks the supervisor before it is sent.

It stands in front of ``Exchange.create_order``, behind which there is only the exchange, so
entries, replacements, position adjustments and forced entries all pass it, and a strategy's
callback that raises cannot open it. Reducing orders never ask.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.account import others
from freqpilot.host.account.positions import position_of
from freqpilot.host.gate import bookrisk, health, market
from freqpilot.host.orders import reconcile, sending
from freqpilot.host.run import exitsonly, supervisor
from freqpilot.host.seams.seam import Seam, expect, wrap
from freqpilot.shapes import OrderRequest, Position


@cache
def order_refused() -> type[Exception]:
    """Return the exception for a refused order.

    Freqtrade's loop treats a ``DependencyException`` as 'this entry did not happen', its REST API
    and Telegram show an ``RPCException`` to the person who forced the entry: it is both.
    """
    from freqtrade.exceptions import DependencyException
    from freqtrade.rpc.rpc import RPCException

    class OrderRefused(DependencyException, RPCException):
        def __init__(self, message: str) -> None:
            Exception.__init__(self, message)
            self.message = message

        def __str__(self) -> str:
            return self.message

    return OrderRefused


def refusal(exchange: Any, request: OrderRequest, positions: Sequence[Position]) -> str | None:
    """Return why the gate refuses an order beside these positions, None where it does not.

    :raises NoEntry: when it has to wait.
    """
    exitsonly.require()
    supervisor.require_sight()
    if not exchange._config["dry_run"]:
        reconcile.require_done()
        health.require_sound()
        sending.require_certainty(exchange._api)
    others.announce(str(exchange._config.get("stake_currency")), positions, request)
    verdict = supervisor.ask(
        request,
        positions,
        bookrisk.BOOK.asked(request, positions),
        lambda: market.judge(exchange, request, positions),
    )
    return None if verdict.allowed else verdict.veto or "refused without a reason"


def check_order(exchange: Any, order: dict[str, Any]) -> None:
    """Ask the supervisor about a live order.

    :raises OrderRefused: when it is not allowed, or when asking failed.
    """
    from freqtrade.persistence import Trade

    if not sending.raises_risk(
        exchange.trading_mode, order["side"], order.get("reduceOnly", False)
    ):
        return
    try:
        trades = Trade.get_open_trades()
        own = next((t for t in trades if t.pair == order["pair"]), None)
        leverage = float(order.get("leverage") or 1)
        request = OrderRequest(
            time=datetime.now(UTC),
            pair=order["pair"],
            side="long" if order["side"] == "buy" else "short",
            purpose=sending.purpose_of(own),
            stake=float(order["amount"]) * float(order["rate"]) / leverage,
            rate=float(order["rate"]),
            leverage=leverage,
        )
        rates = supervisor.current().rates
        reason = refusal(exchange, request, [position_of(t, rates) for t in trades])
    except NoEntry as waiting:
        reason = supervisor.count_wait(waiting)
    except Exception as error:  # whatever went wrong, an unjudged order is not sent
        reason = supervisor.count_gate_error(error)
    if reason:
        raise order_refused()(
            f"Freqpilot refused the {order['side']} order for {order['pair']}: {reason}. "
            "Open trades are not affected."
        )


def _check() -> None:
    from freqtrade.exchange.exchange import Exchange
    from freqtrade.persistence import Order, Trade
    from freqtrade.rpc.rpc import RPCException

    expect(
        Exchange,
        "create_order",
        ["pair", "ordertype", "side", "amount", "rate", "leverage", "reduceOnly"],
    )
    expect(Exchange, "fetch_l2_order_book", ["pair", "limit"])
    expect(Exchange, "klines", ["pair_interval", "copy"])
    expect(Exchange, "refresh_latest_ohlcv", ["pair_list", "since_ms", "cache"])
    for name in ("fetch_ticker", "get_contract_size", "exchange_has"):
        expect(Exchange, name)
    expect(Trade, "get_open_trades")
    expect(Trade, "nr_of_successful_entries")
    expect(Order, "safe_remaining")
    if not issubclass(RPCException, Exception):
        raise TypeError("RPCException is no exception any more")


def _apply() -> None:
    from freqtrade.exchange.exchange import Exchange

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def create_order(self: Any, **order: Any) -> Any:
            check_order(self, order)
            market.MARKET.note_order()
            return sending.place(self, original, order)

        return create_order

    wrap(Exchange, "create_order", make)


SEAMS = (Seam("gate.live", "ask risk before every order that raises it", _check, _apply),)
