"""TA-Lib's 61 candle patterns as features, −1 (bearish) … 1 (bullish).

They are TA-Lib's own: a table of comparisons is nothing that a kernel would win at.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import talib

from freqpilot.shapes import Candles, FeatureFrame, Floats

_PREFIX = "CDL"
PATTERNS: dict[str, Callable[..., Any]] = {
    name.removeprefix(_PREFIX).lower(): getattr(talib, name)
    for name in talib.__function_groups__["Pattern Recognition"]
}
"""TA-Lib's functions by the name of their pattern, as ``engulfing`` or ``3whitesoldiers``."""
SCALE = 200.0
"""TA-Lib gives ±100 (±80 for an engulfing that only touches), ±200 for a confirmed Hikkake."""
STARTUP = 15
"""Candles before the first value: the longest look-back of all patterns, and one for itself."""


def candle_patterns(candles: Candles, names: Sequence[str] | None = None) -> FeatureFrame:
    """Return a column for each pattern (all by default): TA-Lib's value over 200, so ±0.5 where a
    pattern is complete at the candle and 0 where none is; NaN for the ``STARTUP − 1`` first
    candles, and for as many behind a candle with a missing figure.

    :raises KeyError: for an unknown name, with those there are.
    """
    wanted = tuple(PATTERNS) if names is None else tuple(names)
    if unknown := [name for name in wanted if name not in PATTERNS]:
        raise KeyError(f"no candle pattern {', '.join(unknown)}; there are {', '.join(PATTERNS)}")
    columns = [np.ascontiguousarray(each, dtype=np.float64) for each in candles[1:5]]
    matrix = np.full((len(candles), len(wanted)), np.nan, dtype=np.float32, order="F")
    for begin, end in _whole(columns):
        part = [column[begin:end] for column in columns]
        for place, name in enumerate(wanted):
            found = PATTERNS[name](*part)[STARTUP - 1 :]
            matrix[begin + STARTUP - 1 : end, place] = found / SCALE
    return FeatureFrame(matrix, wanted, min(STARTUP - 1, len(candles)))


def _whole(columns: Sequence[Floats]) -> list[tuple[int, int]]:
    """Return the stretches without a missing figure that are long enough: one NaN would reach all
    that follows it."""
    sound = np.isfinite(np.stack(columns)).all(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], sound.astype(np.int8), [0]])))
    stretches = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(begin, end) for begin, end in stretches if end - begin >= STARTUP]
