"""Labels of what comes after a candle, and the weights that go with them.

Source: M. López de Prado, Advances in Financial Machine Learning, 2018, chapters 3 and 4.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from freqpilot.features.bank.workspace import Workspace
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Bools, Candles, Floats, Ints

Sides = NDArray[np.int8]
"""A primary signal: 1 long, −1 short, 0 none at each candle."""
BLOCK = 1_024
"""Rows whose barriers are looked for together."""


class Barriers(NamedTuple):
    """Label of each candle: 1 profit barrier first, −1 loss barrier first, 0 neither in time.

    ``end`` is the row at which it was decided; ``known`` is False where the candles end before the
    horizon or a figure is missing (label 0, end the row itself then, so that it spans nothing).
    """

    label: NDArray[np.int8]
    end: Ints
    known: Bools


@njit(cache=True, nogil=True)
def _meet(high: Floats, low: Floats, top: Floats, bottom: Floats, horizon: int, met: Ints) -> None:
    """Write for each row twice how many candles ahead the first is that is not between the
    barriers, and 1 more where it meets the lower one; 0 where all ``horizon`` are between.

    From the farthest candle to the nearest, for all rows at once: more comparisons than a search
    that stops, but none of them is a branch, and the compiler takes several in one step.
    """
    rows = met.shape[0]
    met[:] = 0
    ahead = horizon
    while ahead >= 4:
        h4, h3, h2, h1 = high[ahead:], high[ahead - 1 :], high[ahead - 2 :], high[ahead - 3 :]
        l4, l3, l2, l1 = low[ahead:], low[ahead - 1 :], low[ahead - 2 :], low[ahead - 3 :]
        for i in range(rows):
            above, below, first = top[i], bottom[i], met[i]
            # A candle that meets both barriers counts as the loss: its path is not known.
            first = first if h4[i] < above else 2 * ahead
            first = first if l4[i] > below else 2 * ahead + 1
            first = first if h3[i] < above else 2 * ahead - 2
            first = first if l3[i] > below else 2 * ahead - 1
            first = first if h2[i] < above else 2 * ahead - 4
            first = first if l2[i] > below else 2 * ahead - 3
            first = first if h1[i] < above else 2 * ahead - 6
            met[i] = first if l1[i] > below else 2 * ahead - 5
        ahead -= 4
    while ahead >= 1:
        h1, l1 = high[ahead:], low[ahead:]
        for i in range(rows):
            first = met[i] if h1[i] < top[i] else 2 * ahead
            met[i] = first if l1[i] > bottom[i] else 2 * ahead + 1
        ahead -= 1


@njit(cache=True, nogil=True)
def _missing(x: Floats) -> int:
    missing = 0
    for i in range(x.shape[0]):
        missing += not abs(x[i]) < np.inf
    return missing


@njit(cache=True, nogil=True)
def _scan(
    high: Floats, low: Floats, top: Floats, bottom: Floats, horizon: int
) -> tuple[NDArray[np.int8], Ints, Bools]:
    """Find the barrier that is met first; a row without barriers has NaN."""
    n = top.shape[0]
    label, end, known = np.zeros(n, np.int8), np.arange(n), np.zeros(n, np.bool_)
    room = np.empty(BLOCK, np.int64)
    for begin in range(0, n - horizon, BLOCK):
        rows = min(BLOCK, n - horizon - begin)
        seen, met = slice(begin, begin + rows + horizon), room[:rows]
        above, below = top[begin : begin + rows], bottom[begin : begin + rows]
        _meet(high[seen], low[seen], above, below, horizon, met)
        label_of, end_of, known_of = label[begin:], end[begin:], known[begin:]
        if not _missing(high[seen]) + _missing(low[seen]) + _missing(above) + _missing(below):
            for i in range(rows):
                label_of[i] = 1 - 2 * (met[i] & 1) if met[i] > 0 else 0
            for i in range(rows):
                end_of[i] += met[i] >> 1 if met[i] > 0 else horizon
            known_of[:rows] = True
            continue
        for i in range(rows):
            ahead = met[i] >> 1
            decided = begin + i + ahead
            if not (np.isfinite(above[i]) and np.isfinite(below[i])):
                continue
            if ahead == 0:
                end_of[i], known_of[i] = begin + i + horizon, True
            elif np.isfinite(high[decided]) and np.isfinite(low[decided]):
                label_of[i] = 1 - 2 * (met[i] & 1)
                end_of[i], known_of[i] = decided, True
    return label, end, known


def triple_barrier(candles: Candles, settings: LabelSettings) -> Barriers:
    """Return the labels of a trade opened at each candle's close.

    The barriers lie ``profit_multiple`` and ``loss_multiple`` times the volatility over the horizon
    away: the standard deviation of one-candle log returns over ``volatility_window`` candles up to
    and with the candle itself, times the square root of the horizon. A label looks at most
    ``horizon`` candles ahead, and is given only where all of them are there: a barrier met early
    would otherwise be the only kind of label at the end.
    """
    width = Workspace(candles).volatility(settings.volatility_window) * np.sqrt(settings.horizon)
    width[~(width > 0.0)] = np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        top = candles.close * np.exp(settings.profit_multiple * width)
        bottom = candles.close * np.exp(-settings.loss_multiple * width)
    return Barriers(*_scan(candles.high, candles.low, top, bottom, settings.horizon))


def meta_labels(candles: Candles, side: Sides, settings: LabelSettings) -> Barriers:
    """Return whether a trade to ``side`` would meet its profit barrier first: 1, else 0 (López de
    Prado 2018, section 3.6: what decides whether and how large to follow a primary signal).

    A short's barriers are a long's on the inverse of the price: ``profit_multiple`` below, in log.

    :param side: 1 long, −1 short, 0 none, which is not known then.
    :raises ValueError: for a side of another length, or another figure.
    """
    if side.shape != (len(candles),) or not np.isin(side, (-1, 0, 1)).all():
        raise ValueError(f"sides {side} are not a -1, 0 or 1 for each of {len(candles)} candles")
    long, short = triple_barrier(candles, settings), triple_barrier(_inverse(candles), settings)
    known = np.where(side > 0, long.known, short.known) & (side != 0)
    won = np.where(side > 0, long.label, short.label) == 1
    end = np.where(side > 0, long.end, short.end)
    return Barriers((won & known).astype(np.int8), np.where(known, end, np.arange(len(end))), known)


def _inverse(candles: Candles) -> Candles:
    """Return the candles of one over the price: what falls there rises here."""
    high, low, close = (
        np.divide(1.0, x, out=np.full(len(candles), np.nan), where=x > 0)
        for x in (candles.low, candles.high, candles.close)
    )
    return Candles(candles.date, close, high, low, close, candles.volume)


def forward_return(candles: Candles, settings: LabelSettings) -> Floats:
    """Return the log return over the next ``horizon`` candles, in the volatility that is known at
    the candle times the square root of the horizon, as :func:`triple_barrier` measures it; NaN
    where the horizon is not over, a figure is missing or nothing moved before."""
    out = np.full(len(candles), np.nan)
    width = Workspace(candles).volatility(settings.volatility_window) * np.sqrt(settings.horizon)
    ahead = Workspace(candles).log_return(settings.horizon)[settings.horizon :]
    begin = width[: len(ahead)]
    np.divide(ahead, begin, out=out[: len(ahead)], where=begin > 0)
    return out


Labeller = Callable[[Candles, Sides, LabelSettings], Floats]
LABELS: dict[str, Labeller] = {
    "triple_barrier": lambda candles, _, settings: _column(triple_barrier(candles, settings)),
    "meta_label": lambda candles, side, settings: _column(meta_labels(candles, side, settings)),
    "forward_return": lambda candles, _, settings: forward_return(candles, settings),
}
"""Every label as a column, NaN where it is not known, from candles, the sides of a primary signal
and settings. What is in here is tested for how far it looks ahead."""


def _column(barriers: Barriers) -> Floats:
    return np.where(barriers.known, barriers.label.astype(np.float64), np.nan)


@njit(cache=True, nogil=True)
def uniqueness(end: Ints) -> Floats:
    """Return the average uniqueness of each label, 0…1: the mean over its candles of one over the
    number of labels that share the candle (López de Prado 2018, section 4.4).

    :param end: row at which each label is decided; its span is the rows after its own up to that.
    """
    n = end.shape[0]
    concurrent = np.zeros(n + 1)
    for i in range(n):
        if end[i] > i:
            concurrent[i + 1] += 1.0
            if end[i] + 1 <= n:
                concurrent[end[i] + 1] -= 1.0
    for i in range(1, n + 1):
        concurrent[i] += concurrent[i - 1]
    share = np.zeros(n + 1)
    for i in range(n):
        share[i + 1] = share[i] + (1.0 / concurrent[i] if concurrent[i] > 0 else 0.0)
    out = np.ones(n)
    for i in range(n):
        if end[i] > i:
            out[i] = (share[end[i] + 1] - share[i + 1]) / (end[i] - i)
    return out


def age_weights(rows: int, oldest: float = 0.5) -> Floats:
    """Return weights that fall geometrically from 1 for the newest row to ``oldest``."""
    if rows < 2:
        return np.ones(rows)
    return np.asarray(oldest ** (np.arange(rows - 1, -1, -1) / (rows - 1)))
