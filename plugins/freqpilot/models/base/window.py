"""One training window, and its purged parts."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from freqpilot.settings import LabelSettings
from freqpilot.shapes import Floats, Floats32, Ints


class TooShort(ValueError):
    """A window leaves nothing to train, to tune or to calibrate on once it is purged."""


class Parts(NamedTuple):
    """Row numbers of a window: ``train``; ``tune``, the tail's first half, for early stopping and
    calibration; ``hold``, its second half, which only the conformal scores see."""

    train: Ints
    tune: Ints
    hold: Ints


@dataclass(frozen=True)
class Window:
    """What a model is trained on, in order of time, without a missing figure.

    ``x`` (n × k) are features called ``names``, of which those in ``categorical`` hold codes; ``y``
    the label (a class −1, 0, 1 or a forward return in its volatility). ``time`` is the candle
    number of each row (rows of several pairs share it), ``end`` the one at which its label is
    decided, ``last`` the window's last candle, ``weights`` those of the rows and ``unique`` the
    uniqueness of their labels, 0…1.

    :raises ValueError: for lengths that differ, rows out of order, a missing figure, or a label
        that is decided beyond the window's end.
    """

    x: Floats32
    y: Floats
    time: Ints
    end: Ints
    last: int
    weights: Floats
    unique: Floats
    names: tuple[str, ...]
    categorical: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = len(self.x)
        columns = (self.y, self.time, self.end, self.weights, self.unique)
        if any(column.shape != (rows,) for column in columns):
            raise ValueError(f"{rows} rows of features have columns of other lengths beside them")
        if self.x.ndim != 2 or self.x.shape[1] != len(self.names):
            raise ValueError(f"features of shape {self.x.shape} have {len(self.names)} names")
        if rows and (np.diff(self.time) < 0).any():
            raise ValueError("the rows of a window are not in order of time")
        if rows and int(self.end.max()) > self.last:
            raise ValueError(
                f"a label is decided at candle {int(self.end.max())}, beyond the window's last, "
                f"{self.last}: it would show the model what comes after its training"
            )
        # The extremes of a NaN are one, and take no memory: a mask would, a quarter of ``x``.
        ends = [end for part in (self.x, self.y) if part.size for end in (part.min(), part.max())]
        if not np.isfinite(ends).all():
            raise ValueError("a window holds a row with a missing figure")

    def take(self, rows: Ints) -> "Window":
        """Return some of the rows, in their order."""
        return Window(
            self.x[rows], self.y[rows], self.time[rows], self.end[rows], self.last,
            self.weights[rows], self.unique[rows], self.names, self.categorical,
        )  # fmt: skip


def known(
    x: Floats32,
    y: Floats,
    end: Ints,
    weights: Floats,
    unique: Floats,
    names: tuple[str, ...],
    time: Ints | None = None,
) -> Window:
    """Return the window of one pair's candles: rows with a missing figure, or whose label is not
    decided by the last candle, are left out.

    :param time: candle numbers, which the row numbers are by default; ``end`` counts likewise.
    """
    at = np.arange(len(x), dtype=np.int64) if time is None else time
    last = int(at[-1]) if len(at) else 0
    kept = np.flatnonzero(np.isfinite(x).all(axis=1) & np.isfinite(y) & (end <= last))
    return Window(x[kept], y[kept], at[kept], end[kept], last, weights[kept], unique[kept], names)


def parts(window: Window, settings: LabelSettings) -> Parts:
    """Return the purged parts of a window, in time: the newest ``validation_share`` of its candles
    is the tail, and each part is held apart from the next as in
    :func:`freqpilot.features.labels.splits.purged_split`: ``purge`` candles and every label decided
    in the next part are left out before it, ``embargo`` candles behind its beginning.

    :raises TooShort: when one of them is empty.
    """
    if not len(window.time):
        raise TooShort("the window holds no row whose features and label are known")
    oldest, beyond = int(window.time[0]), window.last + 1
    span = beyond - oldest
    tail = beyond - round(span * settings.validation_share)
    half = tail + (beyond - tail) // 2
    found = Parts(
        _between(window, oldest, tail, settings.purge),
        _between(window, tail + settings.embargo, half, settings.purge),
        _between(window, half + settings.embargo, beyond, 0),
    )
    for name, rows in zip(Parts._fields, found, strict=True):
        if not len(rows):
            raise TooShort(
                f"{span} candles leave no row for the part {name!r} behind a purge of "
                f"{settings.purge} and an embargo of {settings.embargo}; train on a longer window"
            )
    return found


def some(x: Floats32, rows: Ints) -> Floats32:
    """Return ``x[rows]``, without a copy where the rows, rising, are neighbours."""
    if len(rows) and int(rows[-1]) - int(rows[0]) + 1 == len(rows):
        return x[int(rows[0]) : int(rows[-1]) + 1]
    return x[rows]


def _between(window: Window, begin: int, stop: int, purge: int) -> Ints:
    inside = (window.time >= begin) & (window.time < stop - purge) & (window.end < stop)
    return np.flatnonzero(inside)
