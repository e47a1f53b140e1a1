"""All pairs' features beside each other, for a model that is trained on all of them at once.

FreqAI hands over one pair at a time, and names features after pairs. Here the own pair's name
becomes ``own``, so that columns of different pairs are the same feature; a pair of
``include_corr_pairlist`` has no second copy of its own features, which is filled from the first.
"""

import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.errors import Degraded
from freqpilot.features.candles.frames import candles_from_frame, utc_dates
from freqpilot.features.labels.targets import (
    age_weights,
    forward_return,
    triple_barrier,
    uniqueness,
)
from freqpilot.models.base.target import Target
from freqpilot.models.pooled import Member
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Candles, Floats, Floats32, Ints

OWN = "own"
SECOND = 1_000_000_000
BEYOND = np.iinfo(np.int64).max
"""Candle number of a label that is not decided within its window."""


def clean(pair: str) -> str:
    """Return the pair as FreqAI leaves it in a column's name."""
    return pair.replace(":", "")


def own_name(name: str, pair: str) -> str:
    """Return a feature's name with ``own`` in place of ``pair``: ``%-rsi_BTC/USDT_1h`` becomes
    ``%-rsi_own_1h``; another pair whose name ends alike (WBTC/USDT) stays."""
    return re.sub(rf"(?<![A-Za-z0-9]){re.escape(clean(pair))}(?![A-Za-z0-9])", OWN, name)


def is_ranked(name: str) -> bool:
    """Tell whether a feature is ranked across pairs: the pair's own, and not one of a candle
    before, whose rank was that candle's. What all pairs share has no rank."""
    words = re.split(r"[^A-Za-z0-9]+", name)
    return OWN in words and "shift" not in words


Kept = MutableMapping[tuple[str, int, int, int], Floats32]
"""Columns that several pairs may hold as one, by name, first and last open time and length."""


@dataclass(frozen=True)
class Source:
    """One pair's candles with its features' columns (n each) by their ``own`` names, and of a
    strategy's own target the values of each training window by its end (seconds): from which row
    on, and what was known by then. Pairs may have columns in common."""

    pair: str
    candles: Candles
    names: tuple[str, ...]
    columns: tuple[Floats32, ...]
    targets: Mapping[int, tuple[int, Floats]] = field(default_factory=dict)

    def rows(self, begin: int, stop: int) -> slice:
        """Return the rows from ``begin`` to before ``stop`` (nanoseconds)."""
        low, high = np.searchsorted(self.candles.date, [begin, stop])
        return slice(int(low), int(high))

    def since(self, begin: int) -> "Source":
        """Return the rows from ``begin`` (nanoseconds) on, without targets."""
        low = self.rows(begin, BEYOND).start
        kept = self.candles.window(low, len(self.candles))
        columns = tuple(column[low:].copy() for column in self.columns)
        return Source(self.pair, kept, self.names, columns)

    def of(self, rows: slice | Ints, numbers: Ints) -> Floats32:
        """Return some rows of the columns ``numbers``."""
        count = len(self.candles.date[rows])
        out = np.empty((len(numbers), count), np.float32)
        for row, number in zip(out, numbers, strict=True):
            row[:] = self.columns[number][rows]
        return out.T


def source_of(
    pair: str,
    frame: pd.DataFrame,
    known: Mapping[int, tuple[int, Floats]] | None = None,
    kept: Kept | None = None,
) -> Source:
    """Return the source of a frame as FreqAI populated it, with the targets that are ``known``.

    :param kept: columns of other pairs' frames, to which those of this one are added: a column of
        the same name, times and bits, as that of a correlated pair, is not held twice.
    :raises Degraded: for two features of one name.
    """
    columns = [str(name) for name in frame.columns if "%" in str(name)]
    names = tuple(own_name(name, pair) for name in columns)
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise Degraded(
            f"features of {pair} have one name beside others: {', '.join(twice[:3])}; "
            "there is no model, so no entry by it; name them apart in feature_engineering_*"
        )
    candles = candles_from_frame(frame)
    found = []
    for name in columns:
        values = np.array(frame[name], dtype=np.float32)
        found.append(values if kept is None else _once(kept, name, candles, values))
    return Source(pair, candles, names, tuple(found), known or {})


