"""Candles for tests, from a seed: a strategy of Hypothesis draws seed, length, cut and mutation,
never raw arrays."""

import numpy as np

from freqpilot.shapes import Candles

HOUR = 3_600_000_000_000
MUTATIONS = ("none", "flat", "no volume", "jump", "gap", "nan")


def candles(seed: int, length: int, mutation: str = "none") -> Candles:
    """Return ``length`` valid candles of a random walk with changing volatility, mutated once."""
    rng = np.random.default_rng(seed)
    volatility = 0.01 * np.exp(0.5 * np.sin(np.arange(length) / 40 + seed))
    close = 100 * np.exp(np.cumsum(rng.standard_normal(length) * volatility))
    opened = np.concatenate([[100.0], close[:-1]])[:length]
    wick = np.abs(rng.standard_normal((2, length))) * volatility * close
    high, low = np.maximum(opened, close) + wick[0], np.minimum(opened, close) - wick[1]
    volume = rng.lognormal(3, 1, length)
    date = 1_700_000_000_000_000_000 // HOUR * HOUR + np.arange(length) * HOUR
    columns = [opened, high, np.maximum(low, 1e-6), close, volume]
    middle = slice(length // 2, length // 2 + 1 + length // 20)
    if mutation == "flat":
        for column in columns[:4]:
            column[:] = 100.0
    elif mutation == "no volume":
        columns[4][middle] = 0.0
    elif mutation == "jump":
        for column in columns[:4]:
            column[length // 2 :] *= 3.0
    elif mutation == "gap":
        date[length // 2 :] += 34 * HOUR
    elif mutation == "nan":
        for column in columns:
            column[middle] = np.nan
    return Candles(date, *(np.ascontiguousarray(column) for column in columns))


def shuffled_after(source: Candles, cut: int, seed: int) -> Candles:
    """Return the same candles with everything from ``cut`` on in another order."""
    order = np.arange(len(source))
    np.random.default_rng(seed).shuffle(order[cut:])
    market = None if source.market is None else source.market[order]
    return Candles(source.date, *(column[order] for column in source[1:6]), market)


def beside_market(seed: int, length: int, mutation: str = "none") -> Candles:
    """Return :func:`candles` with the close of another seed's beside them, mutated alike."""
    return candles(seed, length, mutation).beside(candles(seed + 1, length, mutation).close)
