"""Compares the exchange's books with Freqtrade's and ours, and adopts what is missing there.

A bot that was killed between the exchange's answer and its own commit owns orders that its database
has never seen. They are found by the intents that were written down before them: an entry becomes a
trade with its stop, an exit or a stop joins its trade. What can't be explained is reported and left
alone. Nothing that raises risk is sent before the first comparison after a start is done.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import ccxt

from freqpilot.execution.ids import OrderName, parse_client_order_id
from freqpilot.execution.venues import APART, NOTHING, Params, mode_of
from freqpilot.host.account import unwritten
from freqpilot.host.orders import contracts
from freqpilot.host.orders.differences import owner_of, recount, report, report_daily
from freqpilot.host.orders.lookup import fetch, in_flight, look_up, stop_params
from freqpilot.host.orders.outcomes import Absent, Early, venue_for
from freqpilot.host.orders.pending import Pending, ask, describe, is_old
from freqpilot.host.orders.purpose import is_recorded, open_trade
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Api, Bot, ExchangeOrder, Trade
from freqpilot.shapes import OrderIntent

logger = logging.getLogger(__name__)

EMPTY_STATES = ("canceled", "cancelled", "expired", "rejected")
MISSING_SHARE = 0.005
"""Share of a position that may be missing on the account: fees taken in coins, and rounding."""


def step(run: Run, bot: Bot) -> None:
    """Settle what is open between the exchange and the database; before each loop, live only, under
    the lock that forced orders hold.

    A fault keeps entries away until the next loop; open trades are managed as ever.
    """
    if bot.config["dry_run"]:
        return
    books = run.part(Reconciliation)
    try:
        if settle(run, bot) and not books.done:
            compare(run, bot)
            books.done = True
    except Exception as error:  # the loop must go on managing open trades
        _roll_back()
        books.done, books.problem = False, f"{type(error).__name__}: {error}"
        logger.warning("Not reconciled yet, entries wait: %s", books.problem)


def _roll_back() -> None:
    """Leave Freqtrade's session as it was before: one with a failed transaction would end the bot
    at its next use."""
    from freqtrade.persistence import Trade

    if hasattr(Trade, "session"):
        Trade.rollback()


def settle(run: Run, bot: Bot) -> bool:
    """Bring every intent that is not settled to its end, each on its own: what keeps one from it
    does not keep the others. Tells whether none may still arrive: one that does would look like a
    stranger's in the books.

    While the store is out, those that this process knows of are brought to their end all the same:
    a position whose entry was lost would have no stop for as long.

    :raises SQLAlchemyError: when the store fails; what could be settled without it is.
    """
    failed = [] if str(bot.trading_mode) == "spot" else contracts.take_back_stops(run, bot)
    pending, fault = run.part(Pending), None
    try:
        unwritten.write(run)
        open_ones = run.intents(*unwritten.OPEN)
        run.unsettled = {each.client_id: each for each in open_ones}
    except Exception as error:
        if not unwritten.is_of_store(error):
            raise
        open_ones, fault = run.remembered_intents(*unwritten.OPEN), error
    arriving = False
    for intent in open_ones:
        if in_flight(intent.client_id):
            continue  # its answer is on the way to another thread
        if intent.state != "agreed" and not pending.is_due(intent):
            continue
        try:
            _settle(run, bot, intent)
        except Early:
            arriving = True  # entries wait for it; the next loop looks again
        except Exception as error:
            if unwritten.is_of_store(error):
                fault = error
                continue
            _roll_back()
            pending.fail(intent, error)
        else:
            pending.settled(intent)
    if fault is not None:
        raise fault
    pending.keep_only([*failed, *(intent.client_id for intent in open_ones)])
    return not arriving


def _settle(run: Run, bot: Bot, intent: OrderIntent) -> None:
    """Bring one intent to its end; one that is old is a person's to decide on."""
    api = bot.exchange._api
    if intent.order_id is not None and is_recorded(intent.order_id, intent.pair):
        unwritten.note(run, intent, state="known")
        return
    if is_old(intent):
        ask(run, intent)
        return
    found = _found(run, api, intent)
    if found is None:
        return
    order_id = str(found["id"])
    if not is_recorded(order_id, intent.pair):
        _adopt(run, bot, intent, bot.exchange._order_contracts_to_amount(found))
    unwritten.note(run, intent, state="known", order_id=order_id)


