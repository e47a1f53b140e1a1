"""How closely pairs move together, and which of them to keep."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from freqpilot.shapes import Floats, Ints


def log_returns(date: Ints, close: Floats, step: int) -> tuple[Ints, Floats]:
    """Return the log returns of adjacent candles and the dates they belong to.

    A return counts only between two candles exactly one ``step`` apart with positive closes: over
    a gap it would be another quantity.

    :param date: open times, ascending, in any unit; ``step`` is the timeframe in the same unit.
    """
    usable = np.isfinite(close) & (close > 0)
    both = usable[1:] & usable[:-1] & (np.diff(date) == step)
    rows = np.flatnonzero(both) + 1
    return date[rows], np.log(close[rows] / close[rows - 1])


def correlation(first: tuple[Ints, Floats], second: tuple[Ints, Floats], min_overlap: int) -> float:
    """Return Pearson's correlation of two return series over the dates both have.

    NaN when fewer than ``min_overlap`` dates are common or one of the series does not move.
    """
    _, left, right = np.intersect1d(first[0], second[0], assume_unique=True, return_indices=True)
    if left.size < max(2, min_overlap):
        return math.nan
    x, y = first[1][left], second[1][right]
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / scale if scale > 0 else math.nan


def uncrowded(
    pairs: Sequence[str],
    returns: Mapping[str, tuple[Ints, Floats]],
    max_correlation: float,
    max_correlated: int,
    min_overlap: int,
) -> tuple[list[str], dict[str, str]]:
    """Return the pairs to keep, in order, and for each dropped one the reason.

    From the front of ``pairs``, a pair is dropped when ``max_correlated`` kept pairs already move
    with it, that is with a correlation above ``max_correlation``. An unknown correlation counts as
    one above it; a pair with fewer than ``min_overlap`` returns is dropped.
    """
    kept: list[str] = []
    dropped: dict[str, str] = {}
    for pair in pairs:
        count = len(returns[pair][0]) if pair in returns else 0
        if count < min_overlap:
            dropped[pair] = f"only {count} usable returns, {min_overlap} needed"
            continue
        near = [
            other
            for other in kept
            if not correlation(returns[pair], returns[other], min_overlap) <= max_correlation
        ]
        if len(near) >= max_correlated:
            dropped[pair] = f"correlation above {max_correlation:g} with {', '.join(near)}"
        else:
            kept.append(pair)
    return kept, dropped
