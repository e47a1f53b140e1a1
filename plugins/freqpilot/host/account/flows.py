"""Deposits and withdrawals of a live account: what is read of it, declared and kept.

A dry run's money is its own, a backtest's as well: they have no flows. With cross margin the free
balance moves with open profit, so nothing can be told apart there, and every change counts as
profit or loss.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.account import livestore
from freqpilot.host.account.observed import refresh
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import LEDGER_KEYS, Run
from freqpilot.host.seams.freqtrade import Bot, Trade
from freqpilot.risk.account import rebase
from freqpilot.risk.account.dollars import money
from freqpilot.risk.account.flows import Reading
from freqpilot.risk.account.ledger import Ledger
from freqpilot.store import Store, open_store

DECLARED = ", declared"
"""Only the command writes what is under this key, and only the bot its ledger: none undoes the
other's."""
KEPT = 100
BOOKED = timedelta(minutes=3)
"""How long after a full hour a payment of funding may not be booked yet: Freqtrade asks a minute
and two seconds later, at the end of a loop."""


def take(run: Run, bot: Bot, trades: Sequence[Trade], equity: float) -> float:
    """Take the account's flows into the ledger; returns what of its equity is held back.

    What the store knows of declarations waits where it is out: nothing is taken for settled then.

    :param trades: the open trades.
    """
    if bot.config["dry_run"] or bot.config.get("margin_mode") == "cross":
        return 0.0
    now = datetime.now(UTC)
    if not math.isfinite(equity):
        return run.held
    refresh(run)
    settings = run.settings.risk.flows
    if run.store_fault is None:
        with livestore.guarded(run):
            run.state = _with_declarations(run, now)
    seen = rebase.take(run.state, run.watch, reading(run, bot, trades), now, equity, settings)
    run.state, run.watch = seen.state, seen.watch
    run.look = run.look and run.look.after(seen.flow)
    _report(run, seen, now)
    if run.watch.pending:
        bot.wallets.update()  # the next look has to be a new one
    return seen.held


def reading(run: Run, bot: Bot, trades: Sequence[Trade]) -> Reading:
    """Return the account's capital: free money and what open trades have cost, less all results."""
    from freqtrade.persistence import Trade

    capital = float(bot.wallets.get_free(bot.config["stake_currency"]))
    capital -= float(Trade.get_total_closed_profit() or 0.0)
    for trade in trades:
        capital += float(trade.stake_amount) - float(trade.realized_profit or 0.0)
        capital -= float(trade.funding_fees or 0.0) - _realised_funding(trade)
        if trade.nr_of_successful_entries:
            fee = float(trade.fee_open or 0.0)
            capital += float(trade.amount) * float(trade.open_rate) * fee
    filling = any(trade.has_open_orders for trade in trades) or _uncertain(run)
    filling = filling or _may_be_funded(bot, trades)
    return Reading(round(capital, 8), Trade.session.query(Trade).count(), not filling)


def _may_be_funded(bot: Bot, trades: Sequence[Trade]) -> bool:
    """Tell whether a payment of funding may be in the wallet and not in a trade: fundings are due
    at full hours, every 8, 4 or 1 of them, by pair."""
    if not trades or str(bot.config.get("trading_mode") or "spot") == "spot":
        return False
    now = datetime.now(UTC)
    return now - now.replace(minute=0, second=0, microsecond=0) < BOOKED


def _realised_funding(trade: Trade) -> float:
    """Return the funding that a trade's realised profit holds: Freqtrade counts what came in since
    the exit before with each exit, and leaves it in ``funding_fees`` all the same."""
    seen = realised = 0.0
    for order in trade.orders:
        if order.ft_is_open or not order.filled:
            continue
        seen += float(order.funding_fee or 0.0)
        if order.ft_order_side != trade.entry_side:
            realised = seen
    return realised


