"""Leaves a bot's positions where the price is beyond their catastrophe stop, or on the way to their
liquidation.

What rests on the exchange has the first turn. A price counts when two looks in a row have it, and
the position is left at market at the end of that loop, live and in a dry run: a strategy cannot
deny it. Positions that were beyond their stop already when the bot began to give them one are shown
to a person and not sold.
"""

import logging
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from freqpilot.host.alerts import events as alerts
from freqpilot.host.orders import halt
from freqpilot.host.orders.wayout import (
    CATASTROPHE,
    REDUCED,
    WayOut,
    WaysOut,
    check,
    note,
    side_of,
)
from freqpilot.host.run.run import STOPS, Run
from freqpilot.host.seams.freqtrade import Bot, Trade
from freqpilot.risk.exits import catastrophe, liquidation

logger = logging.getLogger(__name__)

LOOKS = 2
"""Looks in a row beyond a way out after which it is taken."""
CANCELLED = "freqpilot: the position is being left"
Due = tuple[int, str]
"""A trade's number and the reason for which it is left."""


class Leaving:
    """A run's looks in a row beyond each way out, and what a person has heard of."""

    def __init__(self, run: Run) -> None:
        self.looks: Counter[Due] = Counter()
        self.told: set[Due] = set()
        self.recalled = False
        self.kept: dict[str, Any] | None = None


def look(
    run: Run, trades: Sequence[Trade], rates: Mapping[str, float], fresh: Collection[str]
) -> None:
    """Count the looks in a row in which the price is beyond a way out of each position.

    :param rates: exit rates by pair.
    :param fresh: the pairs whose rate is one of now: an old one says nothing, and counts nothing.
    """
    ways, state = run.part(WaysOut), run.part(Leaving)
    held = [trade for trade in trades if trade.nr_of_successful_entries]
    if not ways.active:
        return
    if not state.recalled:
        _recall(run, held)
        state.recalled = True
    seen: set[Due] = set()
    for trade in held:
        if trade.pair in fresh and trade.id in ways.shown:
            _see_again(run, trade, rates[trade.pair])
        for way in ways.of(trade):
            about = (int(trade.id), way.reason)
            seen.add(about)
            if trade.pair not in fresh:
                continue
            if _is_hit(trade, way, rates[trade.pair]):
                state.looks[about] += 1
            else:
                del state.looks[about]
    for about in set(state.looks) - seen:
        del state.looks[about]
    _keep(run, held)


def _is_hit(trade: Trade, way: WayOut, rate: float) -> bool:
    return catastrophe.is_hit(side_of(trade), way.price, rate, rate)


def _recall(run: Run, held: Sequence[Trade]) -> None:
    """Take the distances of before a restart. A trade that has none was opened before this bot gave
    stops: it is left alone until its price was seen where a stop would not go off."""
    ways, known = run.part(WaysOut), _kept(run)
    if not ways.gives_stops:
        return
    for trade in held:
        found = known.get(str(trade.id), {})
        if found.get("opened") == trade.open_date_utc.isoformat():
            ways.remember(trade.id, trade.open_date_utc, float(found["share"]))
        elif not run.settings.risk.watches and not trade.open_sl_orders:
            ways.shown.add(trade.id)


def _kept(run: Run) -> dict[str, Any]:
    try:
        return dict(run.store.load_state(f"{run.key}{STOPS}") or {})
    except Exception as error:
        logger.warning("The distances of catastrophe stops could not be read: %s", error)
        return {}


def _keep(run: Run, held: Sequence[Trade]) -> None:
    """Keep the distance of each stop, where it has changed; none of one that is only watched or
    shown, so that the next start shows it again. It never raises."""
    ways, state = run.part(WaysOut), run.part(Leaving)
    if not run.writes:
        return
    given = ways.gives_stops and not run.settings.risk.watches
    told = {
        str(trade.id): {
            "opened": trade.open_date_utc.isoformat(),
            "share": ways.share_of(trade),
        }
        for trade in held
        if given and trade.id not in ways.shown
    }
    if told == state.kept:
        return
    try:
        run.store.save_state(f"{run.key}{STOPS}", told, datetime.now(UTC))
        state.kept = told
    except Exception as error:
        logger.warning("The distances of catastrophe stops could not be kept: %s", error)


