"""Keeps in the store what each open trade can still lose, for ``freqpilot risk``."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from freqpilot.host.orders.wayout import CATASTROPHE, WaysOut, side_of
from freqpilot.host.run.run import OPEN_RISK, Run
from freqpilot.host.seams.freqtrade import Trade
from freqpilot.risk.exits.openrisk import Bound, Held, at_risk

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
"""How often the figures are written where no position has changed."""
NAMES = {CATASTROPHE: "Freqpilot's catastrophe stop"}
NEAR_LIQUIDATION = "Freqpilot, near the liquidation"


class OpenRisk:
    """When a run's figures were kept last, and for which positions."""

    def __init__(self, _run: Run) -> None:
        self.time: datetime | None = None
        self.about: tuple[Any, ...] = ()


def keep(run: Run, trades: Sequence[Trade], rates: Mapping[str, float], now: datetime) -> None:
    """Keep the figures of the open trades, once a minute and whenever a position has changed. It
    never raises."""
    try:
        state = run.part(OpenRisk)
        held = [trade for trade in trades if trade.amount and trade.pair in rates]
        about = tuple((trade.id, trade.amount, len(trade.open_sl_orders)) for trade in held)
        fresh = state.time is not None and timedelta() <= now - state.time < EVERY
        if not run.writes or (about == state.about and fresh):
            return
        rows = [row(run, trade, rates[trade.pair]) for trade in held]
        told = {"stamp": now.isoformat(), "equity": run.state.equity, "trades": rows}
        run.store.save_state(f"{run.key}{OPEN_RISK}", told, now)
        state.time, state.about = now, about
    except Exception as error:
        logger.warning("What open trades can lose could not be kept (%s); trades go on", error)


def row(run: Run, trade: Trade, rate: float) -> dict[str, Any]:
    """Return a trade's figures: what can be lost until what ends it, in stake currency and as a
    share of equity; None where nothing bounds it."""
    ways = run.part(WaysOut)
    margin = math.inf if ways.is_cross else float(trade.stake_amount or 0.0)
    held = Held(side_of(trade), float(trade.amount), float(trade.open_rate), rate, margin)
    found = at_risk(held, _bounds(run, trade))
    bounded, equity = math.isfinite(found.loss), run.state.equity
    return {
        "trade": int(trade.id),
        "pair": trade.pair,
        "side": held.side,
        "rate": rate,
        "stop": None if math.isnan(found.price) else found.price,
        "by": found.name,
        "loss": found.loss if bounded else None,
        "share": found.loss / equity if bounded and equity > 0 else None,
        "shown": trade.id in ways.shown,
    }


def _bounds(run: Run, trade: Trade) -> Iterator[Bound]:
    """Yield what may end a position; what rests on the exchange first, as it needs no bot."""
    for stop in trade.open_sl_orders:
        yield Bound("a stop on the exchange", float(stop.stop_price or stop.ft_price or 0.0))
    if not run.settings.risk.watches:
        for way in run.part(WaysOut).of(trade):
            if way.share == 1.0:
                yield Bound(NAMES.get(way.reason, NEAR_LIQUIDATION), way.price)
    yield Bound("the strategy's stop", float(trade.stop_loss or 0.0))
    yield Bound("the liquidation", float(trade.liquidation_price or 0.0))
