"""An invented market: seeded candles with the habits of real ones.

It exists to exercise software (a bot's loop, orders, restarts). Nothing measured on it is evidence
about a strategy: whatever is shown from it is marked SYNTHETIC.
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.intervals import interval_name

Floats = NDArray[np.float64]

ARCH, GARCH = 0.07, 0.91  # persistence .98 a candle, near what hourly crypto returns show
JUMPS_PER_DAY, JUMP_SIZE = 0.15, 0.02
MARKER = "SYNTHETIC.md"


@dataclass(frozen=True)
class PairHabit:
    """Start ``price`` in quote currency, ``beta`` to the common factor, ``own_volatility`` a day
    as a fraction, traded ``notional`` a day in quote currency."""

    price: float
    beta: float
    own_volatility: float
    notional: float

    @property
    def decimals(self) -> int:
        """Decimals of the price: about six significant digits, two to eight decimals."""
        return min(8, max(2, 5 - math.floor(math.log10(self.price))))


@dataclass(frozen=True)
class MarketRegime:
    """``drift`` of the common factor a day, ``volatility`` multiple, mean length in days."""

    name: str
    drift: float
    volatility: float
    days: float


HABITS: Mapping[str, PairHabit] = {
    "BTC/USDT": PairHabit(65_000.0, 0.90, 0.008, 1.5e9),
    "ETH/USDT": PairHabit(3_200.0, 1.15, 0.013, 8.0e8),
    "SOL/USDT": PairHabit(150.0, 1.40, 0.025, 3.0e8),
    "XRP/USDT": PairHabit(0.55, 1.10, 0.025, 2.0e8),
    "ADA/USDT": PairHabit(0.45, 1.20, 0.022, 8.0e7),
}
UNKNOWN_HABIT = PairHabit(1.0, 1.20, 0.025, 3.0e7)
DEFAULT_PAIRS = tuple(HABITS)
FACTOR_VOLATILITY = 0.02  # of the common factor, a day
REGIMES = (
    MarketRegime("calm", 0.0, 0.6, 10.0),
    MarketRegime("bull", 0.004, 0.9, 8.0),
    MarketRegime("bear", -0.005, 1.2, 6.0),
    MarketRegime("turbulent", 0.0, 1.9, 2.5),
)


class SyntheticMarket:
    """Candles of correlated pairs with regimes, volatility clustering, jumps and seasonality.

    Log returns are ``beta * common + own``; both parts are Gaussian with GARCH(1,1) variance
    (Bollerslev 1986) plus rare jumps, the common part under a Markov chain of regimes. High and
    low are drawn from the law of a Brownian bridge's extremes (Glasserman 2004, section 6.4).
    Volume rises with the size of the return; both follow the hour of the day.

    Deterministic by ``seed``; a longer market begins with the shorter one, and another list of
    pairs leaves a pair's candles as they are.

    >>> market = SyntheticMarket(candles=48, seed=7)
    >>> sorted(market.frames)[0], len(market.frames["BTC/USDT"])
    ('ADA/USDT', 48)
    """

    def __init__(
        self,
        pairs: Sequence[str] = DEFAULT_PAIRS,
        timeframe_minutes: int = 60,
        start: datetime = datetime(2026, 1, 1, tzinfo=UTC),
        candles: int = 2_000,
        seed: int = 20260101,
    ) -> None:
        """
        :param start: open time of the first candle, UTC, on a candle's boundary.
        :raises RefuseToStart: for a bad pair name, length, start or timeframe.
        """
        self.timeframe = interval_name(timeframe_minutes)
        if candles < 1:
            raise RefuseToStart(f"a market needs at least one candle, not {candles}")
        for pair in pairs:
            if pair.count("/") != 1 or not all(pair.split("/")) or ":" in pair:
                raise RefuseToStart(f"{pair!r} is not a spot pair; write it like BTC/USDT")
        if start.tzinfo is None or start.timestamp() % (timeframe_minutes * 60):
            raise RefuseToStart(
                f"start {start} must be UTC and on a boundary of {self.timeframe} candles"
            )
        self.timeframe_minutes = timeframe_minutes
        self.seed = seed
        self._days = timeframe_minutes / 1_440
        first = pd.Timestamp(start).as_unit("ms").tz_convert("UTC")
        self.dates = first + pd.to_timedelta(
            np.arange(candles) * timeframe_minutes, unit="min"
        ).as_unit("ms")
        self.season = self._season()
        self.regimes = self._regimes(candles)
        common = self._common(candles)
        self.frames = {pair: self._candles(pair, common) for pair in dict.fromkeys(pairs)}

    def write_candles(self, folder: Path) -> list[Path]:
        """Write Freqtrade's feather files and a marker that says they are invented."""
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for pair, frame in self.frames.items():
            path = folder / f"{pair.replace('/', '_')}-{self.timeframe}.feather"
            frame.to_feather(path, compression="lz4", compression_level=9)
            written.append(path)
        (folder / MARKER).write_text(
            "# SYNTHETIC\n\nThe candles in this folder are invented "
            f"(seed {self.seed}, {self.timeframe}, {len(self.dates)} candles from "
            f"{self.dates[0]:%Y-%m-%d %H:%M} UTC). They exercise software; no result on them "
            "says anything about profit.\n",
            encoding="utf-8",
        )
        return written

    def _stream(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def _season(self) -> Floats:
        """Multiple of volatility by hour: highest when Europe and America both trade."""
        hour = self.dates.hour.to_numpy() + self.dates.minute.to_numpy() / 60
        season: Floats = 1.0 + 0.3 * np.cos((hour - 15.0) * (2 * np.pi / 24))
        return season

    def _regimes(self, candles: int) -> NDArray[np.int64]:
        draws = self._stream("regimes").random((candles, 2))
        path = np.empty(candles, dtype=np.int64)
        state = 0
        for row in range(candles):
            if draws[row, 0] < min(1.0, self._days / REGIMES[state].days):
                others = [other for other in range(len(REGIMES)) if other != state]
                state = others[int(draws[row, 1] * len(others))]
            path[row] = state
        return path

    def _common(self, candles: int) -> Floats:
        volatility = np.array([regime.volatility for regime in REGIMES])[self.regimes]
        drift = np.array([regime.drift for regime in REGIMES])[self.regimes]
        shocks = self._shocks("common", candles)
        scale = FACTOR_VOLATILITY * math.sqrt(self._days) * volatility * self.season
        common: Floats = drift * self._days + scale * shocks + self._jumps("common", candles)
        return common

    def _shocks(self, name: str, candles: int) -> Floats:
        """Unit-variance GARCH(1,1) innovations."""
        normal = self._stream(f"{name} shocks").standard_normal(candles)
        shocks = np.empty(candles)
        variance = 1.0
        for row in range(candles):
            shocks[row] = math.sqrt(variance) * normal[row]
            variance = (1 - ARCH - GARCH) + ARCH * shocks[row] ** 2 + GARCH * variance
        return shocks

    def _jumps(self, name: str, candles: int) -> Floats:
        draws = self._stream(f"{name} jumps").random((candles, 3))
        happens = draws[:, 0] < min(1.0, JUMPS_PER_DAY * self._days)
        size = JUMP_SIZE * -np.log1p(-draws[:, 2])
        jumps: Floats = np.where(happens, np.where(draws[:, 1] < 0.5, -size, size), 0.0)
        return jumps

    def _candles(self, pair: str, common: Floats) -> pd.DataFrame:
        habit = HABITS.get(pair, UNKNOWN_HABIT)
        count = len(common)
        scale = habit.own_volatility * math.sqrt(self._days) * self.season
        own = scale * self._shocks(pair, count) + 0.5 * self._jumps(pair, count)
        returns = habit.beta * common + own
        log_close = math.log(habit.price) + np.cumsum(returns)
        log_open = np.concatenate(([math.log(habit.price)], log_close[:-1]))
        typical = math.hypot(habit.beta * FACTOR_VOLATILITY, habit.own_volatility)
        width = typical * math.sqrt(self._days) * self.season
        high, low = self._extremes(pair, log_open, log_close, width)
        prices = [
            np.maximum(np.round(np.exp(values), habit.decimals), 10.0**-habit.decimals)
            for values in (log_open, high, low, log_close)
        ]
        volume = self._volume(pair, habit, np.abs(returns) / width) / prices[3]
        return pd.DataFrame(
            {
                "date": self.dates,
                "open": prices[0],
                "high": np.maximum.reduce(prices),
                "low": np.minimum.reduce(prices),
                "close": prices[3],
                "volume": np.round(volume, 4),
            }
        )

    def _extremes(
        self, pair: str, log_open: Floats, log_close: Floats, width: Floats
    ) -> tuple[Floats, Floats]:
        """Highest and lowest log price of a Brownian bridge from open to close."""
        draws = self._stream(f"{pair} extremes").random((len(log_open), 2))
        move = log_close - log_open
        # 0.9 gives the ratio of range to return that hourly candles of real markets show.
        reach = np.sqrt(move[:, None] ** 2 - 2 * (0.9 * width[:, None]) ** 2 * np.log1p(-draws))
        high: Floats = log_open + (move + reach[:, 0]) / 2
        low: Floats = log_open + (move - reach[:, 1]) / 2
        return high, low

    def _volume(self, pair: str, habit: PairHabit, moved: Floats) -> Floats:
        """Traded value a candle in quote currency."""
        noise = self._stream(f"{pair} volume").standard_normal(len(moved))
        activity = np.exp(0.35 * noise) * (0.5 + 0.7 * np.minimum(moved, 8.0)) * self.season**2
        volume: Floats = habit.notional * self._days * activity
        return volume
