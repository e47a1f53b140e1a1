"""Intermediate series of one set of candles, each computed once and shared by the features."""

import math
from collections.abc import Callable

import numpy as np

from freqpilot.features import kernels
from freqpilot.shapes import Candles, Floats

ORIGIN_ERROR = 1e-6
"""What is left of an exponential mean's first value when it is given: the error against a series
with another origin, as a share of their difference."""


def settle_of(alpha: float) -> int:
    """Return after how many values an exponential mean has forgotten its origin."""
    return math.ceil(math.log(ORIGIN_ERROR) / math.log1p(-alpha)) + 1


FLAT = 1e-9
"""A range below this share of the price is no movement."""
EMA_ALPHA = {span: 2.0 / (span + 1) for span in (8, 21, 50)}
WILDER = 1.0 / 14


class Workspace:
    """Series over ``candles`` by name; see :mod:`freqpilot.features.kernels` for NaN."""

    def __init__(self, candles: Candles) -> None:
        self.candles = candles
        self._known: dict[str, Floats] = {}

    def _once(self, name: str, compute: Callable[[], Floats]) -> Floats:
        if name not in self._known:
            self._known[name] = compute()
        return self._known[name]

    def log_close(self) -> Floats:
        """Natural logarithm of the close; NaN where it is not positive."""

        def compute() -> Floats:
            close = self.candles.close
            positive = np.where(close > 0, close, np.nan)
            return np.asarray(np.log(positive))

        return self._once("log_close", compute)

    def log_return(self, lag: int) -> Floats:
        """Log return over ``lag`` candles."""
        return self._once(
            f"return_{lag}", lambda: np.asarray(kernels.lag_difference(self.log_close(), lag))
        )

    def ema(self, span: int) -> Floats:
        """Exponential moving average of the close (span 8, 21 or 50)."""
        alpha = EMA_ALPHA[span]
        return self._once(
            f"ema_{span}",
            lambda: np.asarray(kernels.ewm(self.candles.close, alpha, settle_of(alpha))),
        )

    def mean(self, window: int) -> Floats:
        """Simple moving average of the close."""
        return self._once(
            f"mean_{window}",
            lambda: np.asarray(kernels.rolling_mean(self.candles.close, window)),
        )

    def wilder(self, name: str, series: Callable[[], Floats]) -> Floats:
        """Wilder's average over 14 candles of ``series``, kept under ``name``."""
        return self._once(
            name, lambda: np.asarray(kernels.ewm(series(), WILDER, settle_of(WILDER)))
        )

    def atr(self) -> Floats:
        """Average true range over 14 candles, in price, at least ``FLAT`` of the close.

        On a pair that stopped trading it would decay below the rounding of what is divided by it.
        """
        c = self.candles

        def compute() -> Floats:
            ranges = self.wilder(
                "true range", lambda: np.asarray(kernels.true_range(c.high, c.low, c.close))
            )
            return np.maximum(ranges, FLAT * np.abs(c.close))

        return self._once("atr", compute)

    def directional(self, *, up: bool) -> Floats:
        """Wilder's +DI or −DI over 14 candles, 0…1."""
        c = self.candles
        moves = self.wilder(
            f"dm_{up}", lambda: np.asarray(kernels.directional_moves(c.high, c.low, up))
        )
        return self._once(f"di_{up}", lambda: np.asarray(kernels.ratio(moves, self.atr())))

    def direction_index(self) -> Floats:
        """(+DI − −DI) / (+DI + −DI), −1…1."""
        up, down = self.directional(up=True), self.directional(up=False)
        return self._once("dx", lambda: np.asarray(kernels.ratio(up - down, up + down)))

    def adx(self) -> Floats:
        """Average directional index over 14 candles, 0…1 (Wilder 1978)."""
        return self.wilder("adx", lambda: np.abs(self.direction_index()))

    def rsi(self) -> Floats:
        """Relative strength index over 14 candles, −1…1 instead of 0…100 (Wilder 1978)."""

        def compute() -> Floats:
            change = kernels.lag_difference(self.candles.close, 1)
            gain = self.wilder("gain", lambda: np.maximum(change, 0.0))
            loss = self.wilder("loss", lambda: np.maximum(-change, 0.0))
            return np.asarray(kernels.ratio(gain - loss, gain + loss))

        return self._once("rsi", compute)

    def volatility(self, window: int) -> Floats:
        """Standard deviation of one-candle log returns."""
        return self._once(
            f"volatility_{window}",
            lambda: np.asarray(kernels.rolling_std(self.log_return(1), window)),
        )

    def money_flow(self, window: int) -> Floats:
        """Chaikin money flow: volume weighted by where the close lies in its candle, −1…1."""

        def compute() -> Floats:
            c = self.candles
            place = kernels.ratio(2 * c.close - c.high - c.low, c.high - c.low)
            flow = kernels.rolling_mean(place * c.volume, window)
            return np.asarray(kernels.ratio(flow, kernels.rolling_mean(c.volume, window)))

        return self._once(f"money_flow_{window}", compute)

    def volume_score(self, window: int) -> Floats:
        """Z-score of log(1 + volume) against its last ``window`` values; 0 for constant volume."""

        def compute() -> Floats:
            logged = np.log1p(np.maximum(self.candles.volume, 0.0))
            mean, std = kernels.rolling_mean(logged, window), kernels.rolling_std(logged, window)
            # A constant that binary cannot hold has a deviation of pure rounding.
            return np.asarray(kernels.ratio(logged - mean, np.where(std < FLAT, 0.0, std)))

        return self._once(f"volume_score_{window}", compute)
