"""Numba kernels over rolling windows of one or two series: order, moments, entropy, memory.

NaN as in :mod:`freqpilot.features.kernels`. A value depends on its own window alone, bit by bit:
sums are made anew or by doubling, the sorted window and the counts are exact.
"""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


@njit(cache=True, nogil=True)
def window_sum(x: Floats, window: int) -> Floats:
    """Sum of the last ``window`` values, O(log window): sums of 2, 4, 8 … values by doubling
    (Hillis and Steele 1986), so that the order of additions is the same at every place."""
    n = x.shape[0]
    out = np.zeros(n)
    block = x.copy()
    size, done, rest = 1, 0, window
    while rest > 0:
        if rest & 1:
            out[: min(done, n)] = np.nan
            for i in range(done, n):
                out[i] += block[i - done]
            done += size
        rest >>= 1
        if rest > 0:
            doubled = np.full(n, np.nan)
            for i in range(size, n):
                doubled[i] = block[i] + block[i - size]
            block = doubled
            size *= 2
    for i in range(n):
        if not np.isfinite(out[i]):
            out[i] = np.nan
    return out


@njit(cache=True, nogil=True)
def _below(ordered: Floats, size: int, value: float) -> int:
    """Return how many of the first ``size`` sorted values are smaller."""
    low, high = 0, size
    while low < high:
        middle = (low + high) >> 1
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _insert(ordered: Floats, size: int, new: float) -> None:
    """Insert ``new`` into ``size`` sorted values."""
    place = _below(ordered, size, new)
    for j in range(size - place):
        ordered[size - j] = ordered[size - j - 1]
    ordered[place] = new


@njit(cache=True, nogil=True)
def _replace(ordered: Floats, size: int, old: float, new: float) -> None:
    """Put ``new`` into ``size`` sorted values in place of ``old``."""
    left, target = _below(ordered, size, old), _below(ordered, size, new)
    if target > left:
        target -= 1
        for j in range(left, target):
            ordered[j] = ordered[j + 1]
    else:
        for j in range(left - target):
            ordered[left - j] = ordered[left - j - 1]
    ordered[target] = new


@njit(cache=True, nogil=True)
def rolling_rank(x: Floats, window: int) -> Floats:
    """Share of the other ``window`` − 1 last values below the newest, ties counted half, 0…1 (the
    mid-rank of Kendall 1945). Counted without a branch, several at once: faster than sorting."""
    out = np.full(x.shape[0], np.nan)
    others = max(window - 1, 1)
    count = 0
    for i in range(x.shape[0]):
        value = x[i]
        count = count + 1 if np.isfinite(value) else 0
        if count < window:
            continue
        part = x[i - window + 1 : i]
        twice = 0
        for j in range(part.shape[0]):
            twice += part[j] < value
            twice += part[j] <= value
        out[i] = 0.5 * twice / others
    return out


@njit(cache=True, nogil=True)
def rolling_quantiles(x: Floats, window: int, shares: Floats) -> Floats:
    """Quantiles of the last ``window`` values, a row for each of ``shares`` (0…1), interpolated
    linearly (type 7 of Hyndman and Fan 1996), from a window kept sorted."""
    out = np.full((shares.shape[0], x.shape[0]), np.nan)
    ordered = np.empty(window)
    size = 0
    for i in range(x.shape[0]):
        if not np.isfinite(x[i]):
            size = 0
            continue
        if size < window:
            _insert(ordered, size, x[i])
            size += 1
        else:
            _replace(ordered, size, x[i - window], x[i])
        if size < window:
            continue
        for k in range(shares.shape[0]):
            place = shares[k] * (window - 1)
            low = int(place)
            high = min(low + 1, window - 1)
            out[k, i] = ordered[low] + (ordered[high] - ordered[low]) * (place - low)
    return out


@njit(cache=True, nogil=True)
def rolling_quantile(x: Floats, window: int, share: float) -> Floats:
    """One row of :func:`rolling_quantiles`."""
    row: Floats = rolling_quantiles(x, window, np.array([share]))[0]
    return row


@njit(cache=True, nogil=True)
def _mean(x: Floats, begin: int, count: int) -> float:
    """Mean of ``count`` values, exact where they are all the same."""
    total = 0.0
    for j in range(begin + 1, begin + count):
        total += x[j] - x[begin]
    mean: float = x[begin] + total / count
    return mean


