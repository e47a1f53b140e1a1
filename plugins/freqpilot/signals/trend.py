"""Trend following: crosses of averages and breakouts of many speeds vote, volatility sets the size.

The ensemble is the field's plain one (time-series momentum: Moskowitz, Ooi and Pedersen 2012;
crosses and breakouts of several speeds: R. Carver, Systematic Trading, 2015).
"""

from dataclasses import dataclass

import numpy as np

from freqpilot.features.bank.memory import last_break, windowed_ema
from freqpilot.features.candles.resample import HOUR
from freqpilot.shapes import Candles, Floats

DAY = 24 * HOUR
YEAR = 365 * DAY


@dataclass(frozen=True)
class TrendRule:
    """Speeds in days: ``crosses`` of a fast and a slow exponential average, ``channels`` of
    breakouts, ``volatility_days`` the span of the average of squared returns. Nothing is remembered
    for more than ``memory_days``, which have to be longer than all of them."""

    crosses: tuple[tuple[int, int], ...] = ((4, 16), (8, 32), (16, 64), (32, 128))
    channels: tuple[int, ...] = (20, 40, 80)
    volatility_days: int = 30
    memory_days: int = 200

    def startup(self, timeframe: int) -> int:
        """Return the candles of ``timeframe`` nanoseconds before the first value."""
        return self.memory_days * DAY // timeframe + 1


@dataclass(frozen=True)
class Trend:
    """``votes`` (n_candles × n_rules) are −1, 0 or 1, ``volatility`` is a year's, as a fraction;
    NaN until they have settled."""

    votes: Floats
    volatility: Floats

    @property
    def strength(self) -> Floats:
        """The mean vote of each candle, −1…1."""
        mean: Floats = self.votes.mean(axis=1)
        return mean


def trend(candles: Candles, timeframe: int, rule: TrendRule) -> Trend:
    """Return the votes of all rules at each candle.

    :param timeframe: the candles' length in nanoseconds; at most a day.
    """
    day, memory = DAY // timeframe, rule.memory_days * DAY // timeframe
    close = np.where(candles.close > 0, candles.close, np.nan)
    columns = [
        np.sign(windowed_ema(close, fast * day, memory) - windowed_ema(close, slow * day, memory))
        for fast, slow in rule.crosses
    ]
    columns += [last_break(close, channel * day, memory) for channel in rule.channels]
    squared = np.diff(np.log(close), prepend=np.nan) ** 2
    variance = windowed_ema(squared, rule.volatility_days * day, memory)
    votes = np.array(columns).T.reshape(len(close), -1)
    return Trend(votes, np.sqrt(np.maximum(variance, 0.0) * (YEAR / timeframe)))


def sized(strength: Floats, volatility: Floats, target: float) -> Floats:
    """Return the share of its slot that a position takes, −1…1: ``strength`` × ``target`` /
    ``volatility``, the quotient at most 1 (no leverage). 0 where an input is missing or nothing has
    moved.

    :param target: volatility a year that a full position should have, as a fraction.
    """
    known = np.isfinite(strength) & np.isfinite(volatility) & (volatility > 0)
    scale = np.minimum(target / np.where(known, volatility, 1.0), 1.0)
    return np.where(known, np.clip(strength, -1.0, 1.0) * scale, 0.0)
