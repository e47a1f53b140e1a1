"""Closes a position whose stop cannot be placed on the exchange, or whose stop was jumped.

With ``stoploss_on_exchange`` Freqtrade looks at the stop nowhere else. For most errors of placing
it only tries again in the next loop: a position could stay without a stop for as long as the error
lasts. And a stop-limit whose limit the price has fallen through rests there for good, while nothing
closes the position.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from freqpilot.host.alerts import events as alerts
from freqpilot.host.orders import halt
from freqpilot.host.orders.stopless import Stopless
from freqpilot.host.orders.wayout import WaysOut, side_of
from freqpilot.host.run.current import current, has_begun
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Bot, Trade
from freqpilot.host.seams.seam import Place, Seam, uses
from freqpilot.risk.exits.catastrophe import nearest

logger = logging.getLogger(__name__)

BOT = "freqtrade.freqtradebot:FreqtradeBot"
ATTEMPTS = 2
"""Loops in which a stop may fail before the position is closed: one hiccup is not worth a loss."""
IN_A_ROW = 2
"""Positions in a row without a stop after which the fault is not theirs: entries wait."""
LOOKS = 2
"""Looks in a row beyond the stop after which a position is closed at market."""
JUMPED = halt.JUMPED
CANCELLED = "freqpilot: the price is beyond the stop"


class Attempts:
    """Attempts in a row to place a trade's stop that have failed, by trade, and the trades whose
    missing stop a person has heard of."""

    def __init__(self, run: Run | None) -> None:
        self.failed: Counter[int] = Counter()
        self.reported: set[int] = set()
        self.closed: set[int] = set()
        """Trades that were closed for want of a stop since one was placed."""


_before = Attempts(None)
"""For a bot whose run could not begin: its positions need their stops all the same."""


def note(bot: Bot, trade: Trade, stop_price: float, placed: bool) -> None:
    """Take note of an attempt to place a stop; close the trade when it is the last one."""
    attempts = current().part(Attempts) if has_begun() else _before
    if placed:
        attempts.failed.pop(trade.id, None)
        attempts.reported.discard(trade.id)
        attempts.closed.clear()
        if has_begun():
            current().part(Stopless).placed()
        return
    if not attempts.failed[trade.id]:
        attempts.reported.discard(trade.id)
    attempts.failed[trade.id] += 1
    loops = attempts.failed[trade.id]
    if loops < ATTEMPTS or not trade.is_open or trade.has_open_orders:
        return
    watches = has_begun() and current().settings.risk.watches
    what = "watch: it is left as it is" if watches else "the position is being closed"
    text = f"no stop could be placed for {trade.pair} in {loops} loops; {what}"
    # Not by the count: an open order may have passed it over.
    if trade.id not in attempts.reported:
        attempts.reported.add(trade.id)
        _report(trade, "stop failed", "stops_failed", text)
    if watches:
        return
    attempts.closed.add(trade.id)
    if len(attempts.closed) >= IN_A_ROW and has_begun():
        reason = f"{len(attempts.closed)} positions in a row got no stop"
        current().part(Stopless).refuse(trade.pair, reason)
    bot.emergency_exit(trade, stop_price)


def look(
    run: Run, trades: Iterable[Trade], rates: Mapping[str, float], fresh: Collection[str]
) -> None:
    """Count the looks in a row in which the price is beyond a trade's stop.

    :param rates: exit rates by pair.
    :param fresh: the pairs whose rate is one of now: an old one says nothing, and counts nothing.
    """
    beyond = run.beyond
    held = [trade for trade in trades if trade.nr_of_successful_entries]
    for trade in held:
        if trade.pair not in fresh:
            continue
        if is_beyond(trade, rates[trade.pair]):
            beyond[trade.id] += 1
        else:
            del beyond[trade.id]
    for number in set(beyond) - {trade.id for trade in held}:
        del beyond[number]


def is_beyond(trade: Trade, rate: float) -> bool:
    """Tell whether a rate is at a trade's stop or beyond it."""
    stop = float(trade.stop_loss or 0.0)
    if stop <= 0:
        return False
    return rate >= stop if trade.is_short else rate <= stop


