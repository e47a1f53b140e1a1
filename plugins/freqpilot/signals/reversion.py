"""Mean reversion: buy what fell far from its mean while there is no trend, sell it at the mean.

Bollinger's bands with Wilder's RSI, gated by his ADX (J. Bollinger, Bollinger on Bollinger Bands,
2001; J. W. Wilder, New Concepts in Technical Trading Systems, 1978).
"""

from dataclasses import dataclass

import numpy as np

from freqpilot.features.bank.formulas import settle_of
from freqpilot.features.bank.rolling import zscore
from freqpilot.features.bank.workspace import WILDER, Workspace
from freqpilot.features.engine.graph import CLOSE
from freqpilot.shapes import Candles, Floats

WINDOW = 48
"""Candles of the mean; the signal's own constant, as its startup depends on it."""
STARTUP = max(2 * settle_of(WILDER) + 1, WINDOW + 1, 169)


@dataclass(frozen=True)
class Stretch:
    """``distance`` of the close from its mean in standard deviations, ``strength`` (RSI −1…1),
    ``direction`` (ADX 0…1, how directional the market is) and ``pace`` (the last day's volatility
    over the last week's, in candles of an hour); NaN until they have settled."""

    distance: Floats
    strength: Floats
    direction: Floats
    pace: Floats


def stretch(candles: Candles) -> Stretch:
    """Return how far each candle is from its mean, and what else the rule asks for."""
    work = Workspace(candles)
    slow = work.volatility(168)
    pace = np.divide(work.volatility(24), slow, out=np.full(len(slow), np.nan), where=slow > 0)
    return Stretch(work.values(zscore(CLOSE, WINDOW)), work.rsi(), work.adx(), pace)


@dataclass(frozen=True)
class ReversionRule:
    """Enter beyond ``far`` deviations with an RSI beyond ``strength``, where ADX is below
    ``direction`` and the pace below ``pace``; leave within ``near`` of the mean."""

    far: float = 2.5
    strength: float = 0.4
    direction: float = 0.30
    near: float = 0.0
    pace: float = 2.0

    def side(self, seen: Stretch) -> Floats:
        """Return 1 where to buy, −1 where to sell short, 0 elsewhere; 0 where anything is
        missing."""
        calm = (seen.direction < self.direction) & (seen.pace < self.pace)
        low = (seen.distance < -self.far) & (seen.strength < -self.strength)
        high = (seen.distance > self.far) & (seen.strength > self.strength)
        return np.where(calm & low, 1.0, np.where(calm & high, -1.0, 0.0))

    def leave(self, seen: Stretch) -> Floats:
        """Return 1 where a long is to leave, −1 where a short is, 2 where both are."""
        above, below = seen.distance >= -self.near, seen.distance <= self.near
        return np.where(above & below, 2.0, np.where(above, 1.0, np.where(below, -1.0, 0.0)))
