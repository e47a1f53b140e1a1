"""The indicators as formulas over a graph, by their usual names and definitions.

All are in the unit of their input or without one, never scaled to 100, so that what is built of
them needs no constants: RSI is −1…1, ADX and MFI 0…1 or −1…1 as they say.
"""

import math

from freqpilot.features.bank.rolling import deviation, highest, lowest, mean, mean_deviation, total
from freqpilot.features.engine.graph import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    VOLUME,
    Node,
    Op,
    absolute,
    adaptive_ewm,
    clip,
    difference,
    ewm,
    largest,
    log,
    log1p,
    node,
    pick,
    ratio,
    scale,
    signed,
    smallest,
    windowed,
)

ORIGIN_ERROR = 1e-6
"""What is left of an exponential mean's first value when it is given: the error against a series
with another origin, as a share of their difference."""
FLAT = 1e-9
"""A range below this share of the price is no movement."""
ROUNDING = 1e-12
"""A change below this share of the price is one of its last binary digits."""
PERIOD = 14
"""Wilder's own period of his indicators."""


def settle_of(alpha: float) -> int:
    """Return after how many values an exponential mean has forgotten its origin."""
    return math.ceil(math.log(ORIGIN_ERROR) / math.log1p(-alpha)) + 1


def ema(x: Node, span: int, settle: int | None = None) -> Node:
    """Exponential moving average, weight 2/(span + 1) for the newest value."""
    alpha = 2.0 / (span + 1)
    return ewm(x, alpha, settle_of(alpha) if settle is None else settle)


def wilder(x: Node, period: int) -> Node:
    """Wilder's average, weight 1/period for the newest value (Wilder 1978)."""
    return ewm(x, 1.0 / period, settle_of(1.0 / period))


def log_close() -> Node:
    """Natural logarithm of the close; NaN where it is not positive."""
    return log(CLOSE)


def log_return(lag: int) -> Node:
    """Log return over ``lag`` candles."""
    return difference(log_close(), lag)


def log_volume() -> Node:
    """log(1 + volume)."""
    return log1p(clip(VOLUME, 0.0))


def typical() -> Node:
    """Typical price of each candle."""
    return node(Op.TYPICAL, (HIGH, LOW, CLOSE))


def log_ratio(x: Node, y: Node) -> Node:
    """ln(x / y)."""
    return log(x) - log(y)


def true_range() -> Node:
    """Wilder's true range; NaN for the first candle, which has no previous close."""
    return largest(HIGH, CLOSE, 1) - smallest(LOW, CLOSE, 1)


def average_range(period: int = PERIOD) -> Node:
    """Average true range in price (Wilder 1978)."""
    return wilder(true_range(), period)


def atr(period: int = PERIOD) -> Node:
    """:func:`average_range`, at least ``FLAT`` of the close.

    On a pair that stopped trading it would decay below the rounding of what is divided by it.
    """
    return largest(average_range(period), scale(absolute(CLOSE), FLAT))


def per_atr(x: Node) -> Node:
    """``x``, a distance of prices, in ATRs of 14 candles."""
    return ratio(x, atr())


def directional(period: int = PERIOD, *, up: bool) -> Node:
    """Wilder's +DI or −DI, 0…1."""
    moves = windowed(Op.DIRECTION, (HIGH, LOW), 1, (1.0 if up else -1.0,))
    return ratio(wilder(moves, period), atr(period))


def direction_index(period: int = PERIOD) -> Node:
    """(+DI − −DI) / (+DI + −DI), −1…1."""
    up, down = directional(period, up=True), directional(period, up=False)
    return ratio(up - down, up + down)


def adx(period: int = PERIOD) -> Node:
    """Average directional index, 0…1 (Wilder 1978)."""
    return wilder(absolute(direction_index(period)), period)


def strength(change: Node, average: "Averager") -> Node:
    """Average of rises less that of falls over their sum, −1…1."""
    gain, loss = average(clip(change, 0.0)), average(clip(-change, 0.0))
    return ratio(gain - loss, gain + loss)


class Averager:
    """A way to average a series: with a fixed weight, or one that follows another series."""

    def __init__(self, alpha: Node | float, least: float) -> None:
        """:param least: the least weight, which forgets the slowest."""
        self._alpha, self._settle = alpha, settle_of(least)

    def __call__(self, x: Node) -> Node:
        if isinstance(self._alpha, Node):
            return adaptive_ewm(x, self._alpha, self._settle)
        return ewm(x, self._alpha, self._settle)


def rsi(x: Node = CLOSE, period: int = PERIOD) -> Node:
    """Relative strength index, −1…1 instead of 0…100 (Wilder 1978)."""
    return strength(difference(x, 1), Averager(1.0 / period, 1.0 / period))


