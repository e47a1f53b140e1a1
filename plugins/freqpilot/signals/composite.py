"""Opinions become one decision."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from freqpilot.settings import AssetClass, SignalSettings, WeightClass
from freqpilot.shapes import Composite, Floats, Signal

ROUNDING = 1e-12
"""A coverage is a sum of shares: exactly at its least it must not miss it by the last digit."""


def weight_class(kind: AssetClass) -> WeightClass:
    """Return the class that weights are set by: BTC, ETH and the other top 20 are major."""
    if kind == "meme":
        return "meme"
    return "alt" if kind == "small" else "major"


def combine(
    signals: Sequence[Signal],
    settings: SignalSettings,
    kind: WeightClass = "major",
    factors: Mapping[str, Floats] | None = None,
    *,
    rows: int = 0,
) -> Composite:
    """Return the composite of each candle.

    Over the analysts that are fresh (confidence above 0): value = Σ(value·weight·confidence) / Σ
    weight and confidence = Σ(weight·confidence) / Σ weight. Coverage is the weight of the fresh
    ones over that of the whole table, given or not, before ``factors`` move any. An opinion within
    ±``neutral`` counts as 0. ``contributions`` are the terms of value and sum to it.

    :param factors: what multiplies an analyst's weight at each candle, as the regime does; finite
        and above 0.
    :param rows: how many candles there are, where no analyst speaks of any.
    :raises ValueError: for an analyst without a weight, or one that is given twice.
    """
    # A fixed order makes the sum the same whatever order the analysts come in.
    ordered = sorted(signals, key=lambda signal: signal.analyst)
    names = tuple(signal.analyst for signal in ordered)
    weights = {str(name): weight for name, weight in settings.table(kind).items()}
    if unknown := [name for name in names if name not in weights]:
        raise ValueError(f"no weight for {', '.join(unknown)} in freqpilot.signals.weights")
    if len(set(names)) != len(names):
        raise ValueError(f"an analyst was given twice: {', '.join(names)}")
    rows = len(ordered[0].value) if ordered else rows
    value = np.column_stack([s.value for s in ordered]) if ordered else np.empty((rows, 0))
    confidence = np.column_stack([s.confidence for s in ordered]) if ordered else value
    weight = np.array([weights[name] for name in names])
    fresh = (confidence > 0) & np.isfinite(confidence) & np.isfinite(value)
    value = np.where(fresh & (np.abs(value) > settings.neutral), value, 0.0)
    confidence = np.where(fresh, confidence, 0.0)
    coverage = (fresh * weight).sum(axis=1) / sum(weights.values()) if rows else np.empty(0)
    moved = np.broadcast_to(weight, fresh.shape).copy()
    for place, name in enumerate(names):
        if factors is not None and name in factors:
            moved[:, place] *= factors[name]
    present = (fresh * moved).sum(axis=1) if rows else np.empty(0)
    share = np.where(present > 0, present, 1.0)
    contributions = value * confidence * moved / share[:, None]
    whole = contributions.sum(axis=1)
    sureness = (confidence * moved).sum(axis=1) / share
    side = decide(whole, sureness, coverage, settings)
    return Composite(names, whole, sureness, coverage, contributions, side)


def decide(
    value: Floats, confidence: Floats, coverage: Floats, settings: SignalSettings
) -> NDArray[np.int8]:
    """Return 1 (long), −1 (short) or 0: beyond the threshold, sure enough, on enough coverage."""
    able = (confidence > settings.min_confidence) & (coverage >= settings.min_coverage - ROUNDING)
    long, short = able & (value > settings.threshold), able & (value < -settings.threshold)
    return long.astype(np.int8) - short.astype(np.int8)
