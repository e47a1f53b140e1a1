"""The trend baseline without a bot: long and short, long only, and holding, in the library."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.support.candles import candles_of
from freqpilot.features.candles.resample import HOUR, resample
from freqpilot.journal.measures import DAYS_A_YEAR
from freqpilot.research import stats
from freqpilot.research.portfolio import book_path, log_returns
from freqpilot.shapes import Floats
from freqpilot.signals.trend import TrendRule, sized, trend

BAR = 4 * HOUR
TARGET = 0.5
BAND = 0.1
PUBLISHED = {
    "long and short": ((1.31, 0.34, -0.20, 10.0), (0.85, 0.25, -0.39, 13.0)),
    "long only": ((1.13, 0.22, -0.18, 5.0), (0.99, 0.23, -0.35, 6.0)),
    "holding": ((-0.10, -0.04, -0.84, None), (0.65, 0.27, -0.86, None)),
}
"""Sharpe, return a year, max drawdown and turnover a year of the specification's baseline."""


class Panel(NamedTuple):
    """All pairs side by side (n_candles × n_pairs): closes, mean votes, volatility a year."""

    time: pd.DatetimeIndex
    close: Floats
    strength: Floats
    volatility: Floats


def panel(datadir: Path, pairs: Sequence[str]) -> Panel:
    """Return the votes over closed 4h candles made from the folder's 1h files."""
    columns: dict[str, dict[str, pd.Series]] = {"close": {}, "strength": {}, "volatility": {}}
    for pair in pairs:
        candles = resample(candles_of(datadir, pair), BAR).candles
        found = trend(candles, BAR, TrendRule())
        time = pd.to_datetime(candles.date + BAR, utc=True)
        for name, values in (
            ("close", candles.close),
            ("strength", found.strength),
            ("volatility", found.volatility),
        ):
            columns[name][pair] = pd.Series(values, index=time)
    tables = {name: pd.DataFrame(series).sort_index() for name, series in columns.items()}
    # A candle that an outage left out: the last one's price and votes go on.
    close, strength, volatility = (t.ffill().to_numpy(np.float64) for t in tables.values())
    return Panel(pd.DatetimeIndex(tables["close"].index), close, strength, volatility)


def lines(
    market: Panel, periods: Sequence[tuple[str, str]], fee: float
) -> dict[str, list[dict[str, Any]]]:
    """Return for each line and period its figures, in money and (``log``) of log returns."""
    listed = np.maximum(np.isfinite(market.strength).sum(axis=1), 1)[:, None]
    sides = {
        "long and short": market.strength,
        "long only": np.clip(market.strength, 0.0, None),
        "holding": np.where(np.isfinite(market.strength), 1.0, np.nan),
    }
    document: dict[str, list[dict[str, Any]]] = {}
    for name, strength in sides.items():
        target = sized(strength, market.volatility, TARGET) / listed
        path = book_path(target, market.close, fee, BAND / market.close.shape[1])
        logs = log_returns(path, market.close, fee)
        document[name] = [
            period_figures(market.time, path.returns, path.traded, period)
            | {"log_sharpe": period_figures(market.time, logs, path.traded, period)["sharpe"]}
            for period in periods
        ]
    return document


def period_figures(
    time: pd.DatetimeIndex, returns: Floats, traded: Floats, period: tuple[str, str]
) -> dict[str, float]:
    """Return the figures of a path's candles inside a period, by their closes ``time``."""
    begin, end = (pd.Timestamp(day, tz="UTC") for day in period)
    inside = (time > begin) & (time <= end)
    day = (time[inside] - pd.Timedelta(1)).floor("D")
    grown = (1 + pd.Series(returns[inside])).groupby(day).prod()
    daily: Floats = (grown.to_numpy() - 1).astype(np.float64)
    account = np.concatenate([[1.0], np.cumprod(1 + daily)])
    years = daily.size / DAYS_A_YEAR
    return {
        "sharpe": stats.sharpe(daily, DAYS_A_YEAR),
        "return_a_year": float(account[-1] ** (1 / years) - 1),
        "max_drawdown": stats.max_drawdown(account),
        "turnover": float(traded[inside].sum() / years),
    }
