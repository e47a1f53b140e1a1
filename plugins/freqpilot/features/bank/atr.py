"""The average true range that stops are set by."""

from freqpilot.features.bank.formulas import average_range
from freqpilot.features.bank.registry import evaluate
from freqpilot.shapes import Candles, Floats


def atr(candles: Candles, period: int) -> Floats:
    """Return Wilder's average true range of each candle, in price; NaN until it has settled.

    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    values: Floats = evaluate([average_range(period)], candles)[0]
    return values
