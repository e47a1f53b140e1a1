"""Rests a catastrophe stop on the exchange for each live position whose strategy rests none.

It is a ``stoploss`` order of the trade like Freqtrade's own: Freqtrade cancels it before each exit
of the strategy, and after each addition. Freqtrade asks for such orders only where the strategy's
``order_types`` have stops on the exchange, so these are asked for here, placed, and moved with what
is held and was paid. Where the strategy rests its own stop, Freqtrade places the nearer of the two
(:mod:`freqpilot.host.orders.stops`).
"""

import logging
from datetime import UTC, datetime, timedelta

from freqpilot.host.alerts import events as alerts
from freqpilot.host.orders.wayout import CATASTROPHE, WaysOut, note, side_of, stop_way
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Bot, ExchangeOrder, Order, Trade
from freqpilot.risk.exits.catastrophe import is_hit, nearest

logger = logging.getLogger(__name__)

TOLERANCE = 1e-3
"""By how much, as a share, a resting stop's price or amount may differ from what it should be."""
ATTEMPTS = 2
"""Failures in a row to place a trade's stop after which a person hears of it."""
FIRST, LONGEST = timedelta(minutes=1), timedelta(minutes=15)
"""How long a stop that could not be placed waits for its next attempt, at first and at most."""


class Resting:
    """A run's attempts to place catastrophe stops that have failed, by trade, and what a person has
    heard of."""

    def __init__(self, run: Run) -> None:
        self.failed: dict[int, int] = {}
        self.next: dict[int, datetime] = {}
        self.told: set[tuple[int, str]] = set()


def poll(run: Run, bot: Bot) -> None:
    """Ask the exchange for the stops that Freqtrade does not ask for: before each loop, live only,
    under the lock that forced orders hold. It never raises."""
    from freqtrade.persistence import Trade

    ways = run.part(WaysOut)
    if bot.config["dry_run"] or not ways.begun or ways.own_rests:
        return
    for trade in Trade.get_open_trades():
        for stop in list(trade.open_sl_orders):
            try:
                _follow(run, bot, trade, stop)
            except Exception as error:  # the others are asked for all the same
                Trade.rollback()
                logger.warning("The stop of %s was not asked for: %s", trade.pair, error)


def _follow(run: Run, bot: Bot, trade: Trade, stop: Order) -> None:
    """Bring a stop of the database to what the exchange has, as Freqtrade does with its own."""
    from freqtrade.persistence import Trade

    found = bot.exchange.fetch_stoploss_order(stop.order_id, trade.pair)
    bot.update_trade_state(trade, stop.order_id, found, stoploss_order=True)
    if found["status"] not in ("closed", "triggered"):
        return
    if not trade.is_open:
        trade.exit_reason = CATASTROPHE
        bot._notify_exit(trade, "stoploss", True)
        bot.handle_protections(trade.pair, trade.trade_direction)
    Trade.commit()
    if (way := stop_way(run.part(WaysOut), trade)) is not None:
        note(run, trade, way)
    text = (
        f"the catastrophe stop of trade {trade.id} in {trade.pair} was filled at "
        f"{float(found.get('average') or stop.ft_price):g}: the position is closed"
    )
    alerts.record(run, "catastrophe stop", "CRITICAL", text, {"pair": trade.pair})


def place(run: Run, bot: Bot) -> None:
    """Place the stops that are missing, and move those that are not where they belong: at the end
    of a loop, live only. It never raises."""
    from freqtrade.persistence import Trade

    ways = run.part(WaysOut)
    if bot.config["dry_run"] or not ways.gives_stops:
        return
    state, trades = run.part(Resting), list(Trade.get_open_trades())
    for number in set(state.failed) - {trade.id for trade in trades}:
        state.failed.pop(number), state.next.pop(number, None)
    for trade in trades:
        price = ways.stop_price(trade) if trade.amount else None
        if price is None:
            continue
        try:
            with bot._exit_lock:
                _rest(run, bot, trade, price)
        except Exception as error:
            Trade.rollback()
            _fail(run, trade, price, error)


def _rest(run: Run, bot: Bot, trade: Trade, price: float) -> None:
    ways, state = run.part(WaysOut), run.part(Resting)
    stops = list(trade.open_sl_orders)
    if run.settings.risk.watches:
        far = all(nearest(side_of(trade), price, _price(stop)) == price for stop in stops)
        if far:
            _tell(run, trade, "INFO", f"would rest at {price:g} (watch)")
    elif ways.own_rests:
        _bring_nearer(bot, trade, stops, price)
    elif not bot.exchange.get_option("stoploss_on_exchange", False):
        _tell(run, trade, "WARNING", f"cannot rest on this exchange; {_instead(price)}")
    elif not (_fits(trade, stops, price) or _waits(bot, trade)):
        now = datetime.now(UTC)
        if now >= state.next.get(trade.id, now) and not _is_beyond(bot, trade, price):
            _move(run, bot, trade, price)


