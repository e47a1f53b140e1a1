"""The positions of a live session and of a backtest, in one shape."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from freqpilot.journal.backtest import BacktestRun
from freqpilot.rehearsal.books.spot import rows
from freqpilot.rehearsal.venue.spot import ZERO, VenueOrder

DAY = timedelta(days=1)

REASONS = {
    "stop_loss": "stop",
    "stoploss_on_exchange": "stop",
    "trailing_stop_loss": "stop",
    "exit_signal": "signal",
}
"""Freqtrade's names of exits, where live and backtest have several for the same thing."""
TRADES = "id, pair, amount, stake_amount, open_rate, open_date, stop_loss, close_date, exit_reason"
ALL_PAIRS = "*"


@dataclass(frozen=True)
class Deal:
    """A position as one side has it.

    ``candle`` is the decision's; ``stake`` what the entry cost before fees and ``paid`` with those
    taken in stake currency, for the ``amount`` that the bot can sell; ``profit`` what has come back
    more than was paid; ``stop`` the last stop price; ``closed`` is None while it is open at the
    end, in a backtest the opening of the candle in which it left.
    """

    pair: str
    candle: datetime
    stake: float
    amount: float
    entry: float
    paid: float = 0.0
    stop: float = math.nan
    closed: datetime | None = None
    exit: float = math.nan
    reason: str = ""
    profit: float = 0.0


@dataclass(frozen=True)
class Note:
    """Why the bot kept from entering a pair from ``begin`` to ``end``."""

    pair: str
    begin: datetime
    end: datetime
    text: str


def floor(moment: datetime, step: timedelta) -> datetime:
    """Return the opening of the candle that ``moment`` lies in."""
    return moment - timedelta(seconds=moment.timestamp() % step.total_seconds())


def live_deals(database: Path, ledger: tuple[VenueOrder, ...], step: timedelta) -> Iterator[Deal]:
    """Yield the filled positions of Freqtrade's database; money and time as the ledger has them."""
    by_id = {str(order.number): order for order in ledger}
    sent: dict[int, list[VenueOrder]] = {}
    for row in rows(database, "orders", "ft_trade_id, order_id"):
        if row["order_id"] in by_id:
            sent.setdefault(row["ft_trade_id"], []).append(by_id[row["order_id"]])
    for row in rows(database, "trades", TRADES):
        orders = [order for order in sent.get(row["id"], []) if order.filled]
        bought, sold = ([o for o in orders if o.sign == sign] for sign in (1, -1))
        if not bought:
            continue
        left = bool(sold) and row["close_date"] is not None
        yield Deal(
            pair=row["pair"],
            candle=floor(_time(row["open_date"]), step),
            stake=float(sum(order.cost for order in bought)),
            amount=float(row["amount"]),
            entry=_average(bought),
            # Coins that are too few for a lot stay in the bot's stake at the entry's price.
            paid=_cash(bought) - (row["stake_amount"] - row["amount"] * row["open_rate"]),
            stop=float(row["stop_loss"] or math.nan),
            closed=_last_fill(sold) if left else None,
            exit=_average(sold) if left else math.nan,
            reason=REASONS.get(row["exit_reason"], row["exit_reason"]) if left else "",
            profit=-_cash(orders) if left else 0.0,
        )


def backtest_deals(run: BacktestRun) -> Iterator[Deal]:
    """Yield the positions of a backtest."""
    for row in run.trades.to_dict("records"):
        reason = REASONS.get(row["exit_reason"], row["exit_reason"])
        yield Deal(
            pair=row["pair"],
            candle=row["open_date"].to_pydatetime(),
            stake=row["amount"] * row["open_rate"],
            amount=row["amount"],
            entry=row["open_rate"],
            paid=row["amount"] * row["open_rate"] * (1 + row["fee_open"]),
            stop=float(row.get("stop_loss_abs") or math.nan),
            closed=row["close_date"].to_pydatetime(),
            exit=row["close_rate"],
            reason=reason,
            profit=row["profit_abs"],
        )


def refusals(store: Path, step: timedelta) -> Iterator[Note]:
    """Yield what the gate and the sizing refused, by the store's events. A refusal is written down
    when it changes, and anew each day: it holds until the pair's next one, or the day's end."""
    heads = {"veto": "the gate refused it", "no entry": "the sizing refused it"}
    ends: dict[str, datetime] = {}
    found = [row for row in rows(store, "event", "time, kind, text, data") if row["kind"] in heads]
    for row in sorted(found, key=lambda row: str(row["time"]), reverse=True):
        candle = floor(_time(row["time"]), step)
        pair = json.loads(row["data"] or "{}").get("pair", ALL_PAIRS)
        end = min(ends.get(pair, candle + DAY), floor(candle, DAY) + DAY)
        ends[pair] = candle
        yield Note(pair, candle, max(end, candle + step), f"{heads[row['kind']]}: {row['text']}")


def locks(database: Path) -> Iterator[Note]:
    """Yield Freqtrade's locks of pairs."""
    for row in rows(database, "pairlocks", "pair, reason, lock_time, lock_end_time"):
        begin, end = _time(row["lock_time"]), _time(row["lock_end_time"])
        text = f"{row['pair']} was locked until {end:%m-%d %H:%M}: {row['reason']}"
        yield Note(row["pair"], begin, end, text)


def _average(orders: list[VenueOrder]) -> float:
    amount = sum((order.filled for order in orders), ZERO)
    cost = sum((order.cost for order in orders), ZERO)
    return float(cost / amount) if amount else math.nan


def _cash(orders: list[VenueOrder]) -> float:
    """Return what the orders have cost the account in stake currency: what fees in coins leave of
    a lot, and cannot be sold, is lost."""
    cost = sum((order.sign * order.cost for order in orders), ZERO)
    fees = (f.fee for o in orders for f in o.fills if o.symbol.endswith(f.fee_asset))
    return float(cost + sum(fees, ZERO))


def _last_fill(orders: list[VenueOrder]) -> datetime:
    last = max(fill.time for order in orders for fill in order.fills)
    return datetime.fromtimestamp(last / 1000, UTC)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
