"""Candles of all pairs as features, labels and returns on one grid of steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.support.candles import candles_of, frame_of, pairs_in
from freqpilot.features.bank.library import FeatureBank, market_features
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.candles.frames import candles_from_frame, with_market
from freqpilot.features.labels.targets import forward_return, triple_barrier, uniqueness
from freqpilot.models.pooled import Member
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Bools, Candles, Floats, Floats32, Ints

HOUR = 3_600_000_000_000


@dataclass(frozen=True)
class Series:
    """One pair at every step: features, hours since the epoch, and by horizon the forward return in
    its volatility, the barrier class (NaN unknown), the hours at which both are decided, their
    uniqueness and the volatility over the horizon (a share)."""

    hour: Ints
    x: Floats32
    close: Floats
    returns: dict[int, Floats]
    barrier: dict[int, Floats]
    end: dict[int, Ints]
    unique: dict[int, Floats]
    width: dict[int, Floats]


@dataclass(frozen=True)
class Panel:
    """All pairs' :class:`Series`."""

    names: tuple[str, ...]
    pairs: dict[str, Series]

    def grid(self, hours: Ints, pair_values: dict[str, Floats]) -> Floats:
        """Return values by pair at ``hours`` (steps × pairs), NaN where a pair has none."""
        out = np.full((len(hours), len(self.pairs)), np.nan)
        for place, (pair, series) in enumerate(self.pairs.items()):
            inside = (series.hour >= hours[0]) & (series.hour <= hours[-1])
            rows = np.searchsorted(hours, series.hour[inside])
            out[rows, place] = pair_values[pair][inside]
        return out

    def members(self, horizon: int, classes: bool, begin: int, last: int) -> dict[str, Member]:
        """Return the candles from hour ``begin`` to ``last`` of each pair that has 90 days there;
        weights are uniqueness times an age weight that halves over the window."""
        found = {}
        for pair, series in self.pairs.items():
            at = (series.hour >= begin) & (series.hour <= last)
            if not at.any() or last - int(series.hour[at][0]) < 90 * 24:
                continue
            label = (series.barrier if classes else series.returns)[horizon][at]
            age = 0.5 ** ((last - series.hour[at]) / (last - begin))
            unique = series.unique[horizon][at]
            found[pair] = Member(
                series.x[at], label, series.hour[at], series.end[horizon][at], unique * age, unique
            )
        return found

    def features(self, begin: int, stop: int) -> dict[str, tuple[Ints, Floats32]]:
        """Return hours and features from ``begin`` up to and without ``stop`` by pair."""
        found = {}
        for pair, series in self.pairs.items():
            at = (series.hour >= begin) & (series.hour < stop)
            if at.any():
                found[pair] = series.hour[at], series.x[at]
        return found


def read(
    datadir: Path,
    horizons: Sequence[int],
    every: int,
    begin: str,
    stop: str,
    coins: Sequence[str] = (),
) -> Panel:
    """Return the panel of all ``*_USDT-1h.feather`` between two days, BTC as the reference.

    :param coins: those to read, as ``BTC``; all without any.
    Features and labels are computed on all candles; every ``every``-th hour of the clock is kept.
    """
    reference = candles_of(datadir, "BTC/USDT")
    banks = FeatureBank(), FeatureBank(market_features())
    pairs = {}
    for pair in pairs_in(datadir):
        if coins and pair.partition("/")[0] not in coins:
            continue
        frame = frame_of(datadir, pair)
        frame = frame[frame["date"] < pd.Timestamp(stop, tz="UTC")]
        candles = candles_from_frame(frame)
        if not len(candles):
            continue
        values = np.concatenate(
            [
                banks[0].compute(candles).values,
                banks[1].compute(with_market(candles, reference)).values,
            ],
            axis=1,
        )
        kept = (candles.date // HOUR % every == 0) & (
            candles.date >= pd.Timestamp(begin, tz="UTC").value
        )
        pairs[pair] = _series(candles, values, np.asarray(kept), horizons, every)
    return Panel((*banks[0].names, *banks[1].names), pairs)


def _series(
    candles: Candles, values: Floats32, kept: Bools, horizons: Sequence[int], every: int
) -> Series:
    hour = candles.date // HOUR
    returns, barrier, end, unique, width = {}, {}, {}, {}, {}
    for h in horizons:
        settings = LabelSettings(horizon=h, purge=h)
        returns[h] = forward_return(candles, settings)[kept]
        found = triple_barrier(candles, settings)
        barrier[h] = np.where(found.known, found.label.astype(np.float64), np.nan)[kept]
        # The horizon's end for both: the regression's label is never decided before it.
        ahead = np.minimum(np.arange(len(candles)) + h, len(candles) - 1)
        end[h] = np.maximum(hour[ahead], hour + h)[kept]
        unique[h] = np.minimum(uniqueness(ahead)[kept] * every, 1.0)
        deviation = Workspace(candles).volatility(settings.volatility_window)
        width[h] = (deviation * np.sqrt(h))[kept]
    return Series(
        np.ascontiguousarray(hour[kept]), np.ascontiguousarray(values[kept]),
        candles.close[kept], returns, barrier, end, unique, width,
    )  # fmt: skip
