"""Spreads of couples of pairs, from the closed candles of both, computed once a candle for all.

As in :mod:`freqpilot.host.frames.crosssection` every column looks back only: in a backtest the
others' candles reach beyond the one that is decided on.
"""

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.features.candles.spread import Spread, rolling_spread
from freqpilot.settings import PairsSettings
from freqpilot.shapes import Candles, Floats, Ints
from freqpilot.signals.pairs import HEDGES, Couple, Finding, chosen, find
from freqpilot.signals.rotation import DAY, WEEK, joined, weekly

SECOND = 1_000_000_000
COLUMNS = ("role", "chosen", "couple", "score", "before", "hedge", "hold")
Names = tuple[str, str]


class Week(NamedTuple):
    """From which row on which couples were chosen, with the candles that each may be held."""

    row: int
    couples: tuple[tuple[Names, int], ...]


class Table(NamedTuple):
    """Open times of all candles, the log closes (n_dates × n_pairs) and who was chosen when."""

    dates: Ints
    logs: Floats
    weeks: tuple[Week, ...]


def couple_id(names: Names) -> float:
    """Return a number that stands for a couple in a column."""
    return tag_id("~".join(names))


def tag_id(tag: str) -> float:
    """Return a number that stands for a tag in a column."""
    return float(crc32(tag.encode()))