@njit(cache=True, nogil=True)
def rolling_zscore(x: Floats, window: int) -> Floats:
    """Distance of the newest value from the mean of the last ``window`` in their population
    standard deviations (Student 1908)."""
    out = np.full(x.shape[0], np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        begin = i - window + 1
        mean, square = _mean(x, begin, window), 0.0
        for j in range(begin, i + 1):
            square += (x[j] - mean) ** 2
        out[i] = (x[i] - mean) / np.sqrt(square / window) if square > 0 else 0.0
    return out


@njit(cache=True, nogil=True)
def rolling_shape(x: Floats, window: int) -> Floats:
    """Two rows: skew m3 / m2^1.5 and excess kurtosis m4 / m2² − 3 of the last ``window`` values
    (Pearson 1895, 1905; population moments by two passes); 0 where they are all the same."""
    out = np.full((2, x.shape[0]), np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        begin = i - window + 1
        mean = _mean(x, begin, window)
        m2, m3, m4 = 0.0, 0.0, 0.0
        for j in range(begin, i + 1):
            d = x[j] - mean
            square = d * d
            m2 += square
            m3 += square * d
            m4 += square * square
        m2, m3, m4 = m2 / window, m3 / window, m4 / window
        cube = m2 * np.sqrt(m2)
        out[0, i] = m3 / cube if cube > 0 else 0.0
        out[1, i] = m4 / (m2 * m2) - 3.0 if m2 * m2 > 0 else 0.0
    return out


@njit(cache=True, nogil=True)
def _entropy(counts: Floats, total: float) -> float:
    """Shannon entropy in bits of ``counts`` that add up to ``total``."""
    bits = 0.0
    for k in range(counts.shape[0]):
        if counts[k] > 0:
            share = counts[k] / total
            bits -= share * np.log2(share)
    return max(bits, 0.0)


@njit(cache=True, nogil=True)
def sign_entropy(x: Floats, window: int, word: int) -> Floats:
    """Shannon entropy (1948) of the patterns of ``word`` signs (up or not) in the last ``window``
    values, as a share of its most, ``word`` bits: 1 where all patterns come as often. After
    López de Prado 2018 §18.3, plug-in estimator."""
    out = np.full(x.shape[0], np.nan)
    counts = np.zeros(1 << word)
    codes = np.zeros(x.shape[0], dtype=np.int64)
    words = window - word + 1
    count, code = 0, 0
    for i in range(x.shape[0]):
        if not np.isfinite(x[i]):
            count, code = 0, 0
            counts[:] = 0.0
            continue
        count += 1
        code = ((code << 1) | (1 if x[i] > 0 else 0)) & ((1 << word) - 1)
        codes[i] = code
        if count < word:
            continue
        counts[code] += 1.0
        if count > window:
            counts[codes[i - words]] -= 1.0
        if count >= window:
            out[i] = _entropy(counts, words) / word
    return out


@njit(cache=True, nogil=True)
def bin_entropy(x: Floats, window: int, bins: int) -> Floats:
    """Shannon entropy (1948) of the last ``window`` values in ``bins`` equal bins over two
    standard deviations about their mean (the outer ones take what is beyond), as a share of its
    most, log2(bins); 0 where all are the same. López de Prado 2018 §18.5, encoding by σ."""
    out = np.full(x.shape[0], np.nan)
    counts = np.zeros(bins)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        begin = i - window + 1
        mean, square = _mean(x, begin, window), 0.0
        for j in range(begin, i + 1):
            square += (x[j] - mean) ** 2
        width = 4.0 * np.sqrt(square / window) / bins
        if width <= 0.0:
            out[i] = 0.0
            continue
        counts[:] = 0.0
        for j in range(begin, i + 1):
            place = (x[j] - mean) / width + 0.5 * bins
            counts[int(min(max(place, 0.0), bins - 1.0))] += 1.0
        out[i] = _entropy(counts, window) / np.log2(bins)
    return out


@njit(cache=True, nogil=True)
def hurst(x: Floats, window: int, lags: Floats) -> Floats:
    """Hurst exponent of the levels ``x``: half the slope of log mean squared difference over log
    lag, at fixed whole ``lags`` (Mandelbrot and Van Ness 1968; Di Matteo 2007 with q = 2). 0.5 is
    a random walk, and given where a lag has no movement at all."""
    n = x.shape[0]
    logs = np.log(lags)
    logs -= logs.mean()
    slope = np.zeros(n)
    flat = np.zeros(n, dtype=np.bool_)
    for k in range(lags.shape[0]):
        lag = int(lags[k])
        squares = np.full(n, np.nan)
        for i in range(lag, n):
            squares[i] = (x[i] - x[i - lag]) ** 2
        squares = window_sum(squares, window - lag)
        for i in range(n):
            if squares[i] == 0.0:
                flat[i] = True
            else:
                slope[i] += logs[k] * np.log(squares[i] / (window - lag))
    slope /= 2.0 * (logs * logs).sum()
    for i in range(n):
        if flat[i]:
            slope[i] = 0.5
    return slope


def fractional_weights(order: float, threshold: float) -> Floats:
    """Weights of (1 − B)^``order``, newest value first, up to the first smaller than ``threshold``
    (López de Prado 2018 §5.5, snippet 5.3)."""
    weights = [1.0]
    while True:
        k = len(weights)
        following = -weights[-1] * (order - k + 1.0) / k
        if abs(following) < threshold:
            return np.array(weights)
        weights.append(following)


@njit(cache=True, nogil=True)
def fractional_difference(x: Floats, weights: Floats) -> Floats:
    """Fixed-width fractional differentiation: weighted sum of the last ``len(weights)`` values,
    newest first (López de Prado 2018 §5.5). In blocks that stay in the cache."""
    n, width, block = x.shape[0], weights.shape[0], 2048
    out = np.full(n, np.nan)
    for begin in range(width - 1, n, block):
        end = min(begin + block, n)
        total = np.zeros(end - begin)
        for k in range(width):
            weight, source = weights[k], x[begin - k : end - k]
            for i in range(end - begin):
                total[i] += weight * source[i]
        for i in range(end - begin):
            if np.isfinite(total[i]):
                out[begin + i] = total[i]
    return out


@njit(cache=True, nogil=True)
def _comoments(
    x: Floats, y: Floats, begin_x: int, begin_y: int, count: int
) -> tuple[float, float, float]:
    """Return Σdx·dy, Σdx² and Σdy² of ``count`` values of each, about their means."""
    mean_x, mean_y = _mean(x, begin_x, count), _mean(y, begin_y, count)
    xy, xx, yy = 0.0, 0.0, 0.0
    for j in range(count):
        dx, dy = x[begin_x + j] - mean_x, y[begin_y + j] - mean_y
        xy += dx * dy
        xx += dx * dx
        yy += dy * dy
    return xy, xx, yy


@njit(cache=True, nogil=True)
def rolling_correlation(x: Floats, y: Floats, window: int) -> Floats:
    """Correlation of the last ``window`` values of two series (Pearson 1896); 0 where one rests."""
    out = np.full(x.shape[0], np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) and np.isfinite(y[i]) else 0
        if count < window:
            continue
        begin = i - window + 1
        xy, xx, yy = _comoments(x, y, begin, begin, window)
        scale = np.sqrt(xx) * np.sqrt(yy)
        out[i] = min(max(xy / scale, -1.0), 1.0) if scale > 0 else 0.0
    return out


@njit(cache=True, nogil=True)
def rolling_beta(x: Floats, market: Floats, window: int) -> Floats:
    """Slope of ``x`` on ``market`` over ``window`` values (Sharpe 1964); 0 where that rests."""
    out = np.full(x.shape[0], np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) and np.isfinite(market[i]) else 0
        if count < window:
            continue
        begin = i - window + 1
        xy, _, yy = _comoments(x, market, begin, begin, window)
        out[i] = xy / yy if yy > 0 else 0.0
    return out


@njit(cache=True, nogil=True)
def autocorrelation(x: Floats, window: int, lag: int) -> Floats:
    """Correlation of the last ``window`` values with those ``lag`` before, all of them within the
    window (Box and Jenkins 1970, with the means of the pairs, as pandas); 0 where flat."""
    out = np.full(x.shape[0], np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        begin = i - window + 1
        xy, xx, yy = _comoments(x, x, begin, begin + lag, window - lag)
        scale = np.sqrt(xx) * np.sqrt(yy)
        out[i] = min(max(xy / scale, -1.0), 1.0) if scale > 0 else 0.0
    return out


@njit(cache=True, nogil=True)
def variance_ratio(x: Floats, window: int, lag: int) -> Floats:
    """Variance of ``lag``-step changes of the levels ``x`` over ``lag`` times that of one step,
    less 1, from the last ``window`` changes (Lo and MacKinlay 1988, overlapping and unbiased):
    above 0 a trend, below 0 reversion; 0 where there is no variance."""
    out = np.full(x.shape[0], np.nan)
    scale = lag * (window - lag + 1.0) * (1.0 - lag / window) / (window - 1.0)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window + 1:
            continue
        begin = i - window
        drift = (x[i] - x[begin]) / window
        short, long = 0.0, 0.0
        for j in range(begin + 1, i + 1):
            short += (x[j] - x[j - 1] - drift) ** 2
        for j in range(begin + lag, i + 1):
            long += (x[j] - x[j - lag] - lag * drift) ** 2
        out[i] = long / (short * scale) - 1.0 if short * scale > 0 else 0.0
    return out
