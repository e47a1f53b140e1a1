"""Labels of what comes after a candle, and the weights that go with them.

Source: M. López de Prado, Advances in Financial Machine Learning, 2018, chapters 3 and 4.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from freqpilot.features.workspace import Workspace
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Bools, Candles, Floats, Ints

Sides = NDArray[np.int8]
"""A primary signal: 1 long, −1 short, 0 none at each candle."""


class Barriers(NamedTuple):
    """Label of each candle: 1 profit barrier first, −1 loss barrier first, 0 neither in time.

    ``end`` is the row at which it was decided; ``known`` is False where the candles end before the
    horizon or a figure is missing (label 0, end the row itself then, so that it spans nothing).
    """

    label: NDArray[np.int8]
    end: Ints
    known: Bools


@njit(cache=True, nogil=True)
def _scan(
    high: Floats,
    low: Floats,
    close: Floats,
    width: Floats,
    horizon: int,
    profit: float,
    loss: float,
) -> tuple[NDArray[np.int8], Ints, Bools]:
    n = close.shape[0]
    label = np.zeros(n, dtype=np.int8)
    end = np.arange(n)
    known = np.zeros(n, dtype=np.bool_)
    for i in range(n - horizon):
        if not (np.isfinite(close[i]) and np.isfinite(width[i])) or width[i] <= 0:
            continue
        top, bottom = close[i] * np.exp(profit * width[i]), close[i] * np.exp(-loss * width[i])
        decided, whole = i + horizon, True
        for j in range(i + 1, i + horizon + 1):
            if low[j] > bottom and high[j] < top:
                continue
            whole = bool(np.isfinite(high[j]) and np.isfinite(low[j]))
            # A candle that meets both barriers counts as the loss: its path is not known.
            label[i], decided = -1 if low[j] <= bottom else 1, j
            break
        if whole:
            end[i], known[i] = decided, True
        else:
            label[i] = 0
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
    label, end, known = _scan(
        candles.high,
        candles.low,
        candles.close,
        width,
        settings.horizon,
        settings.profit_multiple,
        settings.loss_multiple,
    )
    return Barriers(label, end, known)


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
