"""Breakout: a market that has been quiet leaves its range with volume.

Bollinger's squeeze, then a close outside Donchian's channel (J. Bollinger 2001; R. Donchian, in the
Turtles' rules of 1983), confirmed by volume.
"""

from dataclasses import dataclass

import numpy as np

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.rolling import deviation, highest, lowest, mean, rank
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.engine.graph import CLOSE, HIGH, LOW, ratio
from freqpilot.shapes import Candles, Floats

CHANNEL = 48
TRAIL = 24
BAND = 20
MEMORY = 240
RECENT = 24
STARTUP = max(f.settle_of(1.0 / f.PERIOD) + 1, BAND + MEMORY + RECENT, 49)


@dataclass(frozen=True)
class Range:
    """For each candle: ``squeeze``, the least rank (0…1) of the band's width among ``MEMORY``
    candles within the last ``RECENT`` before it; ``above`` and ``below``, how far the close is
    beyond the range of the ``CHANNEL`` candles before, in ATRs (negative inside); ``trail_low`` and
    ``trail_high``, the same against the ``TRAIL`` candles' low and high; ``volume`` as a z-score
    of its logarithm. NaN until they have settled."""

    squeeze: Floats
    above: Floats
    below: Floats
    trail_low: Floats
    trail_high: Floats
    volume: Floats


def ranges(candles: Candles) -> Range:
    """Return where each candle is in its range."""
    work = Workspace(candles)
    width = rank(ratio(deviation(CLOSE, BAND), mean(CLOSE, BAND)), MEMORY)
    quiet = _before(work.values(lowest(width, RECENT)))
    atr = work.atr()
    size = np.where(atr > 0, atr, np.nan)
    close = candles.close
    top, bottom = (_before(work.values(e)) for e in (highest(HIGH, CHANNEL), lowest(LOW, CHANNEL)))
    high, low = (_before(work.values(e)) for e in (highest(HIGH, TRAIL), lowest(LOW, TRAIL)))
    return Range(
        quiet,
        (close - top) / size,
        (bottom - close) / size,
        (low - close) / size,
        (close - high) / size,
        work.volume_score(CHANNEL),
    )


def _before(values: Floats) -> Floats:
    """Return each candle's value of the candle before."""
    return np.concatenate([[np.nan], values[:-1]])[: len(values)]


@dataclass(frozen=True)
class BreakoutRule:
    """Enter when the band was among the narrowest ``squeeze`` share, the close is ``margin`` ATRs
    outside the channel and volume is ``volume`` deviations above usual; leave at a close beyond
    the other side of the shorter channel."""

    squeeze: float = 0.15
    margin: float = 0.1
    volume: float = 1.0

    def side(self, seen: Range) -> Floats:
        """Return 1 where to buy, −1 where to sell short, 0 elsewhere; 0 where anything is
        missing."""
        ready = (seen.squeeze <= self.squeeze) & (seen.volume >= self.volume)
        up, down = seen.above > self.margin, seen.below > self.margin
        return np.where(ready & up, 1.0, np.where(ready & down, -1.0, 0.0))

    def leave(self, seen: Range) -> Floats:
        """Return 1 where a long is to leave, −1 where a short is, 0 elsewhere."""
        return np.where(seen.trail_low > 0, 1.0, np.where(seen.trail_high > 0, -1.0, 0.0))