def _found(run: Run, api: Api, intent: OrderIntent) -> ExchangeOrder | None:
    """Return the order of an intent, None for one that has none."""
    if intent.state == "sent":
        order: ExchangeOrder | None = look_up(run, api, intent, patience=0)
        return order
    try:
        order = fetch(run, api, intent)
    except Absent:
        if intent.state != "agreed":
            raise  # what was accepted does not vanish
        unwritten.note(run, intent, state="absent")
        text = f"{describe(intent)} could not be adopted: the exchange has no such order"
        report(run, text, "WARNING", {"pair": intent.pair})
        return None
    return order


def compare(run: Run, bot: Bot) -> None:
    """Report what the account holds that no trade explains, and the other way round.

    :raises Exception: Freqtrade's or ccxt's, when the exchange cannot be asked.
    """
    from freqtrade.persistence import Trade

    _remove_empty(run, Trade.get_open_trades())
    trades = list(Trade.get_open_trades())
    pairs = {trade.pair for trade in trades} | set(bot.config["exchange"]["pair_whitelist"])
    known = {pair for pair in pairs if pair in bot.exchange.markets}
    spot = str(bot.trading_mode) == "spot"
    for pair in sorted(known):
        for order in _open_orders(bot.exchange._api, pair):
            if not is_recorded(str(order["id"]), pair):
                take_in(run, bot, order, pair)
    bot.wallets.update(require_update=True)
    if spot:
        for trade in trades:
            recount(run, trade, float(bot.wallets.get_total(trade.base_currency)))
        _compare_coins(run, bot, trades, sorted(known))
    else:
        contracts.compare(run, bot, trades, sorted(known))


def _open_orders(api: Api, pair: str) -> list[ExchangeOrder]:
    """Return a pair's open orders; none of one that the exchange has no more, since the markets
    were read: it must not keep the books of all others open for ever.

    :raises Exception: ccxt's, when the exchange cannot be asked.
    """
    try:
        return [
            order
            for params in open_lists(api, pair)
            for order in api.fetch_open_orders(pair, params=dict(params))
        ]
    except ccxt.BadSymbol as error:
        logger.warning("%s is gone from the exchange, and its open orders with it: %s", pair, error)
        return []


def open_lists(api: Api, pair: str) -> tuple[Params, ...]:
    """Return the parameters of the lists that together hold every open order of a pair."""
    if venue := venue_for(api, pair):
        return venue.open_lists
    return (NOTHING,) if mode_of(pair) == "spot" else (NOTHING, APART)


def lists_all(api: Api, pair: str) -> bool:
    """Tell whether one question lists the open orders of all pairs at the price of one pair's."""
    venue = venue_for(api, pair)
    return venue is not None and venue.lists_all


def _remove_empty(run: Run, trades: Iterable[Trade]) -> None:
    """Remove trades whose every order is an entry that ended unfilled: a bot killed between the
    cancel and the removal leaves one, which takes a slot for good and cannot be exited."""
    for trade in list(trades):
        entries = [order for order in trade.orders if order.ft_order_side == trade.entry_side]
        filled = any(order.safe_filled for order in trade.orders)
        if not entries or len(entries) < len(trade.orders) or filled or trade.has_open_orders:
            continue
        number, pair = int(trade.id), trade.pair
        trade.delete()
        report(
            run,
            f"trade {number} in {pair} was empty: its entry had ended unfilled; it was removed",
            "WARNING",
            {"pair": pair, "trade": number},
        )


def _compare_coins(run: Run, bot: Bot, trades: Iterable[Trade], pairs: Iterable[str]) -> None:
    held = {trade.pair: float(trade.amount) for trade in trades}
    for pair in pairs:
        coin = bot.exchange.get_pair_base_currency(pair)
        owned, wanted = float(bot.wallets.get_total(coin)), held.get(pair, 0.0)
        if owned < wanted * (1 - MISSING_SHARE):
            text = coins_missing(pair, coin, owned, wanted)
            about = (pair, "coins missing")
            report_daily(run, about, text, "CRITICAL", owned=owned, wanted=wanted)
        elif owned > wanted and is_worth_an_order(bot, pair, owned - wanted):
            text = coins_of_nobody(run, pair, coin, owned - wanted)
            about = (pair, "coins of nobody")
            report_daily(run, about, text, "WARNING", owned=owned, wanted=wanted)


