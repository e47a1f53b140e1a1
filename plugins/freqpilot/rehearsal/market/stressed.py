"""A market that a shock meets: candles as they are up to a moment, then moved along a path."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqpilot.rehearsal.intervals import HOUR_MS, MINUTE_MS
from freqpilot.rehearsal.market.tape import COLUMNS, Klines, Tape

Floats = NDArray[np.float64]

Path = Sequence[tuple[float, float]]
"""Corners of a path: hours since it begins, and the share of the whole move made by then. Between
two of them it is a straight line; after the last one it stays. One at 0 hours with a share above 0
is a gap."""


def moved(
    tape: Tape,
    begin: int,
    path: Path,
    moves: Mapping[str, float],
    *,
    volume: float = 1.0,
    as_one: bool = False,
) -> Tape:
    """Return the market with every pair's price moved from the candle of ``begin`` (ms) on.

    :param moves: how far by pair, a fraction of the price: −0.3 is a fall of 30 %.
    :param volume: what is traded then, as a multiple of what it would have been; the depth of the
        book follows it.
    :param as_one: whether all pairs take the steps of the first one then.
    """
    frames = {}
    lead = next(iter(tape.pairs.values()))
    for name, pair in tape.pairs.items():
        frame = pd.DataFrame(dict(zip(Klines._fields, pair.base, strict=True)))
        after = (frame["date"] >= begin).to_numpy()
        if as_one and pair is not lead:
            _follow(frame, after, lead.base)
        hours = (frame["date"].to_numpy()[after] - begin) / HOUR_MS
        _scale(frame, after, hours, pair.step / HOUR_MS, path, moves.get(name, 0.0))
        for column in COLUMNS[:4]:
            prices = np.round(frame[column], pair.decimals)
            frame[column] = np.where(after, np.maximum(prices, pair.tick), frame[column])
        frame["high"] = frame[list(COLUMNS[:4])].max(axis=1)
        frame["low"] = frame[list(COLUMNS[:4])].min(axis=1)
        frame["volume"] *= np.where(after, volume, 1.0)
        frame["date"] = pd.to_datetime(frame["date"], unit="ms", utc=True)
        frames[name] = frame
    return type(tape)(frames, tape.timeframe_minutes, tape.synthetic)


def with_pair(tape: Tape, name: str, price: float, volume: float) -> Tape:
    """Return the market with one more pair, whose price rests.

    :param volume: of each candle, in base currency.
    """
    dates = np.arange(tape.start, tape.end, tape.timeframe_minutes * MINUTE_MS)
    frames = {}
    for known, pair in tape.pairs.items():
        frame = pd.DataFrame(dict(zip(Klines._fields, pair.base, strict=True)))
        frame["date"] = pd.to_datetime(frame["date"], unit="ms", utc=True)
        frames[known] = frame
    # How many decimals a price has is read off the closes: a stablecoin's has four.
    closes = price - 0.0001 * (np.arange(len(dates)) % 2)
    frames[name] = pd.DataFrame(
        {
            "date": pd.to_datetime(dates, unit="ms", utc=True),
            "open": price,
            "high": price,
            "low": closes,
            "close": closes,
            "volume": volume,
        }
    )
    return type(tape)(frames, tape.timeframe_minutes, tape.synthetic)


def _follow(frame: pd.DataFrame, after: NDArray[np.bool_], lead: Klines) -> None:
    """Let the candles after a moment take the steps of another pair's candles of their dates."""
    where = np.searchsorted(lead.date, frame["date"].to_numpy()[after])
    inside = where < len(lead.date)
    where = where[inside]
    rows = np.flatnonzero(after)[inside]
    if not len(rows):
        return
    ratio = float(frame["open"].iloc[rows[0]]) / float(lead.open[where[0]])
    for column in COLUMNS[:4]:
        frame.loc[rows, column] = getattr(lead, column)[where] * ratio


def _scale(
    frame: pd.DataFrame,
    after: NDArray[np.bool_],
    hours: Floats,
    step: float,
    path: Path,
    move: float,
) -> None:
    """Move the candles after a moment along a path, with the corners inside a candle as extremes.

    :param hours: since the path's begin at each candle's opening; ``step`` a candle's length.
    """
    times, shares = (np.array(column, dtype=float) for column in zip(*path, strict=True))
    opened = 1.0 + move * np.interp(hours, times, shares)
    closed = 1.0 + move * np.interp(hours + step, times, shares)
    most, least = np.maximum(opened, closed), np.minimum(opened, closed)
    for time, share in path:
        inside = (hours < time) & (time < hours + step)
        most = np.where(inside, np.maximum(most, 1.0 + move * share), most)
        least = np.where(inside, np.minimum(least, 1.0 + move * share), least)
    for column, level in (("open", opened), ("high", most), ("low", least), ("close", closed)):
        frame.loc[after, column] = frame[column].to_numpy()[after] * level
