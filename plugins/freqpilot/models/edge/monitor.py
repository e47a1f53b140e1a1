"""Whether a model still knows anything: a sequential test on what came of its forecasts.

A *block* is a stretch of candles by the clock. Its score is the mean product of how high each of
its forecasts was among the former ones and of what followed, both −1…1, of those forecasts alone
whose outcome is known within the block: so the scores of two blocks share no candle that follows
(purged by the label horizon), and three times their mean is close to the rank IC.

The test bets against the model: capital grows by 1 + λ(m − x) with each score x, so it does not
grow in expectation as long as the mean is m or more, whatever the scores' distribution and
dependence (Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting,
2024). The larger of the capital and 1 is staked anew each time, for the edge may die at any time:
the mean number of blocks up to a false alarm at capital c is then at least c (Shin, Ramdas and
Rinaldo, E-detectors: a nonparametric framework for sequential change detection, 2024), which holds
at every look. Recovery is the same bet on a mean above 0, begun at the alarm.

It cannot tell a lucky model from one that knows, and needs hundreds of days for an edge of the size
that models have (``docs/results.md``). What it carries on is one capital a stake.
"""

from typing import Literal, NamedTuple

import numpy as np

from freqpilot.features.labels.targets import forward_return
from freqpilot.settings import EdgeSettings, LabelSettings
from freqpilot.shapes import Candles, Floats, Ints

STAKES = np.array([0.1, 0.25, 0.5, 0.9])
"""λ of the bets, each with an equal part of the capital."""
MOST = 0.5
"""A score is cut to this: more than three of a pair's deviations, so that stakes are worth it."""
IC_OF_SCORE = 3.0
"""Two uniform figures in −1…1 have a mean product of a third of their correlation."""


STRONG = 0.8
"""Standing from which on a forecast counts as a trade: a fifth of them, the strongest."""
By = Literal["candles", "trades"]
BY: tuple[By, ...] = ("candles", "trades")


class Blocks(NamedTuple):
    """Blocks that are over, oldest first: their number by the clock, the row at whose close each
    was over, and their score."""

    number: Ints
    row: Ints
    score: Floats


class Course(NamedTuple):
    """What the test said after each block: the ``factor`` of the confidence, 1 … 0 (0 while the
    model is silenced), and ``before`` the first one."""

    before: float
    factor: Floats
    silenced: tuple[int, ...]
    """Places of the blocks at which it was silenced; ``revived`` those at which it was heard again.
    """
    revived: tuple[int, ...]


def blocks(
    date: Ints,
    close: Floats,
    lean: Floats,
    labels: LabelSettings,
    settings: EdgeSettings,
    by: By = "candles",
) -> Blocks:
    """Return the scores of the blocks that are over by the last candle.

    :param date: open times in nanoseconds, rising; ``close`` prices; ``lean`` what the model
        expected at each close (the chance of a rise less that of a fall), NaN where nothing.

    :param by: ``trades`` judges those forecasts alone that are beyond :data:`STRONG`, the ones that
        one would trade; scaled, so that an edge has the same score.

    A block with fewer than half of its forecasts, or without a trade, has no score. A forecast that
    never moves has the score 0. Each score depends on the ``memory`` horizons before and on its
    block alone.
    """
    nothing = np.empty(0, np.int64)
    if len(date) < 2:
        return Blocks(nothing, nothing, np.empty(0))
    step = int(np.diff(date).min())
    horizon = labels.horizon
    length = settings.block * horizon
    number, place = np.divmod(date // step, length)
    standing = _standing(lean, settings.memory * horizon)
    least = length - horizon
    if by == "trades":
        # What follows is a correlation times the standing: so a third of it is left, as of all.
        strong = np.abs(standing) >= STRONG
        standing = np.where(strong, 1.0 / (IC_OF_SCORE * np.where(strong, standing, 1.0)), np.nan)
        least = 1
    product = standing * _outcomes(date, close, labels, step)
    product[place + horizon >= length] = np.nan
    there = np.isfinite(product)
    first, of_row = np.unique(number, return_inverse=True)
    count = np.bincount(of_row, weights=there)
    total = np.bincount(of_row, weights=np.where(there, product, 0.0))
    over = np.searchsorted(date + step, (first + 1) * length * step)
    kept = (over < len(date)) & (2 * count >= least)
    return Blocks(first[kept], over[kept], total[kept] / count[kept])


def follow(scores: Floats, settings: EdgeSettings, silent: bool = False) -> Course:
    """Return what the test says after each score.

    :param silent: begin with a model that is silenced, by forecasts that are not at hand any more.
    """
    least = settings.min_ic / IC_OF_SCORE / MOST
    factor = np.empty(len(scores))
    silenced: list[int] = []
    revived: list[int] = []
    before, capital = float(not silent), np.ones(len(STAKES))
    for place, score in enumerate(np.clip(scores / MOST, -1.0, 1.0)):
        gain = score if silent else least - score
        capital = np.maximum(capital, 1.0) * (1.0 + STAKES * gain)
        if capital.mean() >= settings.evidence:
            (revived if silent else silenced).append(place)
            capital, silent = np.ones(len(STAKES)), not silent
        spent = np.log(max(float(capital.mean()), 1.0)) / np.log(settings.evidence)
        factor[place] = 0.0 if silent else 1.0 - spent
    return Course(before, factor, tuple(silenced), tuple(revived))


def factors(found: Blocks, course: Course, rows: int) -> Floats:
    """Return what the model's confidence is multiplied by at each of ``rows`` candles: a block
    counts from the candle at whose close it was over."""
    known = np.searchsorted(found.row, np.arange(rows), side="right")
    return np.concatenate([[course.before], course.factor])[known]


def _standing(lean: Floats, memory: int) -> Floats:
    """Return where each forecast stands among the last ``memory`` rows' up to itself, −1…1; NaN
    below a sixth of them. tanh(z √(2/π)) is close to the normal distribution's 2Φ(z) − 1."""
    given = np.isfinite(lean)
    count, mean, square = (
        _rolling(np.where(given, lean, 0.0) ** power * given, memory) for power in (0, 1, 2)
    )
    some = np.maximum(count, 1.0)
    deviation = np.sqrt(np.maximum(square / some - (mean / some) ** 2, 0.0))
    z = np.zeros(len(lean))
    # Sums carry rounding: a forecast that stands still has no deviation but that.
    np.divide(np.where(given, lean, 0.0) - mean / some, deviation, out=z, where=deviation > 1e-6)
    return np.where(given & (6 * count >= memory), np.tanh(np.sqrt(2 / np.pi) * z), np.nan)


def _rolling(x: Floats, memory: int) -> Floats:
    sums = np.cumsum(np.concatenate([np.zeros(memory), x]))
    return np.asarray(sums[memory:] - sums[:-memory])


def _outcomes(date: Ints, close: Floats, labels: LabelSettings, step: int) -> Floats:
    """Return the return over the horizon in its volatility, −1…1; NaN across a gap."""
    price = np.where(close > 0, close, np.nan)
    candles = Candles(date, price, price, price, price, np.zeros(len(price)))
    found = np.tanh(np.sqrt(2 / np.pi) * forward_return(candles, labels))
    whole = np.zeros(len(date), np.bool_)
    horizon = labels.horizon
    whole[:-horizon] = date[horizon:] - date[:-horizon] == horizon * step
    return np.where(whole, found, np.nan)
