"""The average true range that stops are set by."""

import numpy as np

from freqpilot.features import kernels
from freqpilot.features.workspace import settle_of
from freqpilot.shapes import Candles, Floats


def atr(candles: Candles, period: int) -> Floats:
    """Return Wilder's average true range of each candle, in price; NaN until it has settled.

    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    alpha = 1.0 / period
    ranges = kernels.true_range(candles.high, candles.low, candles.close)
    return np.asarray(kernels.ewm(ranges, alpha, settle_of(alpha)))