def _uncertain(run: Run) -> bool:
    """Tell whether an order's fate is not known, or cannot be asked for."""
    if run.store_fault is not None:
        return True
    sent: list[Any] = []
    with livestore.guarded(run):
        sent = run.intents("sent")
    return bool(sent) or run.store_fault is not None


def declare(url: str, deposit: float, withdraw: float, time: datetime) -> None:
    """Keep a person's declaration for the live ledger of the store at ``url``.

    :raises RefuseToStart: when it is not one positive amount.
    """
    amounts = (deposit, -withdraw)
    amount = sum(amounts)
    if not all(map(math.isfinite, amounts)) or min(deposit, withdraw) < 0 or amounts.count(0) != 1:
        raise RefuseToStart(
            "a flow is one positive amount, --deposit AMOUNT or --withdraw AMOUNT; nothing was "
            "declared, open trades are untouched"
        )
    store, key = open_store(url), LEDGER_KEYS[False]
    rows = _rows(store, key)
    number = rows[-1][0] + 1 if rows else 1
    rows = [*rows, [number, amount, time.isoformat()]][-KEPT:]
    store.save_state(f"{key}{DECLARED}", {"rows": rows}, time)
    text = f"declared: a {'deposit' if amount > 0 else 'withdrawal'} of {abs(amount):.8g}"
    store.add_event(time, "flow declared", "WARNING", text, {"amount": amount})
    store.close()


def describe(url: str) -> list[str]:
    """Return what is open between the live account and its declarations, a line each."""
    store, key = open_store(url), LEDGER_KEYS[False]
    saved, rows = store.load_state(key), _rows(store, key)
    store.close()
    state = Ledger.from_dict(saved) if saved else Ledger.empty()
    flows, usd = state.flows, state.usd
    lines = [
        f"{fall.time:%Y-%m-%d %H:%M} UTC: {money(fall.amount, usd)} is gone that no trade "
        "explains; it counts as a loss until it is declared"
        for fall in flows.falls
    ]
    waiting = (("withdrawal", flows.withdrawal), ("deposit", flows.deposit))
    lines += [
        f"a declared {what} of {money(amount, usd)} was not seen yet; it lapses at "
        f"{flows.until:%Y-%m-%d %H:%M} UTC"
        for what, amount in waiting
        if amount > 0 and flows.until
    ]
    lines += [
        f"a {'deposit' if amount > 0 else 'withdrawal'} of {money(abs(amount), usd)} waits for the "
        "bot"
        for number, amount, _ in rows
        if number > flows.read
    ]
    return lines


def _rows(store: Store, key: str) -> list[Any]:
    saved = store.load_state(f"{key}{DECLARED}")
    return list(saved["rows"]) if saved else []


def _with_declarations(run: Run, now: datetime) -> Ledger:
    """Return the ledger with the declarations that it has not taken in. One that is older than it
    may wait says nothing of what is seen now."""
    state, settings = run.state, run.settings.risk.flows
    for number, amount, text in _rows(run.store, run.key):
        if number <= state.flows.read:
            continue
        time = datetime.fromisoformat(text)
        if now - time < timedelta(days=settings.days):
            state = rebase.declare(state, number, amount, time, settings)
    return state


def _report(run: Run, seen: rebase.Rebased, now: datetime) -> None:
    usd = seen.state.usd
    if seen.flow:
        what = "deposit" if seen.flow > 0 else "withdrawal"
        text = f"a {what} of {money(abs(seen.flow), usd)} was taken out of the account's result"
        alerts.record(run, "flow", "WARNING", text, {"amount": seen.flow}, time=now)
    if seen.missing:
        missing = money(seen.missing, usd)
        text = (
            f"{missing} is gone from the account that no trade explains: it counts as a loss until "
            f"`freqpilot flow --withdraw {missing}` declares it"
        )
        alerts.record(run, "missing", "CRITICAL", text, {"amount": seen.missing}, time=now)
