"""Candles played back as a market: prices, klines and trades up to a moment, never past it.

Times are integer milliseconds since the epoch (Binance's unit), prices in quote currency, volumes
in base currency. Every question takes ``now``; what lies after it is never part of an answer.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.intervals import (
    DAY_MS,
    INTERVAL_MINUTES,
    MINUTE_MS,
    MONDAY_MS,
    interval_minutes,
)
from freqpilot.rehearsal.market import path as price_path
from freqpilot.rehearsal.market.synthetic import MARKER, SyntheticMarket

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS = ("open", "high", "low", "close", "volume")
WEEK_MS = 7 * DAY_MS


class NotListed(LookupError):
    """The pair is unknown, or has no candle yet at the moment asked for."""


class Klines(NamedTuple):
    """Candles as columns of one length; ``date`` is the open time, the last may be unfinished."""

    date: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def rows(self, keep: slice) -> "Klines":
        """Return the rows of ``keep``."""
        return Klines(
            self.date[keep],
            self.open[keep],
            self.high[keep],
            self.low[keep],
            self.close[keep],
            self.volume[keep],
        )


class PairTape:
    """One pair's base candles. Missing candles stay missing: the price rests at the last close."""

    def __init__(self, pair: str, frame: pd.DataFrame, step_ms: int) -> None:
        """
        :param frame: Freqtrade's columns, dates in UTC.
        :raises RefuseToStart: when the candles are empty, unordered, doubled or broken.
        """
        missing = {"date", *COLUMNS} - set(frame.columns)
        if missing or frame.empty:
            what = f"lack {', '.join(sorted(missing))}" if missing else "are empty"
            raise RefuseToStart(f"candles of {pair} {what}; download them again")
        dates = pd.DatetimeIndex(frame["date"]).as_unit("ms")
        self.pair, self.step = pair, step_ms
        columns = [frame[name].to_numpy(np.float64) for name in COLUMNS]
        self.base = Klines(dates.asi8.astype(np.int64), *columns)
        self._check()
        self.decimals = _decimals(self.base.close[:200])
        self._legs = price_path.legs(*self.base[:5])

    @property
    def symbol(self) -> str:
        """Binance's name of the pair, such as ``BTCUSDT``."""
        return self.pair.replace("/", "")

    @property
    def tick(self) -> float:
        """The smallest price step, from the decimals of the first 200 closes."""
        return float(f"1e-{self.decimals}")

    def price(self, now: int) -> float:
        """Return the last price at ``now``; at the moment a candle opens, still the last close.

        :raises NotListed: before the first candle has begun.
        """
        row = self._row(now)
        share = min(1.0, (now - int(self.base.date[row])) / self.step)
        corners = price_path.Legs(*(leg[row : row + 1] for leg in self._legs))
        return float(np.round(price_path.at(corners, np.array([share]))[0], self.decimals))

    def corners(self, begin: int, end: int) -> list[tuple[float, float]]:
        """Return the corners of the path from ``begin`` to ``end`` as (time, price): between two of
        them it is a straight line. Two at one time are a gap.

        :raises NotListed: when ``begin`` is before the first candle.
        """
        found = [(float(begin), self.price(begin))]
        for row in range(self._row(begin), self._row(end) + 1):
            opened = float(self.base.date[row])
            prices = (float(leg[row]) for leg in self._legs)
            for share, price in zip((0.0, *price_path.TURNS, 1.0), prices, strict=True):
                if begin <= opened + share * self.step <= end:
                    if share == 0.0:  # the price rests until the next candle opens
                        found.append((opened, found[-1][1]))
                    found.append((opened + share * self.step, round(price, self.decimals)))
        found.append((float(end), self.price(end)))
        return found

    def known(self, now: int) -> Klines:
        """Return base candles that opened before ``now``; the running one holds its path so far."""
        count = int(np.searchsorted(self.base.date, now, side="left"))
        if count == 0:
            raise NotListed(f"{self.pair} has no candle before {now}")
        known = self.base.rows(slice(0, count))
        share = (now - int(known.date[-1])) / self.step
        if share >= 1.0:
            return known
        running = self._split(np.array([count - 1]), np.array([0.0]), np.array([share]))
        return Klines(*(np.append(a[:-1], b) for a, b in zip(known, running, strict=True)))

    def klines(
        self,
        interval: str,
        now: int,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
    ) -> Klines:
        """Return candles of ``interval`` by Binance's rules: the oldest ``limit`` from ``start``,
        or without it the newest; ``start`` and ``end`` bound the open time, both included.

        :raises ValueError: when the base candles cannot be cut or joined into ``interval``.
        """
        length = INTERVAL_MINUTES.get(interval, 0) * MINUTE_MS
        if not length or (length % self.step and self.step % length):
            raise ValueError(f"no {interval} candles from a tape of {self.step // MINUTE_MS}m")
        known = self.known(now)
        if length == self.step:
            answer = known
        elif length > self.step:
            answer = _joined(known, length)
        else:
            answer = self._cut(length, now, start, end, limit)
        first = 0 if start is None else int(np.searchsorted(answer.date, start, side="left"))
        last = (
            len(answer.date)
            if end is None
            else int(np.searchsorted(answer.date, end, side="right"))
        )
        if start is None:
            return answer.rows(slice(max(first, last - limit), last))
        return answer.rows(slice(first, min(last, first + limit)))

    def _row(self, now: int) -> int:
        row = int(np.searchsorted(self.base.date, now, side="left")) - 1
        if row < 0:
            raise NotListed(f"{self.pair} has no candle before {now}")
        return row

    def _split(self, rows: Ints, begin: Floats, end: Floats) -> Klines:
        corners = price_path.Legs(*(leg[rows] for leg in self._legs))
        opened, high, low, closed = (
            np.round(price, self.decimals) for price in price_path.piece(corners, begin, end)
        )
        date = self.base.date[rows] + np.round(begin * self.step).astype(np.int64)
        return Klines(date, opened, high, low, closed, self.base.volume[rows] * (end - begin))

    def _cut(self, length: int, now: int, start: int | None, end: int | None, limit: int) -> Klines:
        """Cut base candles into shorter ones, only as many as are asked for."""
        parts = self.step // length
        low, high = 0, self._row(now) + 1
        reach = limit // parts + 2
        if end is not None:
            high = min(high, int(np.searchsorted(self.base.date, end, side="right")))
        if start is not None:
            low = max(0, int(np.searchsorted(self.base.date, start, side="right")) - 1)
            high = min(high, low + reach)
        else:
            low = max(0, high - reach)
        rows = np.repeat(np.arange(low, high), parts)
        begin = np.tile(np.arange(parts) / parts, max(0, high - low))
        opened = self.base.date[rows] + np.round(begin * self.step).astype(np.int64)
        rows, begin, opened = rows[opened < now], begin[opened < now], opened[opened < now]
        running = (now - self.base.date[rows]) / self.step
        return self._split(rows, begin, np.minimum(begin + 1 / parts, running))

    def _check(self) -> None:
        date, open_, high, low, close, volume = self.base
        steps = np.diff(date)
        broken = {
            "are not in order or doubled": bool((steps <= 0).any()),
            "are off the timeframe's grid": bool((date % self.step).any()),
            "hold a price that is missing or not positive": not bool(
                np.isfinite([open_, high, low, close]).all() and (low > 0).all()
            ),
            "have a high or low inside open or close": bool(
                (high < np.maximum(open_, close)).any() or (low > np.minimum(open_, close)).any()
            ),
            "hold a volume that is missing or negative": not bool((volume >= 0).all()),
        }
        for fault, found in broken.items():
            if found:
                raise RefuseToStart(f"candles of {self.pair} {fault}; mend or download them again")