def backup(run: Run, bot: Bot) -> None:
    """Close at market every live position that was beyond its stop for two looks and still is
    there: at the end of a loop, when the exchange and Freqtrade have had their turn. It never
    raises."""
    if bot.config["dry_run"] or run.settings.risk.watches:
        return
    for number, looks in list(run.beyond.items()):
        if looks < LOOKS:
            continue
        try:
            with bot._exit_lock:
                _close(run, bot, number)
        except Exception as error:
            logger.warning("Trade %s is beyond its stop and not closed yet: %s", number, error)


def _close(run: Run, bot: Bot, number: int) -> None:
    from freqtrade.enums import ExitCheckTuple, ExitType
    from freqtrade.persistence import Trade

    trade = next((each for each in Trade.get_open_trades() if each.id == number), None)
    if trade is None or not trade.amount:
        return
    rate = float(
        bot.exchange.get_rate(trade.pair, side="exit", is_short=trade.is_short, refresh=True)
    )
    if not is_beyond(trade, rate):
        return
    if number not in run.jumped:
        run.jumped.add(number)
        text = (
            f"the price of {trade.pair} ({rate:g}) is beyond the stop of trade {trade.id} "
            f"({float(trade.stop_loss):g}), which did not fill: the position is being closed at "
            "market"
        )
        _report(trade, "stop jumped", "stops_jumped", text)
    if trade.has_open_orders:  # an exit that waits where the price was; an entry that adds to it
        sides = [trade.entry_side, trade.exit_side]
        bot.cancel_open_orders_of_trade(trade, sides, CANCELLED)
        Trade.commit()
    halt.confirm_ours(bot.strategy)
    check = ExitCheckTuple(exit_type=ExitType.STOP_LOSS, exit_reason=JUMPED)
    bot.execute_trade_exit(trade, rate, exit_check=check, ordertype="market")


def _report(trade: Trade, kind: str, counter: str, text: str) -> None:
    try:
        run = current()
        run.counters.count(counter)
        alerts.record(run, kind, "CRITICAL", text, {"pair": trade.pair})
    except Exception:  # closing it matters more
        logger.critical(text, exc_info=True)


def _nearer(trade: Trade, stop_price: float) -> float:
    """Return the nearer of the strategy's stop and the catastrophe stop: two that rest would need
    the coins twice."""
    try:
        if not has_begun():
            return stop_price
        run = current()
        ours = None if run.settings.risk.watches else run.part(WaysOut).stop_price(trade)
        return stop_price if ours is None else nearest(side_of(trade), float(stop_price), ours)
    except Exception:  # the strategy's own stop is placed in any case
        logger.exception("Where the catastrophe stop of %s is could not be told", trade.pair)
        return stop_price


def _make_stop_order(original: Callable[..., Any]) -> Callable[..., Any]:
    def create_stoploss_order(self: Bot, trade: Trade, stop_price: float) -> Any:
        stop_price = _nearer(trade, stop_price)
        placed = original(self, trade=trade, stop_price=stop_price)
        if not self.config["dry_run"]:
            note(self, trade, stop_price, bool(placed))
        return placed

    return create_stoploss_order


SEAMS = (
    Seam(
        "stops.live",
        "close a position whose stop cannot be placed or was jumped",
        until="Freqtrade itself closes a position whose stop cannot be placed or has not filled",
        places=(
            Place(f"{BOT}.create_stoploss_order", ["trade", "stop_price"], _make_stop_order),
            Place(f"{BOT}.emergency_exit", ["trade", "price"]),
            Place(f"{BOT}.cancel_open_orders_of_trade", ["trade", "sides", "reason"]),
            Place(f"{BOT}.execute_trade_exit", ["trade", "limit", "exit_check", "ordertype"]),
            *uses("freqtrade.persistence:Trade", "has_open_orders"),
        ),
    ),
)
