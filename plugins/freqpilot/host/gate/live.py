"""The live order gate: every order that can raise risk asks the supervisor before it is sent.

It stands in front of ``Exchange.create_order``, behind which there is only the exchange, so
entries, replacements, position adjustments and forced entries all pass it, and a strategy's
callback that raises cannot open it. Reducing orders never ask.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.account.positions import position_of
from freqpilot.host.account.verdict import count_gate_error, count_wait
from freqpilot.host.gate.judge import refusal
from freqpilot.host.gate.market import Market
from freqpilot.host.orders import sending
from freqpilot.host.orders.pending import Pending
from freqpilot.host.orders.purpose import purpose_of, raises_risk
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run.current import current, has_begun
from freqpilot.host.run.refused import order_refused
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Exchange, Trade
from freqpilot.host.seams.seam import Place, Seam, uses
from freqpilot.shapes import OrderRequest, Position

EXCHANGE = "freqtrade.exchange.exchange:Exchange"
ORDER_PARAMETERS = ["pair", "ordertype", "side", "amount", "rate", "leverage", "reduceOnly"]


def check_order(exchange: Exchange, order: dict[str, Any]) -> None:
    """Ask the supervisor about a live order.

    :raises OrderRefused: when it is not allowed, or when asking failed.
    """
    from freqtrade.persistence import Trade

    if not raises_risk(exchange.trading_mode, order["side"], order.get("reduceOnly", False)):
        return
    try:
        # Without a supervisor nothing is weighed, so the database is not needed.
        weighed = not has_begun() or current().settings.supervisor
        trades = Trade.get_open_trades() if weighed else []
        request = _request(order, trades)
        try:
            run = current()
            reason = refusal(run, request, open_positions(run, trades), exchange)
        except NoEntry as waiting:
            reason = count_wait(waiting, request)
    except Exception as error:  # whatever went wrong, an unjudged order is not sent
        reason = count_gate_error(error)
    if reason and not (has_begun() and current().settings.risk.watches):
        raise order_refused()(
            f"Freqpilot refused the {order['side']} order for {order['pair']}: {reason}. "
            "Open trades are not affected."
        )


def _request(order: dict[str, Any], trades: Iterable[Trade]) -> OrderRequest:
    own = next((trade for trade in trades if trade.pair == order["pair"]), None)
    leverage, now = float(order.get("leverage") or 1), datetime.now(UTC)
    ways = current().part(WaysOut) if has_begun() else None
    # A market order may come without a rate: what it costs is not known, and limits refuse that.
    rate = float("nan") if order.get("rate") is None else float(order["rate"])
    return OrderRequest(
        time=now,
        pair=order["pair"],
        side="long" if order["side"] == "buy" else "short",
        purpose=purpose_of(own),
        stake=float(order["amount"]) * rate / leverage,
        rate=rate,
        leverage=leverage,
        tag=sending.tag(),
        stop=sending.stop(),
        stop_distance=ways.order_distance(order["pair"], now, leverage, own) if ways else None,
    )


def open_positions(run: Run, trades: Iterable[Trade] | None = None) -> list[Position]:
    """Return what is open, and what may be open by orders whose fate is not known."""
    from freqtrade.persistence import Trade as Stored

    found = Stored.get_open_trades() if trades is None else trades
    return [position_of(trade, run.rates) for trade in found] + run.part(Pending).positions()


def _make_create_order(original: Callable[..., Any]) -> Callable[..., Any]:
    def create_order(self: Exchange, **order: Any) -> Any:
        check_order(self, order)
        if has_begun():
            current().part(Market).note_order()
        return sending.place(self, original, order)

    return create_order


def _check_refusal() -> None:
    from freqtrade.rpc.rpc import RPCException

    if not issubclass(RPCException, Exception):
        raise TypeError("RPCException is no exception any more")


SEAMS = (
    Seam(
        "gate.live",
        "ask the supervisor before every order that raises risk is sent",
        until="Freqtrade asks a plug-in before it sends an order to the exchange",
        places=(
            Place(f"{EXCHANGE}.create_order", ORDER_PARAMETERS, _make_create_order),
            Place(f"{EXCHANGE}.fetch_l2_order_book", ["pair", "limit"]),
            Place(f"{EXCHANGE}.klines", ["pair_interval", "copy"]),
            Place(f"{EXCHANGE}.refresh_latest_ohlcv", ["pair_list", "since_ms", "cache"]),
            *uses(EXCHANGE, "fetch_ticker", "get_contract_size", "exchange_has"),
            *uses("freqtrade.persistence:Trade", "get_open_trades", "nr_of_successful_entries"),
            *uses("freqtrade.persistence:Order", "safe_remaining"),
        ),
        also=_check_refusal,
    ),
)
