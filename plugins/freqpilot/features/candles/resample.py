"""Longer candles out of shorter ones, and which of them are closed at each of the shorter."""

from typing import NamedTuple

import numpy as np

from freqpilot.shapes import Candles, Floats, Ints

HOUR = 3_600_000_000_000
"""Nanoseconds."""


class Resampled(NamedTuple):
    """Longer ``candles`` and, for each shorter one, the ``place`` of the last longer candle that is
    closed when the shorter one closes; −1 before the first."""

    candles: Candles
    place: Ints

    def spread(self, values: Floats) -> Floats:
        """Return the value of the last closed longer candle at each shorter one, NaN before."""
        out = np.full(len(self.place), np.nan)
        known = self.place >= 0
        out[known] = values[self.place[known]]
        return out

    def closes(self) -> Ints:
        """Return the shorter candles with which a longer one closes."""
        return np.flatnonzero(np.diff(self.place, prepend=-1) > 0)


def timeframe_of(candles: Candles) -> int:
    """Return the candles' length in nanoseconds, the shortest way between two; 0 of fewer."""
    return int(np.diff(candles.date).min()) if len(candles) > 1 else 0


def resample(candles: Candles, step: int) -> Resampled:
    """Return candles of ``step`` nanoseconds, aligned to the epoch (UTC).

    Only candles that are closed by the last given one, and that begin inside the given ones, are
    there: a first one without its first hours would depend on where the frame begins. A missing
    shorter candle is left out of its longer one; candles that are as long already stay the same.

    :raises ValueError: when ``step`` is no multiple of the candles' length.
    """
    own = timeframe_of(candles)
    if own and step % own:
        raise ValueError(
            f"candles of {own / HOUR:g} hours do not make up candles of {step / HOUR:g} hours; "
            "choose a timeframe that divides it"
        )
    bar = candles.date // step
    first = np.flatnonzero(np.diff(bar, prepend=np.iinfo(np.int64).min // 2) != 0)
    if len(first) and candles.date[0] % step:
        first = first[1:]
    if not len(first) or not own:
        return Resampled(candles.window(0, 0), np.full(len(candles), -1, dtype=np.int64))
    closed_at = (bar[first] + 1) * step
    last = np.append(first[1:], len(candles)) - 1
    known = closed_at <= candles.date[-1] + own
    begin = int(first[0])
    longer = Candles(
        bar[first] * step,
        candles.open[first],
        np.maximum.reduceat(candles.high[begin:], first - begin),
        np.minimum.reduceat(candles.low[begin:], first - begin),
        candles.close[last],
        np.add.reduceat(candles.volume[begin:], first - begin),
    )
    place = np.searchsorted(closed_at[known], candles.date + own, side="right") - 1
    return Resampled(longer.window(0, int(known.sum())), place.astype(np.int64))
