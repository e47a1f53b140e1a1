"""The volatility that sizes and stops are scaled by."""

from functools import cache
from typing import NamedTuple

import numpy as np

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.registry import evaluate
from freqpilot.features.engine.graph import Node, ratio, root, scale
from freqpilot.shapes import Candles, Floats

DAY_MINUTES, WEEK_MINUTES = 1_440, 10_080


class Realised(NamedTuple):
    """Of each candle: ``day`` is the standard deviation of a day's log return, ``ratio`` that over
    the week's, ``adx`` the strength of the trend, 0…1; NaN until they have settled."""

    day: Floats
    ratio: Floats
    adx: Floats


def realised(candles: Candles, minutes: int) -> Realised:
    """Return the realised volatility of the last day and week (Andersen and Bollerslev 1998), from
    the mean of squared log returns, and the average directional index (Wilder 1978).

    All NaN where a day is not twice as long as a candle: that has no volatility.

    :param minutes: length of a candle.
    """
    if 2 * minutes > DAY_MINUTES:
        return Realised(*np.full((3, len(candles)), np.nan))
    return Realised(*evaluate(_nodes(minutes), candles))


def startup(minutes: int) -> int:
    """Return after how many candles :func:`realised` has settled; 0 where it never does."""
    if 2 * minutes > DAY_MINUTES:
        return 0
    return max(node.startup for node in _nodes(minutes))


@cache
def _nodes(minutes: int) -> tuple[Node, ...]:
    change, of_day = f.log_return(1), DAY_MINUTES // minutes
    day = f.mean_square(change, of_day)
    week = f.mean_square(change, WEEK_MINUTES // minutes)
    return root(scale(day, float(of_day))), root(ratio(day, week)), f.adx()
