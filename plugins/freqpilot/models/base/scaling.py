"""Robust scaling of features, learnt from the training part alone."""

import numpy as np

from freqpilot.shapes import Floats, Floats32

NORMAL = 1.349
"""Interquartile range of the standard normal distribution."""


def robust_scale(x: Floats32) -> tuple[Floats, Floats]:
    """Return medians and scales of the columns: the interquartile range as that of a normal
    distribution, the standard deviation where half the figures are alike, 1 for a constant."""
    wide = x.astype(np.float64)
    low, centre, high = np.quantile(wide, [0.25, 0.5, 0.75], axis=0)
    scale = (high - low) / NORMAL
    least = 1e-9 * np.maximum(np.abs(wide).max(axis=0), 1.0)
    scale = np.where(scale > least, scale, wide.std(axis=0))
    return centre, np.where(scale > least, scale, 1.0)


def scaled(x: Floats32, centre: Floats, scale: Floats, far: float) -> Floats:
    """Return the columns in scales from their centre, clipped at ``far``."""
    return np.clip((x.astype(np.float64) - centre) / scale, -far, far)
