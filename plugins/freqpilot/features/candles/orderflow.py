"""Numba kernels for order flow: the best quotes' changes, and the toxicity of traded volume.

Plain functions, no features: candles hold no quotes. A NaN gives NaN, as in
:mod:`freqpilot.features.kernels.trend`.
"""

import math

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


@njit(cache=True, nogil=True)
def order_flow(bid: Floats, bid_size: Floats, ask: Floats, ask_size: Floats) -> Floats:
    """Order-flow contribution of each update of the best quotes; NaN for the first.

    Source: R. Cont, A. Kukanov, S. Stoikov, The Price Impact of Order Book Events, 2014, eq. 4:
    the bid's new size where it did not fall, less its old size where it did not rise, and the
    mirror image for the ask. Positive is pressure upwards.
    """
    n = bid.shape[0]
    out = np.full(n, np.nan)
    for i in range(1, n):
        flow = 0.0
        if bid[i] >= bid[i - 1]:
            flow += bid_size[i]
        if bid[i] <= bid[i - 1]:
            flow -= bid_size[i - 1]
        if ask[i] <= ask[i - 1]:
            flow -= ask_size[i]
        if ask[i] >= ask[i - 1]:
            flow += ask_size[i - 1]
        # The sum is NaN or infinite with any of its terms; comparisons alone would hide a NaN.
        sizes = bid_size[i] + bid_size[i - 1] + ask_size[i] + ask_size[i - 1]
        if np.isfinite(bid[i] + bid[i - 1] + ask[i] + ask[i - 1] + sizes):
            out[i] = flow
    return out


@njit(cache=True, nogil=True)
def order_flow_imbalance(
    bid: Floats, bid_size: Floats, ask: Floats, ask_size: Floats, window: int
) -> Floats:
    """Order flow of the last ``window`` updates over the mean depth in them, the mean size at a
    best quote (Cont, Kukanov, Stoikov 2014, section 2.3); 0 where the depth is 0."""
    flow = order_flow(bid, bid_size, ask, ask_size)
    n = flow.shape[0]
    out = np.full(n, np.nan)
    count = 0
    for i in range(n):
        count = count + 1 if np.isfinite(flow[i]) else 0
        if count < window:
            continue
        total, depth = 0.0, 0.0
        for j in range(i - window + 1, i + 1):
            total += flow[j]
            depth += (bid_size[j] + ask_size[j]) / 2
        out[i] = total * window / depth if depth > 0 else 0.0
    return out


@njit(cache=True, nogil=True)
def bulk_buy_share(close: Floats, window: int) -> Floats:
    """Share of each candle's volume that was bought, 0…1, by bulk volume classification.

    Source: D. Easley, M. López de Prado, M. O'Hara, Flow Toxicity and Liquidity in a High-Frequency
    World, 2012, eq. 3: the normal distribution at the price change over its standard deviation;
    here that of the last ``window`` changes, the newest among them. 0.5 where they are all alike.
    """
    n = close.shape[0]
    out = np.full(n, np.nan)
    count = 0
    for i in range(n):
        count = count + 1 if np.isfinite(close[i]) else 0
        if count <= window:
            continue
        mean = (close[i] - close[i - window]) / window
        total = 0.0
        for j in range(i - window + 1, i + 1):
            total += (close[j] - close[j - 1] - mean) ** 2
        deviation = np.sqrt(total / window)
        # A deviation of pure rounding is none.
        if deviation > 1e-12 * abs(close[i]):
            score = (close[i] - close[i - 1]) / deviation
            out[i] = 0.5 + 0.5 * math.erf(score / math.sqrt(2.0))
        else:
            out[i] = 0.5
    return out


@njit(cache=True, nogil=True)
def _vpin_at(
    volume: Floats, buy_share: Floats, row: int, bucket: float, buckets: int, reach: int
) -> float:
    """VPIN of the buckets that end with ``row``; NaN where they are not filled."""
    toxic, signed, filled, done = 0.0, 0.0, 0.0, 0
    for j in range(row, max(row - reach, -1), -1):
        if not (np.isfinite(volume[j]) and np.isfinite(buy_share[j])):
            return np.nan
        rest, side = max(volume[j], 0.0), 2.0 * buy_share[j] - 1.0
        while rest >= bucket - filled:
            rest -= bucket - filled
            toxic += abs(signed + side * (bucket - filled))
            signed, filled, done = 0.0, 0.0, done + 1
            if done == buckets:
                return float(toxic / (buckets * bucket))
        signed += side * rest
        filled += rest
    return np.nan


