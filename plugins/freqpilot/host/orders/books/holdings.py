"""Positions and coins of the account beside the open trades."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from freqpilot.host.orders import contracts, reconcile
from freqpilot.host.orders.books import forced
from freqpilot.host.orders.books.asking import Asker
from freqpilot.host.orders.differences import Difference, Differences, recount
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Bot, Trade

FRESH = timedelta(seconds=20)
"""How old Freqtrade's own look at the account may be where it stands for a first one of ours."""


def positions(
    run: Run, bot: Bot, place: str, ask: Asker, busy: Collection[str]
) -> list[Difference]:
    """Return in what the positions differ from the trades.

    :param busy: pairs in which an order's fate is open: what they show may be on its way.
    """
    held = None if _doubts(run, place) else _positions_of(bot)
    if held is None:
        held = contracts.held_of(bot, ask.ask(bot.exchange.fetch_positions))
    trades = {trade.pair: trade for trade in _open_trades()}
    found = []
    for pair in sorted({*held, *trades} - set(busy)):
        trade = trades.get(pair)
        there, ours = held.get(pair, 0.0), expected(trade) if trade else 0.0
        if not contracts.alike(there, ours):
            found.append(_position(run, pair, trade, there, ours))
    return found


def coins(run: Run, bot: Bot, place: str, ask: Asker, busy: Collection[str]) -> list[Difference]:
    """Return in what the coins of a spot account differ from the trades."""
    totals = None if _doubts(run, place) else _coins_of(bot)
    if totals is None:
        balances = ask.ask(bot.exchange.get_balances)
        totals = {
            coin: float(each.get("total") or 0.0)
            for coin, each in balances.items()
            if isinstance(each, dict)
        }
    trades = {trade.pair: trade for trade in _open_trades()}
    pairs = {*trades, *bot.config["exchange"]["pair_whitelist"]} - set(busy)
    return list(_coins(run, bot, totals, trades, sorted(pairs & set(bot.exchange.markets))))


def mend(run: Run, bot: Bot, difference: Difference) -> bool:
    """Bring a trade to what happened on the exchange, where that is certain; tells whether the two
    agree now."""
    trade = difference.subject
    if trade is None or difference.kind not in ("position missing", "coins missing"):
        return False
    there = abs(difference.figures[0])
    if difference.kind == "coins missing":
        recount(run, trade, there)
        return bool(there >= expected(trade) * (1 - reconcile.MISSING_SHARE))
    contracts.recover(run, bot, trade, there)
    if trade.is_open and not contracts.alike(there, abs(expected(trade))):
        forced.close(run, bot, trade, there)
    return not trade.is_open or contracts.alike(there, abs(expected(trade)))


def worth_saying(bot: Bot, difference: Difference) -> bool:
    """Tell whether a person is to hear of coins of nobody: not of the dust that rounding leaves."""
    there, ours = difference.figures
    return reconcile.is_worth_an_order(bot, difference.pair, there - ours)


def expected(trade: Trade) -> float:
    """Return what a trade's orders have left on the account by now, below zero for a short one: its
    amount, and the fills of orders that are still open, which Freqtrade counts at their end."""
    amount = float(trade.amount)
    for order in trade.orders:
        if order.ft_is_open and order.safe_filled:
            entered = order.ft_order_side == trade.entry_side
            amount += float(order.safe_filled) * (1 if entered else -1)
    return -amount if trade.is_short and amount else amount


def _position(run: Run, pair: str, trade: Any, there: float, ours: float) -> Difference:
    kind = contracts.kind_of(there, ours)
    text, level = contracts.words(run, pair, there, ours)
    return Difference(
        kind,
        pair,
        text,
        about=kind,
        figures=(there, ours),
        level=level,
        waits=True,
        subject=trade,
    )


def _coins(
    run: Run, bot: Bot, totals: dict[str, float], trades: dict[str, Trade], pairs: list[str]
) -> Iterator[Difference]:
    """Yield each coin's difference, once: two pairs may be of the same coin."""
    wanted: dict[str, float] = defaultdict(float)
    pair_of: dict[str, str] = {}
    for pair in sorted(pairs, key=lambda each: each not in trades):
        coin = bot.exchange.get_pair_base_currency(pair)
        pair_of.setdefault(coin, pair)
        wanted[coin] += expected(trades[pair]) if pair in trades else 0.0
    for coin, pair in pair_of.items():
        if found := _coin(run, pair, coin, totals.get(coin, 0.0), wanted[coin]):
            yield replace(found, subject=trades.get(pair))


def _coin(run: Run, pair: str, coin: str, owned: float, wanted: float) -> Difference | None:
    figures = (owned, wanted)
    if owned < wanted * (1 - reconcile.MISSING_SHARE):
        text = reconcile.coins_missing(pair, coin, owned, wanted)
        return Difference(
            "coins missing", pair, text, "coins missing", figures, level="CRITICAL", waits=True
        )
    if owned > wanted:
        text = reconcile.coins_of_nobody(run, pair, coin, owned - wanted)
        return Difference("coins of nobody", pair, text, "coins of nobody", figures)
    return None


def _doubts(run: Run, place: str) -> bool:
    return run.part(Differences).doubts(place)


def _open_trades() -> list[Any]:
    from freqtrade.persistence import Trade

    return list(Trade.get_open_trades())


def _is_fresh(bot: Bot) -> bool:
    seen = getattr(bot.wallets, "_last_wallet_refresh", None)
    return seen is not None and timedelta() <= datetime.now(UTC) - seen < FRESH


def _positions_of(bot: Bot) -> dict[str, float] | None:
    """Return the positions as Freqtrade has just seen them, None where it has not."""
    if not _is_fresh(bot):
        return None
    return {
        pair: float(each.position) * (-1 if each.side == "short" else 1)
        for pair, each in bot.wallets.get_all_positions().items()
    }


def _coins_of(bot: Bot) -> dict[str, float] | None:
    """Return the coins as Freqtrade has just seen them, None where it has not."""
    if not _is_fresh(bot):
        return None
    return {coin: float(each.total or 0.0) for coin, each in bot.wallets.get_all_balances().items()}
