"""Pairs trading: two prices that hold together are bought and sold against each other when they
have come apart.

E. Gatev, W. Goetzmann and K. Rouwenhorst, "Pairs Trading: Performance of a Relative-Value Arbitrage
Rule" (2006); G. Vidyamurthy, Pairs Trading (2004). Many couples are tested, so which of them count
is decided by Y. Benjamini and D. Yekutieli (2001), whose bound holds for tests that share a leg.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from freqpilot.features.candles.cointegration import engle_granger, p_value
from freqpilot.shapes import Bools, Floats

TAG = re.compile(r"pairs (\S+)~(\S+) hedge (\d+\.\d+) hold (\d+) at (\d+)")
HEDGES = (0.2, 5.0)
"""Beyond these a couple is nearly one leg."""


@dataclass(frozen=True)
class Couple:
    """Two legs that were entered together: for each 1 of the ``first`` in stake currency ``hedge``
    of the ``second``, for at most ``hold`` candles; ``candle`` is the open time, in seconds, of the
    one that decided. Its :attr:`tag` holds all of it, so that it outlives the bot."""

    first: str
    second: str
    hedge: float
    hold: int
    candle: int

    @property
    def tag(self) -> str:
        """The enter tag of both legs."""
        return (
            f"pairs {self.first}~{self.second} hedge {self.hedge:.4f} "
            f"hold {self.hold} at {self.candle}"
        )

    @classmethod
    def parse(cls, tag: str | None) -> Self | None:
        """Return the couple of an enter tag, None where it is another's."""
        found = TAG.fullmatch(tag or "")
        if found is None:
            return None
        first, second, hedge, hold, candle = found.groups()
        return cls(first, second, float(hedge), int(hold), int(candle))

    def partner(self, pair: str) -> str:
        """Return the other leg.

        :raises ValueError: for a pair that is no leg of it.
        """
        if pair not in (self.first, self.second):
            raise ValueError(f"{pair} is no leg of {self.tag}")
        return self.second if pair == self.first else self.first

    def ratio(self, pair: str) -> float:
        """Return the value of the pair's leg per value of the other leg."""
        return 1.0 / self.hedge if self.partner(pair) == self.second else self.hedge

    def share(self, pair: str) -> float:
        """Return the pair's part of what both legs are worth."""
        ratio = self.ratio(pair)
        return ratio / (1.0 + ratio)


@dataclass(frozen=True)
class PairsRule:
    """Enter where the score passes ``entry`` deviations, below ``stop``; leave within ``exit`` of
    the mean, on its other side, beyond ``stop``, or after the couple's time."""

    entry: float = 2.0
    exit: float = 0.5
    stop: float = 4.0

    def side(self, score: Floats, before: Floats) -> Floats:
        """Return the side of the first leg: 1 where it has become cheap, −1 where dear, 0 elsewhere
        and where anything is missing. Only the candle that passes ``entry`` counts, so that a
        couple which was left at its stop is not entered again on the same way out."""
        size = np.abs(score)
        passed = (size > self.entry) & (size < self.stop) & (np.abs(before) <= self.entry)
        return np.where(passed, -np.sign(score), 0.0)

    def leave(self, side: int, score: float, age: float, hold: float) -> str | None:
        """Return why a couple is left.

        :param side: that of the first leg.
        :param age: candles since it was entered; ``hold`` those that it may last.
        """
        way = -side * score  # entered beyond ``entry`` above 0
        if math.isfinite(score):
            if way < self.exit:
                return "spread_closed"
            if way > self.stop:
                return "spread_stop"
        return "spread_time" if age >= hold else None


class Finding(NamedTuple):
    """What the past window says of two series: the p-value of the better of both regressions, twice
    for two tries, and after how many candles half of a deviation is gone."""

    p: float
    half_life: float


NOTHING = Finding(1.0, math.inf)


def find(y: Floats, x: Floats) -> Finding:
    """Return what Engle and Granger's test says of two log prices of a past window, without a gap;
    :data:`NOTHING` where a value is missing."""
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        return NOTHING
    one, other = engle_granger(y, x), engle_granger(x, y)
    best = min(p_value(each.statistic, each.observations) for each in (one, other))
    low, high = HEDGES
    if not low <= one.hedge <= high or not math.isfinite(one.half_life):
        return NOTHING
    return Finding(min(1.0, 2.0 * best), one.half_life)


def discoveries(p: Sequence[float], level: float) -> Bools:
    """Return which of many tests count when no more than the share ``level`` of those that do is to
    be false, whatever they have in common (Benjamini and Yekutieli 2001)."""
    values = np.asarray(p, dtype=np.float64)
    count = len(values)
    if not count or level >= 1.0:
        return np.full(count, True)
    order = np.argsort(values, kind="stable")
    bound = level * np.arange(1, count + 1) / (count * (1.0 / np.arange(1, count + 1)).sum())
    under = np.flatnonzero(values[order] <= bound)
    found = np.zeros(count, dtype=np.bool_)
    if len(under):
        found[order[: under[-1] + 1]] = True
    return found


def chosen(
    names: Sequence[tuple[str, str]], findings: Sequence[Finding], level: float, slowest: float
) -> list[int]:
    """Return the places of the couples to trade, the surest first: those that :func:`discoveries`
    leaves, revert within ``slowest`` candles of half-life, and share no leg with a surer one."""
    counts = discoveries([each.p for each in findings], level)
    taken: set[str] = set()
    kept = []
    for place in sorted(range(len(names)), key=lambda k: (findings[k].p, names[k])):
        usable = counts[place] and 0.0 < findings[place].half_life <= slowest
        if usable and taken.isdisjoint(names[place]):
            kept.append(place)
            taken.update(names[place])
    return kept