class Tape:
    """The candles of several pairs as one market.

    ``synthetic`` marks an invented market; ``start`` and ``end`` bound what all pairs share.
    """

    def __init__(
        self, frames: Mapping[str, pd.DataFrame], timeframe_minutes: int, synthetic: bool
    ) -> None:
        if not frames:
            raise RefuseToStart("a tape needs the candles of at least one pair")
        self.timeframe_minutes = timeframe_minutes
        self.synthetic = synthetic
        step = timeframe_minutes * MINUTE_MS
        self.pairs = {pair: PairTape(pair, frame, step) for pair, frame in frames.items()}
        self._symbols = {pair.replace("/", ""): tape for pair, tape in self.pairs.items()}
        self.start = max(int(tape.base.date[0]) for tape in self.pairs.values())
        self.end = min(int(tape.base.date[-1]) + step for tape in self.pairs.values())
        if self.end <= self.start:
            raise RefuseToStart("the pairs of this tape share no candle; leave some out")

    @classmethod
    def from_market(cls, market: SyntheticMarket) -> Self:
        """Play an invented market."""
        return cls(market.frames, market.timeframe_minutes, synthetic=True)

    @classmethod
    def from_folder(
        cls, folder: Path, timeframe: str = "1h", pairs: Sequence[str] | None = None
    ) -> Self:
        """Play Freqtrade's feather files of ``folder``: the given pairs, or all spot pairs there.

        :raises RefuseToStart: when a file is missing or unreadable.
        """
        minutes = interval_minutes(timeframe)
        tail = f"-{timeframe}.feather"
        found = {
            path.name.removesuffix(tail).replace("_", "/"): path
            for path in sorted(folder.glob(f"*{tail}"))
        }
        wanted = list(found) if pairs is None else list(pairs)
        absent = [pair for pair in wanted if pair not in found]
        if absent or not wanted:
            raise RefuseToStart(
                f"{folder} has no {timeframe} candles of {', '.join(absent) or 'any pair'}; "
                "download them with freqtrade download-data, or name pairs that are there "
                f"({', '.join(found) or 'none'})"
            )
        frames = {pair: _read(found[pair]) for pair in wanted}
        return cls(frames, minutes, synthetic=(folder / MARKER).exists())

    def jumped(self, pair: str, begin: int, end: int, factor: float) -> Self:
        """Return a market whose ``pair`` opens the candle of ``begin`` (ms) at ``factor`` times its
        price and stays there until the candle of ``end``: a gap there and, if it ends, one back.
        """
        frames = {}
        for name, tape in self.pairs.items():
            frame = pd.DataFrame(dict(zip(Klines._fields, tape.base, strict=True)))
            if name == pair:
                inside = (frame["date"] >= begin) & (frame["date"] < end)
                scale = np.where(inside, factor, 1.0)
                for column in COLUMNS[:4]:
                    moved = np.round(frame[column] * scale, tape.decimals)
                    frame[column] = np.maximum(moved, tape.tick)
            frame["date"] = pd.to_datetime(frame["date"], unit="ms", utc=True)
            frames[name] = frame
        return type(self)(frames, self.timeframe_minutes, self.synthetic)

    def symbol(self, name: str) -> PairTape:
        """Return the tape of a Binance symbol such as ``BTCUSDT``.

        :raises NotListed: for an unknown symbol.
        """
        try:
            return self._symbols[name]
        except KeyError:
            raise NotListed(f"no symbol {name!r}") from None


def _joined(base: Klines, length: int) -> Klines:
    origin = MONDAY_MS if length == WEEK_MS else 0
    slots = (base.date - origin) // length
    first = np.flatnonzero(np.diff(slots, prepend=slots[0] - 1))
    last = np.append(first[1:], len(slots)) - 1
    return Klines(
        slots[first] * length + origin,
        base.open[first],
        np.maximum.reduceat(base.high, first),
        np.minimum.reduceat(base.low, first),
        base.close[last],
        np.add.reduceat(base.volume, first),
    )


def _decimals(prices: Floats) -> int:
    for decimals in range(9):
        if np.allclose(prices, np.round(prices, decimals), rtol=1e-12, atol=0):
            return decimals
    return 8


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_feather(path)
    except (OSError, ValueError) as fault:
        raise RefuseToStart(f"{path} is no readable feather file: {fault}") from None
