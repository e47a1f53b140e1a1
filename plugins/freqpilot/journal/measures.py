"""The figures of a report: costs, returns, ratios, and each beside its target.

Fractions are fractions, money is in stake currency. An undefined figure is NaN.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.journal.backtest import BacktestRun

DAYS_A_YEAR = 365  # crypto trades every day
DAYS_A_MONTH = DAYS_A_YEAR / 12


@dataclass(frozen=True)
class Costs:
    """What trading cost: ``fees`` and ``funding`` paid (funding received is negative), ``traded``
    value of all fills, ``before`` the profit before fees and funding, ``net`` after them."""

    fees: float
    funding: float
    traded: float
    before: float
    net: float

    @property
    def share(self) -> float:
        """Fees and funding as a share of the profit before them; NaN when there was none."""
        return (self.fees + self.funding) / self.before if self.before > 0 else math.nan


@dataclass(frozen=True)
class Performance:
    """What an equity curve did: total return, compounded return a month, annualised Sharpe and
    Sortino of daily returns, largest fall from a peak."""

    total: float
    month: float
    sharpe: float
    sortino: float
    max_drawdown: float


@dataclass(frozen=True)
class Score:
    """One line of the scorecard: measured and baseline beside target and minimum.

    ``higher`` tells whether more is better; ``percent`` how it is shown.
    """

    name: str
    target: float
    minimum: float
    measured: float
    baseline: float
    shown_target: str
    shown_minimum: str
    percent: bool
    higher: bool = True

    @property
    def verdict(self) -> str:
        """``target met``, ``minimum met``, ``below minimum`` or ``not measured``."""
        if math.isnan(self.measured):
            return "not measured"
        sign = 1 if self.higher else -1
        if sign * self.measured >= sign * self.target:
            return "target met"
        return "minimum met" if sign * self.measured >= sign * self.minimum else "below minimum"


def fills(trades: pd.DataFrame) -> pd.DataFrame:
    """Return one row a fill: ``trade`` (row of the trade), ``time``, ``entry`` (bool), ``value``
    (amount × price) and ``fee``. Without orders in the export a trade counts as two fills."""
    records = enumerate(trades.to_dict("records"))
    rows = [fill for place, trade in records for fill in _of(place, trade)]
    frame = pd.DataFrame(rows, columns=["trade", "time", "entry", "value", "fee"])
    return frame.astype({"value": float, "fee": float})


def _of(place: int, trade: Mapping[Hashable, Any]) -> list[tuple[object, ...]]:
    open_fee, close_fee = float(trade["fee_open"]), float(trade["fee_close"])
    orders = trade["orders"]
    if isinstance(orders, list) and orders:
        return [
            (
                place,
                pd.Timestamp(order["order_filled_timestamp"], unit="ms", tz="UTC"),
                bool(order["ft_is_entry"]),
                # Freqtrade's own "cost" already holds the fee.
                value := order["amount"] * order["safe_price"],
                value * (open_fee if order["ft_is_entry"] else close_fee),
            )
            for order in orders
            if order.get("order_filled_timestamp")
        ]
    amount = float(trade["amount"])
    bought, sold = (amount * float(trade[rate]) for rate in ("open_rate", "close_rate"))
    return [
        (place, trade["open_date"], True, bought, bought * open_fee),
        (place, trade["close_date"], False, sold, sold * close_fee),
    ]


def costs(run: BacktestRun) -> Costs:
    """Return what the run paid, from each fill and its trade's fee rate."""
    done = fills(run.trades)
    fees, net = float(done["fee"].sum()), float(run.trades["profit_abs"].astype(float).sum())
    funding = 0.0 - float(run.trades["funding_fees"].astype(float).sum())
    return Costs(fees, funding, float(done["value"].sum()), net + fees + funding, net)


def profits(trades: pd.DataFrame) -> pd.Series:
    """Return each trade's profit computed anew from its fills, fee rates and funding: what came in
    less what went out. Freqtrade rounds its own ``profit_abs`` to eight decimals."""
    done = fills(trades)
    short = done["trade"].map(trades["is_short"]).astype(bool)
    paid_out = done["entry"].astype(bool) != short
    flow = done["value"].where(~paid_out, -done["value"]) - done["fee"]
    summed = flow.groupby(done["trade"]).sum().reindex(trades.index, fill_value=0.0)
    return pd.Series(summed + trades["funding_fees"], name="profit")


def turnover(run: BacktestRun) -> float:
    """Return traded value (entries and exits) / mean equity, a year."""
    mean = float(run.equity.mean())
    if mean <= 0 or run.days <= 0:
        return math.nan
    return float(fills(run.trades)["value"].sum()) / mean * DAYS_A_YEAR / run.days


