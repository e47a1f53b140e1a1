"""The gate inside Freqtrade's backtester: the same cut and the same question as live, by limits and
book alone."""

import logging
import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from freqpilot.host.account.positions import first_stop, position_of
from freqpilot.host.account.verdict import count_gate_error
from freqpilot.host.gate import oversize
from freqpilot.host.gate.judge import judge
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run.current import current, has_begun
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Backtester, Trade
from freqpilot.host.seams.seam import Place, Seam, uses
from freqpilot.shapes import OrderPurpose, OrderRequest, Position

logger = logging.getLogger(__name__)

BACKTESTING = "freqtrade.optimize.backtesting:Backtesting"
ENTER_PARAMETERS = ["pair", "row", "direction", "trade", "requested_rate", "requested_stake"]
STAKE_PARAMETERS = [
    *("pair", "row", "propose_rate", "stake_amount"),
    *("direction", "current_time", "entry_tag", "trade"),
]
"""In Freqtrade's order, which passes them by place."""


_replaces: ContextVar[bool] = ContextVar("freqpilot_replaces", default=False)
"""Whether the backtester is making a replacement, which brings a stake of its own."""


def allowed(
    pair: str, time: datetime, direction: str, purpose: OrderPurpose, order: Mapping[str, Any]
) -> bool:
    """Ask the supervisor about an order of the backtester; False also when asking failed."""
    try:
        request = _request(pair, time, direction, purpose, order)
        run = current()
        return judge(run, request, _positions(run)).allowed
    except Exception as error:  # whatever went wrong, an unjudged order is not placed
        count_gate_error(error)
        return has_begun() and current().settings.risk.watches


def fitted(
    pair: str,
    time: datetime,
    direction: str,
    purpose: OrderPurpose,
    order: Mapping[str, Any],
    *,
    backtester: Backtester,
    least: Callable[[], float | None],
) -> float:
    """Return the stake of an order, cut to the limits where it is above them; as it is when that
    failed: the gate judges it next."""
    try:
        run = current()
        request = _request(pair, time, direction, purpose, order)

        def share() -> float:
            if purpose != "entry":
                return 1.0
            return oversize.ladder_share(backtester.strategy, run.settings.risk)

        return oversize.fitted(run, request, _positions(run), share=share, least=least).stake
    except Exception as error:
        logger.error("A stake of %s could not be cut: %s", pair, error, exc_info=error)
        return float(order["stake"])


def _request(
    pair: str, time: datetime, direction: str, purpose: OrderPurpose, order: Mapping[str, Any]
) -> OrderRequest:
    leverage = float(order["leverage"])
    return OrderRequest(
        time=time,
        pair=pair,
        side="short" if direction == "short" else "long",
        purpose=purpose,
        stake=float(order["stake"]),
        rate=float(order["rate"]),
        leverage=leverage,
        tag=order.get("tag"),
        stop=float(order.get("stop", math.nan)),
        stop_distance=current()
        .part(WaysOut)
        .order_distance(pair, time, leverage, order.get("trade")),
    )


def _stop(backtester: Backtester, direction: str, rate: float, leverage: float) -> float:
    """Return the price of the stop that a new trade begins with, NaN where it has none."""
    stoploss = getattr(getattr(backtester, "strategy", None), "stoploss", 0.0)
    return first_stop(direction, rate, float(stoploss or 0.0), leverage)


def _positions(run: Run) -> list[Position]:
    from freqtrade.persistence import LocalTrade

    return [position_of(trade, run.rates) for trade in LocalTrade.bt_trades_open]


def _make_enter(original: Callable[..., Any]) -> Callable[..., Any]:
    def _enter_trade(
        self: Backtester,
        pair: str,
        row: tuple[Any, ...],
        direction: str,
        stake_amount: float | None = None,
        trade: Trade | None = None,
        requested_rate: float | None = None,
        requested_stake: float | None = None,
        entry_tag1: str | None = None,
    ) -> Any:
        """A replacement brings its own rate and stake, so it is cut and judged here."""
        replaces = bool(requested_rate and trade is not None)
        if requested_rate and trade is not None:
            rate, leverage = requested_rate, trade.leverage or 1.0
            order = {
                "stake": requested_stake or trade.stake_amount,
                "rate": rate,
                "leverage": leverage,
                "tag": entry_tag1,
                "stop": _stop(self, direction, rate, leverage),
                "trade": trade,
            }
            about = pair, row[0].to_pydatetime(), direction

            def least() -> float | None:
                return self.exchange.get_min_pair_stake_amount(pair, rate, 0.0, leverage)

            stake = fitted(*about, "replace", order, backtester=self, least=least)
            if not stake or not allowed(*about, "replace", {**order, "stake": stake}):
                return trade
            if stake != order["stake"]:
                requested_stake = stake
        token = _replaces.set(replaces)
        try:
            return original(
                self,
                pair,
                row,
                direction,
                stake_amount,
                trade,
                requested_rate,
                requested_stake,
                entry_tag1,
            )
        finally:
            _replaces.reset(token)

    return _enter_trade


def _make_stake(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_valid_entry_price_and_stake(self: Backtester, *args: Any, **kwargs: object) -> Any:
        """Entries and position adjustments get their final stake here; refused is stake 0."""
        rate, stake, leverage, min_stake = original(self, *args, **kwargs)
        if not stake or _replaces.get():
            return rate, stake, leverage, min_stake
        asked: dict[str, Any] = dict(zip(STAKE_PARAMETERS, args, strict=False)) | kwargs
        pair, direction, time = asked["pair"], asked["direction"], asked["current_time"]
        tag, trade = asked["entry_tag"], asked["trade"]
        purpose: OrderPurpose = "entry" if trade is None else "add"
        order = {"stake": stake, "rate": rate, "leverage": leverage, "tag": tag, "trade": trade}
        order["stop"] = _stop(self, direction, rate, leverage)
        about = pair, time, direction, purpose
        stake = fitted(*about, order, backtester=self, least=lambda: min_stake)
        if stake and not allowed(*about, {**order, "stake": stake}):
            stake = 0.0
        return rate, stake, leverage, min_stake

    return get_valid_entry_price_and_stake


SEAMS = (
    Seam(
        "gate.backtest",
        "cut a stake to the limits, and ask before a backtest's order that raises risk",
        until="the backtester asks a plug-in before it makes an order",
        places=(
            Place(f"{BACKTESTING}._enter_trade", ENTER_PARAMETERS, _make_enter),
            Place(f"{BACKTESTING}.get_valid_entry_price_and_stake", STAKE_PARAMETERS, _make_stake),
            *uses("freqtrade.persistence:LocalTrade", "bt_trades_open"),
            *uses("freqtrade.exchange.exchange:Exchange", "get_min_pair_stake_amount"),
        ),
    ),
)