def _bring_nearer(bot: Bot, trade: Trade, stops: list[Order], price: float) -> None:
    """Move a stop of the strategy's that rests further away than ours may be. Freqtrade places the
    new one, at the nearer of both."""
    if not stops or _waits(bot, trade) or _is_beyond(bot, trade, price):
        return
    further = price * (1 - TOLERANCE) if side_of(trade) == "long" else price * (1 + TOLERANCE)
    if any(nearest(side_of(trade), further, _price(stop)) == _price(stop) for stop in stops):
        return
    bot.cancel_stoploss_on_exchange(trade)
    if trade.is_open and not trade.open_sl_orders:
        bot.create_stoploss_order(trade, trade.stoploss_or_liquidation)


def _price(stop: Order) -> float:
    return float(stop.stop_price or stop.ft_price or 0.0)


def _fits(trade: Trade, stops: list[Order], price: float) -> bool:
    """Tell whether one stop rests, for what is held and where it belongs."""
    if len(stops) != 1:
        return False
    amount, asked = float(stops[0].ft_amount), float(stops[0].ft_price)
    held = float(trade.amount)
    return abs(amount - held) <= TOLERANCE * held and abs(asked - price) <= TOLERANCE * price


def _waits(bot: Bot, trade: Trade) -> bool:
    """Tell whether an exit that is under way has the coins that a stop would need."""
    leaving = any(order.ft_order_side == trade.exit_side for order in trade.open_orders)
    return leaving and bool(bot.exchange.get_option("stoploss_blocks_assets", True))


def _is_beyond(bot: Bot, trade: Trade, price: float) -> bool:
    """Tell whether the price is beyond the stop: it would go off at once, and the position is left
    by :mod:`freqpilot.host.orders.leaving`."""
    short = trade.is_short
    rate = float(bot.exchange.get_rate(trade.pair, side="exit", is_short=short, refresh=False))
    return is_hit(side_of(trade), price, rate, rate)


def _move(run: Run, bot: Bot, trade: Trade, price: float) -> None:
    """Place a trade's stop, in place of the one that rests."""
    from freqtrade.persistence import Order, Trade

    if trade.open_sl_orders:
        bot.cancel_stoploss_on_exchange(trade)
        Trade.commit()
        if not trade.is_open or trade.open_sl_orders:
            return  # it has just been filled, or cannot be cancelled yet
    made: ExchangeOrder = bot.exchange.create_stoploss(
        pair=trade.pair,
        amount=float(trade.amount),
        stop_price=price,
        order_types={**bot.strategy.order_types, "stoploss": "market"},
        side=trade.exit_side,
        leverage=float(trade.leverage or 1.0),
    )
    order = Order.parse_from_ccxt_object(made, trade.pair, "stoploss", trade.amount, price)
    order.ft_order_tag = CATASTROPHE
    trade.orders.append(order)
    Trade.commit()
    run.part(Resting).failed.pop(trade.id, None)
    run.part(Resting).next.pop(trade.id, None)
    run.counters.count("catastrophe_stops_placed")
    logger.info("The catastrophe stop of trade %s in %s is at %g", trade.id, trade.pair, price)


def _instead(price: float) -> str:
    return f"Freqpilot closes the position at {price:g} itself, for as long as the bot runs"


def _fail(run: Run, trade: Trade, price: float, error: Exception) -> None:
    """Take note of a stop that could not be placed; it is tried again, less and less often."""
    state = run.part(Resting)
    failed = state.failed[trade.id] = state.failed.get(trade.id, 0) + 1
    state.next[trade.id] = datetime.now(UTC) + min(LONGEST, FIRST * 2 ** min(10, failed - 1))
    logger.warning("No catastrophe stop for %s yet: %s", trade.pair, error)
    run.counters.count("catastrophe_stops_failed")
    if failed == ATTEMPTS:
        text = (
            f"the catastrophe stop of trade {trade.id} in {trade.pair} could not be placed "
            f"({type(error).__name__}: {error}). It is tried again; meanwhile {_instead(price)}"
        )
        alerts.record(run, "catastrophe stop failed", "CRITICAL", text, {"pair": trade.pair})


def _tell(run: Run, trade: Trade, level: str, what: str) -> None:
    """Tell of a stop that is not placed, once a trade."""
    about = (int(trade.id), level)
    if about not in run.part(Resting).told:
        run.part(Resting).told.add(about)
        text = f"the catastrophe stop of trade {trade.id} in {trade.pair} {what}"
        alerts.record(run, "catastrophe stop", level, text, {"pair": trade.pair})
