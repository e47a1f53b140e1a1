"""The open orders of the exchange beside those of the database: what is there and not here, what is
here and not there any more, and what was left behind by a trade that is over."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import ccxt

from freqpilot.execution.ids import OrderName
from freqpilot.execution.venues import Params
from freqpilot.host.account import unwritten
from freqpilot.host.orders import reconcile
from freqpilot.host.orders.books.asking import Asker
from freqpilot.host.orders.books.schedule import Task
from freqpilot.host.orders.differences import Difference, report
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Bot, ExchangeOrder
from freqpilot.shapes import IntentState

OPEN: tuple[IntentState, ...] = ("sent", "accepted", "asked", "agreed")
"""States of intents that are settled elsewhere."""
RECENT = timedelta(seconds=15)
"""How old one list of a look may be when the last one is answered."""


def look(run: Run, bot: Bot, task: Task, ask: Asker, busy: Collection[str]) -> list[Difference]:
    """Return in what the open orders differ.

    :param busy: pairs in which an order's fate is open: what they show may be on its way.
    :raises Exception: ccxt's or :class:`NoTime`, when the exchange was not asked in full.
    """
    from freqtrade.persistence import Order

    there = _listed(run, bot, task, ask)
    ours = [row for row in Order.get_open_orders() if task.pair in (None, row.ft_pair)]
    gone = [row for row in ours if row.order_id not in there]
    found = [*_there(run, bot, there, gone), *map(_gone, gone)]
    return [difference for difference in found if difference.pair not in busy]


class Answers:
    """Lists that were answered in a loop whose second did not suffice for all lists of a look."""

    def __init__(self, run: Run) -> None:
        self.given: dict[tuple[str, Params], tuple[datetime, list[ExchangeOrder]]] = {}

    def lately(self, key: tuple[str, Params], now: datetime) -> list[ExchangeOrder] | None:
        """Return an answer that is a few seconds old at most, None without one."""
        time, answer = self.given.get(key, (now - 2 * RECENT, []))
        return answer if timedelta() <= now - time <= RECENT else None


def _listed(run: Run, bot: Bot, task: Task, ask: Asker) -> dict[str, ExchangeOrder]:
    """Return the orders that are open on the exchange, by their number."""
    api, answers = bot.exchange._api, run.part(Answers)
    found: list[ExchangeOrder] = []
    lists = reconcile.open_lists(api, task.pair or _any_pair(bot))
    for params in lists:
        key, now = (task.place, params), datetime.now(UTC)
        answer = answers.lately(key, now)
        if answer is None:
            answer = ask.ask(api.fetch_open_orders, task.pair, params=dict(params))
            answers.given[key] = now, answer
        found += answer
    for params in lists:  # the next look is a new one
        answers.given.pop((task.place, params), None)
    return {str(order["id"]): order for order in found}


def mend(run: Run, bot: Bot, difference: Difference) -> bool:
    """Do what a confirmed difference asks for; tells whether it is no more."""
    if difference.kind == "order left behind":
        return _take_back(run, bot, difference)
    if difference.kind == "order gone":
        return _catch_up(run, bot, difference.subject)
    if difference.kind == "unknown order":
        return _take_in(run, bot, difference)
    return False


def _any_pair(bot: Bot) -> str:
    return str(next(iter(bot.config["exchange"]["pair_whitelist"]), "A/B"))


def _there(
    run: Run, bot: Bot, orders: Mapping[str, ExchangeOrder], gone: Collection[Any]
) -> Iterator[Difference]:
    """Yield in what the orders that are open on the exchange differ from the database's.

    :param gone: the database's open orders that the exchange does not have.
    """
    triggered = {(o.ft_pair, o.side) for o in gone if o.ft_order_side == "stoploss"}
    for number, order in orders.items():
        pair = str(order["symbol"])
        name, row = reconcile.name_of(bot.exchange._api, order, pair), _row(number, pair)
        if row is not None:
            if not _is_open(row) or not row.ft_is_open:
                yield _left_behind(row, name, order)
        elif (pair, order["side"]) not in triggered and not reconcile.is_child(run, name, pair):
            yield _unknown(run, name, order, pair)


def _left_behind(row: Any, name: OrderName | None, order: ExchangeOrder) -> Difference:
    """Return what an order is that the exchange has open longer than the database does."""
    over = "the database has it done" if _is_open(row) else "its trade is over"
    kind, number, pair = row.ft_order_side, str(row.order_id), row.ft_pair
    text = f"the {kind} order {number} in {pair} is open on the exchange, {over}"
    subject = (row, name, order)
    return Difference("order left behind", pair, text, about=number, subject=subject)


def _unknown(run: Run, name: OrderName | None, order: ExchangeOrder, pair: str) -> Difference:
    """Return what an order is of which the database has nothing."""
    number = str(order["id"])
    intent = reconcile.intent_of(run, name)
    if name is None or name.bot != run.name or (intent and intent.state == "dismissed"):
        whose = "another bot of the pack" if name and name.bot != run.name else "nobody here"
        text = reconcile.stranger(order, pair, whose)
        return Difference("stranger's order", pair, text, about=number)
    raises = name.purpose not in unwritten.REDUCING
    text = (
        f"the open {order['side']} order {number} in {pair} bears this bot's name {name}, and no "
        f"trade and no intent of its store has it: is another bot a copy of this one? Entries of "
        f"{pair} wait until it is gone. Look at it on the exchange"
    )
    return Difference(
        "unknown order",
        pair,
        text,
        about=number,
        level="CRITICAL",
        waits=raises,
        subject=(name, order, intent),
    )


def _gone(row: Any) -> Difference:
    """Return what an order is that is open in the database and not on the exchange."""
    return Difference(
        "order gone",
        row.ft_pair,
        f"the {row.ft_order_side} order {row.order_id} in {row.ft_pair} is open in the database, "
        "and the exchange does not have it: look at the account's history",
        about=str(row.order_id),
        level="CRITICAL",
        waits=True,
        subject=row,
    )


def _is_open(row: Any) -> bool:
    """Tell whether an order's trade is open; one that a person has deleted is over."""
    return row.trade is not None and bool(row.trade.is_open)


