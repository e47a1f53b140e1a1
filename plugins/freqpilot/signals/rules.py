"""The regime of a market by plain rules on its closed candles.

A stand-in for a fitted detector: it gives names only, no probabilities. Each candle is judged by
itself and those before it, so more candles change nothing about earlier ones.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqpilot.features import formulas as f
from freqpilot.features.workspace import WILDER, Workspace, ratio, settle_of
from freqpilot.shapes import Candles, Floats

REGIMES = (
    "trending_bullish",
    "trending_bearish",
    "range",
    "breakout",
    "compression",
    "capitulation",
)
UNKNOWN = -1
DAY, WEEK = 24, 168
"""Candles of the short and the long volatility, named for 1h candles."""
STARTUP = max(2 * settle_of(WILDER) + 1, WEEK + 1)


class RegimeRules(NamedTuple):
    """Where the rules draw their lines.

    ``trend_adx``: ADX (0…1, Wilder's scale is 0…100) from which a market trends, together with
    ``trend_efficiency``: Kaufman's efficiency ratio of the last day, the net move over the path;
    ``high_ratio`` and ``low_ratio``: volatility of the day over that of the week;
    ``capitulation_ratio`` likewise, together with a fall of ``capitulation_fall`` of the week's
    volatilities, scaled to a day.
    """

    trend_adx: float = 0.25
    trend_efficiency: float = 0.30
    high_ratio: float = 1.3
    low_ratio: float = 0.5
    capitulation_ratio: float = 2.0
    capitulation_fall: float = 3.0


DEFAULT = RegimeRules()


def regimes(candles: Candles, rules: RegimeRules = DEFAULT) -> NDArray[np.int8]:
    """Return for each candle the place of its regime in ``REGIMES``, or ``UNKNOWN`` where a figure
    is missing. The first rule that holds decides: capitulation, breakout (high volatility), the
    two trends, compression (low volatility), else range."""
    work = Workspace(candles)
    moved = work.log_return(DAY)
    usual = work.volatility(WEEK)
    pace = ratio(work.volatility(DAY), usual)
    fall = ratio(-moved, usual * np.sqrt(DAY))
    efficiency = efficiency_ratio(candles.close, DAY)
    adx, direction = work.adx(), work.values(f.direction_index())
    trends = (adx >= rules.trend_adx) & (efficiency >= rules.trend_efficiency)
    place = REGIMES.index
    known = np.isfinite(moved + usual + pace + fall + efficiency + adx + direction)
    found = np.select(
        [
            ~known,
            (pace > rules.capitulation_ratio) & (fall >= rules.capitulation_fall),
            pace > rules.high_ratio,
            trends & (moved > 0) & (direction > 0),
            trends & (moved < 0) & (direction < 0),
            pace < rules.low_ratio,
        ],
        [
            UNKNOWN,
            place("capitulation"),
            place("breakout"),
            place("trending_bullish"),
            place("trending_bearish"),
            place("compression"),
        ],
        default=place("range"),
    )
    return found.astype(np.int8)


def regime_now(candles: Candles, rules: RegimeRules = DEFAULT) -> str | None:
    """Return the regime of the newest candle, or None where a figure is missing."""
    if not len(candles):
        return None
    newest = int(regimes(candles, rules)[-1])
    return None if newest == UNKNOWN else REGIMES[newest]


def efficiency_ratio(close: Floats, window: int) -> Floats:
    """Return the net move of the last ``window`` candles over the sum of their moves (Kaufman 1995,
    *Smarter Trading*), 0…1; 0 where nothing moved, NaN before there are enough."""
    found = np.full(len(close), np.nan)
    if len(close) <= window:
        return found
    steps = np.abs(np.diff(close))
    path = np.lib.stride_tricks.sliding_window_view(steps, window).sum(axis=1)
    found[window:] = ratio(np.abs(close[window:] - close[:-window]), path)
    return found
