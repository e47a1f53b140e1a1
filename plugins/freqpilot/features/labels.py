"""Triple-barrier labels and the weights that go with them.

Source: M. López de Prado, Advances in Financial Machine Learning, 2018, chapters 3 and 4.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from freqpilot.features.workspace import Workspace
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Bools, Candles, Floats, Ints


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