def macd(fast: int = 12, slow: int = 26) -> Node:
    """Moving average convergence divergence, in price (Appel 1979)."""
    return ema(CLOSE, fast) - ema(CLOSE, slow)


def channel_place(window: int) -> Node:
    """Place of the close between the lowest low and the highest high, −1…1."""
    top, bottom = highest(HIGH, window), lowest(LOW, window)
    return node(Op.PLACE, (CLOSE, top, bottom))


def middle(window: int) -> Node:
    """Middle between the highest high and the lowest low."""
    return 0.5 * (highest(HIGH, window) + lowest(LOW, window))


def commodity_channel(window: int) -> Node:
    """Commodity channel index in hundreds (Lambert 1980)."""
    price = typical()
    return ratio(price - mean(price, window), 1.5 * mean_deviation(price, window))


def rate_of_change(x: Node, lag: int) -> Node:
    """Return over ``lag`` candles."""
    change = difference(x, lag)
    return ratio(change, x - change)


def trix(span: int) -> Node:
    """Return of the triple exponential mean over one candle, in per cent (Hutson 1983)."""
    return 100.0 * rate_of_change(ema(ema(ema(CLOSE, span), span), span), 1)


def balance(amount: Node, change: Node, window: int) -> Node:
    """Amount at rises less that at falls, as a share of all of it, −1…1."""
    return ratio(mean(signed(amount, change), window), mean(amount, window))


def money_flow_index(window: int) -> Node:
    """Money flow index, −1…1 instead of 0…100 (Quong and Soudack 1989)."""
    price = typical()
    # Typical prices that are equal in decimals differ in the last binary digit: no change.
    both = node(Op.FLOW, (price, price, VOLUME), (0, 1, 0), (ROUNDING,), size=2)
    flow, size = pick(both, 0), pick(both, 1)
    return ratio(total(flow, window), total(size, window))


def close_place() -> Node:
    """Where the close lies in its candle, −1…1; 0 without a range."""
    return ratio(2.0 * CLOSE - HIGH - LOW, HIGH - LOW)


def money_flow(window: int) -> Node:
    """Chaikin money flow: volume weighted by where the close lies in its candle, −1…1."""
    return ratio(mean(close_place() * VOLUME, window), mean(VOLUME, window))


def volume_score(window: int) -> Node:
    """Z-score of log(1 + volume) against its last ``window`` values; 0 for constant volume."""
    logged = log_volume()
    return ratio(logged - mean(logged, window), deviation(logged, window))


def volatility(window: int) -> Node:
    """Standard deviation of one-candle log returns."""
    return deviation(log_return(1), window)


def mean_square(x: Node, window: int) -> Node:
    """Mean of squares."""
    return mean(x * x, window)


def parkinson_variance(window: int) -> Node:
    """Variance per candle from its range (Parkinson 1980)."""
    return scale(mean_square(log_ratio(HIGH, LOW), window), 1.0 / (4.0 * math.log(2.0)))


def garman_klass_variance(window: int) -> Node:
    """Variance per candle from its range and body (Garman and Klass 1980)."""
    ranges, body = log_ratio(HIGH, LOW), log_ratio(CLOSE, OPEN)
    each = 0.5 * (ranges * ranges) - (2.0 * math.log(2.0) - 1.0) * (body * body)
    return clip(mean(each, window), 0.0)


def weighted_price(window: int) -> Node:
    """VWAP of a moving window (Berkowitz, Logue and Noser 1988); the mean without any volume.

    The weights' distance from their mean is what moves the price away from its own: written so,
    nothing is lost to the price's level.
    """
    from freqpilot.features.bank.rolling import comoment

    price = typical()
    moved = ratio(comoment(price, VOLUME, window), scale(mean(VOLUME, window), float(window)))
    return mean(price, window) + moved


SAR_WINDOW = 480
"""Candles ago that the parabolic SAR is begun anew. From 240 ago its first direction still showed
in 3 of 18,500 hourly candles of XRP, from 360 in none."""


def parabolic_sar(step: int, most: int) -> Node:
    """Parabolic SAR in price (Wilder 1978); acceleration ``step`` to ``most``, in per cent."""
    params = (float(SAR_WINDOW), step / 100.0, most / 100.0)
    return windowed(Op.PARABOLIC, (HIGH, LOW), SAR_WINDOW - 1, params)


def volatility_pace(fast: int = 24, slow: int = 168) -> Node:
    """How much shorter a period should be now: the day's volatility over the week's, ½…2."""
    return clip(ratio(volatility(fast), volatility(slow)), 0.5, 2.0)


def adaptive(period: float) -> Averager:
    """Wilder's average whose period follows the volatility: shorter when the market is fast."""
    return Averager(scale(volatility_pace(), 1.0 / period), 0.5 / period)
