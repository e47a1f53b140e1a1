"""The edge monitor for a group of pairs: evidence adds up faster than on one alone.

Pairs that are judged over the same stretch of the clock are one score, their mean: they move
together, so each for itself would count one accident many times. A group's score counts one candle
after the block's end. By then a bot has analysed every pair's last candle of the block, whatever
the order in which it goes through them, so it and a backtest know the same.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from freqpilot.models.edge.monitor import Blocks, Course, factors
from freqpilot.settings import EdgeSettings, LabelSettings
from freqpilot.shapes import Floats, Ints

LEAST = 2
"""Pairs that a group's score needs: one alone is judged as a pair."""


class Scores(NamedTuple):
    """Scores by the number of their block, rising."""

    number: Ints
    score: Floats


def on_time(date: Ints, found: Blocks, labels: LabelSettings, settings: EdgeSettings) -> Scores:
    """Return a pair's scores of the blocks whose last candle it has: one that comes late would
    change what others have already been told.

    :param date: open times in nanoseconds, of which ``found`` was made.
    """
    if not len(found.number):
        return Scores(found.number, found.score)
    step, length = _clock(date, labels, settings)
    kept = date[found.row] + step <= (found.number + 1) * length
    return Scores(found.number[kept], found.score[kept])


def pooled(members: Mapping[str, Scores]) -> Scores:
    """Return the mean scores of a group by block, of blocks that :data:`LEAST` pairs have."""
    if not members:
        return Scores(np.empty(0, np.int64), np.empty(0))
    numbers = np.unique(np.concatenate([each.number for each in members.values()]))
    total, count = np.zeros(len(numbers)), np.zeros(len(numbers))
    for _, each in sorted(members.items()):
        at = np.searchsorted(numbers, each.number)
        total[at] += each.score
        count[at] += 1
    kept = count >= LEAST
    return Scores(numbers[kept], total[kept] / count[kept])


def factors_at(
    date: Ints, of: Scores, course: Course, labels: LabelSettings, settings: EdgeSettings
) -> Floats:
    """Return what a group's ``course`` multiplies a model's confidence by at each candle of a pair
    that opens at ``date``."""
    if len(date) < 2:
        return np.full(len(date), course.before)
    _, length = _clock(date, labels, settings)
    # A candle that opens at the block's end closes one candle behind it.
    row = np.searchsorted(date, (of.number + 1) * length)
    inside = row < len(date)
    known = Blocks(of.number[inside], row[inside], of.score[inside])
    return factors(known, course._replace(factor=course.factor[inside]), len(date))


def _clock(date: Ints, labels: LabelSettings, settings: EdgeSettings) -> tuple[int, int]:
    step = int(np.diff(date).min())
    return step, settings.block * labels.horizon * step
