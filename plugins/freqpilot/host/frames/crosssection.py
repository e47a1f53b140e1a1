"""All pairs beside each other, from closed candles, computed once a candle.

A strategy sees one pair's frame at a time. Where it compares pairs it needs the others', of the
very same candles: live those that the bot has just fetched, in a backtest the whole files, which
reach beyond the candle that is decided on; so every column here must look back only.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.shapes import Candles, Floats, Ints
from freqpilot.signals.rotation import joined, places, weekly

Score = Callable[[Candles], Floats]


class Ranked(NamedTuple):
    """Open times (n_dates) and, for each pair (column), its score and its place among all at the
    last close of a week."""

    dates: Ints
    score: Floats
    place: Floats


class CrossSection:
    """Ranks of all pairs. What is kept is the last table, for the next pair of the same candle."""

    def __init__(self, score: Score, timeframe: int) -> None:
        self._score, self._step = score, timeframe
        self._key: tuple[Any, ...] = ()
        self._ends: dict[str, int] = {}
        self._table: Ranked | None = None

    def columns(
        self,
        pair: str,
        frame: pd.DataFrame,
        pairs: Sequence[str],
        other: Callable[[str], pd.DataFrame],
    ) -> tuple[Floats, Floats]:
        """Return the pair's score and place of the week at each candle of ``frame``, NaN where they
        are not known.

        :param pairs: all pairs that are compared.
        :param other: gives another pair's candles.
        """
        own = candles_from_frame(frame)
        ordered = sorted({pair, *pairs})
        key = (tuple(ordered), len(own), *own.date[[0, -1]].tolist()) if len(own) else ()
        # A pair whose newest candle came late is in the table without it.
        came_late = len(own) > 0 and self._ends.get(pair) != int(own.date[-1])
        if self._table is None or not key or key != self._key or came_late:
            known = {pair: own}
            for name in ordered:
                if name != pair:
                    found = other(name)
                    known[name] = candles_from_frame(found) if len(found) else own.window(0, 0)
            self._ends = {n: int(each.date[-1]) for n, each in known.items() if len(each)}
            self._table, self._key = (
                ranked([known[n] for n in ordered], self._score, self._step),
                key,
            )
        column = ordered.index(pair)
        table = self._table
        score, place = (
            joined(own.date, [(table.dates, values[:, column])])[:, 0]
            for values in (table.score, table.place)
        )
        return score, place


def ranked(candles: Sequence[Candles], score: Score, timeframe: int) -> Ranked:
    """Return the scores of all pairs and their places as of the last close of a week."""
    dates = np.unique(np.concatenate([each.date for each in candles])).astype(np.int64)
    scores = joined(dates, [(each.date, score(each)) for each in candles])
    rows = weekly(dates, timeframe)
    known = rows >= 0
    of_week = np.where(known[:, None], scores[rows], np.nan)
    return Ranked(dates, of_week, places(of_week))
