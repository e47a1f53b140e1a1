"""What the regime changes: weights, size, stop, and whether to enter at all."""

from typing import NamedTuple

import numpy as np

from freqpilot.features.bank.workspace import Workspace
from freqpilot.settings import RegimeSettings
from freqpilot.shapes import Bools, Floats
from freqpilot.signals import regimes
from freqpilot.signals.regimes import NAMES, Regimes


class Adapted(NamedTuple):
    """What holds at each candle.

    ``weights`` multiply an analyst's weight, by its name; ``size`` (0…1) multiplies the stake,
    ``stop`` the stop's distance; ``long`` and ``short`` tell whether an entry is allowed.
    """

    weights: dict[str, Floats]
    size: Floats
    stop: Floats
    long: Bools
    short: Bools


def adapt(work: Workspace, found: Regimes, settings: RegimeSettings) -> Adapted:
    """Return what ``found`` changes, where it is probable enough. What the volatility does besides
    is :mod:`freqpilot.risk.entries.volatility`'s, which joins the two."""
    acts = (found.place != regimes.NONE) & (found.probability >= settings.min_probability)
    rows = [settings.adaptation[name] for name in NAMES]
    place = np.where(acts, found.place, len(NAMES))  # behind the last: nothing changes
    weights = {
        name: np.array([*(row.weights.get(name, 1.0) for row in rows), 1.0])[place]
        for name in sorted({name for row in rows for name in row.weights})
    }
    size = np.array([*(row.size for row in rows), 1.0])[place]
    stop = np.array([*(row.stop for row in rows), 1.0])[place]
    entries = np.array([*(row.entries for row in rows), "all"])[place]
    up, down = breaks(work, settings.break_candles)
    able = (entries != "none") & (size > 0)
    waits = entries == "break"
    return Adapted(
        {str(name): factor for name, factor in weights.items()},
        size,
        stop,
        able & (up | ~waits),
        able & (down | ~waits),
    )


def breaks(work: Workspace, window: int) -> tuple[Bools, Bools]:
    """Tell where the close is above the highest high, or below the lowest low, of the ``window``
    candles before it (Donchian 1960); false where one of them is missing."""
    candles = work.candles
    rows = len(candles)
    up, down = np.zeros(rows, dtype=np.bool_), np.zeros(rows, dtype=np.bool_)
    if rows > window:
        highs, lows = (
            np.lib.stride_tricks.sliding_window_view(column[:-1], window)
            for column in (candles.high, candles.low)
        )
        # A NaN makes the extreme NaN, and the comparison false.
        up[window:] = candles.close[window:] > highs.max(axis=1)
        down[window:] = candles.close[window:] < lows.min(axis=1)
    return up, down