@njit(cache=True, nogil=True)
def vpin(
    volume: Floats, buy_share: Floats, bucket: float, buckets: int = 50, reach: int = 1_000
) -> Floats:
    """Volume-synchronised probability of informed trading over ``buckets`` buckets, 0…1.

    Source: Easley, López de Prado, O'Hara 2012, eq. 4: the mean of |bought − sold| over buckets of
    equal volume ``bucket``, a candle's volume split between them. The buckets are filled backwards
    from each candle, so that none depends on where the data begin. NaN where the last ``reach``
    candles do not fill them, or one of the candles needed is NaN.
    """
    out = np.full(volume.shape[0], np.nan)
    if not bucket > 0:
        return out
    for i in range(volume.shape[0]):
        out[i] = _vpin_at(volume, buy_share, i, bucket, buckets, reach)
    return out


@njit(cache=True, nogil=True)
def relative_spread(bid: Floats, ask: Floats) -> Floats:
    """Best ask less best bid over their middle; NaN where that is not positive."""
    n = bid.shape[0]
    out = np.full(n, np.nan)
    for i in range(n):
        middle = 0.5 * (bid[i] + ask[i])
        if middle > 0.0 and np.isfinite(middle):
            out[i] = (ask[i] - bid[i]) / middle
    return out


@njit(cache=True, nogil=True)
def book_depth(
    bid: Floats, bid_size: Floats, ask: Floats, ask_size: Floats, share: float
) -> tuple[float, float]:
    """Size bid and size asked no further than ``share`` (0.01 is 1 %) from the middle of a book.

    The levels of one snapshot, in any order; a level with a NaN is left out. NaN where a side has
    no level.
    """
    best_bid, best_ask = -np.inf, np.inf
    for k in range(bid.shape[0]):
        if np.isfinite(bid[k] + bid_size[k]):
            best_bid = max(best_bid, bid[k])
    for k in range(ask.shape[0]):
        if np.isfinite(ask[k] + ask_size[k]):
            best_ask = min(best_ask, ask[k])
    middle = 0.5 * (best_bid + best_ask)
    if not (np.isfinite(best_bid) and np.isfinite(best_ask)):
        return np.nan, np.nan
    bought, sold = 0.0, 0.0
    for k in range(bid.shape[0]):
        if np.isfinite(bid_size[k]) and bid[k] >= middle * (1.0 - share):
            bought += bid_size[k]
    for k in range(ask.shape[0]):
        if np.isfinite(ask_size[k]) and ask[k] <= middle * (1.0 + share):
            sold += ask_size[k]
    return bought, sold


@njit(cache=True, nogil=True)
def _score(x: Floats, row: int, window: int) -> float:
    """Z-score of ``x[row]`` among the last ``window`` values; 0 where they are all alike."""
    total, square = 0.0, 0.0
    for j in range(row - window + 1, row + 1):
        total += x[j] - x[row]
    mean = x[row] + total / window
    for j in range(row - window + 1, row + 1):
        square += (x[j] - mean) ** 2
    deviation = np.sqrt(square / window)
    # A deviation of pure rounding is none.
    return float((x[row] - mean) / deviation) if deviation > 1e-12 * abs(mean) else 0.0


@njit(cache=True, nogil=True)
def absorption(signed_volume: Floats, close: Floats, window: int) -> Floats:
    """How much signed volume left the price where it was: the z-score of its size less that of the
    price change's size, at least 0, with the sign of the side that absorbed it.

    Both scores are those of the last ``window`` values. Positive: sold into and held (buyers
    absorb); negative: bought into and held. The measure is ours.
    """
    n = close.shape[0]
    out = np.full(n, np.nan)
    size, change = np.abs(signed_volume), np.full(n, np.nan)
    count = 0
    for i in range(1, n):
        change[i] = abs(close[i] - close[i - 1])
        count = count + 1 if np.isfinite(change[i] + size[i]) else 0
        if count < window:
            continue
        excess = max(_score(size, i, window) - _score(change, i, window), 0.0)
        out[i] = -np.sign(signed_volume[i]) * excess
    return out


@njit(cache=True, nogil=True)
def iceberg_trace(executed: Floats, displayed: Floats) -> Floats:
    """Share of the volume ``executed`` at a price that was never ``displayed`` there, 0…1.

    Above 0 more was traded at that price than the book had shown: a hidden or a refilled order.
    0 where nothing was executed.
    """
    n = executed.shape[0]
    out = np.full(n, np.nan)
    for i in range(n):
        if np.isfinite(executed[i] + displayed[i]):
            hidden = executed[i] - max(displayed[i], 0.0)
            out[i] = max(hidden, 0.0) / executed[i] if executed[i] > 0.0 else 0.0
    return out
