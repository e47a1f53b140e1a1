"""Closes what is open when the supervisor halts, and takes back entries that are still waiting. In
a backtest it also takes the ways out that a bot has between its loops.

Freqtrade asks ``IStrategy.should_exit`` about every open trade, live in each loop and in the
backtest on each candle, and ``IStrategy.ft_check_timed_out`` about every open order: a halt
answers both, for any strategy. A strategy cannot deny such an exit.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.account.verdict import closes
from freqpilot.host.orders import simulated
from freqpilot.host.orders.wayout import CATASTROPHE, NEAR_LIQUIDATION, REDUCED, WaysOut
from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import Order, Strategy, Trade
from freqpilot.host.seams.seam import MARK, Place, Seam, uses

logger = logging.getLogger(__name__)

STRATEGY = "freqtrade.strategy.interface:IStrategy"
REASON = "freqpilot_halt"
"""Exit reason of a trade that a halt has closed."""
JUMPED = "freqpilot_jumped_stop"
"""Exit reason of a trade whose stop the price has jumped."""
OURS = (REASON, JUMPED, CATASTROPHE, NEAR_LIQUIDATION, REDUCED)


def must_close(trade: Trade, rate: float) -> bool:
    """Tell whether a halt closes this trade now. A fault closes nothing and is logged: the stop on
    the exchange still holds."""
    try:
        if current().state.halted is None:
            return False  # before the profit, which would cost more than all else here
        return closes(current(), float(trade.calc_profit_ratio(rate)))
    except NoEntry:
        return False  # no run has begun
    except Exception:
        logger.exception("Whether a halt closes %s could not be decided", trade.pair)
        return False


def takes_back(trade: Trade, order: Order) -> bool:
    """Tell whether a halt cancels this open order: one that raises risk."""
    try:
        run = current()
        halted = run.state.halted is not None and not run.settings.risk.watches
        return bool(halted and order.ft_order_side == trade.entry_side)
    except NoEntry:
        return False


def _make_should_exit(original: Callable[..., Any]) -> Callable[..., Any]:
    def should_exit(
        self: Strategy, trade: Trade, rate: float, current_time: datetime, **named: Any
    ) -> Any:
        from freqtrade.enums import ExitCheckTuple, ExitType

        exits = original(self, trade, rate, current_time, **named)
        exits = _with_ways_out(self, exits, trade, rate, named)
        if not must_close(trade, rate):
            return exits
        confirm_ours(self)
        return [ExitCheckTuple(exit_type=ExitType.EMERGENCY_EXIT, exit_reason=REASON), *exits]

    return should_exit


def _with_ways_out(
    strategy: Strategy, exits: list[Any], trade: Trade, rate: float, candle: Mapping[str, Any]
) -> Any:
    """Return a strategy's exits with ours among them, in a backtest; a bot leaves between its
    loops. A fault leaves them as they are and is logged."""
    try:
        run = current()
        if run.live or not run.part(WaysOut).active:
            return exits
        found = simulated.with_ours(run, exits, trade, rate, candle.get("low"), candle.get("high"))
        if len(found) > len(exits):
            confirm_ours(strategy)
        return found
    except NoEntry:
        return exits  # no run has begun
    except Exception:
        logger.exception("Whether %s is left could not be decided", trade.pair)
        return exits


def confirm_ours(strategy: Strategy) -> None:
    """Let the strategy's ``confirm_trade_exit`` consent to exits of the supervisor, once."""
    original = strategy.confirm_trade_exit
    if getattr(original, MARK, False) is True:
        return

    def confirm_trade_exit(*arguments: object, **named: object) -> Any:
        return named.get("exit_reason") in OURS or original(*arguments, **named)

    setattr(confirm_trade_exit, MARK, True)
    strategy.confirm_trade_exit = confirm_trade_exit


def _make_timed_out(original: Callable[..., Any]) -> Callable[..., Any]:
    def ft_check_timed_out(
        self: Strategy, trade: Trade, order: Order, current_time: datetime
    ) -> Any:
        return takes_back(trade, order) or original(self, trade, order, current_time)

    return ft_check_timed_out


SEAMS = (
    Seam(
        "halt.close",
        "close positions and cancel waiting entries on a halt, whatever the strategy says",
        until="Freqtrade has an exit that a protection can order",
        places=(
            Place(f"{STRATEGY}.should_exit", ["trade", "rate", "current_time"], _make_should_exit),
            Place(
                f"{STRATEGY}.ft_check_timed_out",
                ["trade", "order", "current_time"],
                _make_timed_out,
            ),
            Place(f"{STRATEGY}.confirm_trade_exit", ["exit_reason"]),
            *uses("freqtrade.enums:ExitType", "EMERGENCY_EXIT"),
        ),
    ),
)
