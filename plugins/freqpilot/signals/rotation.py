"""Momentum rotation: the strongest of many pairs, chosen anew once a week.

Cross-sectional momentum over several months with the absolute kind as its filter (N. Jegadeesh and
S. Titman 1993; G. Antonacci, Dual Momentum Investing, 2014).
"""

from dataclasses import dataclass

import numpy as np

from freqpilot.features.candles.resample import HOUR
from freqpilot.shapes import Candles, Floats, Ints

DAY = 24 * HOUR
WEEK = 7 * DAY
MONDAY = 4 * DAY
"""The epoch was a Thursday, 00:00 UTC; four days later the first week began."""


@dataclass(frozen=True)
class RotationRule:
    """``days`` over which a pair's return is measured (the mean of all counts), ``skip_days`` that
    are left out at the end, ``volatility_days`` by which it is divided."""

    days: tuple[int, ...] = (30, 60, 90)
    skip_days: int = 1
    volatility_days: int = 30

    def startup(self, timeframe: int) -> int:
        """Return the candles of ``timeframe`` nanoseconds before the first score, the longest week
        until the first choice counted in."""
        longest = max(*self.days, self.volatility_days) + self.skip_days
        return (longest * DAY + WEEK) // timeframe + 2


@dataclass(frozen=True)
class Momentum:
    """Each candle's ``score``, the mean over all ``days`` of the log return a day divided by the
    volatility a day, and ``volatility`` of a year, as a fraction; NaN until they are known and
    where nothing moves."""

    score: Floats
    volatility: Floats


def momentum(candles: Candles, timeframe: int, rule: RotationRule) -> Momentum:
    """Return how strong each candle's past months were.

    :param timeframe: the candles' length in nanoseconds; at most a day.
    """
    day = DAY // timeframe
    log = np.log(np.where(candles.close > 0, candles.close, np.nan))
    skipped = _lag(log, rule.skip_days * day)
    drift = np.mean([(skipped - _lag(log, (d + rule.skip_days) * day)) / d for d in rule.days], 0)
    window = rule.volatility_days * day
    daily = (log - _lag(log, day)) ** 2
    known = np.where(np.isfinite(daily), daily, 0.0)
    summed, missing = (np.cumsum(x) for x in (known, (~np.isfinite(daily)).astype(np.float64)))
    mean = (summed - _lag(summed, window)) / window
    gaps = missing - _lag(missing, window)
    # Sums of years lose digits: what is below is no movement.
    usable = (gaps == 0) & (mean > 1e-12)
    volatility = np.sqrt(np.where(usable, mean, np.nan))
    return Momentum(drift / volatility, volatility * np.sqrt(365.0))


def _lag(x: Floats, lag: int) -> Floats:
    """Return the values ``lag`` candles before, NaN where there is none."""
    kept = x[: max(len(x) - lag, 0)]
    return np.concatenate([np.full(len(x) - len(kept), np.nan), kept])


def joined(dates: Ints, scores: list[tuple[Ints, Floats]]) -> Floats:
    """Return the scores (n_dates × n_pairs) of all pairs at the same candles; NaN where a pair has
    none of that very date: an older score is another week's."""
    table = np.full((len(dates), len(scores)), np.nan)
    for column, (date, score) in enumerate(scores):
        if not len(date):
            continue
        place = np.searchsorted(date, dates).clip(max=len(date) - 1)
        there = date[place] == dates
        table[there, column] = score[place[there]]
    return table


def places(scores: Floats) -> Floats:
    """Return each pair's place (1 the best) among the pairs with a score, row by row; NaN without
    one. Equal scores go by column."""
    order = np.argsort(np.where(np.isfinite(scores), -scores, np.inf), axis=1, kind="stable")
    place = np.empty(scores.shape)
    np.put_along_axis(place, order, np.arange(1.0, scores.shape[1] + 1)[None, :], axis=1)
    return np.where(np.isfinite(scores), place, np.nan)


def weekly(dates: Ints, timeframe: int) -> Ints:
    """Return for each candle the row of the last one that closed a week (Sunday 24:00 UTC) by
    then; −1 before the first."""
    week = (dates + timeframe - MONDAY) // WEEK
    begins = np.flatnonzero(np.diff(week, prepend=week[:1]) > 0)
    place = np.searchsorted(begins, np.arange(len(dates)), side="right") - 1
    chosen: Ints = np.where(place >= 0, begins[place] if len(begins) else -1, -1)
    return chosen


def chosen(place: Floats, score: Floats, top: int) -> Floats:
    """Return 1 where a pair is among the ``top`` with a rise, 0 where it is not, NaN where that is
    not known."""
    known = np.isfinite(place) & np.isfinite(score)
    return np.where(known, ((place <= top) & (score > 0)).astype(np.float64), np.nan)
