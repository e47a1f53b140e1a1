"""A book of weights, marked to market: what a rule earns after costs without a bot around it."""

from typing import NamedTuple

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


class BookPath(NamedTuple):
    """``returns`` of each candle after fees and the ``traded`` share of the equity in it; ``held``
    (n_candles × n_pairs) are the weights at its end, as shares of the equity."""

    returns: Floats
    traded: Floats
    held: Floats


def book_path(target: Floats, price: Floats, fee: float, band: float) -> BookPath:
    """Return the path of a book that holds ``target`` (n_candles × n_pairs, shares of the equity,
    below zero short) of each pair from the close of the candle at which it was known.

    Weights drift with prices; a pair is traded back only when it is ``band`` or more off its
    target, or when the target is 0 or on the other side. A missing target is 0, and so is that of a
    candle without a price: what was held is sold at the last one.

    :param fee: share of the traded value, for each fill.
    :raises ValueError: when the two tables differ in shape.
    """
    if target.shape != price.shape:
        raise ValueError(f"{target.shape} targets do not fit {price.shape} prices")
    wanted = np.where(np.isfinite(target) & np.isfinite(price), target, 0.0)
    return BookPath(*_walk(wanted, price.astype(np.float64), fee, band))


@njit(cache=True, nogil=True)
def _walk(wanted: Floats, price: Floats, fee: float, band: float) -> tuple[Floats, Floats, Floats]:
    n, m = wanted.shape
    returns, traded, held = np.zeros(n), np.zeros(n), np.zeros((n, m))
    weight, last = np.zeros(m), np.full(m, np.nan)
    for i in range(n):
        earned = 0.0
        for k in range(m):
            moved = price[i, k] / last[k] - 1.0
            if np.isfinite(moved):
                earned += weight[k] * moved
                weight[k] *= 1.0 + moved
            if np.isfinite(price[i, k]):
                last[k] = price[i, k]
        grown = 1.0 + earned
        turned = 0.0
        for k in range(m):
            weight[k] /= grown
            goal = wanted[i, k]
            off = abs(goal - weight[k])
            if off > 0.0 and (goal == 0.0 or off >= band or goal * weight[k] < 0.0):
                turned += off
                weight[k] = goal
            held[i, k] = weight[k]
        returns[i] = grown * (1.0 - turned * fee) - 1.0
        traded[i] = turned
    return returns, traded, held


def log_returns(path: BookPath, price: Floats, fee: float) -> Floats:
    """Return the weighted sum of *log* returns of a path after fees.

    This is not money: a pair's log return is below its return by about half its variance, which a
    book that is traded back to its weights does not lose. The published long-only trend line is met
    by these and not by money.
    """
    moved = np.diff(np.log(price), axis=0, prepend=np.nan)
    before = np.vstack([np.zeros((1, price.shape[1])), path.held[:-1]])
    earned: Floats = np.nansum(before * moved, axis=1) - path.traded * fee
    return earned