class Spreads:
    """Columns of a pair as a leg. What is kept is the last table, for the next pair of the same
    candle, and the tests of the weeks in it.

    :param timeframe: in nanoseconds.
    """

    def __init__(self, settings: PairsSettings, timeframe: int) -> None:
        self._settings, self._step = settings, timeframe
        self._window = int(settings.window_days * DAY // timeframe)
        self._slowest = settings.max_half_life_days * DAY / timeframe
        self._longest = math.ceil(settings.holds * self._slowest)
        self._key: tuple[Any, ...] = ()
        self._ends: dict[str, int] = {}
        self._table: Table | None = None
        self._found: dict[tuple[int, Names], Finding] = {}

    @property
    def startup(self) -> int:
        """Candles before the first row that no longer depends on where the data begin."""
        return self._window + self._longest + WEEK // self._step + 2

    def names(self, pairs: Sequence[str]) -> list[Names]:
        """Return the couples that are tested among ``pairs``."""
        return list(self._settings.couples) or list(combinations(sorted(set(pairs)), 2))

    def legs(self) -> list[str]:
        """Return the pairs that the settings name."""
        return [leg for couple in self._settings.couples for leg in couple]

    def columns(
        self,
        pair: str,
        frame: pd.DataFrame,
        pairs: Sequence[str],
        other: Callable[[str], pd.DataFrame],
    ) -> dict[str, Any]:
        """Return the pair's columns at each candle of ``frame``.

        :data:`COLUMNS` and ``couple_tag``: ``role`` is 1 as the first leg, −1 as the second, 0
        without a couple; ``chosen`` whether this week's test has it; ``score`` and ``before`` are
        the spread's at this candle and the one before. A couple stays for as long as it may be held
        after it was chosen last, so that its trade can end by its own spread.
        """
        own = candles_from_frame(frame)
        ordered = sorted({pair, *pairs, *self.legs()})
        key = (tuple(ordered), len(own), *own.date[[0, -1]].tolist()) if len(own) else ()
        # A pair whose newest candle came late is in the table without it.
        came_late = len(own) > 0 and self._ends.get(pair) != int(own.date[-1])
        if self._table is None or not key or key != self._key or came_late:
            known = {pair: own}
            for name in ordered:
                if name != pair:
                    found = other(name)
                    known[name] = candles_from_frame(found) if len(found) else own.window(0, 0)
            self._table = self._tabulated([known[name] for name in ordered], ordered)
            self._key = key
            self._ends = {n: int(each.date[-1]) for n, each in known.items() if len(each)}
        return self._of_pair(pair, ordered, own, self._table)

    def _tabulated(self, candles: Sequence[Candles], ordered: Sequence[str]) -> Table:
        dates = np.unique(np.concatenate([each.date for each in candles])).astype(np.int64)
        closes = joined(dates, [(each.date, each.close) for each in candles])
        logs = np.log(np.where(closes > 0, closes, np.nan))
        rows = np.unique(weekly(dates, self._step))
        names = self.names(ordered)
        weeks = [
            self._week(int(row), dates, logs, names, ordered)
            for row in rows[rows >= self._window - 1]
        ]
        begin = int(dates[0]) if len(dates) else 0
        self._found = {key: kept for key, kept in self._found.items() if key[0] >= begin}
        return Table(dates, logs, tuple(weeks))

    def _week(
        self, row: int, dates: Ints, logs: Floats, names: list[Names], ordered: Sequence[str]
    ) -> Week:
        place = {name: column for column, name in enumerate(ordered)}
        past = logs[row - self._window + 1 : row + 1]
        # A row that was missed makes the window longer than it is.
        whole = int(dates[row] - dates[row - self._window + 1]) == (self._window - 1) * self._step
        findings = []
        for couple in names:
            key = (int(dates[row]), couple)
            first, second = (past[:, place[leg]] for leg in couple)
            if not whole or not np.isfinite(first + second).all():
                findings.append(Finding(1.0, math.inf))
                continue
            if key not in self._found:
                self._found[key] = find(first, second)
            findings.append(self._found[key])
        kept = chosen(names, findings, self._settings.level, self._slowest)
        return Week(
            row,
            tuple(
                (names[k], math.ceil(self._settings.holds * findings[k].half_life)) for k in kept
            ),
        )

    def _of_pair(
        self, pair: str, ordered: Sequence[str], own: Candles, table: Table
    ) -> dict[str, Any]:
        n = len(table.dates)
        columns = {name: np.zeros(n) for name in COLUMNS}
        for name in ("score", "before", "hedge"):
            columns[name][:] = np.nan
        tags = np.full(n, "", dtype=object)
        spreads: dict[Names, Spread] = {}
        place = {name: column for column, name in enumerate(ordered)}
        for number, week in enumerate(table.weeks):
            end = table.weeks[number + 1].row if number + 1 < len(table.weeks) else n
            for couple, hold in week.couples:
                if pair not in couple:
                    continue
                if couple not in spreads:
                    first, second = (table.logs[:, place[leg]] for leg in couple)
                    spreads[couple] = rolling_spread(first, second, self._window)
                last = min(end + self._longest, n)
                span = slice(week.row, last)
                hedge, score = (each[span] for each in spreads[couple])
                columns["role"][span] = 1.0 if pair == couple[0] else -1.0
                columns["couple"][span] = couple_id(couple)
                columns["hold"][span] = hold
                columns["hedge"][span], columns["score"][span] = hedge, score
                columns["before"][span] = spreads[couple].score[week.row - 1 : last - 1]
                columns["chosen"][span] = 0.0
                columns["chosen"][week.row : end] = 1.0
                tags[span] = ""
                tags[week.row : end] = _tags(couple, hold, spreads[couple], week.row, end, table)
        rows = np.searchsorted(table.dates, own.date)
        return {name: values[rows] for name, values in columns.items()} | {"couple_tag": tags[rows]}


def _tags(couple: Names, hold: int, spread: Spread, begin: int, end: int, table: Table) -> Any:
    """Return the enter tag of each row; none where the hedge is nearly one leg."""
    low, high = HEDGES
    tags = np.full(end - begin, "", dtype=object)
    for k, hedge in enumerate(spread.hedge[begin:end]):
        if low <= hedge <= high:
            opened = int(table.dates[begin + k]) // SECOND
            tags[k] = Couple(*couple, float(hedge), hold, opened).tag
    return tags