def coins_missing(pair: str, coin: str, owned: float, wanted: float) -> str:
    """Return what a person reads of coins that a trade says and the account does not hold."""
    return (
        f"the account holds {owned:g} {coin}, the open trade in {pair} says {wanted:g}: an "
        "exit will fail for lack of coins; look at the account's history, then sell what "
        "is there or delete the trade"
    )


def coins_of_nobody(run: Run, pair: str, coin: str, amount: float) -> str:
    """Return what a person reads of coins that no trade here explains."""
    whose = owner_of(run, pair)
    return (
        f"the account holds {amount:g} {coin} that belong to "
        f"{f'{whose} or to you' if whose else 'no trade'}; Freqpilot leaves them alone"
    )


def is_worth_an_order(bot: Bot, pair: str, amount: float) -> bool:
    """Tell whether ``amount`` is more than what rounding leaves behind."""
    from freqtrade.exceptions import FreqtradeException

    smallest = bot.exchange.markets[pair]["limits"]["cost"]["min"] or 0.0
    try:
        rate = bot.exchange.get_rate(pair, side="exit", is_short=False, refresh=True)
    except FreqtradeException:
        return True  # nobody quotes it: what it is worth is for a person to look at
    return amount * float(rate) >= float(smallest)


def take_in(run: Run, bot: Bot, order: ExchangeOrder, pair: str) -> None:
    """Give an open order that bears this bot's name to its trade, or cancel it where that is over:
    it was sent while the store was out, by a process that has ended. Any other is reported."""
    name = name_of(bot.exchange._api, order, pair)
    if is_child(run, name, pair):
        return
    if name is None or name.bot != run.name or name.purpose not in unwritten.REDUCING:
        _report_order(run, name, order, pair)
        return
    order = bot.exchange._order_contracts_to_amount(order)
    stop = order.get("stopPrice") or order.get("triggerPrice")
    intent = OrderIntent(
        client_id=str(name),
        pair=pair,
        side=order["side"],
        purpose=name.purpose,
        trade=int(name.trade.removeprefix("n")),
        kind=str(order["type"]),
        amount=float(order["amount"]),
        rate=None if order.get("price") is None else float(order["price"]),
        stop=float(stop) if stop else None,
        leverage=1.0,
        tag=None,
        time=datetime.fromtimestamp((order.get("timestamp") or 0) / 1000, UTC),
        state="known",
        order_id=str(order["id"]),
    )
    _adopt(run, bot, intent, order)
    run.store.save_intent(intent)


def name_of(api: Api, order: ExchangeOrder, pair: str) -> OrderName | None:
    """Return the name of an order, of which ccxt knows only the one of an order that is no stop."""
    venue = venue_for(api, pair)
    info = order.get("info") or {}
    of_stop = parse_client_order_id(info.get(venue.stop_name)) if venue else None
    return parse_client_order_id(order.get("clientOrderId")) or of_stop


def _report_order(run: Run, name: OrderName | None, order: ExchangeOrder, pair: str) -> None:
    whose = "another bot of the pack" if name and name.bot != run.name else "nobody here"
    number = str(order["id"])
    text = stranger(order, pair, whose)
    report_daily(run, (pair, "order", number), text, "WARNING", order=number)


def stranger(order: ExchangeOrder, pair: str, whose: str) -> str:
    """Return what a person reads of an open order that is not this bot's."""
    return (
        f"the open {order['side']} order {order['id']} in {pair} belongs to {whose}; Freqpilot "
        "leaves it alone"
    )


def cancelling(api: Api, pair: str, *, stop: bool) -> dict[str, Any]:
    """Return the parameters that name an order by its number, where stops are kept apart."""
    venue = venue_for(api, pair)
    return dict(venue.stop_params) if venue and stop else {}


def intent_of(run: Run, name: OrderName | None) -> OrderIntent | None:
    """Return this bot's intent of a name, None where the name is not of this bot or unknown."""
    if name is None or name.bot != run.name:
        return None
    return next((each for each in run.intents() if each.client_id == str(name)), None)


def is_child(run: Run, name: OrderName | None, pair: str) -> bool:
    """Tell whether an order bears the name of one that the database has under another number: a
    stop that was triggered may become an order of the same name, with the same fills."""
    intent = intent_of(run, name)
    return intent is not None and bool(intent.order_id) and is_recorded(str(intent.order_id), pair)