def _see_again(run: Run, trade: Trade, rate: float) -> None:
    """Give a position its stop once its price is on the near side of it; until then a person hears
    of it once."""
    ways, state = run.part(WaysOut), run.part(Leaving)
    side = side_of(trade)
    price = catastrophe.level(side, float(trade.open_rate), ways.share_of(trade))
    if not catastrophe.is_hit(side, price, rate, rate):
        ways.shown.discard(trade.id)
        return
    about = (int(trade.id), "shown")
    if about not in state.told:
        state.told.add(about)
        text = (
            f"the price of {trade.pair} ({rate:g}) is beyond where the catastrophe stop of trade "
            f"{trade.id} would be ({price:g}). The trade was open before Freqpilot gave it one, so "
            "nothing is sold: decide yourself, /forceexit sells it. It gets its stop once the "
            "price is back"
        )
        alerts.record(run, "beyond its stop", "CRITICAL", text, {"pair": trade.pair})


def step(run: Run, bot: Bot) -> None:
    """Leave the positions that were beyond a way out for two looks and still are: at the end of a
    loop, when the exchange and Freqtrade have had their turn. It never raises."""
    for number, reason in _due(run, bot):
        try:
            with bot._exit_lock:
                _leave(run, bot, number, reason)
        except Exception as error:
            logger.warning("Trade %s is not left yet (%s): %s", number, reason, error)


def _due(run: Run, bot: Bot) -> list[Due]:
    """Return what is to be done: of a trade that is to be left whole no part is sold, and where all
    positions share one margin only the nearest one to its liquidation is touched in a loop."""
    state = run.part(Leaving)
    found = [about for about, looks in state.looks.items() if looks >= LOOKS]
    if run.settings.risk.watches:
        return [about for about in found if about not in state.told]
    if not bot.config["dry_run"]:  # those beyond the strategy's own stop have just been closed
        found = [about for about in found if run.beyond[about[0]] < LOOKS]
    whole = {number for number, reason in found if reason != REDUCED}
    due = [each for each in found if each[1] != REDUCED or each[0] not in whole]
    if not run.part(WaysOut).is_cross:
        return due
    stops = [each for each in due if each[1] == CATASTROPHE]
    rest = [each for each in due if each[1] != CATASTROPHE]
    return stops + sorted(rest, key=lambda each: -_used(run, each[0]))[:1]


def _used(run: Run, number: int) -> float:
    """Return the share of the way to its liquidation that a trade's price has gone; 0 where it is
    not known."""
    for trade in _open_trades(number):
        rate, end = run.rates.get(trade.pair, math.nan), float(trade.liquidation_price or 0.0)
        share = liquidation.used(side_of(trade), float(trade.open_rate), end, rate)
        return 0.0 if math.isnan(share) else share
    return 0.0


def _open_trades(number: int) -> Iterator[Any]:
    from freqtrade.persistence import Trade

    return (trade for trade in Trade.get_open_trades() if trade.id == number)


def _leave(run: Run, bot: Bot, number: int, reason: str) -> None:
    from freqtrade.persistence import Trade

    trade = next(_open_trades(number), None)
    if trade is None or not trade.amount:
        return
    way = next((each for each in run.part(WaysOut).of(trade) if each.reason == reason), None)
    short = trade.is_short
    rate = float(bot.exchange.get_rate(trade.pair, side="exit", is_short=short, refresh=True))
    if way is None or not _is_hit(trade, way, rate):
        return
    _tell(run, trade, way, rate)
    if run.settings.risk.watches:
        return
    if trade.has_open_orders:  # an exit that waits where the price was; an entry that adds to it
        bot.cancel_open_orders_of_trade(trade, [trade.entry_side, trade.exit_side], CANCELLED)
        Trade.commit()
    halt.confirm_ours(bot.strategy)
    part = float(trade.amount) * way.share if way.share < 1.0 else None
    bot.execute_trade_exit(
        trade, rate, exit_check=check(reason), ordertype="market", sub_trade_amt=part
    )


def _tell(run: Run, trade: Trade, way: WayOut, rate: float) -> None:
    """Count a position that is left, and tell a person, once a trade and reason."""
    about = (int(trade.id), way.reason)
    if about in run.part(Leaving).told:
        return
    run.part(Leaving).told.add(about)
    note(run, trade, way)
    would = "it would be" if run.settings.risk.watches else "it is being"
    done = "closed" if way.share == 1.0 else f"reduced by {way.share:.0%}"
    cause = {
        CATASTROPHE: f"beyond the catastrophe stop of trade {trade.id} ({way.price:g})",
    }.get(
        way.reason,
        f"on its way to the liquidation of trade {trade.id} at "
        f"{float(trade.liquidation_price or 0.0):g}",
    )
    watch = " (watch)" if run.settings.risk.watches else ""
    text = f"the price of {trade.pair} ({rate:g}) is {cause}: {would} {done} at market{watch}"
    kind = "near liquidation" if way.reason != CATASTROPHE else "catastrophe stop"
    level = "WARNING" if run.settings.risk.watches else "CRITICAL"
    alerts.record(run, kind, level, text, {"pair": trade.pair})
