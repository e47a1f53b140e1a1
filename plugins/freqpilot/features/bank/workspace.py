"""Series of one set of candles in float64, each computed once: what analysts and labels read."""

import numpy as np

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank import rolling
from freqpilot.features.bank.formulas import FLAT, ORIGIN_ERROR, settle_of
from freqpilot.features.bank.registry import evaluate
from freqpilot.features.engine.graph import CLOSE, Node
from freqpilot.shapes import Candles, Floats

EMA_ALPHA = {span: 2.0 / (span + 1) for span in (8, 21, 50)}
WILDER = 1.0 / f.PERIOD

__all__ = ["EMA_ALPHA", "FLAT", "ORIGIN_ERROR", "WILDER", "Workspace", "settle_of"]


class Workspace:
    """Series over ``candles``; NaN where they have not settled or a candle is missing."""

    def __init__(self, candles: Candles) -> None:
        self.candles = candles
        self._known: dict[int, Floats] = {}

    def values(self, node: Node) -> Floats:
        """Return the series that ``node`` is."""
        if id(node) not in self._known:
            self._known[id(node)] = evaluate([node], self.candles)[0]
        return self._known[id(node)]

    def log_return(self, lag: int) -> Floats:
        """Log return over ``lag`` candles."""
        return self.values(f.log_return(lag))

    def ema(self, span: int) -> Floats:
        """Exponential moving average of the close."""
        return self.values(f.ema(CLOSE, span))

    def mean(self, window: int) -> Floats:
        """Simple moving average of the close."""
        return self.values(rolling.mean(CLOSE, window))

    def atr(self) -> Floats:
        """Average true range over 14 candles, in price; see :func:`formulas.atr`."""
        return self.values(f.atr())

    def adx(self) -> Floats:
        """Average directional index over 14 candles, 0…1."""
        return self.values(f.adx())

    def rsi(self) -> Floats:
        """Relative strength index over 14 candles, −1…1."""
        return self.values(f.rsi())

    def volatility(self, window: int) -> Floats:
        """Standard deviation of one-candle log returns."""
        return self.values(f.volatility(window))

    def money_flow(self, window: int) -> Floats:
        """Chaikin money flow, −1…1."""
        return self.values(f.money_flow(window))

    def volume_score(self, window: int) -> Floats:
        """Z-score of log(1 + volume) against its last ``window`` values."""
        return self.values(f.volume_score(window))


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient; 0 where the denominator is 0 (no movement has no direction), NaN stays NaN."""
    none = denominator == 0.0
    return np.where(none, numerator * 0.0, numerator / np.where(none, 1.0, denominator))
