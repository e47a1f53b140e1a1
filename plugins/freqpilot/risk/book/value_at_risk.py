"""Value at risk and the mean loss beyond it, of losses that were or that are drawn.

A loss is positive; both figures are 0 where nothing would be lost.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from freqpilot.shapes import Floats

SINGLE_THREADED = 250_000
"""Multiplications that OpenBLAS does in one thread."""


class Tail(NamedTuple):
    """The loss that is not exceeded with the given confidence, and the mean of the tail beyond."""

    var: float
    cvar: float


def tail(losses: Floats, confidence: float) -> Tail:
    """Return VaR and CVaR of equally likely ``losses``.

    VaR is the least loss that a share ``confidence`` of them does not exceed; CVaR takes the part
    of it that falls into the tail with it (Rockafellar & Uryasev, Conditional value-at-risk for
    general loss distributions, 2002, eq. 11), which keeps it subadditive on a finite sample.

    :raises ValueError: without losses, or with one that is no number.
    """
    count = losses.size
    if not count or not np.isfinite(losses).all():
        raise ValueError("value at risk needs losses that are all numbers")
    place = max(0, math.ceil(confidence * count - 1e-9) - 1)
    ordered = np.partition(losses, place)
    var = float(ordered[place])
    beyond = float(ordered[place + 1 :].sum()) / count
    cvar = (beyond + ((place + 1) / count - confidence) * var) / (1.0 - confidence)
    return Tail(max(0.0, var), max(0.0, var, cvar))


def draws(seed: int, width: int, count: int, freedom: float) -> Floats:
    """Return ``width`` × ``count`` draws of a multivariate Student t of unit variances, whose rows
    are uncorrelated but share their tails; ``count`` is even, the second half mirrors the first.

    The first rows are the same for any ``width``.

    :param freedom: degrees of freedom, above 2.
    """
    random = np.random.default_rng(seed)
    half = count // 2
    spread = np.sqrt((freedom - 2.0) / random.chisquare(freedom, half))
    normal = random.standard_normal((width, half)) * spread
    return np.concatenate([normal, -normal], axis=1)


def simulated(covariance: Floats, noise: Floats) -> Floats:
    """Return returns (n_pairs × n_draws) with this covariance; nothing loses more than all of it.

    :param noise: of :func:`draws`, with at least as many rows as there are pairs.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    # The symmetric root, so that the order of the eigenvectors and their signs do not matter.
    result = _product(root @ vectors.T, noise[: len(covariance)])
    return np.maximum(result, -1.0, out=result)


def _product(square: Floats, wide: Floats) -> Floats:
    """Return ``square`` @ ``wide``, a part of the columns after another: a larger product is spread
    over threads by OpenBLAS, which then costs up to a hundred times as much and rounds by their
    number."""
    width = len(square)
    step = max(1, SINGLE_THREADED // width**2) if width else 1
    result = np.empty((width, wide.shape[1]))
    for begin in range(0, wide.shape[1], step):
        np.matmul(square, wide[:, begin : begin + step], out=result[:, begin : begin + step])
    return result


def largest(risk: Callable[[float], float], limit: float, wanted: float, steps: int = 6) -> float:
    """Return the largest stake up to ``wanted`` whose ``risk`` is within ``limit``, or a little
    less; 0 when there is none.

    ``risk`` is convex, so a chord lies above it: each step stays on the safe side. A stake that
    does not raise the risk passes whatever the limit.
    """
    top = risk(wanted)
    if top <= limit:
        return wanted
    low = risk(0.0)
    if top <= low:
        return wanted
    if low >= limit:
        return 0.0
    stake = 0.0
    for _ in range(steps):
        ahead = (limit - low) / (top - low) * (wanted - stake)
        stake += ahead
        low = risk(stake)
        if ahead < 1e-4 * wanted or low >= limit:
            break
    return stake
