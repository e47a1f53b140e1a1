"""How each analyst's strong opinions did, and what that moves its weight by.

An opinion is judged by the candles that follow it, so a candle's weight knows only opinions that
were over by its close. Everything is of one pair and of a fixed number of candles: no factor hangs
on where the candles begin, once there are :func:`startup` of them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from freqpilot.settings import ScorecardSettings
from freqpilot.shapes import Candles, Floats, Ints, Signal

SLOPE = 0.25
"""What a t-statistic of 1 moves a weight by, before the bounds: they are reached at 2."""
MINUTE = 60_000_000_000
HOUR = 60 * MINUTE


class Judged(NamedTuple):
    """Strong opinions whose time is over, oldest first: their candles, ``side`` (1 or −1) and
    ``worth``, the log return in their direction less the costs of acting on them."""

    row: Ints
    side: Floats
    worth: Floats


class Scorecard(NamedTuple):
    """An analyst's last opinions at one candle. Rates are NaN without an opinion of that side.

    ``win_rate`` and ``worth`` by side (rising, falling), after costs; ``false_positives``: the
    share after which the price went the other way; ``decay``: candles after which the mean move in
    the opinions' direction was the largest; ``factor`` of the weight now, ``target`` what it tends
    to.
    """

    analyst: str
    opinions: tuple[int, int]
    win_rate: tuple[float, float]
    worth: tuple[float, float]
    false_positives: float
    decay: int
    factor: float
    target: float


def steps(settings: ScorecardSettings) -> int:
    """Return how many steps a weight needs from one bound to the other."""
    return math.ceil(math.log(settings.high / settings.low) / math.log1p(settings.step))


def startup(settings: ScorecardSettings, minutes: int) -> int:
    """Return the candles of this timeframe that a factor looks back, without those that the
    analysts need."""
    a_step = math.ceil(settings.step_hours * 60 / minutes)
    return (steps(settings) + 1) * a_step + (settings.opinions + 2) * settings.horizon


def factors(
    signals: Sequence[Signal], candles: Candles, settings: ScorecardSettings
) -> dict[str, Floats]:
    """Return what multiplies each analyst's weight at each candle.

    A factor is the geometric mean of the last :func:`steps` targets, one taken each ``step_hours``
    UTC: so it moves by at most ``step`` at a time and stays within the bounds.
    """
    minutes = _minutes(candles)
    if not minutes:
        return {signal.analyst: np.ones(len(candles)) for signal in signals}
    turn = (candles.date + minutes * MINUTE) // (settings.step_hours * HOUR)
    first = np.flatnonzero(np.diff(turn, prepend=turn[0] - 1))
    of_row = np.searchsorted(first, np.arange(len(candles)), side="right") - 1
    count, out = steps(settings), {}
    for signal in signals:
        aims = targets(judged(signal, candles, settings), first, settings)
        padded = np.concatenate([np.zeros(count - 1), np.log(aims)])
        means = np.lib.stride_tricks.sliding_window_view(padded, count).sum(axis=1) / count
        # A sum of logarithms may miss a bound by its last digit.
        out[signal.analyst] = np.clip(np.exp(means), settings.low, settings.high)[of_row]
    return out


def judged(signal: Signal, candles: Candles, settings: ScorecardSettings) -> Judged:
    """Return the strong opinions that are over: the first in each stretch of ``horizon`` candles
    UTC, since those that overlap are one opinion said again."""
    horizon, rows = settings.horizon, len(candles)
    strong = (np.abs(signal.value) > settings.strong) & (signal.confidence > 0)
    row = np.flatnonzero(strong)
    block = candles.date[row] // (horizon * max(_minutes(candles), 1) * MINUTE)
    row = row[np.diff(block, prepend=-1) != 0] if len(row) else row
    row = row[row + horizon < rows]
    side = np.sign(signal.value[row])
    with np.errstate(divide="ignore", invalid="ignore"):
        logged = np.log(candles.close)
    worth = side * (logged[row + horizon] - logged[row]) - settings.cost
    known = np.isfinite(worth)
    return Judged(row[known], side[known], worth[known])


def targets(of: Judged, at: Ints, settings: ScorecardSettings) -> Floats:
    """Return what a weight's factor tends to at the rows ``at``, within the bounds.

    1 + :data:`SLOPE` times the t-statistic of the worth of the opinions over in the last
    ``opinions`` × ``horizon`` candles, shrunken by n / (n + ``prior``).
    """
    over = of.row + settings.horizon
    last = np.searchsorted(over, at, side="right")
    first = np.searchsorted(over, at - settings.opinions * settings.horizon, side="right")
    sums, squares = (np.concatenate([[0.0], np.cumsum(of.worth**p)]) for p in (1, 2))
    n = (last - first).astype(np.float64)
    some = np.maximum(n, 2.0)
    mean = (sums[last] - sums[first]) / some
    spread = (squares[last] - squares[first]) / some - mean**2
    certain = np.sqrt(np.maximum(spread, 1e-12) / (some - 1))
    shrunken = np.where(n >= 2, mean / certain * n / (n + settings.prior), 0.0)
    return np.clip(1 + SLOPE * shrunken, settings.low, settings.high)


def scorecard(signal: Signal, candles: Candles, settings: ScorecardSettings) -> Scorecard:
    """Return the scorecard of an analyst at the last candle."""
    found = judged(signal, candles, settings)
    last = np.array([len(candles) - 1])
    recent = found.row + settings.horizon > last[0] - settings.opinions * settings.horizon
    row, side, worth = (each[recent] for each in found)
    sides = tuple(side == sign for sign in (1, -1))
    factor = factors([signal], candles, settings)[signal.analyst]
    return Scorecard(
        signal.analyst,
        (int(sides[0].sum()), int(sides[1].sum())),
        (_mean(worth[sides[0]] > 0), _mean(worth[sides[1]] > 0)),
        (_mean(worth[sides[0]]), _mean(worth[sides[1]])),
        _mean(worth + settings.cost < 0),
        _decay(row, side, candles, settings.horizon),
        float(factor[-1]) if len(factor) else 1.0,
        float(targets(found, last, settings)[0]),
    )


def bounded(
    moved: Mapping[str, Floats], scored: Mapping[str, Floats], settings: ScorecardSettings
) -> dict[str, Floats]:
    """Return the factors of the regime and of the scorecards together, within the bounds."""
    out = dict(moved)
    for name, factor in scored.items():
        both = factor * moved[name] if name in moved else factor
        out[name] = np.clip(both, settings.low, settings.high)
    return out


def _decay(row: Ints, side: Floats, candles: Candles, horizon: int) -> int:
    if not len(row):
        return 0
    ahead = row[:, None] + np.arange(1, horizon + 1)
    moves = side[:, None] * (np.log(candles.close[ahead]) - np.log(candles.close[row])[:, None])
    means = np.where(np.isfinite(moves), moves, 0.0).mean(axis=0)
    return int(means.argmax()) + 1


def _minutes(candles: Candles) -> int:
    return int(np.diff(candles.date).min()) // MINUTE if len(candles) > 1 else 0


def _mean(x: Floats) -> float:
    return float(x.mean()) if len(x) else math.nan