def _adopt(run: Run, bot: Bot, intent: OrderIntent, order: ExchangeOrder) -> None:
    """Give an order to the trade that it belongs to, or make that trade."""
    from freqtrade.persistence import Order, Trade

    if not order.get("filled") and order["status"] in EMPTY_STATES:
        return
    trade = open_trade(intent.pair)
    if not intent.raises_risk if trade is None else not _fits(trade, intent):
        _strand(run, bot, intent, order)
        return
    if trade is None:
        trade = _new_trade(bot, intent, order)
    side = "stoploss" if intent.purpose == "stop" else intent.side
    rate = intent.stop if intent.purpose == "stop" else intent.rate
    # A bot that is killed before the fills are counted asks for its open orders again.
    made = Order.parse_from_ccxt_object(_unfilled(order), intent.pair, side, intent.amount, rate)
    made.ft_order_tag = intent.tag
    trade.orders.append(made)
    if intent.raises_risk:
        trade.recalc_trade_from_orders()
    # An exit is counted by ``update_trade_state`` alone: counted here as well, one that leaves as
    # much as it sold looks like one that sold all, and the rest would be nobody's.
    Trade.session.add(trade)
    Trade.commit()
    report(
        run,
        f"the {intent.purpose} order {order['id']} for {intent.pair} ({order['status']}) was on "
        f"the exchange but not in the database; trade {trade.id} has it now",
        "WARNING",
        {"pair": intent.pair, "order": str(order["id"]), "trade": int(trade.id)},
    )
    bot.wallets.update(require_update=True)
    if order["status"] != "open":
        bot.update_trade_state(
            trade, made.order_id, order, stoploss_order=intent.purpose == "stop", send_msg=False
        )


def _fits(trade: Trade, intent: OrderIntent) -> bool:
    return intent.side == (trade.entry_side if intent.raises_risk else trade.exit_side)


def _unfilled(order: ExchangeOrder) -> ExchangeOrder:
    """Return an order as it was before its first fill."""
    amount = order.get("amount")
    before = {"status": "open", "filled": 0.0, "remaining": amount, "average": None, "cost": None}
    return order if order["status"] == "open" else {**order, **before}


def _strand(run: Run, bot: Bot, intent: OrderIntent, order: ExchangeOrder) -> None:
    """Cancel an order without a trade that it fits: nothing is left that it could close, or the
    trade is of the other side."""
    if order["status"] == "open":
        api = bot.exchange._api
        with suppress(ccxt.OrderNotFound):  # a futures stop that has just been triggered
            api.cancel_order(order["id"], intent.pair, stop_params(api, intent))
    report(
        run,
        f"the {intent.purpose} order {order['id']} for {intent.pair} has no open trade that it "
        f"fits; it was {'cancelled' if order['status'] == 'open' else order['status'] + ' before'}",
        "CRITICAL" if order.get("filled") else "WARNING",
        {"pair": intent.pair, "order": str(order["id"])},
    )


def _new_trade(bot: Bot, intent: OrderIntent, order: ExchangeOrder) -> Any:
    """Return a trade as ``FreqtradeBot.execute_entry`` makes it."""
    from freqtrade.exchange import timeframe_to_minutes
    from freqtrade.persistence import Trade

    exchange, pair = bot.exchange, intent.pair
    rate = float(order.get("average") or intent.rate or order.get("price") or 0.0)
    fee = exchange.get_fee(symbol=pair, taker_or_maker="maker")
    trade = Trade(
        pair=pair,
        base_currency=exchange.get_pair_base_currency(pair),
        stake_currency=bot.config["stake_currency"],
        stake_amount=intent.amount * rate / intent.leverage,
        amount=0,
        is_open=True,
        amount_requested=intent.amount,
        fee_open=fee,
        fee_close=fee,
        open_rate=rate,
        open_rate_requested=intent.rate or rate,
        open_date=intent.time,
        exchange=exchange.id,
        strategy=bot.strategy.get_strategy_name(),
        enter_tag=intent.tag,
        timeframe=timeframe_to_minutes(bot.config["timeframe"]),
        leverage=intent.leverage,
        is_short=intent.side == "sell",
        trading_mode=bot.trading_mode,
        funding_fees=0.0,
        amount_precision=exchange.get_precision_amount(pair),
        price_precision=exchange.get_precision_price(pair),
        precision_mode=exchange.precisionMode,
        precision_mode_price=exchange.precision_mode_price,
        contract_size=exchange.get_contract_size(pair),
    )
    trade.adjust_stop_loss(trade.open_rate, bot.strategy.stoploss, initial=True)
    return trade