def daily(equity: pd.Series) -> pd.Series:
    """Return the account at the end of each UTC day, the starting balance first.

    The first row bears the day before the first; the value at 00:00 closes the day before it.
    """
    after = equity.iloc[1:]
    if after.empty:
        return equity.rename("equity")
    # Not resample(closed="right"): it adds empty days at both ends.
    day = (pd.DatetimeIndex(after.index) - pd.Timedelta(milliseconds=1)).floor("D")
    begin = pd.Timestamp(equity.index[0]).floor("D")
    before = begin - pd.Timedelta(days=1)
    closes = after.groupby(day).last().reindex(pd.date_range(before, day[-1]))
    closes.iloc[0] = equity.iloc[0]
    return closes.ffill().rename("equity")


def monthly(equity: pd.Series) -> pd.Series:
    """Return the return of each calendar month (UTC), indexed by its first day; the first and the
    last month count the days that there are."""
    days = daily(equity)
    ends = days.iloc[1:].resample("MS").last()
    before = pd.concat([days.iloc[:1], ends.iloc[:-1]]).to_numpy()
    return pd.Series(ends.to_numpy() / before - 1, index=ends.index, name="return")


def drawdown(equity: pd.Series) -> pd.Series:
    """Return the fall from the highest value so far at each time, as a negative fraction."""
    return pd.Series(equity / equity.cummax() - 1, name="drawdown")


def performance(equity: pd.Series) -> Performance:
    """Return the figures of an equity curve; ratios are NaN without any variation.

    Sharpe (1994) and Sortino (1991) over daily returns without a risk-free rate, × √365; the
    downside deviation counts all days.
    """
    days = daily(equity).to_numpy(dtype=float)
    returns = np.diff(days) / days[:-1]
    spread = float(np.std(returns, ddof=1)) if returns.size > 1 else 0.0
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0) ** 2))) if returns.size else 0.0
    mean, root = float(np.mean(returns)) if returns.size else math.nan, math.sqrt(DAYS_A_YEAR)
    growth = float(days[-1] / days[0])
    return Performance(
        total=growth - 1,
        month=_monthly_rate(growth, returns.size),
        sharpe=mean / spread * root if spread > 1e-12 else math.nan,
        sortino=mean / downside * root if downside > 1e-12 else math.nan,
        max_drawdown=abs(float(drawdown(equity).min())),
    )


def _monthly_rate(growth: float, days: int) -> float:
    if growth <= 0 or days < 1:
        return math.nan
    return float(growth ** (DAYS_A_MONTH / days) - 1)


def buy_and_hold(prices: Mapping[str, pd.Series], start: float, fee: float) -> pd.Series:
    """Return the account had ``start`` been spread evenly over the pairs at their first price and
    never touched; one fee for the purchase, paid after the first row. Missing prices rest at the
    last one; a pair that was listed later stays cash until then. Empty without prices."""
    if not prices:
        return pd.Series(dtype=float, name="buy and hold")
    table = pd.concat({pair: price / price.iloc[0] for pair, price in prices.items()}, axis=1)
    bought = table.sort_index().ffill() * (1 - fee)
    account: pd.Series = bought.fillna(1.0).mean(axis=1) * start
    account.iloc[0] = start
    return account.rename("buy and hold")


def scorecard(run: BacktestRun, baseline: pd.Series | None = None) -> list[Score]:
    """Return the specification's six lines: target, minimum, measured, and what holding did.

    Nothing is measured without trades: money that never moved has met no target.
    """
    profit = run.trades["profit_abs"].to_numpy(dtype=float)
    wins, losses = profit[profit > 0], profit[profit < 0]
    both = wins.size > 0 and losses.size > 0
    ratio = float(wins.mean() / -losses.mean()) if both else math.nan
    factor = float(wins.sum() / -losses.sum()) if losses.size else math.nan
    rate = wins.size / profit.size if profit.size else math.nan
    ours = performance(run.equity)
    idle = math.nan
    held = performance(baseline) if baseline is not None and len(baseline) > 1 else None
    sharpe, deepest, month = (
        (held.sharpe, held.max_drawdown, held.month) if held else (idle, idle, idle)
    )
    traded = profit.size > 0
    down, pace = (ours.max_drawdown, ours.month) if traded else (idle, idle)
    return [
        Score("Win rate", 0.58, 0.52, rate, idle, "58–65 %", "52 %", True),
        Score("Reward to risk", 1.5, 1.2, ratio, idle, "1.5", "1.2", False),
        Score("Profit factor", 2.0, 1.4, factor, idle, "2", "1.4", False),
        Score("Sharpe ratio, a year", 2.5, 1.5, ours.sharpe, sharpe, "2.5", "1.5", False),
        Score("Max drawdown", 0.15, 0.25, down, deepest, "< 15 %", "< 25 %", True, False),
        Score("Return a month", 0.20, 0.10, pace, month, "20–30 %", "10 %", True),
    ]
