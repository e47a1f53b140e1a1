"""A volatility index of many pairs, how far they move together, and how many of them rise.

Arrays in and out: ``closes`` are n candles × p pairs at the same dates, NaN where a pair is not
listed yet or a candle is missing. A pair counts at a candle when it is there in the whole window.
Every figure depends on its own window alone.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from freqpilot.shapes import Floats

YEAR = 365 * 24 * 60
"""Minutes of a year; crypto trades on all of its days."""
MEMORY = 24
"""Returns that a volatility is measured over."""
LEAST = 1e-12
"""A share of the variance below which nothing is left between the pairs: rounding."""


class Basket(NamedTuple):
    """Figures of each candle, NaN where no pair is there (for ``correlation``: not two of them).

    ``volatility`` is a year's standard deviation of log returns (0.8 is 80 %), ``correlation`` the
    average between the pairs, ``breadth`` the share of pairs above their own mean, ``pairs`` how
    many the volatility was measured on.
    """

    volatility: Floats
    correlation: Floats
    breadth: Floats
    pairs: Floats


def basket(
    closes: Floats,
    minutes: float,
    weights: Floats | None = None,
    *,
    window: int = MEMORY,
    mean_window: int = 200,
) -> Basket:
    """Return the figures of a basket of pairs.

    :param minutes: length of a candle, to annualise by.
    :param weights: of the pairs, not negative, as their caps; the volatility is then the weighted
        mean over the pairs there instead of their median. The correlation has equal ones without.
    :raises ValueError: for closes without two dimensions, or weights that do not fit them.
    """
    if closes.ndim != 2:
        raise ValueError(f"closes have {closes.ndim} dimensions, not candles × pairs")
    share = np.ones(closes.shape[1]) if weights is None else np.asarray(weights, dtype=np.float64)
    if share.shape != closes.shape[1:] or not (np.isfinite(share) & (share >= 0)).all():
        raise ValueError(f"weights {share.tolist()} do not fit {closes.shape[1]} pairs")
    returns = log_returns(closes)
    each = np.column_stack([_deviation(column, window) for column in returns.T] or [returns])
    there = np.isfinite(each)
    each = each * np.sqrt(YEAR / minutes)
    middle = _median(each) if weights is None else _mean(each, share * there)
    return Basket(
        middle,
        implied_correlation(returns, share, window),
        breadth(closes, mean_window),
        there.sum(axis=1).astype(np.float64),
    )


def log_returns(closes: Floats) -> Floats:
    """Log returns over one candle; NaN in the first row and beside what is no price."""
    out = np.full(closes.shape, np.nan)
    logged = np.log(np.where(closes > 0, closes, np.nan))
    logged[~np.isfinite(logged)] = np.nan
    out[1:] = logged[1:] - logged[:-1]
    return out


def implied_correlation(returns: Floats, weights: Floats, window: int = MEMORY) -> Floats:
    """Average correlation of the pairs, from the variance of their index: what makes
    ``σ_I² = Σwᵢ²σᵢ² + ρ·Σ_{i≠j} wᵢwⱼσᵢσⱼ`` true (Skintzi and Refenes 2005), −1…1.

    The index is that of the pairs there in the whole window, at one set of weights. NaN with fewer
    than two of them; 0 where none moves.
    """
    each = np.column_stack([_deviation(column, window) for column in returns.T] or [returns])
    share = np.isfinite(each) * weights
    total = share.sum(axis=1, keepdims=True)
    share = np.divide(share, total, out=np.zeros_like(share), where=total > 0)
    own = (share * np.nan_to_num(each)) ** 2
    alone = own.sum(axis=1)
    crossed = (share * np.nan_to_num(each)).sum(axis=1) ** 2 - alone
    known = (share > 0).sum(axis=1) > 1
    quotient = np.where(known, 0.0, np.nan)
    moves = known & (crossed > LEAST * alone)
    index = _index_variance(np.nan_to_num(returns), share, window)
    np.divide(index - alone, crossed, out=quotient, where=moves)
    return np.clip(quotient, -1.0, 1.0)


def breadth(closes: Floats, window: int = 200) -> Floats:
    """Share of the pairs whose close is above its mean of ``window`` candles, 0…1; NaN without
    any that is there in the whole window."""
    above, there = np.zeros(len(closes)), np.zeros(len(closes))
    for column in closes.T:
        middle = _over_windows(column, window, np.mean)
        above += column > middle
        there += np.isfinite(middle)
    out = np.full(len(closes), np.nan)
    np.divide(above, there, out=out, where=there > 0)
    return out


def _deviation(x: Floats, window: int) -> Floats:
    return _over_windows(x, window, np.std)


def _over_windows(x: Floats, window: int, figure: Callable[..., Floats]) -> Floats:
    """Return ``figure`` of the last ``window`` values of ``x``; NaN where one is missing."""
    out = np.full(len(x), np.nan)
    if len(x) >= window:
        parts = sliding_window_view(np.ascontiguousarray(x), window)
        whole = np.asarray(np.isfinite(parts).all(axis=1))
        out[window - 1 :][whole] = figure(parts[whole], axis=1)
    return out


def _index_variance(returns: Floats, share: Floats, window: int) -> Floats:
    """Variance of the index of each row's weights over the row's window."""
    rows = len(returns) - window + 1
    out = np.full(len(returns), np.nan)
    if rows > 0:
        held = share[window - 1 :]
        moves = [(returns[k : k + rows] * held).sum(axis=1) for k in range(window)]
        out[window - 1 :] = np.var(np.stack(moves, axis=1), axis=1)
    return out


def _median(each: Floats) -> Floats:
    """Median of what is there in each row."""
    ordered = np.sort(each, axis=1)  # NaN last
    count = np.isfinite(each).sum(axis=1)
    out = np.full(len(each), np.nan)
    rows = np.flatnonzero(count)
    low, high = (count[rows] - 1) // 2, count[rows] // 2
    out[rows] = (ordered[rows, low] + ordered[rows, high]) / 2.0
    return out


def _mean(each: Floats, weights: Floats) -> Floats:
    total, out = weights.sum(axis=1), np.full(len(each), np.nan)
    np.divide((np.nan_to_num(each) * weights).sum(axis=1), total, out=out, where=total > 0)
    return out
