"""A row's context: its own candle and those before it, of the same pair and without a gap."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from freqpilot.shapes import Floats, Floats32, Ints


def lagged(x: Floats32, time: Ints, step: int, length: int) -> Floats32:
    """Return each candle's features beside those of the ``length`` − 1 candles before it
    (n × ``length``·k), oldest candle first.

    A row carries its context, so it means the same alone and among the rows of other pairs.

    :param x: one pair's features (n × k), in order of time.
    :param time: when its candles open; ``step`` is the time between neighbours.
    :returns: NaN for a row that lacks a candle of its context, for a gap or the beginning.
    :raises ValueError: for rows out of order.
    """
    rows, width = x.shape
    if (np.diff(time) <= 0).any():
        raise ValueError("the candles of a sequence are not in order of time, or doubled")
    out = np.full((rows, length, width), np.nan, np.float32)
    if rows >= length:
        out[length - 1 :] = sliding_window_view(x, length, axis=0).transpose(0, 2, 1)
        seams = np.concatenate([[0], np.cumsum(np.diff(time) != step)])
        broken = seams[length - 1 :] != seams[: rows - length + 1]
        out[length - 1 :][broken] = np.nan
    return out.reshape(rows, length * width)


def lag_names(names: Sequence[str], length: int) -> tuple[str, ...]:
    """Return the names of the columns of :func:`lagged`; the newest candle's stay as they are."""
    older = (f"{name} @-{lag}" for lag in range(length - 1, 0, -1) for name in names)
    return (*older, *names)


def newest(x: Floats32, length: int) -> Floats32:
    """Return the columns of the row's own candle (n × k)."""
    return x[:, x.shape[1] - x.shape[1] // length :]


def summed(leaning: Floats, length: int) -> Floats:
    """Return what each feature added over all candles of the context (n × k)."""
    return np.asarray(leaning.reshape(len(leaning), length, -1).sum(axis=1))
