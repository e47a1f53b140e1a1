"""Opinions become one decision."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from freqpilot.settings import SignalSettings
from freqpilot.shapes import Composite, Floats, Signal


def combine(signals: Sequence[Signal], settings: SignalSettings) -> Composite:
    """Return the composite of each candle.

    Over the analysts that are fresh (confidence above 0): value = Σ(value·weight·confidence) / Σ
    weight, confidence = Σ(weight·confidence) / Σ weight, and coverage = Σ weight, the weights
    being shares of 1. An opinion within ±``neutral`` counts as 0. ``contributions`` are the terms
    of value and sum to it.

    :raises ValueError: for an analyst without a weight, or one that is given twice.
    """
    # A fixed order makes the sum the same whatever order the analysts come in.
    ordered = sorted(signals, key=lambda signal: signal.analyst)
    names = tuple(signal.analyst for signal in ordered)
    weights = {str(name): weight for name, weight in settings.weights.items()}
    if unknown := [name for name in names if name not in weights]:
        raise ValueError(f"no weight for {', '.join(unknown)} in freqpilot.signals.weights")
    if len(set(names)) != len(names):
        raise ValueError(f"an analyst was given twice: {', '.join(names)}")
    rows = len(ordered[0].value) if ordered else 0
    value = np.column_stack([s.value for s in ordered]) if ordered else np.empty((0, 0))
    confidence = np.column_stack([s.confidence for s in ordered]) if ordered else value
    weight = np.array([weights[name] for name in names])
    fresh = (confidence > 0) & np.isfinite(confidence) & np.isfinite(value)
    value = np.where(fresh & (np.abs(value) > settings.neutral), value, 0.0)
    confidence = np.where(fresh, confidence, 0.0)
    coverage = (fresh * weight).sum(axis=1) if rows else np.empty(0)
    share = np.where(coverage > 0, coverage, 1.0)
    contributions = value * confidence * weight / share[:, None]
    whole = contributions.sum(axis=1)
    sureness = (confidence * weight).sum(axis=1) / share
    side = decide(whole, sureness, coverage, settings)
    return Composite(names, whole, sureness, coverage, contributions, side)


def decide(
    value: Floats, confidence: Floats, coverage: Floats, settings: SignalSettings
) -> NDArray[np.int8]:
    """Return 1 (long), −1 (short) or 0: beyond the threshold, sure enough, on enough coverage."""
    able = (confidence > settings.min_confidence) & (coverage >= settings.min_coverage)
    long, short = able & (value > settings.threshold), able & (value < -settings.threshold)
    return long.astype(np.int8) - short.astype(np.int8)