def _row(number: str, pair: str) -> Any | None:
    from freqtrade.persistence import Order

    return Order.order_by_id(number, pair)


def _take_in(run: Run, bot: Bot, difference: Difference) -> bool:
    """Give an order that bears this bot's name to its trade, or cancel it where that is over. One
    whose intent was thought to have come to nothing is settled like any other, in the next loop."""
    name, order, intent = difference.subject
    if intent is not None:
        number = str(order["id"])
        run.store.save_intent(replace(intent, state="accepted", order_id=number))
        return True
    if name.purpose not in unwritten.REDUCING:
        return False
    reconcile.take_in(run, bot, order, difference.pair)
    return True


def _take_back(run: Run, bot: Bot, difference: Difference) -> bool:
    """Cancel an order that has outlived its trade; one whose trade is open is open there as well.

    What does not bear this bot's name is left alone.
    """
    row, name, order = difference.subject
    if _is_open(row):
        row.trade.update_order(bot.exchange._order_contracts_to_amount(order))
        done = "it is open in the database as well now"
    elif name is None or name.bot != run.name:
        return False
    else:
        api, stop = bot.exchange._api, row.ft_order_side == "stoploss"
        params = reconcile.cancelling(api, difference.pair, stop=stop)
        try:
            api.cancel_order(row.order_id, difference.pair, params)
        except ccxt.OrderNotFound:  # it was filled or triggered by now
            return False
        done = "it was cancelled"
    text = f"{difference.text}; {done}"
    report(run, text, "WARNING", {"pair": difference.pair, "order": row.order_id})
    return True


def _catch_up(run: Run, bot: Bot, row: Any) -> bool:
    """Bring an order of the database to what the exchange says of its number."""
    api, stop = bot.exchange._api, row.ft_order_side == "stoploss"
    params = reconcile.cancelling(api, row.ft_pair, stop=stop)
    try:
        api.fetch_order(row.order_id, row.ft_pair, params)
    except ccxt.OrderNotFound:
        return False
    found = bot.exchange.fetch_order_or_stoploss_order(row.order_id, row.ft_pair, stop)
    if found["status"] == "open":
        return True  # the list was behind, or had no room for it
    trade, pair = row.trade, row.ft_pair
    if _is_open(row):
        bot.update_trade_state(trade, row.order_id, found, stoploss_order=stop, send_msg=False)
    else:
        row.update_from_ccxt_object(found)
    text = (
        f"the {row.ft_order_side} order {row.order_id} in {pair} was open in the database, the "
        f"exchange has it {found['status']}; the database has that now"
    )
    report(run, text, "WARNING", {"pair": pair, "order": row.order_id})
    return True