def _once(kept: Kept, name: str, candles: Candles, values: Floats32) -> Floats32:
    """Return ``values``, or what is kept where it holds the same bits."""
    dates = candles.date
    if not len(dates):
        return values
    other = kept.setdefault((name, int(dates[0]), int(dates[-1]), len(dates)), values)
    return other if np.array_equal(other.view(np.int32), values.view(np.int32)) else values


def common_names(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the features of all pairs, each once, in the order of the pairs' names."""
    seen: dict[str, None] = {}
    for source in sorted(sources, key=lambda each: each.pair):
        seen |= dict.fromkeys(source.names)
    return tuple(seen)


def places(names: Sequence[str], pair: str, wanted: Sequence[str]) -> Ints:
    """Return the numbers among a pair's ``names`` of the features ``wanted``.

    :raises Degraded: for one that the pair does not have, under its own name either.
    """
    number = {name: place for place, name in enumerate(names)}
    out = [number.get(name, number.get(own_name(name, pair), -1)) for name in wanted]
    if -1 in out:
        missing = [name for name, place in zip(wanted, out, strict=True) if place < 0]
        raise Degraded(
            f"{pair} lacks {len(missing)} features that other pairs have, as {missing[0]}: one "
            "model for all pairs needs the same of each, so there is none, and no entry by it; "
            "make the same features for every pair in feature_engineering_*"
        )
    return np.array(out, dtype=np.int64)


@dataclass(frozen=True)
class Span:
    """A training window: from ``begin`` to before ``stop`` (seconds since 1970), of candles of
    ``step`` seconds."""

    begin: int
    stop: int
    step: int


def member_of(
    source: Source,
    wanted: Sequence[str],
    span: Span,
    labels: LabelSettings,
    classes: bool,
    own: Floats | None = None,
) -> Member | None:
    """Return a pair's candles of a window, None where nothing of it is known.

    :param own: a strategy's target at each of its rows in the window, ``labels.horizon`` candles
        ahead; without it the pack's labels are made of the window's candles.
    """
    inside = source.rows(span.begin * SECOND, span.stop * SECOND)
    candles = source.candles.window(inside.start, inside.stop)
    rows = len(candles)
    if not rows:
        return None
    end = np.arange(rows, dtype=np.int64) + labels.horizon
    if own is not None:
        y = own
    elif classes:
        barrier = triple_barrier(candles, labels)
        y, end = np.where(barrier.known, barrier.label.astype(np.float64), np.nan), barrier.end
    else:
        y = forward_return(candles, labels)
    time = (candles.date // SECOND - span.begin) // span.step
    decided = np.where(end < rows, time[np.minimum(end, rows - 1)], BEYOND)
    unique = uniqueness(np.minimum(end, rows - 1))
    age = age_weights(max(-(-(span.stop - span.begin) // span.step), int(time[-1]) + 1))
    x = source.of(inside, places(source.names, source.pair, wanted))
    known = np.isfinite(x).all(axis=1) & np.isfinite(y) & (decided < BEYOND)
    if not known.any():
        return None
    return Member(x, y, time, decided, unique * age[time], unique)


def scaled(values: Mapping[str, Floats], name: str) -> tuple[dict[str, Floats], dict[str, Target]]:
    """Return each pair's target in its own deviations, and the targets that turn it back."""
    aims = {pair: Target.of(name, known) for pair, known in values.items()}
    return {pair: aims[pair].scaled(known) for pair, known in values.items()}, aims


def dates_of(frame: pd.DataFrame) -> Ints:
    """Return the frame's open times in nanoseconds."""
    dates: Any = utc_dates(frame).to_numpy(dtype="datetime64[ns]").astype(np.int64)
    return np.asarray(dates, dtype=np.int64)


def at_dates(source: Source, dates: Ints, numbers: Ints) -> tuple[Ints, Floats32]:
    """Return those of ``dates`` that the source has a candle at, and its columns ``numbers``."""
    have = source.candles.date
    place = np.searchsorted(have, dates).clip(max=max(len(have) - 1, 0))
    there = have[place] == dates if len(have) else np.zeros(len(dates), np.bool_)
    return dates[there], source.of(place[there], numbers)
