"""What a strategy is measured against: the figures of an account, and random entries."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqpilot.journal.backtest import BacktestRun
from freqpilot.journal.measures import DAYS_A_YEAR, costs, daily, turnover
from freqpilot.research import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Grid(NamedTuple):
    """Prices of all pairs (columns) at the same ``time`` (rows), gaps at the last price; zero
    before a pair's ``first`` row."""

    time: pd.DatetimeIndex
    pairs: tuple[str, ...]
    price: Floats
    first: Ints


class Drawn(NamedTuple):
    """Trades at random times: column of the pair, rows of entry and exit, signed stake."""

    pair: Ints
    entry: Ints
    exit: Ints
    stake: Floats


def figures(equity: pd.Series) -> dict[str, float]:
    """Return total return, compounded return a year, Sharpe, Sortino and max drawdown, all of the
    account at the end of each UTC day. Every variant goes through here."""
    days = daily(equity).to_numpy(dtype=np.float64)
    returns = np.diff(days) / days[:-1]
    growth = float(days[-1] / days[0])
    return {
        "return": growth - 1,
        "return_a_year": growth ** (DAYS_A_YEAR / returns.size) - 1 if growth > 0 else -1.0,
        "sharpe": stats.sharpe(returns, DAYS_A_YEAR),
        "sortino": stats.sortino(returns, DAYS_A_YEAR),
        "max_drawdown": stats.max_drawdown(days),
    }


def run_figures(run: BacktestRun) -> dict[str, float]:
    """Return :func:`figures` of a backtest with its trades, turnover a year and fees."""
    trading = {"trades": len(run.trades), "turnover": turnover(run), "fees": costs(run).fees}
    return figures(run.equity) | trading


def held_figures(held: pd.Series, start: float, fee: float, days: float) -> dict[str, float]:
    """Return :func:`figures` of buy and hold, which bought once and paid one fee."""
    traded = start / (1 + fee)
    yearly = traded / float(held.mean()) * DAYS_A_YEAR / days
    return figures(held) | {"trades": 0, "turnover": yearly, "fees": start * fee}


def grid(prices: Mapping[str, pd.Series]) -> Grid:
    """Return the prices of :func:`freqpilot.journal.candles.prices` on one index.

    :raises ValueError: without prices.
    """
    if not prices:
        raise ValueError("no prices: the folder of candles holds none of the traded pairs")
    table = pd.DataFrame(dict(prices)).sort_index().ffill()
    values = table.to_numpy(dtype=np.float64)
    first = np.argmax(np.isfinite(values), axis=0).astype(np.int64)
    return Grid(
        pd.DatetimeIndex(table.index), tuple(map(str, table.columns)), np.nan_to_num(values), first
    )


def draw(trades: pd.DataFrame, market: Grid, seed: int) -> Drawn:
    """Return as many trades as ``trades``, each with its pair, stake, side and holding time, at a
    uniformly drawn entry between the pair's first price and the last from which it fits."""
    rng = np.random.default_rng(seed)
    step = market.time[1] - market.time[0]
    held = (trades["close_date"] - trades["open_date"]).dt.total_seconds().to_numpy(np.float64)
    length = np.maximum(np.ceil(held / step.total_seconds()), 1).astype(np.int64)
    pair = trades["pair"].map({name: i for i, name in enumerate(market.pairs)})
    known = pair.notna().to_numpy()
    column: Ints = pair[known].to_numpy(dtype=np.int64).astype(np.int64)
    length, first = length[known], market.first[column]
    latest = np.maximum(len(market.time) - 1 - length, first)
    entry = first + (rng.random(column.size) * (latest - first + 1)).astype(np.int64)
    leave = np.minimum(entry + length, len(market.time) - 1)
    side = np.where(trades["is_short"].to_numpy()[known], -1.0, 1.0)
    stake = trades["stake_amount"].to_numpy(dtype=np.float64)[known] * side
    return Drawn(column, entry.astype(np.int64), leave.astype(np.int64), stake)


def account(drawn: Drawn, market: Grid, start: float, fee: float) -> pd.Series:
    """Return the account over the grid's times: cash and positions at market price, the fee paid
    on both fills. Trades may overlap beyond the balance; none is refused."""
    bought = market.price[drawn.entry, drawn.pair]
    sold = market.price[drawn.exit, drawn.pair]
    units = drawn.stake / bought
    change = np.zeros_like(market.price)
    np.add.at(change, (drawn.entry, drawn.pair), units)
    np.add.at(change, (drawn.exit, drawn.pair), -units)
    cash = np.zeros(len(market.time))
    np.add.at(cash, drawn.entry, -drawn.stake - np.abs(drawn.stake) * fee)
    np.add.at(cash, drawn.exit, units * sold - np.abs(units) * sold * fee)
    equity = start + np.cumsum(cash) + (np.cumsum(change, axis=0) * market.price).sum(axis=1)
    # The first row is the account before any fill, as in the export of a backtest.
    equity[0] = start
    return pd.Series(equity, index=market.time, name="random entries")


def random_entries(
    trades: pd.DataFrame, market: Grid, start: float, fee: float, seeds: Sequence[int]
) -> list[dict[str, float]]:
    """Return :func:`figures` of the account of each seed's random entries."""
    accounts = (account(draw(trades, market, seed), market, start, fee) for seed in seeds)
    return [figures(equity.clip(lower=1e-9)) for equity in accounts]


def spread(results: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return for each figure the 5th, 50th and 95th percentile over the seeds."""
    names = results[0] if results else ()
    table = {name: np.array([result[name] for result in results]) for name in names}
    return {
        name: dict(
            zip(("p5", "p50", "p95"), map(float, np.nanpercentile(v, (5, 50, 95))), strict=True)
        )
        for name, v in table.items()
        if np.isfinite(v).any()
    }
