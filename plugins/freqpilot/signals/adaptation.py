"""What the regime and the volatility change: weights, size, stop, and whether to enter at all."""

from typing import NamedTuple

import numpy as np

from freqpilot.features.workspace import Workspace
from freqpilot.settings import RegimeSettings
from freqpilot.shapes import Bools, Floats
from freqpilot.signals import regimes
from freqpilot.signals.regimes import NAMES, Regimes


class Adapted(NamedTuple):
    """What holds at each candle.

    ``weights`` multiply an analyst's weight, by its name; ``size`` (0…1) multiplies the stake and
    is 0 where the volatility is not known, ``stop`` the stop's distance; ``long`` and ``short``
    tell whether an entry is allowed.
    """

    weights: dict[str, Floats]
    size: Floats
    stop: Floats
    long: Bools
    short: Bools


def adapt(work: Workspace, found: Regimes, settings: RegimeSettings) -> Adapted:
    """Return what ``found`` changes, where it is probable enough, and the volatility always.

    Of the regime's cut of the size and the volatility's the larger counts, they are not
    multiplied; of their stops the wider. And as a wider stop loses more, the size is at most its
    inverse: no adaptation raises what a trade can lose.
    """
    acts = (found.place != regimes.NONE) & (found.probability >= settings.min_probability)
    rows = [settings.adaptation[name] for name in NAMES]
    place = np.where(acts, found.place, len(NAMES))  # behind the last: nothing changes
    weights = {
        name: np.array([*(row.weights.get(name, 1.0) for row in rows), 1.0])[place]
        for name in sorted({name for row in rows for name in row.weights})
    }
    regime_size = np.array([*(row.size for row in rows), 1.0])[place]
    regime_stop = np.array([*(row.stop for row in rows), 1.0])[place]
    step_size, step_stop = steps(regimes.gauges(work).volatility, settings)
    stop = np.where(regime_stop == 1.0, step_stop, np.maximum(regime_stop, step_stop))
    size = np.minimum(np.minimum(regime_size, step_size), 1.0 / np.maximum(stop, 1.0))
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


def steps(volatility: Floats, settings: RegimeSettings) -> tuple[Floats, Floats]:
    """Return factors of size and stop by the last day's volatility over the week's; size 0 where
    that is not known, as of a market that cannot be judged."""
    levels = np.array([step.above for step in settings.volatility])
    known = np.isfinite(volatility)
    place = np.searchsorted(levels, np.where(known, volatility, 0.0), side="left") - 1
    place = np.maximum(place, 0)
    size = np.array([step.size for step in settings.volatility])[place]
    stop = np.array([step.stop for step in settings.volatility])[place]
    return np.where(known, size, 0.0), np.where(known, stop, 1.0)


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
