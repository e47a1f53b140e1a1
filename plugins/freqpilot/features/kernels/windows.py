"""Numba kernels over rolling windows: order, entropy, fractional differentiation.

NaN as in :mod:`freqpilot.features.kernels.trend`. A value depends on its own window alone, bit by
bit. Rank and quantiles are for a few rows at a time; :mod:`freqpilot.features.kernels.ranks` and
:mod:`freqpilot.features.kernels.quantiles` are for many.
"""

import numpy as np
from numba import njit

from freqpilot.shapes import Floats


@njit(cache=True, nogil=True)
def rolling_rank(x: Floats, window: int) -> Floats:
    """Share of the other ``window`` − 1 last values below the newest, ties counted half, 0…1 (the
    mid-rank of Kendall 1945). Counted without a branch, several at once."""
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
    linearly (type 7 of Hyndman and Fan 1996); each window is sorted anew."""
    out = np.full((shares.shape[0], x.shape[0]), np.nan)
    count = 0
    for i in range(x.shape[0]):
        count = count + 1 if np.isfinite(x[i]) else 0
        if count < window:
            continue
        ordered = np.sort(x[i - window + 1 : i + 1])
        for k in range(shares.shape[0]):
            place = shares[k] * (window - 1)
            low = int(place)
            high = min(low + 1, window - 1)
            out[k, i] = ordered[low] + (ordered[high] - ordered[low]) * (place - low)
    return out


@njit(cache=True, nogil=True)
def _mean(x: Floats, begin: int, count: int) -> float:
    """Mean of ``count`` values, exact where they are all the same."""
    total = 0.0
    for j in range(begin + 1, begin + count):
        total += x[j] - x[begin]
    mean: float = x[begin] + total / count
    return mean


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
